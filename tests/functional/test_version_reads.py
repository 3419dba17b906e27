"""GET and HEAD of versions: what is shown, what is not there, and what a delete marker says."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import swiftclient
from botocore.exceptions import ClientError

from s3gw.app import open_transport
from s3gw.buckets.cors import CorsRules
from s3gw.buckets.etags import EtagCache
from s3gw.buckets.facts import FactsCache
from s3gw.buckets.release import Releases
from s3gw.call import Services
from s3gw.object_version import Found, Subject, head, head_newest
from s3gw.s3.errors import MethodNotAllowed, NoSuchKey, NoSuchVersion, NotImplemented, S3Error
from s3gw.swift.account import Account, Login
from s3gw.swift.info import InfoCache
from tests.functional.conftest import Raw
from tests.functional.gateway import Running, settings_for
from tests.functional.stack import Stack
from tests.functional.versions import delete, ids, put, switch
from tests.functional.witness import refusal

ABSENT = "1234567890.12345"
SINCE = "X-Container-Meta-S3gw-Versioned-Since"


def since(swift: swiftclient.Connection, bucket: str, *times: str) -> None:
    """Write down when the gateway switched versioning, as it does itself."""
    swift.post_container(bucket, {SINCE: ",".join(times)})


def later(version_id: str) -> str:
    """A time just after a version."""
    return f"{float(version_id) + 0.00001:.5f}"


@pytest.fixture(params=["GET", "HEAD"])
def method(request: pytest.FixtureRequest) -> str:
    """Both kinds of reads."""
    name: str = request.param
    return name


@pytest.fixture
def old(bucket: str, swift: swiftclient.Connection) -> tuple[str, str, str]:
    """Three versions of the key `k`: `null` (which Swift calls otherwise by now) and two more."""
    swift.put_object(bucket, "k", b"null")
    written = swift.head_object(bucket, "k")["x-timestamp"]
    switch(swift, bucket, on=True)
    since(swift, bucket, later(written))
    return written, put(swift, bucket, "k", b"one"), put(swift, bucket, "k", b"two")


class TestWhatIsThere:
    """Every version can be read, and says which one it is."""

    def test_each_version_is_itself(self, s3: Any, bucket: str, old: tuple[str, str, str]) -> None:
        _, one, two = old
        for named, body in ((one, b"one"), (two, b"two"), ("null", b"null")):
            found = s3.get_object(Bucket=bucket, Key="k", VersionId=named)
            assert (found["Body"].read(), found["VersionId"]) == (body, named)
            found = s3.head_object(Bucket=bucket, Key="k", VersionId=named)
            assert (found["ContentLength"], found["VersionId"]) == (len(body), named)
            assert "DeleteMarker" not in found
        newest = s3.get_object(Bucket=bucket, Key="k")
        assert (newest["Body"].read(), newest["VersionId"]) == (b"two", two)

    def test_ranges_and_conditions_are_those_of_the_version(
        self, s3: Any, bucket: str, old: tuple[str, str, str]
    ) -> None:
        place = {"Bucket": bucket, "Key": "k", "VersionId": old[1]}
        etag = s3.head_object(**place)["ETag"]
        part = s3.get_object(**place, Range="bytes=1-9", IfMatch=etag)
        assert (part["Body"].read(), part["ContentRange"]) == (b"ne", "bytes 1-2/3")
        assert refusal(s3.get_object, **place, IfNoneMatch=etag)[0] == 304
        newest = s3.head_object(Bucket=bucket, Key="k")["ETag"]
        assert refusal(s3.get_object, **place, IfMatch=newest)[:2] == (412, "PreconditionFailed")
        assert refusal(s3.get_object, **place, Range="bytes=3-")[:2] == (416, "InvalidRange")

    def test_a_304_names_the_version(
        self, raw: Raw, bucket: str, old: tuple[str, str, str]
    ) -> None:
        for query in ("", f"?versionId={old[2]}"):
            reply = raw("GET", f"/{bucket}/k{query}", [("If-None-Match", "*")])
            assert (reply.status, reply.headers["x-amz-version-id"]) == (304, old[2])

    def test_null_may_be_the_newest(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        put(swift, bucket, "k")
        assert "VersionId" not in s3.head_object(Bucket=bucket, Key="k")
        assert "VersionId" not in s3.get_object(Bucket=bucket, Key="k", VersionId="null")
        switch(swift, bucket, on=True)
        assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"
        assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["VersionId"] == "null"

    def test_null_that_is_linked_again_is_still_null(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, old: tuple[str, str, str]
    ) -> None:
        swift.put_object(bucket, "k", b"", query_string=f"version-id={old[0]}")
        for named in ({}, {"VersionId": "null"}):
            found = s3.get_object(Bucket=bucket, Key="k", **named)
            assert (found["Body"].read(), found["VersionId"]) == (b"null", "null")

    def test_null_is_found_under_a_delete_marker(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, old: tuple[str, str, str]
    ) -> None:
        assert old[0] == ids(swift, bucket)[-1]
        delete(swift, bucket, "k")
        found = s3.get_object(Bucket=bucket, Key="k", VersionId="null")
        assert found["Body"].read() == b"null"

    def test_null_is_what_was_written_while_versioning_was_suspended(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        switch(swift, bucket, on=True)
        one = put(swift, bucket, "k", b"one")
        switch(swift, bucket, on=False)
        swift.put_object(bucket, "k", b"null")
        written = swift.head_object(bucket, "k")["x-timestamp"]
        switch(swift, bucket, on=True)
        since(swift, bucket, "0000000000.00000", later(one), later(written))
        put(swift, bucket, "k", b"two")
        assert written in ids(swift, bucket)
        found = s3.get_object(Bucket=bucket, Key="k", VersionId="null")
        assert (found["Body"].read(), found["VersionId"]) == (b"null", "null")

    def test_an_old_version_of_a_large_object_has_its_etag(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        switch(swift, bucket, on=True)
        etag = swift.put_object(bucket, "segment", b"large")
        manifest = f'[{{"path": "/{bucket}/segment", "etag": "{etag}"}}]'
        swift.put_object(bucket, "k", manifest, query_string="multipart-manifest=put")
        version = swift.head_object(bucket, "k")["x-object-version-id"]
        shown = s3.head_object(Bucket=bucket, Key="k")["ETag"]
        assert shown.endswith('-1"')
        put(swift, bucket, "k")
        found = s3.get_object(Bucket=bucket, Key="k", VersionId=version)
        assert (found["Body"].read(), found["ETag"]) == (b"large", shown)


class TestWhatIsNotThere:
    """Absence is told as S3 tells it, with the delete marker that is the reason."""

    def test_a_version_that_never_was(self, raw: Raw, bucket: str, method: str, old: Any) -> None:
        del old
        reply = raw(method, f"/{bucket}/k?versionId={ABSENT}")
        assert reply.status == 404
        assert "x-amz-delete-marker" not in reply.headers
        if method == "GET":
            assert (reply.code, reply.error["Key"], reply.error["VersionId"]) == (
                "NoSuchVersion", "k", ABSENT,
            )  # fmt: skip

    @pytest.mark.parametrize("version_id", ["null", ABSENT])
    def test_a_version_where_there_is_no_versioning(
        self, raw: Raw, bucket: str, version_id: str
    ) -> None:
        reply = raw("GET", f"/{bucket}/k?versionId={version_id}")
        assert (reply.status, reply.code) == (404, "NoSuchVersion")
        reply = raw("GET", f"/never-was-a-bucket/k?versionId={version_id}")
        assert (reply.status, reply.code) == (404, "NoSuchBucket")

    @pytest.mark.parametrize("junk", ["abc", "1e3", "-1", "1234567890.123456", "1,2"])
    def test_what_is_no_version_id(self, raw: Raw, bucket: str, junk: str) -> None:
        reply = raw("GET", f"/{bucket}/k?versionId={junk}")
        assert (reply.status, reply.code) == (400, "InvalidArgument")
        assert reply.error["Message"] == "Invalid version id specified"
        assert reply.error["ArgumentName"] == "versionId"

    def test_null_where_all_versions_have_ids(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, method: str
    ) -> None:
        switch(swift, bucket, on=True)
        put(swift, bucket, "k")
        assert raw(method, f"/{bucket}/k?versionId=null").status == 404

    def test_a_deleted_key_names_its_marker(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, method: str
    ) -> None:
        switch(swift, bucket, on=True)
        put(swift, bucket, "k")
        put(swift, bucket, "k2")
        marker = delete(swift, bucket, "k")
        for headers in ([], [("If-Match", "*")], [("If-None-Match", "*")]):
            reply = raw(method, f"/{bucket}/k", headers)
            assert reply.status == 404
            assert reply.headers["x-amz-delete-marker"] == "true"
            assert reply.headers["x-amz-version-id"] == marker
            assert method == "HEAD" or reply.code == "NoSuchKey"

    def test_a_key_that_never_was_names_none(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, method: str
    ) -> None:
        switch(swift, bucket, on=True)
        put(swift, bucket, "k2")
        delete(swift, bucket, "k2")
        reply = raw(method, f"/{bucket}/k")
        assert reply.status == 404
        assert {"x-amz-delete-marker", "x-amz-version-id"}.isdisjoint(reply.headers)

    @pytest.mark.parametrize(
        "headers", [(), (("If-None-Match", "*"),), (("If-Match", "x"),), (("Range", "bytes=0-1"),)]
    )
    def test_a_delete_marker_cannot_be_read(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, method: str, headers: Any
    ) -> None:
        switch(swift, bucket, on=True)
        put(swift, bucket, "k")
        marker = delete(swift, bucket, "k")
        put(swift, bucket, "k")
        reply = raw(method, f"/{bucket}/k?versionId={marker}", headers)
        assert reply.status == 405
        assert reply.headers["x-amz-delete-marker"] == "true"
        assert reply.headers["x-amz-version-id"] == marker
        assert reply.headers["allow"] == "DELETE"
        [entry] = [
            found
            for found in swift.get_container(bucket, query_string="versions=")[1]
            if found["version_id"] == marker
        ]
        assert reply.headers["last-modified"][5:7] == entry["last_modified"][8:10]
        assert method == "HEAD" or reply.code == "MethodNotAllowed"

    def test_what_was_deleted_while_suspended_is_hidden_by_a_null_marker(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, method: str
    ) -> None:
        switch(swift, bucket, on=True)
        put(swift, bucket, "k")
        switch(swift, bucket, on=False)
        delete(swift, bucket, "k")
        reply = raw(method, f"/{bucket}/k")
        assert (reply.status, reply.headers["x-amz-version-id"]) == (404, "null")
        assert reply.headers["x-amz-delete-marker"] == "true"
        reply = raw(method, f"/{bucket}/k?versionId=null")
        assert (reply.status, reply.headers["x-amz-version-id"]) == (405, "null")
        assert reply.headers["x-amz-delete-marker"] == "true"


def test_what_a_read_costs(
    gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection, old: tuple[str, str, str]
) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    s3.get_bucket_versioning(Bucket=bucket)  # warms the bucket's facts

    def cost(call: Callable[..., Any], **more: str) -> list[str]:
        with gateway.watched() as wire:
            with suppress(ClientError):
                call(**place, **more)
            return [str(sent).partition("?")[0] for sent in wire.sent]

    assert cost(s3.get_object) == [f"GET /{bucket}/k"]
    assert cost(s3.get_object, VersionId=old[1]) == [f"GET /{bucket}/k"]
    assert cost(s3.head_object, VersionId=old[1]) == [f"HEAD /{bucket}/k"]
    listed = f"GET /{bucket}"
    assert cost(s3.head_object, VersionId="null") == [
        f"HEAD /{bucket}/k",
        listed,
        f"HEAD /{bucket}/k",
    ]
    delete(swift, bucket, "k")
    assert cost(s3.get_object) == [f"GET /{bucket}/k", listed]


# --- for those who read an object's headers for another purpose ---


@dataclass(frozen=True)
class _Login:
    token: str = field(repr=False)
    storage_url: str


@dataclass(frozen=True)
class _Authority:
    known: _Login

    async def login(self) -> _Login:
        return self.known

    def forget(self, login: Login) -> None:
        raise AssertionError(login)


def asked(
    stack: Stack,
    swift: swiftclient.Connection,
    bucket: str,
    question: Callable[[Subject], Awaitable[Found]],
    version_id: str | None = None,
) -> Found:
    """The answer to a question about the key `k`, on the real Swift."""

    async def ask() -> Found:
        settings = settings_for(stack)
        transport = open_transport(settings)
        facts = FactsCache(10, lambda: 0)
        services = Services(
            settings, facts, EtagCache(), InfoCache(transport, lambda: 0),
            Releases(facts, 0, lambda: 0), lambda: 0, CorsRules(transport, (), 0, lambda: 0),
        )  # fmt: skip
        account = Account(transport, _Authority(_Login(swift.token, swift.url)))
        try:
            return await question(Subject(services, account, "x", bucket, "k", version_id))
        finally:
            await transport.aclose()

    return asyncio.run(ask())


def test_a_version_is_found_with_what_swift_has_to_be_asked(
    stack: Stack, swift: swiftclient.Connection, bucket: str, old: tuple[str, str, str]
) -> None:
    null, one, two = old
    for named, query, size in (
        (None, {}, "3"), (one, {"version-id": one}, "3"), ("null", {"version-id": null}, "4"),
    ):  # fmt: skip
        found = asked(stack, swift, bucket, head, named)
        assert (found.query, found.headers["Content-Length"]) == (query, size)
        assert found.version_id == (named or two)


def test_metadata_is_written_to_the_newest_version_only(
    stack: Stack, swift: swiftclient.Connection, bucket: str, old: tuple[str, str, str]
) -> None:
    null, one, two = old

    def error(version_id: str | None) -> S3Error:
        with pytest.raises(S3Error) as raised:
            asked(stack, swift, bucket, head_newest, version_id)
        return raised.value

    for named in (None, two):
        assert asked(stack, swift, bucket, head_newest, named).headers["X-Object-Version-Id"] == two
    for named in (one, "null", null):
        assert isinstance(error(named), NotImplemented)
    assert isinstance(error(ABSENT), NoSuchVersion)
    marker = delete(swift, bucket, "k")
    assert isinstance(error(None), NoSuchKey)
    assert isinstance(error(marker), MethodNotAllowed)
    assert isinstance(error(two), NotImplemented)
    swift.put_object(bucket, "k", b"", query_string=f"version-id={null}")
    assert asked(stack, swift, bucket, head_newest, "null").version_id == "null"


@pytest.mark.parametrize("end", ["\ud7ff", "\U0010ffff"])
def test_a_key_behind_whose_end_swift_cannot_seek_is_read_and_missed_like_any_other(
    s3: Any, bucket: str, swift: swiftclient.Connection, end: str
) -> None:
    key = f"k{end}"
    swift.put_object(bucket, f"{key}z", b"behind it")
    swift.put_object(bucket, "k\ud7fe", b"before it")
    switch(swift, bucket, on=True)
    target = {"Bucket": bucket, "Key": key}
    assert refusal(s3.get_object, **target)[1] == "NoSuchKey"
    version = put(swift, bucket, key, b"one")
    marker = s3.delete_object(**target)["VersionId"]
    with pytest.raises(ClientError) as gone:
        s3.get_object(**target)
    headers = gone.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-version-id"] == marker
    s3.delete_object(**target, VersionId=marker)
    assert s3.get_object(**target)["VersionId"] == version
