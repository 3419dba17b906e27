"""What has gone wrong in S3 gateways, tried on this one: a test for each, named for it.

docs/security.md says who is trusted with what.
"""

import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.fixtures import MakeUser
from tests.functional.gateway import Running, new_bucket, s3_client, settings_for
from tests.functional.payloads import SIGNED, TRAILER, Body, prepared, some_bytes, stored
from tests.functional.rawclient import UNSIGNED, Keys, ask, linked, sign
from tests.functional.server import served
from tests.functional.stack import Stack

SECRET = "what is not for everybody"


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """A bucket with the object `k`."""
    name = new_bucket(s3)
    s3.put_object(Bucket=name, Key="k", Body=b"data")
    return name


@dataclass(slots=True)
class Trap:
    """A server that nobody has any business with."""

    url: str
    visits: list[str] = field(default_factory=list)


@contextmanager
def trap() -> Iterator[Trap]:
    """A trap, and none in it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Trap(f"http://127.0.0.1:{listening.getsockname()[1]}")

        def watch() -> None:
            while True:
                try:
                    visitor, address = listening.accept()
                except OSError:
                    return
                found.visits.append(str(address))
                visitor.close()

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield found
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            watching.join()
    assert found.visits == []


# --- XML ---

_TAGS = "<Tagging><TagSet><Tag><Key>{}</Key><Value/></Tag></TagSet></Tagging>"
_RULES = (
    "<CORSConfiguration><CORSRule><AllowedOrigin>{}</AllowedOrigin>"
    "<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
)
_ACL = "<AccessControlPolicy><Owner><ID>{}</ID></Owner><AccessControlList/></AccessControlPolicy>"
_PARTS = (
    "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part>"
    "</CompleteMultipartUpload>"
)
_VERSIONING = "<VersioningConfiguration><Status>{}</Status></VersioningConfiguration>"
_PLACE = (
    "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint>"
    "</CreateBucketConfiguration>"
)
DOCUMENTS = [
    ("PUT", "/{new}", _PLACE),
    ("POST", "/{bucket}?delete", "<Delete><Object><Key>{}</Key></Object></Delete>"),
    ("PUT", "/{bucket}?tagging", _TAGS),
    ("PUT", "/{bucket}/k?tagging", _TAGS),
    ("PUT", "/{bucket}?cors", _RULES),
    ("PUT", "/{bucket}?versioning", _VERSIONING),
    ("PUT", "/{bucket}?acl", _ACL),
    ("POST", "/{bucket}/k?uploadId=x", _PARTS),
]


def _documents(bucket: str) -> Iterator[tuple[str, str, str]]:
    for method, target, document in DOCUMENTS:
        yield method, target.format(bucket=bucket, new=f"new-{uuid4().hex}"), document


def _md5(body: bytes) -> list[tuple[str, str]]:
    return [("Content-MD5", b64encode(md5(body).digest()).decode())]


def test_cve_2022_47950_an_entity_in_a_document_reads_no_file_and_no_url(
    gateway: Running, raw: Raw, bucket: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET, encoding="utf-8")
    with trap() as somewhere:
        for method, target, document in _documents(bucket):
            for name in (f"file://{secret}", f"{somewhere.url}/x"):
                for kind in ("<!ENTITY e SYSTEM {!r}>", '<!ENTITY % e SYSTEM "{}"> %e;'):
                    doctype = f"<!DOCTYPE d [{kind.format(name)}]>"
                    body = (doctype + document.format("&e;")).encode()
                    with gateway.watched() as wire:
                        reply = raw(method, target, _md5(body), body)
                        writes = [sent for sent in wire.sent if sent.method not in {"GET", "HEAD"}]
                    assert reply.status == 400, (target, reply)
                    assert reply.code in {"MalformedXML", "MalformedACLError"}
                    assert SECRET.encode() not in reply.body
                    assert writes == []


def _laughs(width: int, depth: int) -> str:
    entities = '<!ENTITY e0 "lol">' + "".join(
        f'<!ENTITY e{level + 1} "{f"&e{level};" * width}">' for level in range(depth)
    )
    return f"<!DOCTYPE d [{entities}]>"


BOMBS = {
    "billion laughs": (_laughs(10, 9), "&e9;"),
    "quadratic": (f'<!DOCTYPE d [<!ENTITY e "{"x" * 50_000}">]>', "&e;" * 50_000),
    "deep": ("", "<a>" * 100_000),
    "wide": ("", "<a/>" * 200_000),
    "attributes": ("", "<a " + " ".join(f'a{n}=""' for n in range(100_000)) + "/>"),
    "one long name": ("", f"<{'a' * 1_000_000}/>"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_an_xml_bomb_is_refused_at_once(raw: Raw, bucket: str, bomb: str) -> None:
    doctype, inner = BOMBS[bomb]
    for method, target, document in list(_documents(bucket))[1:3]:
        body = (doctype + document.format(inner)).encode()
        assert len(body) < 4 * 1024 * 1024
        since = time.monotonic()
        reply = raw(method, target, _md5(body), body)
        assert reply.status in {400, 413}, (target, reply)
        assert time.monotonic() - since < 5


# --- Swift's s3api in 2026 ---


@pytest.mark.parametrize("mode", [TRAILER, SIGNED], ids=lambda mode: mode.name)
@pytest.mark.parametrize("left", [50, 9000])  # behind the last chunk there may be nothing
@pytest.mark.parametrize("end", ["announced", "closed"])
def test_cve_2026_49017_a_truncated_aws_chunked_body_ends_the_request(  # noqa: PLR0917 - a table
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys, mode: Any, left: int,
    end: str,
) -> None:  # fmt: skip
    name = uuid4().hex
    upload = prepared(
        keys, f"{gateway.endpoint}/{bucket}/{name}", Body(mode=mode, data=some_bytes(400_000))
    )
    cut = upload.wire[:-left]
    announced = len(cut) if end == "announced" else len(upload.wire)
    spent = time.process_time()
    with linked(gateway.endpoint) as link:
        link.send(upload.signed.head([("Content-Length", str(announced))]), cut)
        if end == "announced":
            assert link.reply().code == "IncompleteBody"
        else:
            link.socket.shutdown(socket.SHUT_WR)
    gateway.wait_until_idle()
    assert time.process_time() - spent < 3
    assert stored(swift, bucket, name) is None


UNSIGNED_HEADERS = [
    ("x-amz-copy-source", "/{bucket}/secret"),
    ("x-amz-copy-source-range", "bytes=0-1"),
    ("x-amz-metadata-directive", "REPLACE"),
    ("x-amz-acl", "public-read"),
    ("x-amz-grant-read", 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'),
    ("x-amz-meta-late", "1"),
    ("x-amz-tagging", "a=b"),
    ("x-amz-storage-class", "STANDARD"),
    ("x-amz-website-redirect-location", "/elsewhere"),
    ("x-amz-trailer", "x-amz-checksum-crc32"),
]


@pytest.mark.parametrize("header", UNSIGNED_HEADERS, ids=lambda header: header[0])
def test_cve_2026_71191_a_header_that_nobody_signed_changes_no_presigned_upload(
    gateway: Running, s3: Any, swift: swiftclient.Connection, bucket: str, header: tuple[str, str]
) -> None:
    name = uuid4().hex
    s3.put_object(Bucket=bucket, Key="secret", Body=SECRET.encode())
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": name})
    assert "SignedHeaders=host&" in url or "Signature=" in url
    parts = urlsplit(url)
    more = {header[0]: header[1].format(bucket=bucket)}
    with gateway.watched() as wire, closing(HTTPConnection(parts.netloc, timeout=20)) as client:
        client.request("PUT", f"{parts.path}?{parts.query}", b"mine", more)
        answer = client.getresponse()
        body = answer.read()
        assert (answer.status, b"<Code>AccessDenied</Code>" in body) == (403, True), body
        assert [sent for sent in wire.sent if sent.method == "PUT"] == []
    assert stored(swift, bucket, name) is None


NATIVE = [
    ("X-Copy-From", "/{bucket}/secret"),
    ("X-Copy-From-Account", "{account}"),
    ("Destination", "/{bucket}/elsewhere"),
    ("Destination-Account", "{account}"),
    ("X-Object-Manifest", "{bucket}/secret"),
    ("X-Symlink-Target", "{bucket}/secret"),
    ("X-Symlink-Target-Account", "{account}"),
    ("X-Delete-After", "1"),
    ("X-Delete-At", "1"),
    ("X-Auth-Token", "stolen"),
    ("X-Service-Token", "stolen"),
    ("X-Object-Meta-Color", "blue"),
    ("X-Object-Meta-S3gw-Etag", "forged"),
    ("X-Object-Sysmeta-Color", "blue"),
    ("X-Backend-Allow-Reserved-Names", "true"),
    ("X-Container-Read", ".r:*"),
    ("X-Timestamp", "1"),
    ("X-If-Delete-At", "1"),
    ("X-Newest", "true"),
    ("X-Trans-Id-Extra", "forged"),
]


@pytest.fixture(scope="module")
def account_of_another(gateway: Running, stack: Stack, make_user: MakeUser, bucket: str) -> str:
    """Another project's account, with a bucket of the same name that holds a secret."""
    other = make_user()
    with closing(
        s3_client(gateway.endpoint, stack, access_key=other.access_key, secret_key=other.secret_key)
    ) as theirs:
        theirs.create_bucket(Bucket=bucket)
        theirs.put_object(Bucket=bucket, Key="secret", Body=SECRET.encode())
    return f"AUTH_{other.project_id}"


