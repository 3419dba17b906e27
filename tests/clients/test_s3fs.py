"""s3fs (Python, on aiobotocore): https://s3fs.readthedocs.io/en/latest/."""

from pathlib import Path

import swiftclient

from tests.clients.programs import SCRIPTS, Program, clean_environment, installed
from tests.clients.witness import is_there
from tests.functional.stack import Stack


def test_what_its_users_do_works(
    stack: Stack, swift: swiftclient.Connection, bucket: str, tmp_path: Path
) -> None:
    environment = clean_environment(
        tmp_path / "home",
        AWS_ACCESS_KEY_ID=stack.access_key,
        AWS_SECRET_ACCESS_KEY=stack.secret_key,
    )
    python = Program(installed("bin/python"), environment)
    python(SCRIPTS / "with_s3fs.py", stack.gateway, stack.region, bucket, tmp_path)
    for container in (bucket, f"{bucket}+segments"):
        assert not is_there(swift, container)
