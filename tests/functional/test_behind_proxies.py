"""Real requests through HAProxy and nginx, as config/ has them: all come as they were signed."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from hashlib import md5
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest
import requests
import swiftclient

from tests.functional import proxies
from tests.functional.gateway import new_bucket, s3_client, settings_for
from tests.functional.payloads import MODES, UNSIGNED, Body, Mode, prepared, put, some_bytes, stored
from tests.functional.proxies import Gateway, Proxy
from tests.functional.rawclient import Keys, Link, ask, linked, sign
from tests.functional.secrecy import Secrecy
from tests.functional.server import Server, served
from tests.functional.stack import Stack

MIB = 1024 * 1024
SIZE = 16 * MIB
ELSEWHERE = "127.0.0.2"
"""The client's address, which is not the proxies'."""
KEYS = {
    "a//b": "a//b",
    "//a/": "//a/",
    "a/../b": "a/../b",
    "./a/.": "./a/.",
    "a%2Fb%2fc": "a/b/c",
    "a%252Fb": "a%2Fb",
    "a%2Bb+c%20d": "a+b+c d",
    "%C3%A9/%E4%B8%AD/%F0%9F%98%80": "é/中/😀",
    "%3Fa%23b%25%26c%3Bd": "?a#b%&c;d",
    "a%5Cb%22%3C%3E%7B%7D%7C%5E%60": 'a\\b"<>{}|^`',
    "~a!b$c'(d)*e:f@g=h,i": "~a!b$c'(d)*e:f@g=h,i",
}
"""Keys, and how a client writes them."""


@pytest.fixture(scope="module")
def server(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = settings_for(stack, proxy={"trusted": ["127.0.0.1/32"]})
    with served(tmp_path_factory.mktemp("behind"), settings) as found:
        yield found


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def proxy(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """A proxy before the gateway, which is both of the two that the file names."""
    gateway = Gateway(server.port, server.operator_port)
    start = {"haproxy": proxies.haproxy, "nginx": proxies.nginx}[request.param]
    with start(tmp_path_factory.mktemp("proxy"), [gateway, gateway]) as found:
        yield found


@pytest.fixture
def front(proxy: Proxy) -> str:
    """The proxy's URL."""
    return proxy.url


