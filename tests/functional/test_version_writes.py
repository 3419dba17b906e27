"""PutObject and CompleteMultipartUpload in buckets with versions."""

from typing import Any

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.gateway import Running
from tests.functional.test_deletes import upload
from tests.functional.test_versioning import enable
from tests.functional.uploads import begin
from tests.functional.versions import ids, put, switch, versions
from tests.functional.witness import refusal

LARGE = b"x" * (1024 * 1024)


def test_a_bucket_without_versions_tells_no_version(raw: Raw, s3: Any, bucket: str) -> None:
    reply = raw("PUT", f"/{bucket}/k", body=b"1")
    assert (reply.status, "x-amz-version-id" in reply.headers) == (200, False)
    upload(s3, bucket, "large")
    assert "VersionId" not in s3.head_object(Bucket=bucket, Key="large")


@pytest.mark.parametrize("body", [b"small", LARGE])
def test_each_write_is_a_version_of_its_own(
    s3: Any, bucket: str, swift: swiftclient.Connection, body: bytes
) -> None:
    enable(s3, bucket)
    made = [s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for _ in range(3)]
    assert ids(swift, bucket) == made[::-1]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=made[0])["Body"].read() == body


def test_a_completed_upload_is_a_version(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    enable(s3, bucket)
    place = {"Bucket": bucket, "Key": "k"}
    made = []
    for body in (b"one", b"two"):
        upload_id = s3.create_multipart_upload(**place)["UploadId"]
        part = s3.upload_part(**place, UploadId=upload_id, PartNumber=1, Body=body)
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        whole = {**place, "UploadId": upload_id, "MultipartUpload": parts}
        done = s3.complete_multipart_upload(**whole)
        made.append(done["VersionId"])
        # Who repeats it is told the same.
        assert s3.complete_multipart_upload(**whole)["VersionId"] == done["VersionId"]
    assert ids(swift, bucket) == made[::-1]
    for version_id, body in zip(made, (b"one", b"two"), strict=True):
        found = s3.get_object(**place, VersionId=version_id)
        assert (found["Body"].read(), found["VersionId"]) == (body, version_id)
        assert found["ETag"].endswith('-1"')


class TestSuspended:
    """A write replaces what was `null` before, wherever Swift keeps it by now."""

    def test_the_newest_null_is_replaced(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        one = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
        enable(s3, bucket, "Suspended")
        for body in (b"2", b"3"):
            assert s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] == "null"
        assert ids(swift, bucket) == ["null", one]
        assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"3"

    @pytest.mark.parametrize("multipart", [False, True])
    def test_null_from_before_versioning_is_replaced(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, *, multipart: bool
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"0")
        s3.put_object(Bucket=bucket, Key="other", Body=b"0")
        enable(s3, bucket)
        one = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
        other = s3.put_object(Bucket=bucket, Key="other", Body=b"1")["VersionId"]
        enable(s3, bucket, "Suspended")
        if multipart:
            upload(s3, bucket, "k")
        else:
            s3.put_object(Bucket=bucket, Key="k", Body=b"2")
        assert ids(swift, bucket, "k") == ["null", one]
        assert ids(swift, bucket, "other")[0] == other
        assert len(ids(swift, bucket, "other")) == 2

    def test_null_from_an_earlier_suspension_is_replaced(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        one = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
        enable(s3, bucket, "Suspended")
        s3.put_object(Bucket=bucket, Key="k", Body=b"null")
        enable(s3, bucket)
        two = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
        assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"null"
        enable(s3, bucket, "Suspended")
        s3.put_object(Bucket=bucket, Key="k", Body=b"null again")
        assert ids(swift, bucket) == ["null", two, one]

    def test_nothing_is_replaced_on_memory(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        """The gateway remembers that versioning is suspended; Swift knows better."""
        s3.put_object(Bucket=bucket, Key="k", Body=b"0")
        enable(s3, bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        enable(s3, bucket, "Suspended")
        s3.put_object(Bucket=bucket, Key="warm", Body=b"1")
        before = versions(swift, bucket, "k")

        async def enable_natively(sent: Any) -> None:
            if sent.method == "PUT" and sent.path == f"/{bucket}/k":
                switch(swift, bucket, on=True)

        with gateway.watched() as wire:
            wire.after = enable_natively
            s3.put_object(Bucket=bucket, Key="k", Body=b"2")
            assert "DELETE" not in wire.methods()
        assert [one["version_id"] for one in before] == ids(swift, bucket, "k")[1:]

    def test_what_swift_alone_suspended_has_no_null_to_replace(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        put(swift, bucket, "k")
        switch(swift, bucket, on=True)
        put(swift, bucket, "k")
        switch(swift, bucket, on=False)
        s3.get_bucket_location(Bucket=bucket)  # warms the bucket's facts
        with gateway.watched() as wire:
            assert s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"] == "null"
            assert wire.methods() == ["PUT"]
        assert len(ids(swift, bucket)) == 3


class TestRefused:
    """What is refused leaves no version, though Swift had stored one."""

    @pytest.mark.parametrize("body", [b"small", LARGE])
    def test_a_put_over_what_is_there(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, body: bytes
    ) -> None:
        enable(s3, bucket)
        made = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
        arguments = {"Bucket": bucket, "Key": "k", "Body": body, "IfNoneMatch": "*"}
        assert refusal(s3.put_object, **arguments)[:2] == (412, "PreconditionFailed")
        assert ids(swift, bucket) == [made]
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"

    def test_a_complete_over_what_is_there(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        place = {"Bucket": bucket, "Key": "k"}
        made = s3.put_object(**place, Body=b"1")["VersionId"]
        upload_id = s3.create_multipart_upload(**place)["UploadId"]
        part = s3.upload_part(**place, UploadId=upload_id, PartNumber=1, Body=b"2")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        whole = {**place, "UploadId": upload_id, "MultipartUpload": parts}
        code = refusal(s3.complete_multipart_upload, **whole, IfNoneMatch="*")[:2]
        assert code == (412, "PreconditionFailed")
        assert ids(swift, bucket) == [made]
        s3.complete_multipart_upload(**whole)  # the upload is still there

    def test_a_null_object_stays_where_it_is(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"0")
        enable(s3, bucket)
        arguments = {"Bucket": bucket, "Key": "k", "Body": b"1", "IfNoneMatch": "*"}
        assert refusal(s3.put_object, **arguments)[0] == 412
        assert ids(swift, bucket) == ["null"]
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"0"

    @pytest.mark.parametrize("body", [b"small", LARGE])
    def test_a_put_over_what_came_after_the_look(
        self,
        gateway: Running,
        s3: Any,
        bucket: str,
        swift: swiftclient.Connection,
        body: bytes,
    ) -> None:
        enable(s3, bucket)
        made: list[str] = []

        async def put_first(sent: Any) -> None:
            if sent.method == "PUT" and not made:
                made.append(put(swift, bucket, "k"))

        with gateway.watched() as wire:
            wire.before = put_first
            arguments = {"Bucket": bucket, "Key": "k", "Body": body, "IfNoneMatch": "*"}
            assert refusal(s3.put_object, **arguments)[:2] == (412, "PreconditionFailed")
        assert ids(swift, bucket) == made
        assert swift.head_object(bucket, "k")["x-object-version-id"] == made[0]

    def test_a_deleted_key_may_be_written(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        enable(s3, bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        s3.delete_object(Bucket=bucket, Key="k")
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
        assert len(ids(swift, bucket)) == 3
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_what_a_write_costs(gateway: Running, s3: Any, bucket: str) -> None:
    def cost() -> list[str]:
        with gateway.watched() as wire:
            s3.put_object(Bucket=bucket, Key="k", Body=b"1")
            return wire.methods()

    s3.get_bucket_location(Bucket=bucket)  # warms the bucket's facts
    assert cost() == ["PUT"]
    enable(s3, bucket)
    assert cost() == ["PUT"]
    enable(s3, bucket, "Suspended")
    s3.get_bucket_location(Bucket=bucket)
    # The version that was null before: a look at the bucket, a listing, and its end.
    assert cost() == ["PUT", "HEAD", "GET", "DELETE"]
    assert cost() == ["PUT", "HEAD", "GET"]


def test_a_completed_upload_of_many_parts_tells_its_version_too(
    gateway: Running, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many parts Swift is asked for a heartbeat, whose headers come before there is an id."""
    monkeypatch.setattr("s3gw.swift.account._QUICK_MANIFEST", 0)
    enable(s3, bucket)
    made = []
    for body in (b"one", b"two"):
        upload = begin(s3, bucket)
        upload.put(1, body)
        with gateway.watched() as wire:
            made.append(upload.complete()["VersionId"])
            assert wire.methods() == ["HEAD", "GET", "PUT", "HEAD", "GET", "DELETE"]
    for version_id, body in zip(made, (b"one", b"two"), strict=True):
        found = s3.get_object(Bucket=bucket, Key="k", VersionId=version_id)
        assert found["Body"].read() == body


def test_a_version_that_is_hidden_already_is_not_told_for_another(
    *,
    gateway: Running,
    s3: Any,
    bucket: str,
    swift: swiftclient.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("s3gw.swift.account._QUICK_MANIFEST", 0)
    enable(s3, bucket)
    upload = begin(s3, bucket)
    upload.put(1, b"one")

    async def overwrite(sent: Any) -> None:
        if (sent.method, sent.path) == ("HEAD", f"/{bucket}/k"):
            swift.put_object(bucket, "k", b"two")

    with gateway.watched() as wire:
        wire.before = overwrite
        assert "VersionId" not in upload.complete()
    assert len(ids(swift, bucket, "k")) == 2