@pytest.mark.parametrize("signed", ["signed", "unsigned"])
def test_cve_2026_71192_swifts_own_headers_never_get_from_a_client_to_swift(
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys,
    account_of_another: str, signed: str,
) -> None:  # fmt: skip
    for account in (account_of_another, urlsplit(swift.url).path.rpartition("/")[2]):
        headers = [(name, text.format(bucket=bucket, account=account)) for name, text in NATIVE]
        name = uuid4().hex
        url = f"{gateway.endpoint}/{bucket}/{name}"
        request = sign(keys, "PUT", url, headers if signed == "signed" else (), payload=UNSIGNED)
        more = [("Content-Length", "4"), *([] if signed == "signed" else headers)]
        with gateway.watched() as wire:
            reply = ask(gateway.endpoint, request, b"mine", more=more)
            sent = wire.sent[0]
        assert reply.status == 200, reply
        lower = {header.lower(): value for header, value in sent.headers.items()}
        gone = [header for header, _ in NATIVE if header != "X-Auth-Token"]
        assert not lower.keys() & {header.lower() for header in gone}
        assert lower["x-auth-token"] != "stolen"
        assert swift.get_object(bucket, name)[1] == b"mine"
        head = swift.head_object(bucket, name)
        assert not {"x-object-meta-color", "x-delete-at", "x-object-manifest"} & head.keys()


