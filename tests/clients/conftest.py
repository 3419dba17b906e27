"""What tests of real clients share: the clients, and a bucket for each test.

They talk to the stack's own gateway, a process of its own.  Clients are told to repeat nothing,
so that no failure hides behind a repeat.
"""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import swiftclient

from tests.clients.programs import Program, clean_environment, found
from tests.clients.trees import FILES, odd_tree
from tests.clients.witness import remove
from tests.functional.stack import Stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this directory drives clients, on the stack."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.clients)


@pytest.fixture
def aws(stack: Stack, tmp_path: Path) -> Program:
    """aws-cli with the keys of the stack's user."""
    environment = clean_environment(
        tmp_path / "home",
        AWS_ACCESS_KEY_ID=stack.access_key,
        AWS_SECRET_ACCESS_KEY=stack.secret_key,
        AWS_DEFAULT_REGION=stack.region,
        AWS_ENDPOINT_URL=stack.gateway,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_RETRY_MODE="standard",
        AWS_MAX_ATTEMPTS="1",
    )
    return Program(found("aws"), environment)


@pytest.fixture
def curl(tmp_path: Path) -> Program:
    """The program curl, which knows no keys."""
    return Program(found("curl"), clean_environment(tmp_path / "home"))


@pytest.fixture
def rclone(stack: Stack, tmp_path: Path) -> Program:
    """The program rclone with a remote `gw:`, and parts small enough for multipart uploads."""
    environment = clean_environment(
        tmp_path / "home",
        RCLONE_CONFIG="/dev/null",
        RCLONE_CONFIG_GW_TYPE="s3",
        RCLONE_CONFIG_GW_PROVIDER="Other",
        RCLONE_CONFIG_GW_ENDPOINT=stack.gateway,
        RCLONE_CONFIG_GW_REGION=stack.region,
        RCLONE_CONFIG_GW_ACCESS_KEY_ID=stack.access_key,
        RCLONE_CONFIG_GW_SECRET_ACCESS_KEY=stack.secret_key,
        RCLONE_NO_UNICODE_NORMALIZATION="true",  # or it takes NFC and NFD for the same name
        RCLONE_S3_UPLOAD_CUTOFF="5Mi",
        RCLONE_S3_CHUNK_SIZE="5Mi",
        RCLONE_RETRIES="1",
        RCLONE_LOW_LEVEL_RETRIES="1",
    )
    return Program(found("rclone"), environment)


@pytest.fixture
def restic(
    stack: Stack, tmp_path: Path, bucket: str, swift: swiftclient.Connection
) -> Iterator[Program]:
    """The program restic with a repository in the bucket, which goes at the end."""
    environment = clean_environment(
        tmp_path / "home",
        AWS_ACCESS_KEY_ID=stack.access_key,
        AWS_SECRET_ACCESS_KEY=stack.secret_key,
        AWS_DEFAULT_REGION=stack.region,
        RESTIC_REPOSITORY=f"s3:{stack.gateway}/{bucket}/repository",
        RESTIC_PASSWORD=uuid4().hex,
    )
    yield Program(found("restic"), environment)
    remove(swift, bucket)


@pytest.fixture
def bucket() -> str:
    """The name of a bucket that is not there yet."""
    return f"client-{uuid4().hex}"


@pytest.fixture
def made_bucket(bucket: str, swift: swiftclient.Connection) -> Iterator[str]:
    """A bucket that was made as a Swift container, which goes at the end."""
    swift.put_container(bucket)
    yield bucket
    for container in (bucket, f"{bucket}+segments"):
        remove(swift, container)


@pytest.fixture(scope="session")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A directory of 200 files with odd names, not to be changed, and their digests."""
    root = tmp_path_factory.mktemp("odd")
    files = odd_tree(root)
    assert len(files) == FILES
    return root, files
