"""Whole buckets against a model of AWS S3: whatever the order of requests, both hold the same.

S3GW_TEST_MODEL says how many sequences (`make model`), which are others each time; without it
they are a few, and always the same.  Versions by themselves are test_version_model.py's.
"""

import os
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import md5
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.functional.gateway import Running, s3_client
from tests.functional.payloads import BUFFER_SIZE
from tests.functional.stack import Stack
from tests.functional.test_versioning import enable
from tests.functional.uploads import etag_of, refusal

# Taken out of the environment: it is no setting of the gateway, which refuses unknown ones.
EXAMPLES = os.environ.pop("S3GW_TEST_MODEL", None)

KEYS = ("k", "k/1", "k/1/2", "k//", "a b+c", "é/ü", "z%2F", "K")
BODIES = (b"", b"a", b"hello", bytes(range(256)) * 300, b"L" * (BUFFER_SIZE + 1))

buckets = st.sampled_from(["plain", "versioned"])
keys = st.sampled_from(KEYS)
bodies = st.sampled_from(BODIES)
metadata = st.dictionaries(st.sampled_from(["a", "b_c"]), st.sampled_from(["1", "x y", ""]))
tags = st.dictionaries(st.sampled_from(["t", "ü"]), st.sampled_from(["", "1", "a b"]))
types = st.sampled_from([None, "text/plain", "image/png; q=1"])
picks = st.integers(0, 50)


@dataclass(frozen=True)
class Content:
    """An object as S3 has it."""

    body: bytes
    etag: str
    metadata: dict[str, str] = field(default_factory=dict)
    content_type: str = "binary/octet-stream"
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Begun:
    """An upload that is neither complete nor aborted."""

    bucket: str
    key: str
    upload_id: str
    made: Content
    """What it will be, but for the content."""
    parts: dict[int, bytes] = field(default_factory=dict)


def plain_etag(body: bytes) -> str:
    return f'"{md5(body).hexdigest()}"'


