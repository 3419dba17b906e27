"""What users of minio-py do.  It prints a line for each step and ends with an error if one fails.

Arguments: endpoint, region, bucket, a directory to upload, an empty one.  The keys are in the
environment.
"""

import hashlib
import io
import os
import random
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from minio import Minio, S3Error
from minio.commonconfig import CopySource, Tags
from minio.deleteobjects import DeleteObject
from minio.versioningconfig import ENABLED, VersioningConfig

_MIB = 1024 * 1024
_HOUR = timedelta(hours=1)


class Steps:
    """A client that repeats nothing, and what its users do with a bucket."""

    def __init__(self, endpoint: str, region: str, bucket: str) -> None:
        self._pool = urllib3.PoolManager(retries=False, timeout=60)
        self._s3 = Minio(
            urlsplit(endpoint).netloc,
            access_key=os.environ["AWS_ACCESS_KEY_ID"],
            secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            region=region,
            secure=False,
            http_client=self._pool,
        )
        self._bucket = bucket

    def tree(self, up: Path, down: Path) -> None:
        """Files with odd names, up and down."""
        files = {
            path.relative_to(up).as_posix(): hashlib.md5(path.read_bytes()).hexdigest()
            for path in up.rglob("*")
            if path.is_file() and path.name.strip()  # which it asks of a name
        }
        assert not self._s3.bucket_exists(self._bucket)
        self._s3.make_bucket(self._bucket)
        assert self._bucket in [each.name for each in self._s3.list_buckets()]
        for name in files:
            self._s3.fput_object(self._bucket, name, str(up / name))
        listed = self._s3.list_objects(self._bucket, recursive=True)
        assert {entry.object_name: entry.etag for entry in listed} == files
        for name, digest in files.items():
            self._s3.fget_object(self._bucket, name, str(down / name))
            assert hashlib.md5((down / name).read_bytes()).hexdigest() == digest
        self._delete(*files)
        print("a tree")  # noqa: T201

    def stream(self) -> None:
        """Content of unknown length, which goes up in parts, with its metadata and tags."""
        content = random.Random(1).randbytes(11 * _MIB)  # noqa: S311 - no secret
        tags = Tags.new_object_tags()
        tags["tag é"] = "value"
        self._s3.put_object(
            self._bucket, "k é", io.BytesIO(content), -1, part_size=5 * _MIB,
            metadata={"a_b": "v"}, tags=tags,
        )  # fmt: skip
        stat = self._s3.stat_object(self._bucket, "k é")
        assert stat.size == len(content)
        assert stat.etag.endswith("-3")
        assert stat.metadata["x-amz-meta-a_b"] == "v"
        assert self._s3.get_object_tags(self._bucket, "k é") == tags
        with self._s3.get_object(self._bucket, "k é") as answer:
            assert answer.read() == content
        place = {"offset": 5 * _MIB - 2, "length": 4}
        with self._s3.get_object(self._bucket, "k é", **place) as answer:
            assert answer.read() == content[5 * _MIB - 2 : 5 * _MIB + 2]
        self._s3.copy_object(self._bucket, "copy", CopySource(self._bucket, "k é"))
        assert self._s3.stat_object(self._bucket, "copy").size == len(content)
        self._delete("k é", "copy")
        print("a stream in parts")  # noqa: T201

    def urls(self) -> None:
        """Presigned URLs, and what is missing."""
        put = self._s3.presigned_put_object(self._bucket, "a +é", _HOUR)
        get = self._s3.presigned_get_object(self._bucket, "a +é", _HOUR)
        assert self._pool.request("PUT", put, body=b"1").status == 200
        assert self._pool.request("GET", get).data == b"1"
        try:
            self._s3.stat_object(self._bucket, "missing")
        except S3Error as error:
            assert error.code == "NoSuchKey"  # noqa: PT017 - the script knows no pytest
        else:
            raise AssertionError("it found what is not there")
        self._delete("a +é")
        print("presigned URLs")  # noqa: T201

    def versions(self) -> None:
        """Versions, each of which goes by its id; then the bucket."""
        self._s3.set_bucket_versioning(self._bucket, VersioningConfig(ENABLED))
        for content in (b"1", b"22", b""):
            self._s3.put_object(self._bucket, "k", io.BytesIO(content), len(content))
        self._s3.remove_object(self._bucket, "k")
        every = list(self._s3.list_objects(self._bucket, include_version=True))
        assert [each.size for each in every if not each.is_delete_marker] == [0, 2, 1]
        assert len(every) == 4
        objects = [DeleteObject(each.object_name, each.version_id) for each in every]
        assert list(self._s3.remove_objects(self._bucket, objects)) == []
        self._s3.remove_bucket(self._bucket)
        print("versions")  # noqa: T201

    def _delete(self, *names: str) -> None:
        gone = self._s3.remove_objects(self._bucket, [DeleteObject(name) for name in names])
        assert list(gone) == []
        assert list(self._s3.list_objects(self._bucket)) == []


if __name__ == "__main__":
    steps = Steps(*sys.argv[1:4])
    steps.tree(Path(sys.argv[4]), Path(sys.argv[5]))
    steps.stream()
    steps.urls()
    steps.versions()
