"""Nothing that is not implemented reaches the plain bucket or object beneath it.

Each request is one that a careless gateway takes for a plain PUT, POST or DELETE; Swift's own
client sees that the bucket, its object and an open upload are as they were.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

import pytest
import swiftclient

from s3gw.operations import OPERATIONS, Scope
from s3gw.resolution import _SUBRESOURCES
from tests.functional.gateway import Running
from tests.functional.rawclient import Reply, ask, keys_of, sign
from tests.functional.stack import Stack

_BODY = b"<Anything/>"
_KEY = "some/key"
_VOLATILE = {"date", "x-trans-id", "x-openstack-request-id", "connection", "keep-alive"}


@dataclass(frozen=True, slots=True)
class Held:
    """A bucket with one object and one open upload, as Swift's own client sees them."""

    swift: swiftclient.Connection
    bucket: str
    upload_id: str

    def now(self) -> dict[str, Any]:
        """All that Swift tells of the bucket, its parts and its object."""
        swift, bucket = self.swift, self.bucket
        headers, body = swift.get_object(bucket, _KEY)
        return {
            "buckets": [entry["name"] for entry in swift.get_account(prefix=bucket)[1]],
            "bucket": _lasting(swift.head_container(bucket)),
            "names": [entry["name"] for entry in swift.get_container(bucket)[1]],
            "parts": [entry["name"] for entry in swift.get_container(f"{bucket}+segments")[1]],
            "object": (_lasting(headers), body),
        }


def _lasting(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _VOLATILE}


@pytest.fixture(scope="module")
def names(s3: Any) -> Iterator[tuple[str, str]]:
    """A bucket and an upload id."""
    bucket = f"bucket-{uuid4().hex[:20]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=_KEY, Body=b"precious", Metadata={"a": "b"})
    yield bucket, s3.create_multipart_upload(Bucket=bucket, Key=_KEY)["UploadId"]
    s3.delete_object(Bucket=bucket, Key=_KEY)
    s3.delete_bucket(Bucket=bucket)


@pytest.fixture
def held(names: tuple[str, str], swift: swiftclient.Connection) -> Held:
    return Held(swift, *names)


class Send(Protocol):
    """Sends a request; its answer, and the writing requests to Swift that it caused."""

    def __call__(self, method: str, path: str, **headers: str) -> tuple[Reply, list[str]]: ...


@pytest.fixture
def send(gateway: Running, stack: Stack) -> Send:
    def send(method: str, path: str, **headers: str) -> tuple[Reply, list[str]]:
        body = _BODY if method in {"PUT", "POST"} else b""
        pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
        pairs.append(("Content-Length", str(len(body))))
        url = gateway.endpoint + path
        signed = sign(keys_of(stack), method, url, pairs, payload="UNSIGNED-PAYLOAD")
        with gateway.watched() as wire:
            reply = ask(gateway.endpoint, signed, body)
            return reply, [str(sent) for sent in wire.sent if sent.method not in {"GET", "HEAD"}]

    return send


def _unsupported(scope: Scope, method: str) -> list[str]:
    supported = {
        row.subresource for row in OPERATIONS if (row.method, row.scope) == (method, scope)
    }
    return sorted(_SUBRESOURCES[scope] - supported)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "GET", "HEAD", "PATCH"])
@pytest.mark.parametrize("scope", [Scope.BUCKET, Scope.OBJECT])
def test_an_unsupported_subresource_touches_nothing(
    send: Send, held: Held, scope: Scope, method: str
) -> None:
    path = f"/{held.bucket}" if scope is Scope.BUCKET else f"/{held.bucket}/{_KEY}"
    before = held.now()
    for subresource in _unsupported(scope, method):
        asked = f"{path}?{subresource}"
        reply, written = send(method, asked)
        assert (reply.status, written) == (501, []), asked
        if method != "HEAD":
            assert reply.code == "NotImplemented", asked
            assert reply.error["Subresource"] == subresource
        assert b"precious" not in reply.body
    assert held.now() == before