class Buckets(RuleBasedStateMachine):
    """Two buckets, one with versions."""

    def __init__(self, s3: Any) -> None:
        super().__init__()
        self.s3 = s3
        self.names: dict[str, str] = {}
        self.held: dict[str, dict[str, Content]] = {"plain": {}, "versioned": {}}
        self.versions: dict[tuple[str, str], Content] = {}
        self.begun: list[Begun] = []

    @initialize()
    def create(self) -> None:
        self.names = {kind: f"model-{kind}-{uuid4().hex[:16]}" for kind in self.held}
        for name in self.names.values():
            self.s3.create_bucket(Bucket=name)
        enable(self.s3, self.names["versioned"])

    # --- objects ---

    @rule(bucket=buckets, key=keys, body=bodies, metadata=metadata, tags=tags, kind=types)
    def put(
        self,
        *,
        bucket: str,
        key: str,
        body: bytes,
        metadata: dict[str, str],
        tags: dict[str, str],
        kind: str | None,
    ) -> None:
        answer = self.s3.put_object(
            **self.place(bucket, key),
            Body=body,
            Metadata=metadata,
            **({"Tagging": urlencode(tags)} if tags else {}),
            **({"ContentType": kind} if kind else {}),
        )
        made = Content(body, plain_etag(body), metadata, kind or "binary/octet-stream", tags)
        assert answer["ETag"] == made.etag
        self.write(bucket, key, made, answer)

    @rule(bucket=buckets, key=keys, is_right=st.booleans(), is_new=st.booleans())
    def put_conditionally(self, bucket: str, key: str, *, is_right: bool, is_new: bool) -> None:
        there = self.held[bucket].get(key)
        body = b"conditional"
        put = partial(self.s3.put_object, **self.place(bucket, key), Body=body)
        if is_new:
            put = partial(put, IfNoneMatch="*")
            wanted = "PreconditionFailed" if there else ""
        else:
            put = partial(put, IfMatch=there.etag if there and is_right else '"0"')
            wanted = "" if there and is_right else "PreconditionFailed" if there else "NoSuchKey"
        if wanted:
            assert refusal(put).code == wanted
        else:
            self.write(bucket, key, Content(body, plain_etag(body)), put())

    @rule(bucket=buckets, key=keys, pick=picks)
    def get(self, bucket: str, key: str, pick: int) -> None:
        there = self.held[bucket].get(key)
        get = partial(self.s3.get_object, **self.place(bucket, key))
        if there is None:
            assert refusal(get).code == "NoSuchKey"
            return
        self.check(get(), there)
        if there.body:
            first = pick % len(there.body)
            part = get(Range=f"bytes={first}-{first + 9}")
            assert part["Body"].read() == there.body[first : first + 10]

    @rule(pick=picks)
    def get_version(self, pick: int) -> None:
        if self.versions:
            (key, version_id), made = list(self.versions.items())[pick % len(self.versions)]
            place = self.place("versioned", key)
            self.check(self.s3.get_object(**place, VersionId=version_id), made)

    @rule(bucket=buckets, key=keys, condition=st.sampled_from(["", "right", "wrong", "*"]))
    def delete(self, bucket: str, key: str, condition: str) -> None:
        there = self.held[bucket].get(key)
        delete = partial(self.s3.delete_object, **self.place(bucket, key))
        if condition:
            etag = {"wrong": '"0"', "*": "*"}.get(condition, there.etag if there else "*")
            delete = partial(delete, IfMatch=etag)
            if there is None or condition == "wrong":
                code = "PreconditionFailed" if there else "NoSuchKey"
                assert refusal(delete).code == code
                return
        assert delete().get("DeleteMarker", False) is (bucket == "versioned")
        self.held[bucket].pop(key, None)

    @rule(bucket=buckets, some=st.lists(keys, min_size=1, max_size=4, unique=True))
    def delete_many(self, bucket: str, some: list[str]) -> None:
        objects = [{"Key": key} for key in some]
        answer = self.s3.delete_objects(
            Bucket=self.names[bucket], Delete={"Objects": objects, "Quiet": False}
        )
        assert [one["Key"] for one in answer["Deleted"]] == some
        for key in some:
            self.held[bucket].pop(key, None)

    @rule(
        source=st.tuples(buckets, keys),
        to=st.tuples(buckets, keys),
        metadata=st.none() | metadata,
        tags=st.none() | tags,
    )
    def copy(
        self,
        source: tuple[str, str],
        to: tuple[str, str],
        metadata: dict[str, str] | None,
        tags: dict[str, str] | None,
    ) -> None:
        there = self.held[source[0]].get(source[1])
        more: dict[str, Any] = {}
        if metadata is not None:
            more |= {"MetadataDirective": "REPLACE", "Metadata": metadata}
        if tags is not None:
            more |= {"TaggingDirective": "REPLACE", "Tagging": urlencode(tags)}
        place = self.place(*source)
        copy = partial(self.s3.copy_object, **self.place(*to), CopySource=place, **more)
        if there is None:
            assert refusal(copy).code == "NoSuchKey"
        elif source == to and metadata is None:
            assert refusal(copy).code == "InvalidRequest"
        else:
            answer = copy()
            made = replace(there, etag=plain_etag(there.body))
            if metadata is not None:
                made = replace(made, metadata=metadata, content_type="binary/octet-stream")
            made = made if tags is None else replace(made, tags=tags)
            assert answer["CopyObjectResult"]["ETag"] == made.etag
            self.write(*to, made, answer)

    @rule(bucket=buckets, key=keys, tags=st.none() | tags)
    def tag(self, bucket: str, key: str, tags: dict[str, str] | None) -> None:
        there = self.held[bucket].get(key)
        place = self.place(bucket, key)
        if tags is None:
            change = partial(self.s3.delete_object_tagging, **place)
        else:
            found = [{"Key": name, "Value": value} for name, value in tags.items()]
            change = partial(self.s3.put_object_tagging, **place, Tagging={"TagSet": found})
        if there is None:
            assert refusal(change).code == "NoSuchKey"
            return
        version = change().get("VersionId")
        self.held[bucket][key] = made = replace(there, tags=tags or {})
        if bucket == "versioned":
            self.versions[key, version] = made

    # --- uploads ---

    @rule(bucket=buckets, key=keys, metadata=metadata, tags=tags)
    def begin(self, bucket: str, key: str, metadata: dict[str, str], tags: dict[str, str]) -> None:
        more = {"Tagging": urlencode(tags)} if tags else {}
        answer = self.s3.create_multipart_upload(
            **self.place(bucket, key), Metadata=metadata, ContentType="a/b", **more
        )
        made = Content(b"", "", metadata, "a/b", tags)
        self.begun.append(Begun(bucket, key, answer["UploadId"], made))

    @precondition(lambda self: self.begun)
    @rule(pick=picks, number=st.integers(1, 4), body=bodies)
    def put_part(self, pick: int, number: int, body: bytes) -> None:
        upload = self.begun[pick % len(self.begun)]
        answer = self.s3.upload_part(**self.named(upload), PartNumber=number, Body=body)
        assert answer["ETag"] == plain_etag(body)
        upload.parts[number] = body

    @precondition(lambda self: self.begun)
    @rule(pick=picks, number=st.integers(1, 4), source=st.tuples(buckets, keys), cut=st.booleans())
    def copy_part(self, pick: int, number: int, source: tuple[str, str], *, cut: bool) -> None:
        upload = self.begun[pick % len(self.begun)]
        there = self.held[source[0]].get(source[1])
        copy = partial(
            self.s3.upload_part_copy,
            **self.named(upload),
            PartNumber=number,
            CopySource=self.place(*source),
        )
        if there is None:
            assert refusal(copy).code == "NoSuchKey"
            return
        body = there.body
        if cut and len(body) > 2:
            copy, body = partial(copy, CopySourceRange=f"bytes=1-{len(body) - 2}"), body[1:-1]
        assert copy()["CopyPartResult"]["ETag"] == plain_etag(body)
        upload.parts[number] = body

    @precondition(lambda self: self.begun)
    @rule(pick=picks, left_out=st.integers(1, 9))
    def complete(self, pick: int, left_out: int) -> None:
        upload = self.begun[pick % len(self.begun)]
        numbers = sorted(upload.parts)
        if len(numbers) > 1:
            numbers = [number for number in numbers if number != left_out]
        parts = [{"PartNumber": n, "ETag": plain_etag(upload.parts[n])} for n in numbers]
        complete = partial(self.s3.complete_multipart_upload, **self.named(upload))
        if not parts:
            assert refusal(complete).code in {"InvalidRequest", "MalformedXML"}
            return
        small = [n for n in numbers[:-1] if not upload.parts[n]]
        complete = partial(complete, MultipartUpload={"Parts": parts})
        if small:  # the least size of a part is 1 here
            assert refusal(complete).code == "EntityTooSmall"
            return
        bodies = [upload.parts[n] for n in numbers]
        answer = complete()
        made = replace(upload.made, body=b"".join(bodies), etag=etag_of(*bodies))
        assert answer["ETag"] == made.etag
        self.write(upload.bucket, upload.key, made, answer)
        self.begun.remove(upload)

    @precondition(lambda self: self.begun)
    @rule(pick=picks)
    def abort(self, pick: int) -> None:
        upload = self.begun.pop(pick % len(self.begun))
        self.s3.abort_multipart_upload(**self.named(upload))
        again = partial(self.s3.upload_part, **self.named(upload), PartNumber=1, Body=b"late")
        assert refusal(again).code == "NoSuchUpload"

    @precondition(lambda self: self.begun)
    @rule(pick=picks)
    def list_parts(self, pick: int) -> None:
        upload = self.begun[pick % len(self.begun)]
        listed = self.s3.list_parts(**self.named(upload)).get("Parts", [])
        found = {one["PartNumber"]: (one["ETag"], one["Size"]) for one in listed}
        assert found == {n: (plain_etag(body), len(body)) for n, body in upload.parts.items()}

    # --- what a bucket holds ---

    @rule(
        bucket=buckets,
        prefix=st.sampled_from(["", "k", "k/", "é", "none"]),
        delimiter=st.sampled_from(["", "/", "//", "b+"]),
        maximum=st.sampled_from([1, 2, 1000]),
    )
    def list_keys(self, bucket: str, prefix: str, delimiter: str, maximum: int) -> None:
        wanted: list[str] = []
        for key in sorted(self.held[bucket], key=str.encode):
            if key.startswith(prefix):
                end = key.find(delimiter, len(prefix)) if delimiter else -1
                shown = key if end < 0 else key[: end + len(delimiter)] + "|"
                wanted += [shown] if shown not in wanted else []
        found: list[str] = []
        query = {"Prefix": prefix, "Delimiter": delimiter, "MaxKeys": maximum}
        while True:
            page = self.s3.list_objects_v2(Bucket=self.names[bucket], **query)
            entries = [one["Key"] for one in page.get("Contents", [])]
            prefixes = [one["Prefix"] + "|" for one in page.get("CommonPrefixes", [])]
            assert page["KeyCount"] == len(entries) + len(prefixes) <= maximum
            found += sorted([*entries, *prefixes], key=str.encode)
            if not page["IsTruncated"]:
                break
            query["ContinuationToken"] = page["NextContinuationToken"]
        assert found == wanted

    def teardown(self) -> None:
        for bucket, name in self.names.items():
            listed = self.s3.list_objects_v2(Bucket=name).get("Contents", [])
            found = {one["Key"]: (one["ETag"], one["Size"]) for one in listed}
            held = self.held[bucket]
            assert found == {key: (made.etag, len(made.body)) for key, made in held.items()}
            for key, made in held.items():
                self.check(self.s3.get_object(**self.place(bucket, key)), made)
            uploads = self.s3.list_multipart_uploads(Bucket=name).get("Uploads", [])
            assert {one["UploadId"] for one in uploads} == {
                upload.upload_id for upload in self.begun if upload.bucket == bucket
            }
        for (key, version_id), made in self.versions.items():
            place = self.place("versioned", key)
            self.check(self.s3.get_object(**place, VersionId=version_id), made)

    # --- the model's own ---

    def place(self, bucket: str, key: str) -> dict[str, str]:
        return {"Bucket": self.names[bucket], "Key": key}

    def named(self, upload: Begun) -> dict[str, str]:
        return {**self.place(upload.bucket, upload.key), "UploadId": upload.upload_id}

    def write(self, bucket: str, key: str, made: Content, answer: Any) -> None:
        self.held[bucket][key] = made
        assert ("VersionId" in answer) is (bucket == "versioned")
        if bucket == "versioned":
            self.versions[key, answer["VersionId"]] = made

    @staticmethod
    def check(answer: Any, made: Content) -> None:
        assert answer["Body"].read() == made.body
        told = (answer["ETag"], answer["Metadata"], answer["ContentType"])
        assert told == (made.etag, made.metadata, made.content_type)
        assert (answer["ContentLength"], answer.get("TagCount", 0)) == (
            len(made.body),
            len(made.tags),
        )


@pytest.mark.timeout(0 if EXAMPLES else 300)
def test_any_order_of_requests_ends_as_on_aws(tiny: Running, stack: Stack) -> None:
    with closing(s3_client(tiny.endpoint, stack)) as s3:

        class Here(Buckets):
            def __init__(self) -> None:
                super().__init__(s3)

        run_state_machine_as_test(
            Here,
            settings=settings(
                max_examples=int(EXAMPLES or 5),
                stateful_step_count=25,
                derandomize=EXAMPLES is None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                phases=(Phase.generate,) if EXAMPLES is None else tuple(Phase),
            ),
        )
