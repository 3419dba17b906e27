"""S3 operations as a fault meets them: what there was, what is asked for, what must hold after.

The rule: an answer that came is true, and an error leaves what was there or what was asked for,
never a part of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import swiftclient

from tests.functional.payloads import stored
from tests.functional.uploads import begin, segments

OLD, NEW = b"what was there", b"what is to be there"
LARGE = bytes(range(256)) * 2048
"""Streamed: more than limits.buffer_size."""


@dataclass(frozen=True, slots=True)
class World:
    """A client of the gateway behind the proxy, and a bucket; the witness stands beside both."""

    s3: Any
    calm: Any
    """A client of a gateway that no fault reaches."""
    swift: swiftclient.Connection
    bucket: str


@dataclass(frozen=True, slots=True)
class Case:
    """One request, prepared."""

    run: Callable[[], Any]
    answer: Any = None
    """What it says when it succeeds."""
    look: Callable[[], Any] = lambda: None
    """What Swift holds."""
    before: Any = None
    after: Any = None
    loose: bool = False
    """It is several requests in one, of which some may be done: `look` shows each by itself."""


def _nothing(run: Callable[[], Any]) -> Callable[[], None]:
    def call() -> None:
        run()

    return call


def _key() -> str:
    return f"key-{uuid4().hex[:12]}"


def _exists(world: World, container: str) -> bool:
    return any(found["name"] == container for found in world.swift.get_account(prefix=container)[1])


def _put(data: bytes) -> Callable[[World], Case]:
    def prepare(world: World) -> Case:
        key = _key()
        world.swift.put_object(world.bucket, key, OLD)
        return Case(
            _nothing(lambda: world.s3.put_object(Bucket=world.bucket, Key=key, Body=data)),
            look=lambda: stored(world.swift, world.bucket, key),
            before=OLD,
            after=data,
        )

    return prepare


def _get(data: bytes) -> Callable[[World], Case]:
    def prepare(world: World) -> Case:
        key = _key()
        world.swift.put_object(world.bucket, key, data)

        def run() -> Any:
            answer = world.s3.get_object(Bucket=world.bucket, Key=key)
            return answer["Body"].read()

        return Case(run, data)

    return prepare


def _head(world: World) -> Case:
    key = _key()
    world.swift.put_object(world.bucket, key, OLD)
    return Case(
        lambda: world.s3.head_object(Bucket=world.bucket, Key=key)["ContentLength"], len(OLD)
    )


def _delete(world: World) -> Case:
    key = _key()
    world.swift.put_object(world.bucket, key, OLD)
    return Case(
        _nothing(lambda: world.s3.delete_object(Bucket=world.bucket, Key=key)),
        look=lambda: stored(world.swift, world.bucket, key),
        before=OLD,
        after=None,
    )


def _list(world: World) -> Case:
    prefix = f"{_key()}/"
    keys = [f"{prefix}{n}" for n in range(3)]
    for key in keys:
        world.swift.put_object(world.bucket, key, b"")
    return Case(
        lambda: [
            entry["Key"]
            for entry in world.s3.list_objects_v2(Bucket=world.bucket, Prefix=prefix).get(
                "Contents", []
            )
        ],
        keys,
    )


def _list_buckets(world: World) -> Case:
    return Case(
        lambda: world.bucket in {found["Name"] for found in world.s3.list_buckets()["Buckets"]},
        answer=True,
    )


def _delete_many(world: World) -> Case:
    keys = [_key() for _ in range(3)]
    for key in keys:
        world.swift.put_object(world.bucket, key, OLD)
    named = {"Objects": [{"Key": key} for key in keys]}

    def run() -> None:
        answer = world.s3.delete_objects(Bucket=world.bucket, Delete=named)
        done = {entry["Key"] for entry in answer.get("Deleted", [])}
        failed = {entry["Key"]: entry["Code"] for entry in answer.get("Errors", [])}
        assert done | failed.keys() == set(keys)
        left = {key for key in done if stored(world.swift, world.bucket, key) is not None}
        assert left == set(), "acknowledged, and still there"
        if failed:
            raise PartlyFailed(set(failed.values()))

    return Case(
        run,
        look=lambda: [stored(world.swift, world.bucket, key) for key in keys],
        before=[OLD] * 3,
        after=[None] * 3,
        loose=True,
    )


class PartlyFailed(Exception):
    """DeleteObjects answered 200 with these codes for some of the keys."""

    def __init__(self, codes: set[str]) -> None:
        super().__init__(", ".join(sorted(codes)))
        self.codes = codes


def _copy(world: World) -> Case:
    key, source = _key(), _key()
    world.swift.put_object(world.bucket, source, NEW)
    world.swift.put_object(world.bucket, key, OLD)
    origin = {"Bucket": world.bucket, "Key": source}
    return Case(
        _nothing(lambda: world.s3.copy_object(Bucket=world.bucket, Key=key, CopySource=origin)),
        look=lambda: stored(world.swift, world.bucket, key),
        before=OLD,
        after=NEW,
    )


def _create_bucket(world: World) -> Case:
    name = f"bucket-{uuid4().hex[:20]}"

    return Case(
        _nothing(lambda: world.s3.create_bucket(Bucket=name)),
        look=lambda: _exists(world, name),
        before=False,
        after=True,
    )


def _delete_bucket(world: World) -> Case:
    name = f"bucket-{uuid4().hex[:20]}"
    world.swift.put_container(name)

    return Case(
        _nothing(lambda: world.s3.delete_bucket(Bucket=name)),
        look=lambda: _exists(world, name),
        before=True,
        after=False,
    )


def _create_upload(world: World) -> Case:
    key = _key()

    def uploads() -> bool:
        return any(name.startswith(f"{key}/") for name in segments(world.swift, world.bucket))

    return Case(
        _nothing(lambda: begin(world.s3, world.bucket, key)),
        look=uploads,
        before=False,
        after=True,
    )


def _upload_part(data: bytes) -> Callable[[World], Case]:
    def prepare(world: World) -> Case:
        upload = begin(world.calm, world.bucket, _key())
        upload.put(1, OLD)
        names = {**upload.names, "PartNumber": 1}
        part = f"{upload.key}/{upload.upload_id}/1"
        return Case(
            _nothing(lambda: world.s3.upload_part(**names, Body=data)),
            look=lambda: stored(world.swift, f"{world.bucket}+segments", part),
            before=OLD,
            after=data,
        )

    return prepare


def _complete(world: World) -> Case:
    upload = begin(world.calm, world.bucket, _key())
    upload.put(1, OLD)
    upload.put(2, NEW)
    return Case(
        _nothing(lambda: upload.complete(s3=world.s3)),
        look=lambda: stored(world.swift, world.bucket, upload.key),
        before=None,
        after=OLD + NEW,
    )


def _abort(world: World) -> Case:
    upload = begin(world.calm, world.bucket, _key())
    upload.put(1, OLD)
    return Case(
        _nothing(lambda: world.s3.abort_multipart_upload(**upload.names)),
        look=lambda: [
            name
            for name in segments(world.swift, world.bucket)
            if name.startswith(f"{upload.key}/") and name.endswith("/1")
        ],
        before=[f"{upload.key}/{upload.upload_id}/1"],
        after=[],
    )


def _tag(world: World) -> Case:
    key = _key()
    world.swift.put_object(world.bucket, key, OLD, headers={"X-Object-Meta-Color": "blue"})
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}

    def look() -> Any:
        found = world.calm.get_object_tagging(Bucket=world.bucket, Key=key)["TagSet"]
        return found, stored(world.swift, world.bucket, key)

    return Case(
        _nothing(lambda: world.s3.put_object_tagging(Bucket=world.bucket, Key=key, Tagging=tags)),
        look=look,
        before=([], OLD),
        after=(tags["TagSet"], OLD),
    )


def _versioning(world: World) -> Case:
    name = f"bucket-{uuid4().hex[:20]}"
    world.swift.put_container(name)
    return Case(
        _nothing(
            lambda: world.s3.put_bucket_versioning(
                Bucket=name, VersioningConfiguration={"Status": "Enabled"}
            )
        ),
        look=lambda: world.calm.get_bucket_versioning(Bucket=name).get("Status"),
        before=None,
        after="Enabled",
    )


SCENARIOS: dict[str, Callable[[World], Case]] = {
    "ListBuckets": _list_buckets,
    "CreateBucket": _create_bucket,
    "DeleteBucket": _delete_bucket,
    "PutBucketVersioning": _versioning,
    "ListObjectsV2": _list,
    "PutObject": _put(NEW),
    "PutObject, streamed": _put(LARGE),
    "GetObject": _get(NEW),
    "GetObject, streamed": _get(LARGE),
    "HeadObject": _head,
    "DeleteObject": _delete,
    "DeleteObjects": _delete_many,
    "CopyObject": _copy,
    "PutObjectTagging": _tag,
    "CreateMultipartUpload": _create_upload,
    "UploadPart": _upload_part(NEW),
    "UploadPart, streamed": _upload_part(LARGE),
    "CompleteMultipartUpload": _complete,
    "AbortMultipartUpload": _abort,
}
