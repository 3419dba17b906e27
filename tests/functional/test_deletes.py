"""DeleteObject: a large object's parts go with it, and nothing else ever does (hazard 1)."""

from typing import Any

import pytest
import swiftclient

from s3gw.swift.errors import SwiftUnreachable
from tests.functional.conftest import Raw
from tests.functional.gateway import Hook, Running, Sent
from tests.functional.witness import is_there, names, refusal


def upload(s3: Any, bucket: str, key: str) -> str:
    """Make a multipart object that holds its own upload id, as its only part; that id."""
    place = {"Bucket": bucket, "Key": key}
    upload_id: str = s3.create_multipart_upload(**place)["UploadId"]
    part = s3.upload_part(**place, UploadId=upload_id, PartNumber=1, Body=upload_id)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**place, UploadId=upload_id, MultipartUpload=parts)
    return upload_id


def native_slo(swift: swiftclient.Connection, bucket: str, key: str) -> list[str]:
    """A static large object whose segments lie beside it; their names."""
    manifest = []
    for number, body in enumerate((b"one", b"two")):
        etag = swift.put_object(bucket, f"segment-{key}-{number}", body)
        manifest.append(f'{{"path": "/{bucket}/segment-{key}-{number}", "etag": "{etag}"}}')
    swift.put_object(bucket, key, f"[{', '.join(manifest)}]", query_string="multipart-manifest=put")
    return [f"segment-{key}-{number}" for number in range(2)]


def once(method: str, path: str, work: Any) -> Hook:
    """A hook that does the work before the first request of the method to the path."""
    left = [work]

    async def hook(sent: Sent) -> None:
        if (sent.method, sent.path) == (method, path) and left:
            left.pop()()

    return hook


