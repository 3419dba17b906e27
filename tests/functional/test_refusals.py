"""What nobody does is refused, and never done as if it had not been asked for (hazard 24)."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.gateway import Running, running, settings_for
from tests.functional.rawclient import Keys, Reply, ask, keys_of, sign
from tests.functional.stack import Stack
from tests.functional.witness import is_there, names

KEY = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
LATER = "2065-10-21T07:28:00Z"

NOT_IMPLEMENTED = [
    ("x-amz-server-side-encryption", "AES256"),
    ("x-amz-server-side-encryption", "aws:kms"),
    ("x-amz-server-side-encryption-aws-kms-key-id", "key"),
    ("x-amz-server-side-encryption-context", "e30="),
    ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
    ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
    ("x-amz-server-side-encryption-customer-key", KEY),
    ("x-amz-object-lock-mode", "GOVERNANCE"),
    ("x-amz-object-lock-retain-until-date", LATER),
    ("x-amz-object-lock-legal-hold", "ON"),
    ("x-amz-website-redirect-location", "/elsewhere"),
    ("x-amz-acl", "aws-exec-read"),
    ("x-amz-mfa", "1 2"),
    ("x-amz-write-offset-bytes", "0"),
    ("x-amz-of-tomorrow", "1"),
]
HARMLESS = [
    ("x-amz-acl", "private"),
    ("x-amz-acl", "bucket-owner-full-control"),
    ("x-amz-storage-class", "STANDARD"),
    ("x-amz-tagging", ""),
    ("x-amz-request-payer", "requester"),
    ("x-amz-user-agent", "test"),
]
WRITES = [("PUT", "k"), ("POST", "k?uploads")]


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for all that is refused."""
    name = f"refusals-{uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def stored(swift: swiftclient.Connection, bucket: str) -> list[str]:
    """What lies in the bucket, and its uploads."""
    container = f"{bucket}+segments"
    return names(swift, bucket) + (names(swift, container) if is_there(swift, container) else [])


@pytest.mark.parametrize(("name", "value"), NOT_IMPLEMENTED)
def test_a_header_that_asks_for_more_is_refused(
    raw: Raw, bucket: str, swift: swiftclient.Connection, name: str, value: str
) -> None:
    for method, target in WRITES:
        reply = raw(method, f"/{bucket}/{target}", [(name, value)])
        assert (reply.status, reply.code) == (501, "NotImplemented")
        assert reply.error["Header"] == name
        assert reply.error["Message"] == (
            "A header you provided implies functionality that is not implemented"
        )
    assert stored(swift, bucket) == []


@pytest.mark.parametrize("value", ["GLACIER", "REDUCED_REDUNDANCY", "standard", ""])
@pytest.mark.parametrize(("method", "target"), WRITES)
def test_another_storage_class_is_refused(
    raw: Raw, bucket: str, swift: swiftclient.Connection, method: str, target: str, value: str
) -> None:
    reply = raw(method, f"/{bucket}/{target}", [("x-amz-storage-class", value)])
    assert (reply.status, reply.code) == (400, "InvalidStorageClass")
    assert reply.error["StorageClassRequested"] == value
    assert stored(swift, bucket) == []


@pytest.mark.parametrize(("name", "value"), HARMLESS)
def test_a_header_that_asks_for_what_is_done_anyway_is_accepted(
    raw: Raw, bucket: str, name: str, value: str
) -> None:
    reply = raw("PUT", f"/{bucket}/harmless", [(name, value)], b"1")
    assert reply.status == 200
    assert raw("GET", f"/{bucket}/harmless").body == b"1"
    assert raw("DELETE", f"/{bucket}/harmless", [(name, value)]).status == 204


@pytest.mark.parametrize(
    "header",
    [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-customer-key", KEY),
        ("x-amz-server-side-encryption-customer-key-md5", "x"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_key_to_read_with_is_refused(
    raw: Raw, bucket: str, method: str, header: tuple[str, str]
) -> None:
    reply = raw(method, f"/{bucket}/k", [header])
    assert reply.status == 501
    assert method == "HEAD" or reply.error["Header"] == header[0]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("x-amz-acl", "log-delivery-write", "NotImplemented"),
        ("x-amz-bucket-object-lock-enabled", "true", "NotImplemented"),
        ("x-amz-bucket-of-tomorrow", "1", "NotImplemented"),
    ],
)
def test_a_bucket_that_would_be_another_is_not_made(
    raw: Raw, swift: swiftclient.Connection, name: str, value: str, code: str
) -> None:
    bucket = f"never-{uuid4().hex}"
    reply = raw("PUT", f"/{bucket}", [(name, value)])
    assert (reply.status, reply.code, reply.error["Header"]) == (501, code, name)
    assert not is_there(swift, bucket)


class TestOwner:
    """Who expects another owner has found the wrong bucket."""

    REQUESTS = (
        ("GET", ""), ("HEAD", ""), ("PUT", "/k"), ("GET", "/k"), ("HEAD", "/k"), ("DELETE", "/k"),
        ("DELETE", ""), ("POST", "?delete"), ("POST", "/k?uploads"), ("GET", "?acl"),
    )  # fmt: skip

    @pytest.mark.parametrize(("method", "rest"), REQUESTS)
    @pytest.mark.parametrize(
        "name", ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"]
    )
    def test_another_owner_is_denied(
        self, gateway: Running, raw: Raw, bucket: str, method: str, rest: str, name: str
    ) -> None:
        for value in ("123456789012", ""):
            with gateway.watched() as wire:
                reply = raw(method, f"/{bucket}{rest}", [(name, value)])
                assert wire.sent == []
            assert reply.status == 403
            assert method == "HEAD" or reply.code == "AccessDenied"

    def test_the_right_owner_is_let_in(self, raw: Raw, bucket: str, stack: Stack) -> None:
        owner = [("x-amz-expected-bucket-owner", stack.project.id)]
        assert raw("HEAD", f"/{bucket}", owner).status == 200
        assert raw("PUT", f"/{bucket}/owned", owner, b"1").status == 200
        assert raw("DELETE", f"/{bucket}/owned", owner).status == 204


class TestEncryptedSwift:
    """An operator who encrypts in Swift may say so."""

    @pytest.fixture(scope="class")
    @classmethod
    def encrypting(cls, stack: Stack) -> Iterator[Running]:
        with running(settings_for(stack, s3={"sse_s3": True})) as found:
            yield found

    @staticmethod
    def send(endpoint: str, keys: Keys, target: str, header: tuple[str, str]) -> Reply:
        signed = sign(keys, "PUT", endpoint + target, [header])
        return ask(endpoint, signed, more=[("Content-Length", "0")])

    def test_only_what_swift_does_is_accepted(
        self, encrypting: Running, stack: Stack, bucket: str, swift: swiftclient.Connection
    ) -> None:
        keys = keys_of(stack)
        target = f"/{bucket}/k"
        name = "x-amz-server-side-encryption"
        for header in ((name, "aws:kms"), (f"{name}-customer-algorithm", "AES256")):
            reply = self.send(encrypting.endpoint, keys, target, header)
            assert (reply.status, reply.code) == (501, "NotImplemented")
        assert stored(swift, bucket) == []
        assert self.send(encrypting.endpoint, keys, target, (name, "AES256")).status == 200
        assert stored(swift, bucket) == ["k"]
        swift.delete_object(bucket, "k")