_REFUSED = (501, "NotImplemented")
_CONTENT = (400, "UnexpectedContent")
_COPY = {"x_amz_copy_source": "other/key"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "refusal"),
    [
        # Copies with a content.
        ("PUT", "/{bucket}/{key}", _COPY, _CONTENT),
        (
            "PUT",
            "/{bucket}/{key}?uploadId={upload}&partNumber=1",
            _COPY,
            (400, "UnexpectedContent"),
        ),
        ("PUT", "/{bucket}/{key}?partNumber=1", {}, _REFUSED),
        ("PUT", "/{bucket}/{key}?uploadId={upload}", {}, _REFUSED),
        ("DELETE", "/{bucket}/{key}?partNumber=1", {}, _REFUSED),
        ("POST", "/{bucket}/{key}?uploads&partNumber=1", {}, _REFUSED),
        # Versions that nobody can name.
        ("PUT", "/{bucket}/{key}?versionId=null", {}, _REFUSED),
        ("DELETE", "/{bucket}/{key}?versionId=", {}, (400, "InvalidArgument")),
        ("DELETE", "/{bucket}?versionId=1", {}, _REFUSED),
        # Another spelling, an empty value, and parameters of tomorrow.
        ("DELETE", "/{bucket}?%6Cifecycle", {}, _REFUSED),
        ("DELETE", "/{bucket}?lifecycle=", {}, _REFUSED),
        ("DELETE", "/{bucket}?Lifecycle", {}, _REFUSED),
        ("DELETE", "/{bucket}/?lifecycle", {}, _REFUSED),
        ("DELETE", "/{bucket}?future", {}, _REFUSED),
        ("PUT", "/{bucket}/{key}?future", {}, _REFUSED),
        ("POST", "/{bucket}/{key}?select&select-type=2", {}, _REFUSED),
        # Two sub-resources at once.
        ("DELETE", "/{bucket}?lifecycle&cors", {}, (400, "InvalidArgument")),
        ("DELETE", "/{bucket}/{key}?uploadId={upload}&tagging", {}, (400, "InvalidArgument")),
        # Methods and headers without an operation.
        ("POST", "/{bucket}/{key}", {}, (405, "MethodNotAllowed")),
        ("POST", "/{bucket}", {}, (412, "PreconditionFailed")),
        ("PATCH", "/{bucket}/{key}", {}, (405, "MethodNotAllowed")),
        ("PUT", "/{bucket}", _COPY, _REFUSED),
        ("DELETE", "/{bucket}/{key}", {"if_match": '"x"'}, (412, "PreconditionFailed")),
        ("PUT", "/{bucket}/{key}", {"if_match": '"x"'}, (412, "PreconditionFailed")),
        ("PUT", "/{bucket}/{key}?uploadId={upload}&partNumber=1", {"x_amz_tagging": "a"}, _REFUSED),
        ("DELETE", "/{bucket}/{key}", {"x_amz_tagging": "a=b"}, _REFUSED),
        ("PUT", "/{bucket}/{key}", {"x_amz_acl": "public"}, (400, "InvalidArgument")),
        ("DELETE", "/{bucket}/{key}", {"x_amz_acl": "public-read"}, _REFUSED),
    ],
)
def test_a_request_that_is_almost_a_plain_one_touches_nothing(
    send: Send,
    held: Held,
    method: str,
    path: str,
    headers: dict[str, str],
    refusal: tuple[int, str],
) -> None:
    asked = path.format(bucket=held.bucket, key=_KEY, upload=held.upload_id)
    before = held.now()
    reply, written = send(method, asked, **headers)
    assert ((reply.status, reply.code), written) == (refusal, [])
    assert held.now() == before


def test_an_unknown_parameter_of_a_read_changes_nothing_in_the_answer(
    send: Send, held: Held
) -> None:
    path = f"/{held.bucket}/{_KEY}"
    plain, _ = send("GET", path)
    odd, written = send("GET", path + "?future=1&multipart-manifest=get")
    assert (odd.status, odd.body, written) == (200, b"precious", [])
    assert (plain.status, plain.headers["etag"]) == (200, odd.headers["etag"])
