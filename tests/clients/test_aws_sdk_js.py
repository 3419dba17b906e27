"""The AWS SDK for JavaScript: https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/client/s3/."""

from pathlib import Path

import swiftclient

from tests.clients.programs import SCRIPTS, Program, clean_environment, found, installed
from tests.clients.witness import is_there
from tests.functional.stack import Stack

STEPS = [
    "an object",
    "a stream with its checksum behind it",
    "a multipart upload",
    "presigned URLs",
    "listing and deletion",
]


def test_what_its_users_do_works_with_its_defaults(
    stack: Stack, swift: swiftclient.Connection, bucket: str, tmp_path: Path
) -> None:
    environment = clean_environment(
        tmp_path / "home",
        NODE_PATH=str(installed("node_modules")),
        AWS_ACCESS_KEY_ID=stack.access_key,
        AWS_SECRET_ACCESS_KEY=stack.secret_key,
        NODE_NO_WARNINGS="1",  # of the next release that needs a newer Node.js
    )
    node = Program(found("node"), environment)
    told = node(SCRIPTS / "aws_sdk.cjs", stack.gateway, stack.region, bucket)
    assert told.splitlines() == STEPS
    for container in (bucket, f"{bucket}+segments"):
        assert not is_there(swift, container)
