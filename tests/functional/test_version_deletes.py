"""DeleteObject and DeleteObjects in buckets with versions."""

from typing import Any

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.gates import Failing, Which
from tests.functional.gateway import Running
from tests.functional.test_deletes import upload
from tests.functional.test_versioning import enable
from tests.functional.versions import ids, put, switch, versions
from tests.functional.witness import is_there, names, refusal

ABSENT = "1234567890.12345"


def write(s3: Any, bucket: str, body: bytes = b"1") -> str:
    version_id: str = s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"]
    return version_id


def read(s3: Any, bucket: str) -> bytes:
    body: bytes = s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    return body


def delete(s3: Any, bucket: str, version_id: str | None = None) -> tuple[str | None, bool]:
    """What the answer calls it, and whether it is a delete marker."""
    named = {} if version_id is None else {"VersionId": version_id}
    answer = s3.delete_object(Bucket=bucket, Key="k", **named)
    return answer.get("VersionId"), answer.get("DeleteMarker", False)


class TestWithoutAVersion:
    """A delete that names no version puts a delete marker over the key."""

    def test_the_marker_is_told_and_hides_the_key(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        made = write(s3, bucket)
        marker, is_marker = delete(s3, bucket)
        assert (ids(swift, bucket), is_marker) == ([marker, made], True)
        assert refusal(s3.get_object, Bucket=bucket, Key="k")[1] == "NoSuchKey"
        second, _ = delete(s3, bucket)
        assert ids(swift, bucket) == [second, marker, made]

    def test_a_key_that_never_was_gets_one(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        marker, is_marker = delete(s3, bucket)
        assert (ids(swift, bucket), is_marker) == ([marker], True)

    def test_while_suspended_it_is_null_and_replaces_null(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"0")
        enable(s3, bucket)
        made = write(s3, bucket)
        enable(s3, bucket, "Suspended")
        assert delete(s3, bucket) == ("null", True)
        assert ids(swift, bucket) == [made]
        assert refusal(s3.get_object, Bucket=bucket, Key="k")[1] == "NoSuchKey"
        # Without its marker the version before is the newest again.
        assert delete(s3, bucket, "null") == ("null", True)
        assert read(s3, bucket) == b"1"

    def test_in_a_bucket_without_versions_there_is_none(self, raw: Raw, bucket: str) -> None:
        reply = raw("DELETE", f"/{bucket}/k")
        assert reply.status == 204
        assert {"x-amz-version-id", "x-amz-delete-marker"}.isdisjoint(reply.headers)


class TestNamed:
    """A delete that names a version deletes that one for good, and no other."""

    def test_an_old_version_goes_alone(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        one, two, three = (write(s3, bucket, body) for body in (b"1", b"2", b"3"))
        assert delete(s3, bucket, two) == (two, False)
        assert ids(swift, bucket) == [three, one]
        assert read(s3, bucket) == b"3"

    def test_after_the_newest_the_one_before_is_the_object_again(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        one, two, three = (write(s3, bucket, body) for body in (b"1", b"2", b"3"))
        assert delete(s3, bucket, three) == (three, False)
        assert (read(s3, bucket), ids(swift, bucket)) == (b"2", [two, one])
        assert swift.get_object(bucket, "k")[1] == b"2"
        delete(s3, bucket, two)
        delete(s3, bucket, one)
        assert (ids(swift, bucket), names(swift, bucket)) == ([], [])

    def test_after_a_marker_the_version_before_is_the_object_again(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        made = write(s3, bucket)
        first, _ = delete(s3, bucket)
        second, _ = delete(s3, bucket)
        assert delete(s3, bucket, first) == (first, True)  # which hides nothing
        assert ids(swift, bucket) == [second, made]
        assert not is_there(swift, bucket, "k")
        assert delete(s3, bucket, second) == (second, True)
        assert (read(s3, bucket), ids(swift, bucket)) == (b"1", [made])

    def test_what_a_marker_hides_stays_hidden(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        one, two = write(s3, bucket), write(s3, bucket)
        marker, _ = delete(s3, bucket)
        delete(s3, bucket, two)
        assert ids(swift, bucket) == [marker, one]
        assert not is_there(swift, bucket, "k")

    def test_what_a_null_marker_hides_stays_hidden(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        one, two = write(s3, bucket), write(s3, bucket)
        enable(s3, bucket, "Suspended")
        delete(s3, bucket)
        assert delete(s3, bucket, two) == (two, False)
        assert ids(swift, bucket) == [one]
        assert not is_there(swift, bucket, "k")

    def test_null_from_before_versioning(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"0")
        enable(s3, bucket)
        made = write(s3, bucket)
        assert delete(s3, bucket, "null") == ("null", False)
        assert ids(swift, bucket) == [made]
        assert delete(s3, bucket, "null") == ("null", False)  # there is none any more
        assert (ids(swift, bucket), read(s3, bucket)) == ([made], b"1")

    def test_null_that_is_the_newest_gives_way_to_the_one_before(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        made = write(s3, bucket)
        enable(s3, bucket, "Suspended")
        write(s3, bucket, b"null")
        assert delete(s3, bucket, "null") == ("null", False)
        assert (ids(swift, bucket), read(s3, bucket)) == ([made], b"1")

    def test_null_that_was_linked_again(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"0")
        enable(s3, bucket)
        delete(s3, bucket, write(s3, bucket))
        assert read(s3, bucket) == b"0"
        assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"
        assert delete(s3, bucket, "null") == ("null", False)
        assert (ids(swift, bucket), names(swift, bucket)) == ([], [])

    @pytest.mark.parametrize("status", ["Enabled", "Suspended", ""])
    def test_what_is_not_there_is_deleted(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, status: str
    ) -> None:
        put(swift, bucket, "k")
        if status:
            enable(s3, bucket, status)
        before = versions(swift, bucket)
        assert delete(s3, bucket, ABSENT) == (ABSENT, False)
        assert versions(swift, bucket) == before
        arguments = {"Bucket": "never-was-a-bucket", "Key": "k", "VersionId": ABSENT}
        assert refusal(s3.delete_object, **arguments)[1] == "NoSuchBucket"

    def test_a_large_version_leaves_its_parts_to_the_others(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        first, second = upload(s3, bucket, "k"), upload(s3, bucket, "k")
        newest, oldest = ids(swift, bucket)
        delete(s3, bucket, newest)
        assert read(s3, bucket) == first.encode()
        delete(s3, bucket, oldest)
        parts = names(swift, f"{bucket}+segments")
        assert parts == sorted([f"k/{first}/1", f"k/{second}/1"])

    def test_a_bucket_is_deleted_when_its_last_version_is(self, s3: Any, bucket: str) -> None:
        enable(s3, bucket)
        made = write(s3, bucket)
        marker, _ = delete(s3, bucket)
        assert refusal(s3.delete_bucket, Bucket=bucket)[1] == "BucketNotEmpty"
        delete(s3, bucket, made)
        delete(s3, bucket, marker)
        s3.delete_bucket(Bucket=bucket)


class TestRaces:
    """What another request does in between is forced by a hook on the wire."""

    def test_an_object_that_came_meanwhile_is_not_linked_over(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        one, two = write(s3, bucket), write(s3, bucket)
        enable(s3, bucket, "Suspended")

        async def put_first(sent: Any) -> None:
            if sent.method == "PUT":
                swift.put_object(bucket, "k", b"null")

        with gateway.watched() as wire:
            wire.before = put_first
            delete(s3, bucket, two)
        assert (read(s3, bucket), ids(swift, bucket)) == (b"null", ["null", one])

    def test_a_version_that_went_meanwhile_is_passed_over(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        one, two, three = (write(s3, bucket, body) for body in (b"1", b"2", b"3"))

        async def delete_first(sent: Any) -> None:
            if sent.method == "PUT" and two in sent.query:
                swift.delete_object(bucket, "k", query_string=f"version-id={two}")

        with gateway.watched() as wire:
            wire.before = delete_first
            delete(s3, bucket, three)
        assert (read(s3, bucket), ids(swift, bucket)) == (b"1", [one])


class TestMany:
    """DeleteObjects tells of each what DeleteObject would."""

    def many(self, s3: Any, bucket: str, *items: tuple[str, str | None]) -> dict[Any, Any]:
        objects = [
            {"Key": key} if version_id is None else {"Key": key, "VersionId": version_id}
            for key, version_id in items
        ]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
        assert "Errors" not in answer
        return {(one["Key"], one.get("VersionId")): one for one in answer["Deleted"]}

    def test_markers_are_told(self, s3: Any, bucket: str, swift: swiftclient.Connection) -> None:
        enable(s3, bucket)
        write(s3, bucket)
        told = self.many(s3, bucket, ("k", None), ("never", None))
        assert {key for key, _ in told} == {"k", "never"}
        for (key, _), one in told.items():
            assert one["DeleteMarker"] is True
            assert one["DeleteMarkerVersionId"] == ids(swift, bucket, key)[0]

    def test_all_versions_of_a_key_go_at_once(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"0")
        enable(s3, bucket)
        made = [write(s3, bucket) for _ in range(3)]
        marker, _ = delete(s3, bucket)
        put(swift, bucket, "other")
        told = self.many(s3, bucket, *[("k", one) for one in [marker, *made, "null"]])
        assert told["k", marker]["DeleteMarker"] is True
        assert told["k", marker]["DeleteMarkerVersionId"] == marker
        assert all("DeleteMarker" not in told["k", one] for one in [*made, "null"])
        assert ids(swift, bucket, "k") == []
        assert len(ids(swift, bucket)) == 1

    def test_the_newest_that_is_left_is_the_object(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        one, two, three = (write(s3, bucket, body) for body in (b"1", b"2", b"3"))
        self.many(s3, bucket, ("k", three), ("k", one))
        assert (read(s3, bucket), ids(swift, bucket)) == (b"2", [two])

    def test_a_bucket_without_versions_has_none_to_name(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        put(swift, bucket, "k")
        told = self.many(s3, bucket, ("k", ABSENT), ("never", "null"))
        assert set(told) == {("k", ABSENT), ("never", "null")}
        assert names(swift, bucket) == ["k"]

    def test_memory_that_is_wrong_destroys_nothing(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        put(swift, bucket, "k")
        s3.get_bucket_location(Bucket=bucket)  # which is remembered: no versions
        switch(swift, bucket, on=True)
        self.many(s3, bucket, ("k", None))
        assert len(ids(swift, bucket)) == 2


def test_what_a_delete_costs(gateway: Running, s3: Any, bucket: str) -> None:
    enable(s3, bucket)
    one, two, three = (write(s3, bucket) for _ in range(3))
    s3.get_bucket_location(Bucket=bucket)  # warms the bucket's facts

    def cost(version_id: str | None = None) -> list[str]:
        with gateway.watched() as wire:
            delete(s3, bucket, version_id)
            return wire.methods()

    assert cost(two) == ["HEAD", "HEAD", "DELETE"]
    assert cost(three) == ["HEAD", "HEAD", "DELETE", "HEAD", "GET", "PUT"]
    assert cost() == ["HEAD", "DELETE"]
    assert one


class TestRepeats:
    """A delete of the newest version that failed between its steps."""

    def test_a_delete_that_was_cut_short_is_ended_by_its_repeat(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        one, two = write(s3, bucket, b"1"), write(s3, bucket, b"2")
        with gateway.watched() as wire:
            wire.before = Failing(Which("PUT", f"/{bucket}/k"))
            assert refusal(s3.delete_object, Bucket=bucket, Key="k", VersionId=two)[0] == 503
        assert (ids(swift, bucket), is_there(swift, bucket, "k")) == ([one], False)
        assert delete(s3, bucket, two) == (two, False)
        assert (read(s3, bucket), ids(swift, bucket)) == (b"1", [one])

    @pytest.mark.parametrize("again", [False, True])
    def test_what_was_deleted_while_suspended_is_not_taken_for_that(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, *, again: bool
    ) -> None:
        enable(s3, bucket)
        write(s3, bucket)
        enable(s3, bucket, "Suspended")
        delete(s3, bucket)
        if again:
            enable(s3, bucket)
        assert delete(s3, bucket, ABSENT) == (ABSENT, False)
        assert not is_there(swift, bucket, "k")
