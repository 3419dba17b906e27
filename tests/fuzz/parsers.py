"""One entrance under atheris, which is guided by the code that its bytes reach.

Run as `python -m tests.fuzz.parsers NAME [libFuzzer's options]`, or without a name for the list
of them; `make fuzz-parsers` runs all.
"""

import sys
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path


def main(name: str, options: list[str]) -> None:
    """Fuzz until an option of libFuzzer's ends it; an exception that is no S3Error is a crash."""
    atheris = import_module("atheris")  # installed by `make fuzz-parsers` only, and without types
    with atheris.instrument_imports(include=["s3gw"]):
        errors = import_module("s3gw.s3.errors")
        entrance = import_module("tests.unit.entrances").ENTRANCES[name]

    def one(data: bytes) -> None:
        with suppress(errors.S3Error):
            entrance.read(data)

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(entrance.seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *options, corpus], one)
        atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print("\n".join(import_module("tests.unit.entrances").ENTRANCES))  # noqa: T201
    else:
        main(sys.argv[1], sys.argv[2:])