@pytest.fixture
def is_nginx(request: pytest.FixtureRequest) -> bool:
    """Whether the front is nginx."""
    return bool(request.node.callspec.params["proxy"] == "nginx")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for all tests, which have keys of their own."""
    return new_bucket(s3)


def in_flight(server: Server) -> float:
    """The requests that the gateway serves at this moment."""
    url = f"http://127.0.0.1:{server.operator_port}/-/metrics"
    text = requests.get(url, timeout=5).text
    return sum(map(float, re.findall(r"^s3gw_requests_in_flight\{.*\} (\S+)$", text, re.MULTILINE)))


@contextmanager
def narrow(endpoint: str) -> Iterator[Link]:
    """A connection whose client takes little at a time."""
    with linked(endpoint) as link:
        link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        yield link


def test_every_key_is_the_one_that_was_signed(
    front: str, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    folder = uuid4().hex
    for written, key in KEYS.items():
        url = f"{front}/{bucket}/{folder}/{quote(key, safe='/~')}"  # the form that is signed
        path, data = f"/{bucket}/{folder}/{written}", key.encode()
        upload = prepared(keys, url, Body(mode=UNSIGNED, data=data))
        upload = replace(upload, signed=replace(upload.signed, path=path))
        assert put(front, upload).status == 200
        reply = ask(front, replace(sign(keys, "GET", url), path=path))
        assert (reply.status, reply.body) == (200, data)
    # Asked in a listing, since swiftclient itself would change paths with dots.
    found = {
        entry["name"]: entry["hash"] for entry in swift.get_container(bucket, prefix=folder)[1]
    }
    assert found == {f"{folder}/{key}": md5(key.encode()).hexdigest() for key in KEYS.values()}


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_a_body_in_every_payload_mode_arrives(
    front: str, swift: swiftclient.Connection, bucket: str, keys: Keys, mode: Mode
) -> None:
    for framing in ("length", "chunked"):
        name, data = uuid4().hex, some_bytes(300_000)
        url = f"{front}/{bucket}/{name}"
        reply = put(front, prepared(keys, url, Body(mode=mode, data=data), framing))
        assert (reply.status, reply.headers["etag"]) == (200, f'"{md5(data).hexdigest()}"')
        assert stored(swift, bucket, name) == data


def test_a_presigned_url_is_valid(front: str, stack: Stack, bucket: str) -> None:
    key = "a//b/../c+d %é"
    for version in ("s3v4", "s3"):
        with closing(s3_client(front, stack, signature_version=version)) as client:
            client.put_object(Bucket=bucket, Key=key, Body=b"data")
            url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
        parts = urlsplit(url)
        with closing(HTTPConnection(parts.netloc, timeout=20)) as plain:  # which changes no path
            plain.request("GET", f"{parts.path}?{parts.query}")
            answer = plain.getresponse()
            assert (answer.status, answer.read()) == (200, b"data")


def test_its_log_has_the_request_but_not_the_signature(
    proxy: Proxy, stack: Stack, bucket: str
) -> None:
    for version in ("s3v4", "s3"):
        with closing(s3_client(proxy.url, stack, signature_version=version)) as client:
            watch, url = Secrecy(), ""
            for number in range(20):  # one signature in some hundreds has no run to look for
                params = {"Bucket": bucket, "Key": f"none-{number}"}
                url = client.generate_presigned_url("get_object", Params=params)
                watch.keep_signatures(urlsplit(url).query, ())
                if watch.secrets:
                    break
        answer = requests.get(url, timeout=10)
        assert answer.status_code == 404
        end = time.monotonic() + 10
        while answer.headers["x-amz-request-id"] not in (log := proxy.log.read_text("utf-8")):
            assert time.monotonic() < end, log
            time.sleep(0.02)
        watch.note(log)
        assert f"/{bucket}/none-" in log
        assert watch.secrets
        assert watch.leaks() == {}


def test_headers_come_as_they_were_sent(
    front: str, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name = uuid4().hex
    url = f"{front}/{bucket}/{name}"
    many = [(f"x-amz-meta-{n}", "v" * 20) for n in range(60)]
    odd = [("x-amz-meta-a_b", "under"), ("x-amz-meta-a.b", "dot"), ("Content-Encoding", "gzip")]
    # What only a proxy may say, said by a client.
    false = [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Port", "1")]
    false += [("X-Forwarded-Proto", "https")]
    upload = prepared(keys, url, Body(mode=UNSIGNED, data=b"data"), headers=[*many, *odd])
    signed = replace(upload.signed, headers=[*upload.signed.headers, *false])
    assert put(front, replace(upload, signed=signed)).status == 200
    reply = ask(front, sign(keys, "GET", url, [("Range", "bytes=1-2")]))
    assert (reply.status, reply.body) == (206, b"at")
    assert (reply.headers["x-amz-meta-a_b"], reply.headers["x-amz-meta-a.b"]) == ("under", "dot")
    assert reply.headers["content-encoding"] == "gzip"
    assert {name: reply.headers[name] for name, _ in many} == dict(many)
    assert swift.head_object(bucket, name)["content-encoding"] == "gzip"
    condition = ("If-None-Match", reply.headers["etag"])
    assert ask(front, sign(keys, "GET", url, [condition])).status == 304
    head = ask(front, sign(keys, "HEAD", url))
    assert (head.status, head.headers["content-length"]) == (200, "4")


def test_a_header_block_may_be_as_large_as_the_gateway_lets_it(
    front: str, bucket: str, keys: Keys
) -> None:
    signed = sign(keys, "GET", f"{front}/{bucket}")
    assert ask(front, signed, more=[("x-pad", "p" * 15_000)]).status == 200
    reply = ask(front, signed, more=[("x-pad", "p" * 17_000)])
    assert (reply.status, reply.code) == (400, "RequestHeaderSectionTooLarge")


def test_who_waits_for_100_continue_gets_it(
    front: str, swift: swiftclient.Connection, bucket: str, keys: Keys, *, is_nginx: bool
) -> None:
    name, data = uuid4().hex, some_bytes(MIB)
    expect = [("Expect", "100-continue")]
    url = f"{front}/{bucket}/{name}"
    head, *rest = prepared(keys, url, Body(mode=UNSIGNED, data=data), headers=expect).pieces()
    with linked(front) as link:
        link.send(head)
        link.go_on()
        link.send(*rest)
        assert link.reply().status == 200
    assert stored(swift, bucket, name) == data
    wrong = Keys(keys.access_key, "wrong", keys.region)
    url = f"{front}/{bucket}/{name}-refused"
    head, *_ = prepared(wrong, url, Body(mode=UNSIGNED, data=data), headers=expect).pieces()
    with linked(front) as link:
        link.send(head)
        reply = link.reply()
        assert (reply.status, reply.code) == (403, "SignatureDoesNotMatch")
        # nginx says it on its own (config/nginx/s3gw.conf tells so).
        assert reply.went_on == is_nginx


def test_a_refusal_reaches_a_client_that_is_still_sending(
    front: str, bucket: str, keys: Keys
) -> None:
    wrong = Keys(keys.access_key, "wrong", keys.region)
    url = f"{front}/{bucket}/{uuid4().hex}"
    body = Body(mode=UNSIGNED, data=bytes(MIB))
    head, *rest = prepared(wrong, url, body).pieces()
    with linked(front) as link:
        with suppress(ConnectionError):
            link.send(head, *rest)
        assert link.reply().code == "SignatureDoesNotMatch"


def test_an_upload_streams(
    front: str, server: Server, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name, data = uuid4().hex, some_bytes(SIZE)
    body = Body(mode=UNSIGNED, data=data)
    url = f"{front}/{bucket}/{name}"
    wire = b"".join(prepared(keys, url, body).pieces())
    with linked(front) as link:
        link.send(wire[: MIB // 2])
        end = time.monotonic() + 10
        while not in_flight(server):  # so nobody has kept the body back
            assert time.monotonic() < end, "the gateway has heard of nothing yet"
        link.send(wire[MIB // 2 :])
        assert link.reply().status == 200
    assert stored(swift, bucket, name) == data


def test_a_download_streams(
    front: str, server: Server, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name, data = uuid4().hex, some_bytes(3 * SIZE)
    swift.put_object(bucket, name, data)
    with narrow(front) as link:
        link.send(sign(keys, "GET", f"{front}/{bucket}/{name}").head())
        seen = link.socket.recv(65536)
        assert b" 200 " in seen.partition(b"\r\n")[0]
        time.sleep(0.3)
        assert in_flight(server) == 1  # so nobody has swallowed it
        link._unread = seen
        assert link.reply().body == data


def test_the_log_tells_the_client_and_not_the_proxy(
    front: str, server: Server, bucket: str, keys: Keys
) -> None:
    parts = urlsplit(front)
    signed = sign(keys, "HEAD", f"{front}/{bucket}")
    with closing(
        HTTPConnection(parts.netloc, timeout=20, source_address=(ELSEWHERE, 0))
    ) as connection:
        headers = {**dict(signed.headers), "X-Forwarded-For": "203.0.113.9"}
        connection.request("HEAD", signed.path, headers=headers)
        answer = connection.getresponse()
        answer.read()
    assert answer.status == 200
    request_id = answer.headers["x-amz-request-id"]
    log = server.logged(f'"request_id": "{request_id}", "client"').splitlines()
    (line,) = [json.loads(line) for line in log if request_id in line]
    assert line["client"] == ELSEWHERE


def test_nginx_refuses_keys_that_lead_above_the_root_and_says_so_in_its_file(
    front: str, bucket: str, keys: Keys, *, is_nginx: bool
) -> None:
    reply = ask(front, sign(keys, "GET", f"{front}/{bucket}/../../x"))
    if is_nginx:
        assert reply.status == 400
        assert "above the root" in proxies.NGINX.read_text(encoding="utf-8")
    else:
        assert (reply.status, reply.code) == (404, "NoSuchKey")
