"""`python -m s3gw` is the `s3gw` command."""

from s3gw.cli import main

if __name__ == "__main__":
    main()
