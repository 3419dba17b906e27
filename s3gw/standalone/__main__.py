"""`python -m s3gw.standalone`: `s3gw standalone` with the options that only tests need."""

import sys
from pathlib import Path

import click

from s3gw.standalone.launcher import launch
from s3gw.standalone.options import StandaloneOptions


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default="data", show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8333, show_default=True)
@click.option("--ready-file", type=click.Path(path_type=Path))
@click.option("--with-s3api", is_flag=True)
@click.option("--fsync/--no-fsync", default=True, show_default=True)
@click.option("--gateway/--no-gateway", default=True, show_default=True)
@click.option("--token-expiration", type=click.IntRange(min=1), default=3600, show_default=True)
def main(**options: object) -> None:
    """Run Keystone, Swift and the gateway on this machine until Ctrl-C."""
    sys.exit(launch(StandaloneOptions(**options)))  # type: ignore[arg-type] # click checked them


if __name__ == "__main__":
    main()