# --- request smuggling ---

FRAMINGS = {
    "both": ["Content-Length: {n}", "Transfer-Encoding: chunked"],
    "both, the other way": ["Transfer-Encoding: chunked", "Content-Length: {n}"],
    "two lengths": ["Content-Length: {n}", "Content-Length: 5"],
    "a list of lengths": ["Content-Length: 5, {n}"],
    "a signed length": ["Content-Length: +{n}"],
    "a hexadecimal length": ["Content-Length: 0x5"],
    "a length with a blank before the colon": ["Content-Length : {n}"],
    "an unknown coding": ["Transfer-Encoding: xchunked"],
    "chunked is not the last": ["Transfer-Encoding: chunked, identity"],
    "chunked twice": ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    "a coding with a tab": ["Transfer-Encoding:\tchunked", "Content-Length: {n}"],
    "a coding with a vertical tab": ["Transfer-Encoding: \x0bchunked"],
    "a folded coding": ["Transfer-Encoding:\r\n chunked", "Content-Length: {n}"],
    "a coding behind a bare line feed": ["X: y\nTransfer-Encoding: chunked", "Content-Length: {n}"],
    "a coding behind a bare carriage return": ["X: y\rTransfer-Encoding: chunked"],
}


@pytest.mark.parametrize("framing", FRAMINGS)
def test_request_smuggling_one_body_is_one_body(
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys, framing: str
) -> None:
    """Whatever is made of it, a proxy before the gateway never sees two answers to one request."""
    name, hidden = uuid4().hex, uuid4().hex
    url = f"{gateway.endpoint}/{bucket}"
    smuggled = sign(keys, "PUT", f"{url}/{hidden}").head([("Content-Length", "0")])
    body = b"0\r\n\r\n" + smuggled
    head = sign(keys, "PUT", f"{url}/{name}", payload=UNSIGNED).head()
    lines = "\r\n".join(FRAMINGS[framing]).format(n=len(body)).encode("latin-1")
    with linked(gateway.endpoint) as link:
        link.send(head[:-2] + lines + b"\r\n\r\n", body)
        link.socket.settimeout(1.0)
        try:
            answers = link.rest()
        except TimeoutError:
            answers = b"HTTP/1.1 100 still waiting for a body"
    assert answers.count(b"HTTP/1.1 ") <= 1
    assert b"HTTP/1.1 200" not in answers
    gateway.wait_until_idle()
    assert stored(swift, bucket, hidden) is None


