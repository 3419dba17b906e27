"""What users of s3fs do.  It ends with an error if anything differs.

Arguments: endpoint, region, bucket, an empty directory.  The keys are in the environment.
"""

import filecmp
import hashlib
import random
import sys
from pathlib import Path

import s3fs

_MIB = 1024 * 1024


def main(endpoint: str, region: str, bucket: str, directory: Path) -> None:
    """Do it all."""
    fs = s3fs.S3FileSystem(
        endpoint_url=endpoint,
        client_kwargs={"region_name": region},
        config_kwargs={"retries": {"total_max_attempts": 1}},
        default_block_size=5 * _MIB,
        use_listings_cache=False,
    )
    fs.mkdir(bucket)
    one_file(fs, f"{bucket}/a +%2F é/key")
    large_file(fs, f"{bucket}/large")
    trees(fs, bucket, directory)
    fs.rm(bucket, recursive=True)
    assert not fs.exists(bucket)


def one_file(fs: s3fs.S3FileSystem, path: str) -> None:
    """Small content, by all ways to write and to read it."""
    fs.pipe_file(path, b"content")
    assert fs.cat_file(path) == b"content"
    assert fs.info(path)["size"] == len(b"content")
    assert fs.exists(path)
    assert not fs.exists(f"{path}-not")
    with fs.open(path, "wb") as file:
        file.write(b"other")
    with fs.open(path, "r") as file:
        assert file.read() == "other"
    assert fs.cat_file(path, start=1, end=3) == b"th"
    assert fs.metadata(path) == {}
    fs.rm(path)
    assert not fs.exists(path)


def large_file(fs: s3fs.S3FileSystem, path: str) -> None:
    """Content in several parts, written as a stream and read in places."""
    content = random.Random(1).randbytes(11 * _MIB)  # noqa: S311 - no secret
    with fs.open(path, "wb") as file:
        for start in range(0, len(content), 3 * _MIB):
            file.write(content[start : start + 3 * _MIB])
    assert fs.info(path)["size"] == len(content)
    assert fs.info(path)["ETag"].strip('"').endswith("-2")  # s3fs makes the last part larger
    with fs.open(path, "rb") as file:
        file.seek(5 * _MIB - 2)
        assert file.read(4) == content[5 * _MIB - 2 : 5 * _MIB + 2]
    assert hashlib.md5(fs.cat_file(path)).digest() == hashlib.md5(content).digest()
    fs.rm(path)


def trees(fs: s3fs.S3FileSystem, bucket: str, directory: Path) -> None:
    """A directory, up and down."""
    up, down = directory / "up", directory / "down"
    names = ["top", "in/one é", "in/two + %", "in/deep/er/three"]
    for name in names:
        path = up / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    fs.put(f"{up}/", f"{bucket}/tree/", recursive=True)
    assert sorted(fs.find(f"{bucket}/tree")) == sorted(f"{bucket}/tree/{name}" for name in names)
    assert fs.ls(f"{bucket}/tree/in/deep", detail=False) == [f"{bucket}/tree/in/deep/er"]
    assert fs.isdir(f"{bucket}/tree/in")
    assert len(fs.glob(f"{bucket}/tree/in/t*")) == 1
    fs.get(f"{bucket}/tree/", f"{down}/", recursive=True)
    same, different, wrong = filecmp.cmpfiles(up, down, names, shallow=False)
    assert (sorted(same), different, wrong) == (sorted(names), [], [])
    fs.rm(f"{bucket}/tree", recursive=True)
    assert fs.find(bucket) == []


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
