"""Where a request goes: path style, virtual hosts, and keys exactly as they were written."""

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest
import swiftclient

from tests.functional.gateway import Running, new_bucket, running, s3_client, settings_for
from tests.functional.payloads import stored
from tests.functional.rawclient import EMPTY_SHA256, Keys, ask, linked, sign
from tests.functional.stack import Stack

DOMAINS = ["s3.test", "*.cloud.test", "deep.s3.test"]


@pytest.fixture(scope="module")
def hosted(stack: Stack) -> Iterator[Running]:
    """A gateway with domains."""
    with running(settings_for(stack, s3={"region": stack.region, "domains": DOMAINS})) as found:
        yield found


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for all tests, which have keys of their own."""
    return new_bucket(s3)


def names(swift: swiftclient.Connection, container: str, prefix: str = "") -> list[str]:
    """The names of all objects, as Swift lists them."""
    return [entry["name"] for entry in swift.get_container(container, prefix=prefix)[1]]


@pytest.mark.parametrize(
    "host",
    [
        "{bucket}.s3.test",
        "{bucket}.s3.test:{port}",
        "{bucket}.S3.Test:{port}",
        "{bucket}.s3.test.",
        "{bucket}.north.cloud.test",
        "{bucket}.south.cloud.test:{port}",
        "{bucket}.deep.s3.test",
    ],
)
def test_a_host_below_a_domain_names_the_bucket(
    hosted: Running, swift: swiftclient.Connection, bucket: str, keys: Keys, host: str
) -> None:
    name, port = uuid4().hex, urlsplit(hosted.endpoint).port
    headers = [("Host", host.format(bucket=bucket, port=port)), ("Content-Length", "0")]
    reply = ask(hosted.endpoint, sign(keys, "PUT", f"{hosted.endpoint}/{name}", headers))
    assert reply.status == 200
    assert stored(swift, bucket, name) == b""
    by_path = ask(hosted.endpoint, sign(keys, "HEAD", f"{hosted.endpoint}/{bucket}/{name}"))
    assert by_path.status == 200


@pytest.mark.parametrize("host", ["s3.test", "north.cloud.test:80", "other.test", "127.0.0.1", "x"])
def test_any_other_host_is_path_style(
    hosted: Running, swift: swiftclient.Connection, bucket: str, keys: Keys, host: str
) -> None:
    name = uuid4().hex
    headers = [("Host", host), ("Content-Length", "0")]
    reply = ask(hosted.endpoint, sign(keys, "PUT", f"{hosted.endpoint}/{bucket}/{name}", headers))
    assert reply.status == 200
    assert stored(swift, bucket, name) == b""


def test_without_domains_no_host_names_a_bucket(gateway: Running, bucket: str, keys: Keys) -> None:
    headers = [("Host", f"{bucket}.s3.test")]
    reply = ask(gateway.endpoint, sign(keys, "GET", f"{gateway.endpoint}/", headers))
    assert b"<ListAllMyBucketsResult" in reply.body


def test_a_bucket_may_be_made_listed_and_deleted_under_its_own_host(
    hosted: Running, swift: swiftclient.Connection, keys: Keys
) -> None:
    name = f"bucket.with.dots-{uuid4().hex[:8]}"
    root, headers = f"{hosted.endpoint}/", [("Host", f"{name}.s3.test")]
    made = ask(hosted.endpoint, sign(keys, "PUT", root, headers), more=[("Content-Length", "0")])
    assert made.status == 200
    swift.put_object(name, "key", b"")
    listed = ask(hosted.endpoint, sign(keys, "GET", f"{root}?list-type=2", headers))
    assert b"<Key>key</Key>" in listed.body
    swift.delete_object(name, "key")
    assert ask(hosted.endpoint, sign(keys, "DELETE", root, headers)).status == 204
    with pytest.raises(swiftclient.ClientException, match="404"):
        swift.head_container(name)


def test_a_host_that_names_no_valid_bucket_is_refused(hosted: Running, keys: Keys) -> None:
    signed = sign(keys, "GET", f"{hosted.endpoint}/key", [("Host", ".s3.test")])
    reply = ask(hosted.endpoint, signed)
    assert (reply.status, reply.code) == (400, "InvalidBucketName")


def test_boto3_reaches_buckets_under_their_own_host(
    hosted: Running, stack: Stack, swift: swiftclient.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = socket.getaddrinfo, set()

    def local(host: Any, *rest: Any, **more: Any) -> Any:
        asked.add(host)
        return real("127.0.0.1" if str(host).endswith(".test") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", local)
    name = f"bucket-{uuid4().hex[:20]}"
    endpoint = f"http://s3.test:{urlsplit(hosted.endpoint).port}"
    with closing(s3_client(endpoint, stack, s3={"addressing_style": "virtual"})) as client:
        client.create_bucket(Bucket=name)
        client.put_object(Bucket=name, Key="a/b c+é", Body=b"data")
        assert client.get_object(Bucket=name, Key="a/b c+é")["Body"].read() == b"data"
        url = client.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "k"})
    assert urlsplit(url).hostname == f"{name}.s3.test"
    assert f"{name}.s3.test" in asked
    assert stored(swift, name, "a/b c+é") == b"data"


ODD_KEYS = [
    "a//b",
    "/lead",
    "//lead",
    "end/",
    ".",
    "..",
    "./x",
    "../x",
    "a/../b",
    "a/./b",
    "a b+c",
    "%2F %25 %",
    "?q=1&r#f",
    "*'()!~-._",
    "é€𝄞",
    "e\u0301",
    "line\nend\r\t",
    "\x01\x7f\x80",
    '"<>{}|^`\\',
    ";,:@=$&",
    "None",
]


@pytest.mark.parametrize("style", ["path", "host"])
@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_key_is_kept_as_it_was_written(
    hosted: Running,
    swift: swiftclient.Connection,
    bucket: str,
    keys: Keys,
    key: str,
    style: str,
) -> None:
    name = f"{key}{uuid4().hex}{key}" if key not in {".", ".."} else key
    path = f"/{bucket}/" if style == "path" else "/"
    host = "x" if style == "path" else f"{bucket}.s3.test"
    url = f"{hosted.endpoint}{path}{quote(name, safe='/~')}"
    headers = [("Host", host), ("x-amz-meta-key", "1")]
    put = ask(hosted.endpoint, sign(keys, "PUT", url, headers), more=[("Content-Length", "0")])
    assert put.status == 200
    assert name in names(swift, bucket, name[:1] if name in {".", ".."} else name)
    got = ask(hosted.endpoint, sign(keys, "GET", url, headers[:1]))
    assert (got.status, got.headers["x-amz-meta-key"]) == (200, "1")
    assert ask(hosted.endpoint, sign(keys, "DELETE", url, headers[:1])).status == 204
    assert name not in names(swift, bucket, name[:1] if name in {".", ".."} else name)


def test_what_is_escaped_without_need_is_the_same_key(
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name = uuid4().hex
    odd = "".join(f"%{ord(letter):02x}" for letter in name)
    url = f"{gateway.endpoint}/{bucket}/{odd}%2fb%c3%a9"
    put = ask(gateway.endpoint, sign(keys, "PUT", url), more=[("Content-Length", "0")])
    # botocore signs the path as it is sent; what it means is what we sign.
    assert (put.status, put.code) == (403, "SignatureDoesNotMatch")
    right = sign(keys, "PUT", f"{gateway.endpoint}/{bucket}/{name}/b%C3%A9")
    head = right.head([("Content-Length", "0")]).replace(name.encode(), odd.encode(), 1)
    with linked(gateway.endpoint) as link:
        link.send(head.replace(b"/b%C3%A9", b"%2fb%c3%a9", 1))
        assert link.reply().status == 200
    assert names(swift, bucket, name) == [f"{name}/bé"]


@pytest.mark.parametrize("path", ["/{bucket}/%zz", "/{bucket}/%f", "/{bucket}/%ff", "/%c3/k"])
def test_a_path_that_is_no_escaped_utf8_is_refused(
    gateway: Running, bucket: str, keys: Keys, path: str
) -> None:
    signed = sign(keys, "GET", gateway.endpoint + path.format(bucket=bucket))
    reply = ask(gateway.endpoint, signed)
    assert (reply.status, reply.code) == (400, "InvalidURI")
    assert reply.error["Message"] == "Couldn't parse the specified URI."


@pytest.mark.parametrize("path", ["//key", "/a%2Fb/key"])
def test_a_bucket_is_never_empty_and_has_no_slash(gateway: Running, keys: Keys, path: str) -> None:
    reply = ask(gateway.endpoint, sign(keys, "GET", gateway.endpoint + path))
    assert (reply.status, reply.code) == (400, "InvalidBucketName")


def test_a_nul_in_a_key_gets_a_clear_answer(
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    prefix = uuid4().hex
    url = f"{gateway.endpoint}/{bucket}/{prefix}%00"
    reply = ask(gateway.endpoint, sign(keys, "PUT", url), more=[("Content-Length", "0")])
    assert reply.status == 400
    assert b"<Code>InvalidURI</Code>" in reply.body  # beside a Resource that no XML can express
    assert names(swift, bucket, prefix) == []


def test_a_target_in_absolute_form_is_its_path(
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name = uuid4().hex
    signed = sign(keys, "PUT", f"{gateway.endpoint}/{bucket}/{name}")
    head = signed.head([("Content-Length", "0")])
    with linked(gateway.endpoint) as link:
        link.send(head.replace(b"PUT /", f"PUT {gateway.endpoint}/".encode(), 1))
        assert link.reply().status == 200
    assert stored(swift, bucket, name) == b""


@pytest.mark.parametrize(
    ("signed_host", "sent_host", "status"),
    [("h", "h:8443", 200), ("h:80", "h", 200), ("h:8443", "h", 403), ("h", "other", 403)],
)
def test_a_port_is_no_part_of_what_a_signature_protects(
    gateway: Running, bucket: str, keys: Keys, signed_host: str, sent_host: str, status: int
) -> None:
    signed = sign(keys, "HEAD", f"{gateway.endpoint}/{bucket}", [("Host", signed_host)])
    with linked(gateway.endpoint) as link:
        link.send(signed.head(drop=["host"], more=[("Host", sent_host)]))
        assert link.reply(head=True).status == status


def test_a_request_without_a_host_is_refused(gateway: Running, bucket: str, keys: Keys) -> None:
    signed = sign(keys, "GET", f"{gateway.endpoint}/{bucket}", payload=EMPTY_SHA256)
    with linked(gateway.endpoint) as link:
        link.send(signed.head(drop=["host"]))
        assert link.reply().status in {400, 403}


def test_one_connection_carries_many_requests(
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    url = f"{gateway.endpoint}/{bucket}/{uuid4().hex}"
    with linked(gateway.endpoint) as link:
        for text in (b"1", b"22", b""):
            length = ("Content-Length", str(len(text)))
            link.send(sign(keys, "PUT", url, payload="UNSIGNED-PAYLOAD").head([length]), text)
            assert link.reply().status == 200
            link.send(sign(keys, "GET", url).head())
            assert link.reply().body == text
            link.send(sign(keys, "HEAD", f"{url}-missing").head())
            assert link.reply(head=True).status == 404
            link.send(sign(keys, "GET", f"{url}-missing").head())
            assert link.reply().code == "NoSuchKey"
        link.send(sign(keys, "DELETE", url).head([("Connection", "close")]))
        reply = link.reply()
        assert (reply.status, reply.headers["connection"]) == (204, "close")
        assert link.is_closed()
    assert stored(swift, *url.split("/")[3:]) is None


def test_http_1_0_is_answered_once(gateway: Running, bucket: str, keys: Keys) -> None:
    signed = sign(keys, "GET", f"{gateway.endpoint}/{bucket}")
    with linked(gateway.endpoint) as link:
        link.send(signed.head().replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        reply = link.reply()
        assert (reply.status, b"<ListBucketResult" in reply.body) == (200, True)
        assert link.is_closed()
