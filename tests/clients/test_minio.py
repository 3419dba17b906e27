"""minio-py: https://min.io/docs/minio/linux/developers/python/API.html."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import swiftclient
import urllib3
from minio import Minio, S3Error
from minio.deleteobjects import DeleteObject

from tests.clients.trees import ODDEST, digest, digests, random_file
from tests.clients.witness import is_there, stored
from tests.functional.stack import Stack

MIB = 1024 * 1024


@pytest.fixture
def minio(stack: Stack) -> Iterator[Minio]:
    """A client that repeats nothing."""
    pool = urllib3.PoolManager(retries=False, timeout=60)
    yield Minio(
        urlsplit(stack.gateway).netloc,
        access_key=stack.access_key,
        secret_key=stack.secret_key,
        secure=False,
        http_client=pool,
    )
    pool.clear()


def test_a_tree_goes_up_is_listed_and_comes_down(
    minio: Minio,
    swift: swiftclient.Connection,
    bucket: str,
    odd: tuple[Path, dict[str, str]],
    tmp_path: Path,
) -> None:
    tree, down = odd[0] / ODDEST, tmp_path / "down"
    files = digests(tree)
    assert not minio.bucket_exists(bucket)
    minio.make_bucket(bucket)
    assert bucket in [each.name for each in minio.list_buckets()]
    for name in files:
        minio.fput_object(bucket, name, str(tree / name))
    assert stored(swift, bucket) == files
    listed = {entry.object_name: entry.etag for entry in minio.list_objects(bucket, recursive=True)}
    assert listed == files
    for name in files:
        minio.fget_object(bucket, name, str(down / name))
    assert digests(down) == files

    gone = minio.remove_objects(bucket, [DeleteObject(name) for name in files])
    assert list(gone) == []
    minio.remove_bucket(bucket)
    assert not is_there(swift, bucket)


def test_a_stream_of_unknown_length_goes_up_in_parts(
    minio: Minio, swift: swiftclient.Connection, made_bucket: str, tmp_path: Path
) -> None:
    up, down = random_file(tmp_path / "up", 11), tmp_path / "down"
    with up.open("rb") as stream:
        metadata: dict[str, str | list[str] | tuple[str]] = {"a_b": "v"}
        minio.put_object(made_bucket, "k é", stream, -1, part_size=5 * MIB, metadata=metadata)
    assert len(stored(swift, f"{made_bucket}+segments")) == 3
    stat = minio.stat_object(made_bucket, "k é")
    assert stat.size == 11 * MIB
    assert stat.metadata is not None
    assert stat.metadata["x-amz-meta-a_b"] == "v"
    minio.fget_object(made_bucket, "k é", str(down))
    assert digest(down) == digest(up)
    with minio.get_object(made_bucket, "k é", offset=5 * MIB - 2, length=4) as answer:
        assert answer.read() == up.read_bytes()[5 * MIB - 2 : 5 * MIB + 2]
    minio.remove_object(made_bucket, "k é")
    assert stored(swift, f"{made_bucket}+segments") == {}


def test_presigned_urls_and_errors(minio: Minio, made_bucket: str) -> None:
    hour = timedelta(hours=1)
    http = urllib3.PoolManager(retries=False)
    put = http.request("PUT", minio.presigned_put_object(made_bucket, "a +é", hour), body=b"1")
    got = http.request("GET", minio.presigned_get_object(made_bucket, "a +é", hour))
    http.clear()
    assert (put.status, got.data) == (200, b"1")
    with pytest.raises(S3Error) as missing:
        minio.stat_object(made_bucket, "missing")
    assert missing.value.code == "NoSuchKey"
    minio.put_object(made_bucket, "empty", io.BytesIO(), 0)
    assert minio.stat_object(made_bucket, "empty").size == 0
