"""duplicity, encrypted: https://duplicity.us/stable/duplicity.1.html."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import swiftclient

from tests.clients.programs import Program, clean_environment, found
from tests.clients.trees import digests, odd_tree, random_file
from tests.clients.witness import stored
from tests.functional.stack import Stack

Duplicity = Callable[..., str]


@pytest.fixture
def duplicity(stack: Stack, tmp_path: Path) -> Iterator[Duplicity]:
    """The program, with parts small enough for multipart uploads and no repeats."""
    keys = tmp_path / "gnupg"
    keys.mkdir(mode=0o700)
    environment = clean_environment(
        tmp_path / "home",
        GNUPGHOME=str(keys),
        PASSPHRASE=uuid4().hex,
        AWS_ACCESS_KEY_ID=stack.access_key,
        AWS_SECRET_ACCESS_KEY=stack.secret_key,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_MAX_ATTEMPTS="1",
        PYTHONWARNINGS="ignore",
    )
    gpg = found("gpg")
    program = Program(found("duplicity"), environment)
    options = (
        f"--archive-dir={tmp_path / 'archive'}",
        f"--tempdir={tmp_path}",
        f"--gpg-binary={gpg}",
        f"--s3-endpoint-url={stack.gateway}",
        f"--s3-region-name={stack.region}",
        "--s3-multipart-chunk-size=5",
        "--num-retries=1",
        "--volsize=12",
        "--no-compression",
    )

    def run(*arguments: str | Path) -> str:
        return program(*arguments, *options)

    yield run
    Program(found("gpgconf"), environment)("--kill", "gpg-agent")  # which gpg started


def test_what_is_backed_up_twice_is_restored_byte_for_byte_and_gone_when_removed(
    duplicity: Duplicity, swift: swiftclient.Connection, made_bucket: str, tmp_path: Path
) -> None:
    url, source, restored = f"boto3+s3://{made_bucket}/backup", tmp_path / "source", tmp_path / "r"
    odd_tree(source)
    random_file(source / "large", 14)

    duplicity("full", source, url)
    assert len(stored(swift, made_bucket)) == 4  # two volumes, manifest and signatures
    assert stored(swift, f"{made_bucket}+segments")
    before = digests(source)
    random_file(source / "more", 1)
    (source / "plain" / "0").write_bytes(b"changed")
    shutil.rmtree(source / "ascii")

    duplicity("incremental", source, url)
    duplicity("restore", url, restored)
    assert digests(restored) == digests(source) != before

    (source / "large").unlink()
    duplicity("full", source, url)
    duplicity("remove-all-but-n-full", "1", "--force", url)
    assert len(stored(swift, made_bucket)) == 3  # one volume, manifest and signatures
    assert stored(swift, f"{made_bucket}+segments") == {}
