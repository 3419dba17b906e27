"""Conditions of DeleteObject and DeleteObjects, on Swift's newest copy or on the version named.

What becomes of a key without an object was measured on AWS by others:
https://github.com/localstack/localstack/issues/13894
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import swiftclient

from tests.functional.gateway import Running, s3_client
from tests.functional.stack import Stack
from tests.functional.test_deletes import native_slo, upload
from tests.functional.test_versioning import enable
from tests.functional.uploads import begin, etag_of, refusal
from tests.functional.versions import ids
from tests.functional.witness import is_there, names

SIZE, TIME = "x-amz-if-match-size", "x-amz-if-match-last-modified-time"


@pytest.fixture(scope="module")
def s3(tiny: Running, stack: Stack) -> Iterator[Any]:
    with closing(s3_client(tiny.endpoint, stack)) as client:
        yield client


def put(s3: Any, bucket: str, key: str = "k", body: bytes = b"hello") -> dict[str, Any]:
    """Store an object; the conditions that hold of it, and its version."""
    answer = s3.put_object(Bucket=bucket, Key=key, Body=body)
    head = s3.head_object(Bucket=bucket, Key=key)
    return {
        "ETag": answer["ETag"],
        "Size": len(body),
        "LastModifiedTime": head["LastModified"],
        "VersionId": answer.get("VersionId"),
    }


def delete(s3: Any, bucket: str, /, **conditions: Any) -> Any:
    """DeleteObject of `k` with conditions in the words of DeleteObjects."""
    words = {
        "ETag": "IfMatch",
        "Size": "IfMatchSize",
        "LastModifiedTime": "IfMatchLastModifiedTime",
    }
    named = {words.get(name, name): value for name, value in conditions.items() if value}
    return s3.delete_object(Bucket=bucket, Key="k", **named)


def delete_many(s3: Any, bucket: str, *objects: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The keys that DeleteObjects deleted, and the codes of those that it did not."""
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": list(objects)})
    failed = {one["Key"]: one["Code"] for one in answer.get("Errors", [])}
    return [one["Key"] for one in answer.get("Deleted", [])], failed


