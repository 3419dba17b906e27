"""minio-py: https://min.io/docs/minio/linux/developers/python/API.html."""

from pathlib import Path

import swiftclient

from tests.clients.programs import SCRIPTS, Program, clean_environment, installed
from tests.clients.trees import ODDEST
from tests.clients.witness import is_there
from tests.functional.stack import Stack

STEPS = ["a tree", "a stream in parts", "presigned URLs", "versions"]


def test_what_its_users_do_works(
    stack: Stack,
    swift: swiftclient.Connection,
    bucket: str,
    odd: tuple[Path, dict[str, str]],
    tmp_path: Path,
) -> None:
    environment = clean_environment(
        tmp_path / "home",
        AWS_ACCESS_KEY_ID=stack.access_key,
        AWS_SECRET_ACCESS_KEY=stack.secret_key,
    )
    python = Program(installed("bin/python"), environment)
    script, up, down = SCRIPTS / "with_minio.py", odd[0] / ODDEST, tmp_path / "down"
    told = python(script, stack.gateway, stack.region, bucket, up, down)
    assert told.splitlines() == STEPS
    for container in (bucket, f"{bucket}+segments"):
        assert not is_there(swift, container)
