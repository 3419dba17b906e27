"""s3cmd: https://s3tools.org/usage."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
import swiftclient

from tests.clients.programs import Program, clean_environment, found
from tests.clients.trees import ODDEST, digest, digests, random_file
from tests.clients.witness import is_there, stored
from tests.functional.stack import Stack


@pytest.fixture
def s3cmd(stack: Stack, tmp_path: Path) -> Program:
    """The program with a configuration like that which `s3cmd --configure` writes."""
    host = urlsplit(stack.gateway).netloc
    environment = clean_environment(tmp_path / "home")
    settings = {
        "access_key": stack.access_key,
        "secret_key": stack.secret_key,
        "host_base": host,
        "host_bucket": host,
        "use_https": "False",
        "multipart_chunk_size_mb": "5",
        "max_retries": "1",
        "progress_meter": "False",
    }
    lines = ["[default]", *(f"{name} = {value}" for name, value in settings.items())]
    (tmp_path / "home" / ".s3cfg").write_text("\n".join(lines), encoding="utf-8")
    return Program(found("s3cmd"), environment)


def test_sync_keeps_odd_names_and_their_content_both_ways(
    s3cmd: Program,
    swift: swiftclient.Connection,
    bucket: str,
    odd: tuple[Path, dict[str, str]],
    tmp_path: Path,
) -> None:
    tree, down, url = odd[0] / ODDEST, tmp_path / "down", f"s3://{bucket}"
    # It writes control characters as `^X` by itself.
    files = {
        name.replace("\n", "^J").replace("\t", "^I"): md5 for name, md5 in digests(tree).items()
    }
    s3cmd("mb", url)
    s3cmd("sync", f"{tree}/", f"{url}/")
    assert stored(swift, bucket) == files
    assert "upload:" not in s3cmd("sync", f"{tree}/", f"{url}/")  # nothing differs

    down.mkdir()
    s3cmd("sync", f"{url}/", f"{down}/")
    assert digests(down) == files

    first = min(files)
    (down / first).unlink()
    s3cmd("sync", "--delete-removed", f"{down}/", f"{url}/")
    assert first not in stored(swift, bucket)
    s3cmd("rb", "--recursive", "--force", url)
    assert not is_there(swift, bucket)


def test_a_multipart_upload_comes_down_as_it_went_up_and_leaves_no_part(
    s3cmd: Program, swift: swiftclient.Connection, made_bucket: str, tmp_path: Path
) -> None:
    url, up, down = f"s3://{made_bucket}/large é", random_file(tmp_path / "up", 11), tmp_path / "d"
    s3cmd("put", up, url)
    assert len(stored(swift, f"{made_bucket}+segments")) == 3
    assert str(11 * 1024 * 1024) in s3cmd("ls", url)
    assert "MD5 sum:" in s3cmd("info", url)  # which it keeps in the metadata
    s3cmd("get", url, down)
    assert digest(down) == digest(up)
    s3cmd("del", url)
    assert stored(swift, made_bucket) == stored(swift, f"{made_bucket}+segments") == {}


def test_a_signed_url_opens_what_it_names(
    s3cmd: Program, curl: Program, swift: swiftclient.Connection, made_bucket: str
) -> None:
    """It signs with Version 2."""
    swift.put_object(made_bucket, "k +é", b"content")
    url = s3cmd("signurl", f"s3://{made_bucket}/k +é", "+600").strip()
    assert curl("-sS", url) == "content"


def test_buckets_and_their_settings_are_told(
    s3cmd: Program, made_bucket: str, tmp_path: Path
) -> None:
    assert f"s3://{made_bucket}" in s3cmd("ls")
    told = s3cmd("info", f"s3://{made_bucket}")
    assert "Policy:" in told
    assert "ERROR" not in told
    assert "does not exist" in s3cmd.fails(
        "get", f"s3://{made_bucket}/missing", tmp_path / "missing"
    )
