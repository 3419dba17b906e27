"""DeleteObjects: one answer, a word on every key, and nothing said that was not done."""

import json
from base64 import b64encode
from collections.abc import Iterable
from hashlib import md5, sha1
from typing import Any
from xml.sax.saxutils import escape

import pytest
import swiftclient

from s3gw.swift.account import Account
from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.info import ClusterInfo, InfoCache
from tests.functional.conftest import Raw
from tests.functional.fixtures import MakeUser
from tests.functional.gateway import Running, Sent, s3_client
from tests.functional.rawclient import UNSIGNED, Reply, ask, keys_of, sign
from tests.functional.stack import Stack
from tests.functional.test_deletes import native_slo, upload
from tests.functional.witness import document, is_there, names

ODD = [
    "new\nline", "cr\rlf\r\n", "tab\t", " ", " lead", "trail ", "a b+c", "%", "%2F", "a%2Fb", "%0A",
    "/", "//", "/lead", "trail/", "a//b", ".", "..", "a/../b", "é", "😀", "&<>\"'", "?q=1", "#f",
    "\x7f", "\ud7ff", "\U0010ffff", "é" * 512, "😀" * 256, "a" * 1024, "%" * 1024,
]  # fmt: skip


def delete(s3: Any, bucket: str, keys: Iterable[str], **more: Any) -> tuple[list[str], list[Any]]:
    """The keys that were deleted, and the errors."""
    wanted = {"Objects": [{"Key": key} for key in keys], **more}
    answer = s3.delete_objects(Bucket=bucket, Delete=wanted)
    return [one["Key"] for one in answer.get("Deleted", [])], answer.get("Errors", [])


def body_of(keys: Iterable[str], inner: str = "") -> bytes:
    """A Delete document."""
    objects = "".join(f"<Object><Key>{escape(key)}</Key>{inner}</Object>" for key in keys)
    return f"<Delete>{objects}</Delete>".encode()


@pytest.fixture(params=["bulk", "one by one", "beside uploads"])
def way(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, s3: Any, bucket: str
) -> str:
    """The three ways a gateway may go: they have to do the same."""
    if request.param == "one by one":

        async def get(_self: InfoCache, _url: str) -> ClusterInfo:
            return ClusterInfo(bulk_delete=False)

        monkeypatch.setattr(InfoCache, "get", get)
    elif request.param == "beside uploads":
        s3.create_multipart_upload(Bucket=bucket, Key="other")
    way: str = request.param
    return way