# --- server-side request forgery ---


def test_owasp_api7_ssrf_no_url_of_a_client_is_ever_fetched(
    gateway: Running, raw: Raw, stack: Stack, bucket: str, keys: Keys
) -> None:
    with trap() as somewhere, gateway.watched() as wire:
        host = urlsplit(somewhere.url).netloc
        for source in (
            somewhere.url,
            f"//{host}/k",
            f"/{host}/k",
            f"@{host}/k",
            f"{bucket}/../{host}",
        ):
            reply = raw("PUT", f"/{bucket}/copy", [("x-amz-copy-source", source)])
            assert reply.status in {400, 404}, (source, reply)
        redirect = [("x-amz-website-redirect-location", somewhere.url)]
        assert raw("PUT", f"/{bucket}/x", redirect).code == "NotImplemented"
        for name in ("X-Forwarded-Host", "Forwarded", "X-Original-URL", "X-Rewrite-URL", "Origin"):
            raw("GET", f"/{bucket}/k", [(name, host)])
        raw("GET", f"/{bucket}/k", [("Referer", somewhere.url)])
        absolute = sign(keys, "GET", f"{gateway.endpoint}/{bucket}/k")
        with linked(gateway.endpoint) as link:
            link.send(absolute.head().replace(b"GET /", f"GET {somewhere.url}/".encode(), 1))
            link.reply()
        accounts = {sent.account for sent in wire.sent}
    assert accounts <= {f"AUTH_{stack.project.id}"}


# --- logs ---


def test_log_injection_every_line_is_one_event_of_our_own(
    stack: Stack, tmp_path: Path, bucket: str, keys: Keys
) -> None:
    quoted = "%0D%0A%7B%22event%22%3A%20%22forged%22%7D%0A%1B%5B2J%E2%80%A8%00"
    with served(tmp_path, settings_for(stack)) as server:
        url = f"{server.endpoint}/{bucket}"
        targets = [f"{url}/{quoted}", f"{url}?prefix={quoted}", f"{server.endpoint}/{quoted}/k"]
        for target in targets:
            ask(server.endpoint, sign(keys, "GET", target))
        headers = [("User-Agent", '{"event": "forged"}\x85'), ("x-amz-meta-a", "\x1b]0;x\x07")]
        ask(server.endpoint, sign(keys, "GET", f"{url}/k", headers))
        wrong = Keys('AK","event":"forged', "secret", keys.region)
        ask(server.endpoint, sign(wrong, "GET", f"{url}/k"))
    lines = server.log.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if '"event": "request"' in line]) >= 4
    for line in lines:
        event = json.loads(line)
        assert event["event"] != "forged"
        assert "\x1b" not in line