class TestPlainObjects:
    """A key is gone afterwards, whether it was there or not."""

    def test_a_delete_answers_204_and_nothing_more(
        self, raw: Raw, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        for key in ("k", "k2", "k/"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"1")
        reply = raw("DELETE", f"/{bucket}/k")
        assert (reply.status, reply.body) == (204, b"")
        assert {"content-length", "content-type", "transfer-encoding"}.isdisjoint(reply.headers)
        assert names(swift, bucket) == ["k/", "k2"]

    def test_a_key_that_never_was_is_deleted_too(self, raw: Raw, bucket: str) -> None:
        assert raw("DELETE", f"/{bucket}/never").status == 204

    def test_a_bucket_that_never_was_is_told(self, raw: Raw) -> None:
        reply = raw("DELETE", "/never-was-a-bucket/k")
        assert (reply.status, reply.code) == (404, "NoSuchBucket")

    def test_the_version_null_may_be_named(
        self, raw: Raw, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        assert raw("DELETE", f"/{bucket}/k?versionId=null").status == 204
        assert names(swift, bucket) == []

    @pytest.mark.parametrize(
        ("query", "refused"),
        [
            ("versionId=1", (400, "InvalidArgument")),
            ("versionId=", (400, "InvalidArgument")),
            ("restore", (501, "NotImplemented")),
            ("legal-hold", (501, "NotImplemented")),
            ("what-comes-tomorrow", (501, "NotImplemented")),
        ],
    )
    def test_whatever_else_is_named_stays(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, query: str, refused: object
    ) -> None:
        swift.put_object(bucket, "k", b"1")
        reply = raw("DELETE", f"/{bucket}/k?{query}")
        assert (reply.status, reply.code) == refused
        assert names(swift, bucket) == ["k"]

    @pytest.mark.parametrize(
        "header", ["If-None-Match", "If-Modified-Since", "If-Unmodified-Since"]
    )
    def test_a_condition_that_nobody_checks_is_refused(
        self, raw: Raw, s3: Any, bucket: str, swift: swiftclient.Connection, header: str
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        reply = raw("DELETE", f"/{bucket}/k", [(header, "1")])
        assert (reply.status, reply.code) == (501, "NotImplemented")
        assert reply.error["Header"] == header
        assert names(swift, bucket) == ["k"]

    def test_a_name_that_swift_cannot_hold_is_nowhere(self, raw: Raw, bucket: str) -> None:
        reply = raw("DELETE", f"/{bucket}/{'a' * 1025}")
        assert (reply.status, reply.code) == (400, "KeyTooLongError")
        reply = raw("DELETE", f"/{bucket}/a%00b")
        assert reply.status == 400
        assert b"<Code>InvalidURI</Code>" in reply.body


class TestLargeObjects:
    """What only this object needs goes with it."""

    def test_parts_go_with_their_object_and_others_stay(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        upload(s3, bucket, "k")
        other = upload(s3, bucket, "k2")
        open_upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        s3.put_object(Bucket=bucket, Key="plain", Body=b"1")
        s3.delete_object(Bucket=bucket, Key="k")
        assert names(swift, bucket) == ["k2", "plain"]
        assert names(swift, f"{bucket}+segments") == [f"k/{open_upload}", f"k2/{other}/1"]
        assert s3.get_object(Bucket=bucket, Key="k2")["Body"].read() == other.encode()

    def test_segments_of_a_native_object_go_too(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        native_slo(swift, bucket, "k")
        s3.delete_object(Bucket=bucket, Key="k")
        assert names(swift, bucket) == []

    def test_segments_of_a_dynamic_object_stay_as_in_swift(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "segment/1", b"one")
        swift.put_object(bucket, "k", b"", headers={"X-Object-Manifest": f"{bucket}/segment/"})
        s3.delete_object(Bucket=bucket, Key="k")
        assert names(swift, bucket) == ["segment/1"]


class TestVersionedContainers:
    """Whatever a version may still need stays."""

    @pytest.mark.parametrize("enabled", ["true", "false"])
    def test_parts_stay_for_the_old_versions(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection, enabled: str
    ) -> None:
        swift.post_container(bucket, {"X-Versions-Enabled": "true"})
        upload_id = upload(s3, bucket, "k")
        swift.post_container(bucket, {"X-Versions-Enabled": enabled})
        version = swift.head_object(bucket, "k")["x-object-version-id"]
        with gateway.watched() as wire:
            s3.delete_object(Bucket=bucket, Key="k")
            assert [str(sent) for sent in wire.sent][-1] == f"DELETE /{bucket}/k"
        assert names(swift, bucket) == []
        _, body = swift.get_object(bucket, "k", query_string=f"version-id={version}")
        assert body == upload_id.encode()

    def test_parts_stay_though_the_gateway_knew_nothing_of_the_versioning(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        upload_id = upload(s3, bucket, "k")
        s3.get_bucket_versioning(Bucket=bucket)  # which is remembered: none
        swift.post_container(bucket, {"X-Versions-Enabled": "true"})
        s3.delete_object(Bucket=bucket, Key="k")
        assert not is_there(swift, bucket, "k")
        [version] = [
            entry["version_id"]
            for entry in swift.get_container(bucket, query_string="versions=")[1]
            if "x-deleted" not in entry["content_type"]
        ]
        _, body = swift.get_object(bucket, "k", query_string=f"version-id={version}")
        assert body == upload_id.encode()

    @pytest.mark.parametrize("flag", ["X-Versions-Location", "X-History-Location"])
    def test_parts_stay_for_the_older_kind_of_versions(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, flag: str
    ) -> None:
        archive = f"{bucket}-archive"
        swift.put_container(archive)
        swift.post_container(bucket, {flag: archive})
        upload_id = upload(s3, bucket, "k")
        s3.delete_object(Bucket=bucket, Key="k")
        assert not is_there(swift, bucket, "k")
        assert names(swift, f"{bucket}+segments") == [f"k/{upload_id}/1"]
        bodies = [swift.get_object(archive, name)[1] for name in names(swift, archive)]
        assert (upload_id.encode() in bodies) == (flag == "X-History-Location")

    def test_a_name_that_never_was_gets_its_marker(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.post_container(bucket, {"X-Versions-Enabled": "true"})
        s3.delete_object(Bucket=bucket, Key="never")
        [entry] = swift.get_container(bucket, query_string="versions=")[1]
        assert entry["name"] == "never"
        assert entry["content_type"] == "application/x-deleted;swift_versions_deleted=1"

    @pytest.mark.parametrize("deleted", [False, True])
    def test_no_version_is_mistaken_for_the_version_null(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, *, deleted: bool
    ) -> None:
        swift.post_container(bucket, {"X-Versions-Enabled": "true"})
        swift.put_object(bucket, "k", b"1")
        if deleted:
            swift.delete_object(bucket, "k")
        before = swift.get_container(bucket, query_string="versions=")[1]
        assert raw("DELETE", f"/{bucket}/k?versionId=null").status == 204
        assert swift.get_container(bucket, query_string="versions=")[1] == before


class TestBetweenHeadAndDelete:
    """What another request does in between is forced by a hook on the wire."""

    def test_a_plain_object_that_replaced_a_large_one_goes_alone(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        upload_id = upload(s3, bucket, "k")
        swift.put_object(bucket, "other", b"1")
        with gateway.watched() as wire:
            wire.before = once(
                "DELETE", f"/{bucket}/k", lambda: swift.put_object(bucket, "k", b"plain")
            )
            s3.delete_object(Bucket=bucket, Key="k")
            assert [str(sent) for sent in wire.sent] == [
                f"HEAD /{bucket}/k",
                f"HEAD /{bucket}",
                f"DELETE /{bucket}/k?multipart-manifest=delete",
                f"DELETE /{bucket}/k",
            ]
        assert names(swift, bucket) == ["other"]
        # Whose they are is not known any more, so they stay for the collector.
        assert names(swift, f"{bucket}+segments") == [f"k/{upload_id}/1"]

    def test_a_large_object_that_replaced_a_plain_one_leaves_its_segments(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"plain")
        with gateway.watched() as wire:
            wire.before = once("DELETE", f"/{bucket}/k", lambda: native_slo(swift, bucket, "k"))
            s3.delete_object(Bucket=bucket, Key="k")
        assert names(swift, bucket) == ["segment-k-0", "segment-k-1"]

    @pytest.mark.parametrize("large", [False, True])
    def test_an_object_that_another_deleted_is_deleted(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection, *, large: bool
    ) -> None:
        if large:
            upload(s3, bucket, "k")
        else:
            s3.put_object(Bucket=bucket, Key="k", Body=b"plain")
        with gateway.watched() as wire:
            wire.before = once("DELETE", f"/{bucket}/k", lambda: swift.delete_object(bucket, "k"))
            s3.delete_object(Bucket=bucket, Key="k")
        assert names(swift, bucket) == []

    def test_a_delete_that_swift_does_not_answer_is_no_success(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"plain")

        def fail() -> None:
            raise SwiftUnreachable("cut by the test")

        with gateway.watched() as wire:
            wire.before = once("DELETE", f"/{bucket}/k", fail)
            status, code, _ = refusal(s3.delete_object, Bucket=bucket, Key="k")
        assert (status, code) == (503, "ServiceUnavailable")
        assert names(swift, bucket) == ["k"]
