"""aws-cli: https://docs.aws.amazon.com/cli/latest/userguide/cli-services-s3-commands.html."""

from pathlib import Path

import pytest
import swiftclient

from tests.clients.programs import Program
from tests.clients.trees import FILES, digest, digests, random_file
from tests.clients.witness import is_there, stored

HUNDRED = 100
PARTS = 13  # of 8 MiB, aws-cli's size, the last one of 4 MiB

# Together: every printable character of ASCII, and letters of both normal forms.
ODD_KEYS = (
    "in dir+%/ !\"#$%&'()*+,-./0:;<=>?@A[\\]^_`a{|}~ ",
    "%2F%41+%20/?acl&uploadId=1#x",
    "\N{LATIN SMALL LETTER E WITH ACUTE} e\N{COMBINING ACUTE ACCENT} \N{ROCKET}/.~=",
)


def test_mb_makes_a_container_and_rb_removes_it(
    aws: Program, swift: swiftclient.Connection, bucket: str
) -> None:
    assert f"make_bucket: {bucket}" in aws("s3", "mb", f"s3://{bucket}")
    assert is_there(swift, bucket)
    assert bucket in aws("s3", "ls")
    assert f"remove_bucket: {bucket}" in aws("s3", "rb", f"s3://{bucket}")
    assert not is_there(swift, bucket)


def test_rb_does_not_remove_a_bucket_that_holds_something(
    aws: Program, swift: swiftclient.Connection, made_bucket: str
) -> None:
    swift.put_object(made_bucket, "key", b"content")
    assert "BucketNotEmpty" in aws.fails("s3", "rb", f"s3://{made_bucket}")
    assert list(stored(swift, made_bucket)) == ["key"]


def test_one_byte_goes_up_and_comes_down(
    aws: Program, swift: swiftclient.Connection, made_bucket: str, tmp_path: Path
) -> None:
    url = f"s3://{made_bucket}/in/one.txt"
    (tmp_path / "one.txt").write_bytes(b"1")
    aws("s3", "cp", tmp_path / "one.txt", url)
    headers, content = swift.get_object(made_bucket, "in/one.txt")
    assert (content, headers["content-type"]) == (b"1", "text/plain")
    assert "PRE in/" in aws("s3", "ls", f"s3://{made_bucket}")
    aws("s3", "cp", url, tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == b"1"


def test_100_mib_go_up_in_parts_and_come_down_and_leave_no_part_behind(
    aws: Program, swift: swiftclient.Connection, made_bucket: str, tmp_path: Path
) -> None:
    url = f"s3://{made_bucket}/large +%é"
    size = HUNDRED * 1024 * 1024
    up, down = random_file(tmp_path / "up", HUNDRED), tmp_path / "down"

    aws("s3", "cp", "--no-progress", up, url)
    assert swift.head_object(made_bucket, "large +%é")["content-length"] == str(size)
    assert len(stored(swift, f"{made_bucket}+segments")) == PARTS
    assert str(size) in aws("s3", "ls", f"s3://{made_bucket}")

    aws("s3", "cp", "--no-progress", url, down)
    assert (down.stat().st_size, digest(down)) == (size, digest(up))

    aws("s3", "rm", url)
    assert stored(swift, made_bucket) == {}
    assert stored(swift, f"{made_bucket}+segments") == {}
    aws("s3", "rb", f"s3://{made_bucket}")
    assert not is_there(swift, f"{made_bucket}+segments")


def test_sync_keeps_200_odd_names_and_their_content_both_ways(
    aws: Program,
    swift: swiftclient.Connection,
    made_bucket: str,
    odd: tuple[Path, dict[str, str]],
    tmp_path: Path,
) -> None:
    (root, files), url, down = odd, f"s3://{made_bucket}", tmp_path / "down"

    assert aws("s3", "sync", "--no-progress", root, url).count("upload: ") == FILES
    assert stored(swift, made_bucket) == files
    assert aws("s3", "sync", "--no-progress", root, url) == ""  # nothing differs

    aws("s3", "sync", "--no-progress", url, down)
    assert digests(down) == files

    aws("s3", "rm", "--recursive", "--quiet", url)
    assert stored(swift, made_bucket) == {}


@pytest.mark.parametrize("key", ODD_KEYS)
def test_whoever_has_a_presigned_url_can_read_what_it_names(
    aws: Program,
    curl: Program,
    swift: swiftclient.Connection,
    bucket: str,
    tmp_path: Path,
    key: str,
) -> None:
    aws("s3", "mb", f"s3://{bucket}")
    swift.put_object(bucket, key, key.encode())
    url = aws("s3", "presign", f"s3://{bucket}/{key}").strip()
    down = tmp_path / "down"
    assert curl("-sS", "-o", down, "-w", "%{http_code}", url) == "200"
    assert down.read_bytes() == key.encode()
    unsigned = url.partition("?")[0]
    assert curl("-sS", "-o", down, "-w", "%{http_code}", unsigned) == "403"
    aws("s3", "rb", "--force", f"s3://{bucket}")


def test_mv_takes_a_file_up_and_down_and_leaves_one_copy(
    aws: Program, swift: swiftclient.Connection, made_bucket: str, tmp_path: Path
) -> None:
    url, first, last = f"s3://{made_bucket}/key", tmp_path / "first", tmp_path / "last"
    first.write_bytes(b"content")
    aws("s3", "mv", first, url)
    assert not first.exists()
    assert swift.get_object(made_bucket, "key")[1] == b"content"
    aws("s3", "mv", url, last)
    assert last.read_bytes() == b"content"
    assert stored(swift, made_bucket) == {}


def test_mv_within_s3_copies_what_the_source_is_and_deletes_it(
    aws: Program, swift: swiftclient.Connection, made_bucket: str
) -> None:
    headers = {"Content-Type": "text/x-test", "X-Object-Meta-Kept": "1"}
    swift.put_object(made_bucket, "from +%é", b"content", headers=headers)
    aws("s3", "mv", f"s3://{made_bucket}/from +%é", f"s3://{made_bucket}/to +%é")
    assert list(stored(swift, made_bucket)) == ["to +%é"]
    found, content = swift.get_object(made_bucket, "to +%é")
    assert (content, found["content-type"]) == (b"content", "text/x-test")
    assert found["x-object-meta-kept"] == "1"


def test_cp_within_s3_copies_from_bucket_to_bucket_and_replaces_metadata_if_told(
    aws: Program, swift: swiftclient.Connection, made_bucket: str, bucket: str
) -> None:
    swift.put_object(made_bucket, "key", b"content", headers={"X-Object-Meta-Old": "1"})
    other = f"{bucket}-other"
    aws("s3", "mb", f"s3://{other}")
    aws("s3", "cp", "--recursive", f"s3://{made_bucket}", f"s3://{other}")
    assert swift.head_object(other, "key")["x-object-meta-old"] == "1"
    url = f"s3://{other}/key"
    aws("s3", "cp", "--metadata-directive", "REPLACE", "--metadata", "new=2", url, url)
    found, content = swift.get_object(other, "key")
    assert (content, found["x-object-meta-new"]) == (b"content", "2")
    assert "x-object-meta-old" not in found
    aws("s3", "rb", "--force", f"s3://{other}")
