"""What real clients take: a directory of small files, synchronised by aws-cli and by rclone.

Wall time with the client's own work, which is most of it for aws-cli.  The native API has no
aws-cli; rclone speaks it as a swift remote.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from time import perf_counter

from fronts import Front
from work import KIB, Lab, Row, Sample, Unable

_BUCKET = "bench-sync"
_FILES = 1000
_PATIENCE = 300  # seconds that a client may run


def sync(lab: Lab) -> Iterator[Row]:
    """1,000 files of 1 KiB to a place that is empty."""
    files = 200 if lab.quick else _FILES
    source = lab.data.parent / "sync"
    for number in range(files):
        path = source / str(number // 100) / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(number.to_bytes(4, "big") * (KIB // 4))
    numbers = count()
    for client, command in (("aws-cli", _aws), ("rclone", _rclone)):

        def run(front: Front, command: Callable[..., list[str]] = command) -> Sample:
            place = f"{_BUCKET}/{front.name}-{next(numbers)}"
            environment = _environment(front, lab.data.parent)
            started = perf_counter()
            _done(command(front, source, place), environment)
            return Sample(perf_counter() - started)

        yield lab.measure(f"{client} sync of {files:,} files", "s", run, higher=False)


def _aws(front: Front, source: Path, place: str) -> list[str]:
    if front.is_native:
        raise Unable("no S3")
    endpoint = f"--endpoint-url={front.url}"
    return [
        _program("aws"),
        endpoint,
        "s3",
        "sync",
        "--only-show-errors",
        str(source),
        f"s3://{place}",
    ]


def _rclone(front: Front, source: Path, place: str) -> list[str]:
    remote = "sw" if front.is_native else "s3"
    return [_program("rclone"), "sync", "--transfers=16", str(source), f"{remote}:{place}"]


def _environment(front: Front, home: Path) -> dict[str, str]:
    common = {"PATH": os.environ["PATH"], "HOME": str(home), "RCLONE_CONFIG": "/dev/null"}
    if front.is_native:
        return common | {
            "RCLONE_CONFIG_SW_TYPE": "swift",
            "RCLONE_CONFIG_SW_AUTH_TOKEN": front.token,
            "RCLONE_CONFIG_SW_STORAGE_URL": front.url,
        }
    access, secret, region = (front.keys[k] for k in ("access_key", "secret_key", "region"))
    return common | {
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": region,
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_PROVIDER": "Other",
        "RCLONE_CONFIG_S3_ENDPOINT": front.url,
        "RCLONE_CONFIG_S3_REGION": region,
        "RCLONE_CONFIG_S3_ACCESS_KEY_ID": access,
        "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": secret,
    }


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _done(command: list[str], environment: dict[str, str]) -> None:
    try:
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unable(f"longer than {_PATIENCE} s") from None
    if ended.returncode:
        raise Unable(ended.stderr.strip()[-120:] or f"ended with {ended.returncode}")
