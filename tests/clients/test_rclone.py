"""rclone, provider "Other": https://rclone.org/s3/."""

import json
import os
import shutil
from pathlib import Path

import swiftclient

from tests.clients.programs import Program
from tests.clients.trees import ODDEST, digests, random_file
from tests.clients.witness import is_there, stored

PARTS = 3  # of 5 MiB, which the fixture asks for


def test_copy_keeps_odd_names_and_their_content_both_ways(
    rclone: Program,
    swift: swiftclient.Connection,
    bucket: str,
    odd: tuple[Path, dict[str, str]],
    tmp_path: Path,
) -> None:
    up, down, remote = odd[0] / ODDEST, tmp_path / "down", f"gw:{bucket}"
    files = digests(up)

    rclone("copy", up, remote)  # makes the bucket
    assert stored(swift, bucket) == files
    assert f"{len(files)} matching files" in rclone("check", up, remote)

    size = json.loads(rclone("size", "--json", remote))
    assert size == {"count": len(files), "bytes": _size(up), "sizeless": 0}

    rclone("copy", remote, down)
    assert digests(down) == files

    rclone("purge", remote)
    assert not is_there(swift, bucket)


def test_a_multipart_upload_comes_down_as_it_went_up_and_purge_takes_its_parts(
    rclone: Program, swift: swiftclient.Connection, bucket: str, tmp_path: Path
) -> None:
    up, down, remote = tmp_path / "up", tmp_path / "down", f"gw:{bucket}"
    random_file(up / "large +%é", 11)

    rclone("copy", up, remote)
    assert len(stored(swift, f"{bucket}+segments")) == PARTS
    assert "1 matching files" in rclone("check", "--download", up, remote)
    rclone("copy", remote, down)
    assert digests(down) == digests(up)

    rclone("purge", remote)
    assert not is_there(swift, bucket)
    assert not is_there(swift, f"{bucket}+segments")


def test_check_finds_what_was_changed_behind_its_back(
    rclone: Program, swift: swiftclient.Connection, made_bucket: str, tmp_path: Path
) -> None:
    up = tmp_path / "up"
    up.mkdir()
    for name in ("same", "changed"):
        (up / name).write_bytes(b"1")
    rclone("copy", up, f"gw:{made_bucket}")
    swift.put_object(made_bucket, "changed", b"2")
    told = rclone.fails("check", up, f"gw:{made_bucket}")
    assert "changed: md5 differ" in told
    assert "1 differences found" in told


def test_sync_makes_both_sides_equal(
    rclone: Program, swift: swiftclient.Connection, made_bucket: str, tmp_path: Path
) -> None:
    here, there, remote = tmp_path / "here", tmp_path / "there", f"gw:{made_bucket}"
    for name in ("changed", "deleted", "same", "dir/same"):
        path = here / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    rclone("sync", here, remote)
    assert stored(swift, made_bucket) == digests(here)
    rclone("sync", remote, there)
    assert digests(there) == digests(here)

    (here / "changed").write_text("CHANGED")
    os.utime(here / "changed", (1, 1))
    (here / "deleted").unlink()
    (here / "added").write_text("added")
    rclone("sync", here, remote)
    assert set(stored(swift, made_bucket)) == {"added", "changed", "same", "dir/same"}
    assert stored(swift, made_bucket) == digests(here)

    shutil.rmtree(here / "dir")
    rclone("sync", here, remote)
    assert stored(swift, made_bucket) == digests(here)
    rclone("sync", remote, there)
    assert digests(there) == digests(here)


def test_a_changed_mtime_is_set_without_sending_the_content_again(
    rclone: Program, swift: swiftclient.Connection, made_bucket: str, tmp_path: Path
) -> None:
    here, remote = tmp_path / "here", f"gw:{made_bucket}"
    here.mkdir()
    (here / "k +%é").write_bytes(b"content")
    os.utime(here / "k +%é", (1, 1))
    rclone("sync", here, remote)
    assert swift.head_object(made_bucket, "k +%é")["x-object-meta-mtime"] == "1"
    os.utime(here / "k +%é", (2, 2))
    told = rclone("sync", "-vv", here, remote)
    assert "Updated modification time in destination" in told
    found, content = swift.get_object(made_bucket, "k +%é")
    assert (content, found["x-object-meta-mtime"]) == (b"content", "2")
    assert "There was nothing to transfer" in rclone("sync", "-v", here, remote)


def test_copies_and_moves_between_buckets_are_made_within_swift(
    rclone: Program, swift: swiftclient.Connection, made_bucket: str, bucket: str
) -> None:
    for name in ("a b", "c+d", "dir/é"):
        swift.put_object(made_bucket, name, name.encode())
    before = stored(swift, made_bucket)
    other = f"{bucket}-other"
    rclone("copy", f"gw:{made_bucket}", f"gw:{other}")
    assert stored(swift, other) == before
    rclone("moveto", f"gw:{other}/a b", f"gw:{other}/e f")
    assert set(stored(swift, other)) == {"c+d", "dir/é", "e f"}
    rclone("purge", f"gw:{other}")


def _size(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