def wrong(good: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Conditions each of which has one that does not hold, and its name."""
    later: datetime = good["LastModifiedTime"] + timedelta(hours=1)
    return [
        ({"ETag": '"0"'}, "If-Match"),
        ({**good, "ETag": good["ETag"].upper()}, "If-Match"),
        ({"Size": 4}, SIZE),
        ({**good, "Size": 6}, SIZE),
        ({"LastModifiedTime": later}, TIME),
        ({"ETag": "*", "LastModifiedTime": later - timedelta(hours=2)}, TIME),
    ]


class TestOneObject:
    """DeleteObject: the look that it makes anyway is what the conditions are judged by."""

    def test_it_goes_only_if_all_holds_and_at_no_more_cost(
        self, tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        good = put(s3, bucket)
        for conditions, name in wrong(good):
            with tiny.watched() as wire:
                found = refusal(partial(delete, s3, bucket, **conditions))
                assert (found.status, found.code) == (412, "PreconditionFailed")
                assert found.details == {"Condition": name}
                assert wire.methods() == ["HEAD"]
                assert wire.sent[0].headers["X-Newest"] == "true"
            assert is_there(swift, bucket, "k")
        with tiny.watched() as wire:
            delete(s3, bucket, **good)
            assert wire.methods() == ["HEAD", "DELETE"]
        assert not is_there(swift, bucket, "k")

    @pytest.mark.parametrize("form", ["*", "{}", '"{}"', 'W/"{}"', '"0", "{}"'])
    def test_an_etag_is_taken_in_every_form(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, form: str
    ) -> None:
        etag = put(s3, bucket)["ETag"].strip('"')
        delete(s3, bucket, ETag=form.format(etag))
        assert not is_there(swift, bucket, "k")

    @pytest.mark.parametrize("status", ["", "Enabled", "Suspended"])
    def test_a_key_without_an_object_has_no_etag_and_any_size(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, status: str
    ) -> None:
        if status:
            enable(s3, bucket, status)
        for etag in ("*", '"0"'):
            found = refusal(partial(delete, s3, bucket, ETag=etag))
            assert (found.status, found.code, found.details) == (404, "NoSuchKey", {"Key": "k"})
            found = refusal(partial(delete, s3, f"{bucket}-never", ETag=etag))
            assert (found.status, found.code) == (404, "NoSuchBucket")
        assert ids(swift, bucket) == []
        answer = delete(s3, bucket, Size=5)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert answer.get("DeleteMarker", False) is bool(status)

    @pytest.mark.parametrize(
        ("name", "value"), [(SIZE, "five"), (SIZE, "-1"), (TIME, "yesterday"), (TIME, "")]
    )
    def test_a_condition_that_cannot_be_read_is_refused(
        self, raw: Any, bucket: str, swift: swiftclient.Connection, name: str, value: str
    ) -> None:
        swift.put_object(bucket, "k", b"hello")
        reply = raw("DELETE", f"/{bucket}/k", [(name, value)])
        assert (reply.status, reply.code) == (400, "InvalidArgument")
        assert reply.error["ArgumentName"] == name
        assert is_there(swift, bucket, "k")

    @pytest.mark.parametrize("name", [SIZE, TIME])
    def test_nothing_else_takes_the_conditions_of_a_delete(
        self, raw: Any, bucket: str, swift: swiftclient.Connection, name: str
    ) -> None:
        reply = raw("PUT", f"/{bucket}/k", [(name, "5")], b"hello")
        assert (reply.status, reply.code, reply.error["Header"]) == (501, "NotImplemented", name)
        assert not is_there(swift, bucket, "k")

    def test_a_multipart_object_goes_by_its_s3_etag_with_its_parts(
        self, tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        upload = begin(s3, bucket)
        upload.put(1, b"a")
        upload.put(2, b"b")
        upload.complete()
        assert refusal(partial(delete, s3, bucket, ETag='"0"')).code == "PreconditionFailed"
        with tiny.watched() as wire:
            delete(s3, bucket, ETag=etag_of(b"a", b"b"), Size=2)
            assert wire.methods() == ["HEAD", "HEAD", "DELETE"]  # that of the container, too
        assert names(swift, bucket) == names(swift, f"{bucket}+segments") == []

    def test_a_large_object_of_others_goes_by_the_etag_that_is_shown(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        native_slo(swift, bucket, "k")
        etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
        assert refusal(partial(delete, s3, bucket, ETag='"0"')).code == "PreconditionFailed"
        delete(s3, bucket, ETag=etag)
        assert names(swift, bucket) == []


class TestVersions:
    """The condition is one on the newest version, or on the one that is named."""

    def test_a_marker_is_put_over_the_version_that_is_meant(
        self, tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        old, new = put(s3, bucket, body=b"old"), put(s3, bucket, body=b"newer")
        found = refusal(partial(delete, s3, bucket, ETag=old["ETag"]))
        assert (found.status, found.code) == (412, "PreconditionFailed")
        with tiny.watched() as wire:
            marker = delete(s3, bucket, ETag=new["ETag"])
            assert wire.methods() == ["HEAD", "DELETE"]
        assert marker["DeleteMarker"] is True
        assert ids(swift, bucket) == [marker["VersionId"], new["VersionId"], old["VersionId"]]
        for etag in (new["ETag"], "*"):  # a key with a marker over it has no object
            found = refusal(partial(delete, s3, bucket, ETag=etag))
            assert (found.status, found.code) == (404, "NoSuchKey")
        assert len(ids(swift, bucket)) == 3

    def test_a_named_version_goes_if_it_is_the_one_that_is_meant(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        old, new = put(s3, bucket, body=b"old"), put(s3, bucket, body=b"newer")
        for conditions, name in wrong(old):
            named = {**conditions, "VersionId": old["VersionId"]}
            assert refusal(partial(delete, s3, bucket, **named)).details == {"Condition": name}
        assert len(ids(swift, bucket)) == 2
        delete(s3, bucket, **old)
        assert ids(swift, bucket) == [new["VersionId"]]
        found = refusal(partial(delete, s3, bucket, **old))
        assert (found.status, found.code) == (404, "NoSuchVersion")
        again = delete(s3, bucket, Size=3, VersionId=old["VersionId"])
        assert again["VersionId"] == old["VersionId"]

    def test_of_a_delete_marker_nothing_holds(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        put(s3, bucket)
        marker = delete(s3, bucket)["VersionId"]
        for condition in ({"ETag": "*"}, {"Size": 5}):
            found = refusal(partial(delete, s3, bucket, VersionId=marker, **condition))
            assert (found.status, found.code) == (412, "PreconditionFailed")
        assert marker in ids(swift, bucket)

    def test_null_may_be_named_wherever_it_is(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        null = put(s3, bucket, body=b"null")
        null["VersionId"] = "null"
        enable(s3, bucket)
        new = put(s3, bucket, body=b"newer")
        refused = partial(delete, s3, bucket, ETag=new["ETag"], VersionId="null")
        assert refusal(refused).code == "PreconditionFailed"
        assert len(ids(swift, bucket)) == 2
        delete(s3, bucket, ETag=null["ETag"], VersionId="null")
        assert ids(swift, bucket) == [new["VersionId"]]
        assert refusal(refused).code == "NoSuchVersion"
        enable(s3, bucket, "Suspended")
        last = put(s3, bucket, body=b"last")
        assert refusal(refused).code == "PreconditionFailed"
        delete(s3, bucket, ETag=last["ETag"], VersionId="null")
        assert ids(swift, bucket) == [new["VersionId"]]
        delete(s3, bucket)
        assert refusal(refused).code == "PreconditionFailed"  # null is a delete marker now


class TestManyObjects:
    """DeleteObjects: a condition is one on its own key, and fails alone."""

    def test_each_key_has_its_own_conditions(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        good = put(s3, bucket, "good")
        del good["VersionId"]
        wanted: list[dict[str, Any]] = [{"Key": "good", **good}, {"Key": "free"}]
        put(s3, bucket, "free")
        refused = {}
        for number, (conditions, _) in enumerate(wrong(good)):
            key = f"k{number}"
            put(s3, bucket, key)
            del (named := {**conditions, "Key": key, "VersionId": None})["VersionId"]
            wanted.append(named)
            refused[key] = "PreconditionFailed"
        wanted += [{"Key": "never", "ETag": "*"}, {"Key": "never2", "Size": 5}]
        deleted, failed = delete_many(s3, bucket, *wanted)
        assert sorted(deleted) == ["free", "good", "never2"]
        assert failed == {**refused, "never": "NoSuchKey"}
        assert names(swift, bucket) == sorted(refused)

    def test_a_key_twice_is_judged_each_time(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        good = put(s3, bucket)
        objects = [{"Key": "k", "ETag": "0"}, {"Key": "k", "ETag": good["ETag"]}]
        assert delete_many(s3, bucket, *objects) == (["k"], {"k": "PreconditionFailed"})
        assert names(swift, bucket) == []

    def test_versions_have_conditions_too(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        old, new = put(s3, bucket, body=b"old"), put(s3, bucket, body=b"newer")
        named = {"Key": "k", "VersionId": old["VersionId"]}
        assert delete_many(s3, bucket, {**named, "ETag": new["ETag"]}) == (
            [],
            {"k": "PreconditionFailed"},
        )
        assert delete_many(s3, bucket, {**named, "ETag": old["ETag"]}) == (["k"], {})
        assert ids(swift, bucket) == [new["VersionId"]]

    def test_only_keys_with_conditions_cost_a_look(
        self, tiny: Running, s3: Any, bucket: str
    ) -> None:
        good = put(s3, bucket)
        delete_many(s3, bucket, {"Key": "warm"})
        free = [{"Key": f"free{number}"} for number in range(999)]
        with tiny.watched() as wire:
            delete_many(s3, bucket, *free, {"Key": "k", "ETag": good["ETag"]})
            assert [str(sent) for sent in wire.sent] == [
                *["POST /?bulk-delete="] * 4,
                f"HEAD /{bucket}/k",
                f"DELETE /{bucket}/k",
            ]


def test_what_comes_between_the_look_and_the_delete_is_deleted(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    """The race that docs/mapping.md tells of; where versions are kept it loses nothing."""
    versioned = f"{bucket}-v"
    s3.create_bucket(Bucket=versioned)
    enable(s3, versioned)
    for name in (bucket, versioned):
        good = put(s3, name)

        async def overwrite(sent: Any, name: str = name) -> None:
            if sent.method == "DELETE":
                swift.put_object(name, "k", b"new")

        with tiny.watched() as wire:
            wire.before = overwrite
            delete(s3, name, ETag=good["ETag"])
        assert not is_there(swift, name, "k")
    newest = ids(swift, versioned)[1]
    assert swift.get_object(versioned, "k", query_string=f"version-id={newest}")[1] == b"new"


def test_a_version_that_is_named_cannot_change_after_the_look(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    enable(s3, bucket)
    first = upload(s3, bucket, "k")
    second = upload(s3, bucket, "k")
    newest, oldest = ids(swift, bucket)
    etag = etag_of(first.encode())
    delete(s3, bucket, VersionId=oldest, ETag=etag)
    assert ids(swift, bucket) == [newest]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == second.encode()