@pytest.mark.usefixtures("way")
class TestEveryWay:
    """In bulk, one by one, and what a listing sorts out."""

    def test_exactly_the_keys_go(self, s3: Any, bucket: str, swift: swiftclient.Connection) -> None:
        for key in ("a", "b", "c/d", "c/e", "f"):
            swift.put_object(bucket, key, b"1")
        deleted, errors = delete(s3, bucket, ["b", "never", "c/d", "b"])
        assert (deleted, errors) == (["b", "never", "c/d", "b"], [])
        assert names(swift, bucket) == ["a", "c/e", "f"]

    def test_odd_keys_are_taken_as_they_are(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        kept = ["%2f", "a%252Fb", "line", "lead", "trail", "a", "é" * 511]
        for key in [*ODD, *kept]:
            s3.put_object(Bucket=bucket, Key=key, Body=b"1")
        assert set(names(swift, bucket)) == {*ODD, *kept}
        assert delete(s3, bucket, ODD) == (ODD, [])
        assert set(names(swift, bucket)) == set(kept)

    @pytest.mark.parametrize("key", ["\U0010ffff", "a\ud7ff"])
    def test_a_key_that_swift_cannot_seek_goes(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, key: str
    ) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
        assert delete(s3, bucket, [key]) == ([key], [])
        assert names(swift, bucket) == []

    def test_large_objects_lose_their_parts(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        upload(s3, bucket, "large")
        other = upload(s3, bucket, "large2")
        native_slo(swift, bucket, "native")
        swift.put_object(bucket, "plain", b"1")
        keys = ["large", "native", "plain"]
        assert delete(s3, bucket, keys) == (keys, [])
        assert names(swift, bucket) == ["large2"]
        left = [name for name in names(swift, f"{bucket}+segments") if not name.startswith("other")]
        assert left == [f"large2/{other}/1"]

    def test_versions_keep_their_parts(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.post_container(bucket, {"X-Versions-Enabled": "true"})
        upload_id = upload(s3, bucket, "large")
        version = swift.head_object(bucket, "large")["x-object-version-id"]
        assert delete(s3, bucket, ["large", "never"]) == (["large", "never"], [])
        assert names(swift, bucket) == []
        _, body = swift.get_object(bucket, "large", query_string=f"version-id={version}")
        assert body == upload_id.encode()
        entries = swift.get_container(bucket, query_string="versions=")[1]
        markers = [entry["name"] for entry in entries if "x-deleted" in entry["content_type"]]
        assert markers == ["large", "never"]

    def test_the_version_null_may_be_named(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        for key in ("a", "b"):
            swift.put_object(bucket, key, b"1")
        reply = raw("POST", f"/{bucket}?delete", body=body_of("a", "<VersionId>null</VersionId>"))
        found = document(reply.body)
        assert found.findtext("Deleted/Key") == "a"
        assert found.findtext("Deleted/VersionId") == "null"
        assert names(swift, bucket) == ["b"]

    def test_no_version_is_mistaken_for_the_version_null(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.post_container(bucket, {"X-Versions-Enabled": "true"})
        swift.put_object(bucket, "a", b"1")
        before = swift.get_container(bucket, query_string="versions=")[1]
        reply = raw("POST", f"/{bucket}?delete", body=body_of("ab", "<VersionId>null</VersionId>"))
        found = document(reply.body)
        assert [one.findtext("VersionId") for one in found.findall("Deleted")] == ["null"] * 2
        assert found.find("Error") is None
        assert swift.get_container(bucket, query_string="versions=")[1] == before

    def test_quiet_tells_of_errors_only(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "a", b"1")
        body = body_of(["a", "b" * 1025]).replace(b"<Delete>", b"<Delete><Quiet>true</Quiet>")
        found = document(raw("POST", f"/{bucket}?delete", body=body).body)
        assert [child.tag for child in found] == ["Error"]
        assert found.findtext("Error/Key") == "b" * 1025
        assert found.findtext("Error/Code") == "KeyTooLongError"
        assert found.findtext("Error/Message") == "Your key is too long"
        assert names(swift, bucket) == []

    def test_what_cannot_be_done_is_told_of_each_key(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        for key in ("a", "b", "c", "d"):
            swift.put_object(bucket, key, b"1")
        objects = (
            "<Object><Key>a</Key><VersionId>17.0</VersionId></Object>"
            "<Object><Key>a</Key></Object>"
            "<Object><Key>b</Key><ETag>x</ETag></Object>"
            "<Object><Key>c</Key><Size>2</Size></Object>"
            "<Object><Key>d</Key><VersionId></VersionId></Object>"
        )
        body = f"<Delete>{objects}</Delete>".encode()
        found = document(raw("POST", f"/{bucket}?delete", body=body).body)
        told = [(one.findtext("Key"), one.findtext("VersionId")) for one in found.findall("Error")]
        assert told == [("a", "17.0"), ("b", None), ("c", None)]
        codes = [one.findtext("Code") for one in found.findall("Error")]
        assert codes == ["InvalidArgument", "PreconditionFailed", "PreconditionFailed"]
        assert [one.findtext("Key") for one in found.findall("Deleted")] == ["a", "d"]
        assert names(swift, bucket) == ["b", "c"]

    def test_a_bucket_that_never_was_is_told(self, raw: Raw) -> None:
        reply = raw("POST", "/never-was-a-bucket?delete", body=body_of("a"))
        assert (reply.status, reply.code) == (404, "NoSuchBucket")


def test_a_thousand_keys_may_be_named(s3: Any, bucket: str, swift: swiftclient.Connection) -> None:
    keys = [f"key-{n % 10}" for n in range(1000)]
    for key in {*keys, "key-10"}:
        swift.put_object(bucket, key, b"1")
    assert delete(s3, bucket, keys) == (keys, [])
    assert names(swift, bucket) == ["key-10"]


@pytest.mark.parametrize(
    "body",
    [
        body_of(f"k{n}" for n in range(1001)),
        b"<Delete></Delete>",
        b"",
        b"<Delete><Object></Object></Delete>",
        b"<Delete><Object><Key></Key></Object></Delete>",
        b"<Delete><Object><Key>k0</Key><Tomorrow/></Object></Delete>",
        b"<Delete><Object><Key>k0</Key></Object><Quiet>perhaps</Quiet></Delete>",
        b"<Remove><Object><Key>k0</Key></Object></Remove>",
        b"<Delete><Object><Key>k0</Key></Object>",
        b'<!DOCTYPE x [<!ENTITY e "k0">]><Delete><Object><Key>&e;</Key></Object></Delete>',
    ],
)
def test_a_document_that_is_not_right_deletes_nothing(
    raw: Raw, bucket: str, swift: swiftclient.Connection, body: bytes
) -> None:
    swift.put_object(bucket, "k0", b"1")
    reply = raw("POST", f"/{bucket}?delete", body=body)
    assert (reply.status, reply.code) == (400, "MalformedXML")
    assert names(swift, bucket) == ["k0"]


class TestDigests:
    """A list of what to delete has to arrive whole."""

    @pytest.fixture
    def post(
        self, gateway: Running, stack: Stack, bucket: str, swift: swiftclient.Connection
    ) -> Any:
        swift.put_object(bucket, "k", b"1")

        def send(payload: str, **headers: str) -> Reply:
            body = body_of("k")
            pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
            url = f"{gateway.endpoint}/{bucket}?delete="
            signed = sign(keys_of(stack), "POST", url, pairs, payload=payload)
            length = [("Content-Length", str(len(body)))]
            return ask(gateway.endpoint, signed, body, more=length)

        return send

    @pytest.mark.parametrize(
        ("headers", "code"),
        [
            ({}, "InvalidRequest"),
            ({"content_md5": "xyz"}, "InvalidDigest"),
            ({"content_md5": b64encode(md5(b"other").digest()).decode()}, "BadDigest"),
            ({"x_amz_checksum_crc32": "AAAAAA=="}, "BadDigest"),
            ({"x_amz_checksum_crc32": "AAAA"}, "InvalidRequest"),
        ],
    )
    def test_without_a_right_one_nothing_goes(
        self, post: Any, bucket: str, swift: swiftclient.Connection, headers: Any, code: str
    ) -> None:
        reply = post(UNSIGNED, **headers)
        assert (reply.status, reply.code) == (400, code)
        if not headers:
            assert reply.error["Message"] == (
                "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
            )
        assert names(swift, bucket) == ["k"]

    @pytest.mark.parametrize(
        "headers",
        [
            {"content_md5": b64encode(md5(body_of("k")).digest()).decode()},
            {"x_amz_checksum_sha1": b64encode(sha1(body_of("k")).digest()).decode()},
        ],
    )
    def test_either_kind_will_do(
        self, post: Any, bucket: str, swift: swiftclient.Connection, headers: Any
    ) -> None:
        assert post(UNSIGNED, **headers).status == 200
        assert names(swift, bucket) == []


class TestFailures:
    """A key is called deleted only if it was."""

    def test_one_failure_is_one_error(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.create_multipart_upload(Bucket=bucket, Key="other")
        for key in ("a", "b", "c"):
            native_slo(swift, bucket, key)

        async def cut(sent: Sent) -> None:
            if (sent.method, sent.path) == ("DELETE", f"/{bucket}/b"):
                raise SwiftUnreachable("cut by the test")

        with gateway.watched() as wire:
            wire.before = cut
            deleted, errors = delete(s3, bucket, ["a", "b", "c"])
        assert deleted == ["a", "c"]
        assert [(error["Key"], error["Code"]) for error in errors] == [("b", "ServiceUnavailable")]
        assert names(swift, bucket) == ["b", "segment-b-0", "segment-b-1"]

    def test_who_may_only_read_deletes_nothing(
        self,
        gateway: Running,
        stack: Stack,
        make_user: MakeUser,
        bucket: str,
        swift: swiftclient.Connection,
    ) -> None:
        person = make_user("reader", stack.project.id)
        reader = s3_client(
            gateway.endpoint, stack, access_key=person.access_key, secret_key=person.secret_key
        )
        for key in ("a", "b"):
            swift.put_object(bucket, key, b"1")
        swift.post_container(bucket, {"X-Container-Read": person.project_id + ":*"})
        deleted, errors = delete(reader, bucket, ["a", "b"])
        assert deleted == []
        assert [(error["Key"], error["Code"]) for error in errors] == [
            ("a", "AccessDenied"),
            ("b", "AccessDenied"),
        ]
        assert names(swift, bucket) == ["a", "b"]

    @pytest.mark.parametrize(
        "report",
        [
            {},
            {"Response Status": "502 Bad Gateway", "Number Deleted": 1, "Number Not Found": 0},
            {
                "Response Status": "400 Bad Request",
                "Response Body": "Max delete failures exceeded",
                "Number Deleted": 1,
                "Number Not Found": 0,
                "Errors": [["/BUCKET/b", "403 Forbidden"]],
            },
        ],
    )
    def test_what_swift_did_not_come_to_is_not_called_deleted(
        self, monkeypatch: pytest.MonkeyPatch, s3: Any, bucket: str, report: dict[str, Any]
    ) -> None:
        said = json.loads(json.dumps(report).replace("BUCKET", bucket))

        async def bulk_delete(_self: Account, _names: object) -> Any:
            return said

        monkeypatch.setattr(Account, "bulk_delete", bulk_delete)
        deleted, errors = delete(s3, bucket, ["a", "b", "c"])
        assert deleted == []
        second = "AccessDenied" if "Errors" in report else "ServiceUnavailable"
        assert [(error["Key"], error["Code"]) for error in errors] == [
            ("a", "ServiceUnavailable"),
            ("b", second),
            ("c", "ServiceUnavailable"),
        ]

    def test_a_bucket_of_slashes_is_not_taken_for_a_container(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        assert delete(s3, bucket, ["/", "//", "///"]) == (["/", "//", "///"], [])
        assert is_there(swift, bucket)
