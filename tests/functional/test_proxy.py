"""A proxy before the gateway: what it says of the client's URL, and whom that is believed."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.gateway import Running, running, settings_for
from tests.functional.rawclient import UNSIGNED, Reply, ask, keys_of, sign
from tests.functional.stack import Stack
from tests.functional.uploads import Upload, begin
from tests.functional.witness import document

_OUTER = "s3.example.com"
_INNER = "inner.test:8333"


@pytest.fixture(scope="module")
def behind(stack: Stack) -> Iterator[Running]:
    """A gateway behind a proxy that it trusts."""
    s3 = {"region": stack.region, "domains": ["s3.example.com"]}
    proxy = {"trusted": ["127.0.0.0/8", "2001:db8::1"]}
    with running(settings_for(stack, s3=s3, proxy=proxy)) as found:
        yield found


def complete(
    gateway: Running, stack: Stack, upload: Upload, url: tuple[str, str], outer: str = _OUTER
) -> Reply:
    """Complete an upload through a proxy with a Host of its own; signed for a Host and path."""
    host, path = url
    body = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{upload.put(1)}</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    target = f"{gateway.endpoint}{path}?uploadId={upload.upload_id}"
    signed = sign(keys_of(stack), "POST", target, [("Host", host)], payload=UNSIGNED)
    signed.headers[:] = [pair for pair in signed.headers if pair[0].lower() != "host"]
    told = {"Host": outer, "Port": "8443", "Proto": "https"}
    sent = [("Host", _INNER), ("Content-Length", str(len(body)))]
    sent += [(f"X-Forwarded-{name}", value) for name, value in told.items()]
    return ask(gateway.endpoint, signed, body, more=sent)


def location_of(reply: Reply) -> str | None:
    assert reply.status == 200, reply.body
    return document(reply.body).findtext("Location")


def test_a_trusted_proxy_tells_the_url_that_was_signed_and_that_the_client_can_open(
    behind: Running, stack: Stack, s3: Any, bucket: str
) -> None:
    url = (f"{_OUTER}:8443", f"/{bucket}/a%20b")
    reply = complete(behind, stack, begin(s3, bucket, "a b"), url)
    assert location_of(reply) == f"https://{_OUTER}:8443/{bucket}/a%20b"


def test_a_bucket_in_the_host_that_the_proxy_tells_is_the_bucket(
    behind: Running, stack: Stack, s3: Any, bucket: str
) -> None:
    host = f"{bucket}.{_OUTER}"
    reply = complete(behind, stack, begin(s3, bucket, "a b"), (f"{host}:8443", "/a%20b"), host)
    assert location_of(reply) == f"https://{host}:8443/a%20b"


def test_nobody_else_is_believed(gateway: Running, stack: Stack, s3: Any, bucket: str) -> None:
    path, upload = f"/{bucket}/a%20b", begin(s3, bucket, "a b")
    refused = complete(gateway, stack, upload, (f"{_OUTER}:8443", path))
    assert (refused.status, refused.code) == (403, "SignatureDoesNotMatch")
    reply = complete(gateway, stack, upload, (_INNER, path))
    assert location_of(reply) == f"http://{_INNER}{path}"
