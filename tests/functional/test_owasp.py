"""The OWASP API Security Top 10 of 2023, tried on the gateway: a test for each item, named for it.

The rule: each holds at once what this item means for an S3 gateway; other files have the cases.
docs/security.md tells what is done about each (https://owasp.org/API-Security/editions/2023/en/).
"""

import re
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.faultproxy import proxied
from tests.functional.fixtures import MakeUser
from tests.functional.gateway import Running, new_bucket, running, s3_client, settings_for
from tests.functional.payloads import stored
from tests.functional.rawclient import Keys, Reply, Signed, ask, linked, sign
from tests.functional.scripted import Scripted, answering, scripted
from tests.functional.server import Server, served
from tests.functional.stack import Stack
from tests.functional.test_security import SECRET, trap
from tests.functional.uploads import begin, refusal
from tests.unit.swift.hostile import Peer

_README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """A bucket with the object `k`."""
    name = new_bucket(s3)
    s3.put_object(Bucket=name, Key="k", Body=b"data")
    return name


def unsigned(method: str, target: str) -> Signed:
    """A request of nobody's."""
    signed = sign(Keys("-", "-", "-"), method, "http://host/")
    return Signed(method, target, [("Host", "host")], signed.signing)


def test_owasp_api1_an_id_of_somebody_else_opens_nothing(
    gateway: Running, stack: Stack, s3: Any, make_user: MakeUser
) -> None:
    """Broken object level authorization: names, upload ids and version ids are no secrets."""
    name, other = f"bucket-{uuid4().hex[:20]}", make_user()
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=name, Key="k", Body=SECRET.encode())["VersionId"]
    upload = begin(s3, name)
    with closing(
        s3_client(gateway.endpoint, stack, access_key=other.access_key, secret_key=other.secret_key)
    ) as theirs:
        target = {"Bucket": name, "Key": "k"}
        source = {**target, "VersionId": version}
        ids = {**target, "UploadId": upload.upload_id}
        for own in (False, True):  # then they have a bucket of that name themselves
            if own:
                theirs.create_bucket(Bucket=name)
            calls = (
                lambda: theirs.get_object(**target),
                lambda: theirs.get_object(**source),
                lambda: theirs.get_object_attributes(**target, ObjectAttributes=["ETag"]),
                lambda: theirs.upload_part(**ids, PartNumber=1, Body=b"x"),
                lambda: theirs.upload_part_copy(**ids, PartNumber=1, CopySource=source),
                lambda: theirs.list_parts(**ids),
                lambda: theirs.abort_multipart_upload(**ids),
                lambda: theirs.copy_object(Bucket=name, Key="copy", CopySource=source),
            )
            for call in calls:
                assert refusal(call).status in {403, 404}
        assert "Uploads" not in theirs.list_multipart_uploads(Bucket=name)
    assert upload.put(1)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic Og==",
        "Bearer x",
        "AWS {key}:",
        "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=",
        "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=, Signature=" + "0" * 64,
        "AWS4-NONE Credential={scope}, SignedHeaders=host, Signature=none",
        "AWS4-ECDSA-P256-SHA256 Credential={scope}, SignedHeaders=host, Signature=00",
    ],
)
def test_owasp_api2_who_does_not_prove_who_he_is_gets_nothing(
    gateway: Running, bucket: str, keys: Keys, authorization: str
) -> None:
    signed = sign(keys, "GET", f"{gateway.endpoint}/{bucket}/k")
    scope = f"{keys.access_key}/{signed.signing.scope}"
    text = authorization.format(key=keys.access_key, scope=scope)
    with gateway.watched() as wire:
        more = [("Authorization", text)]
        with linked(gateway.endpoint) as link:
            link.send(signed.head(more, drop=["authorization"]))
            reply = link.reply()
        assert reply.status in {400, 403}, reply
        assert b"data" not in reply.body
        assert wire.sent == []


def test_owasp_api3_what_the_gateway_keeps_of_its_own_is_neither_set_nor_shown(
    raw: Raw, s3: Any, swift: swiftclient.Connection, bucket: str
) -> None:
    """Broken object property level authorization."""
    forged = [("x-amz-meta-s3gw-etag", "f" * 32), ("x-amz-meta-s3gw-acl-0", "public")]
    reply = raw("PUT", f"/{bucket}/forged", forged, b"data")
    assert reply.status == 400
    assert stored(swift, bucket, "forged") is None
    for kind in ("text/plain;s3gw_etag=x", "text/plain;swift_bytes=9"):
        assert raw("PUT", f"/{bucket}/forged", [("Content-Type", kind)]).code == "InvalidArgument"
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    shown = raw("GET", f"/{bucket}/k").headers
    assert not [name for name in shown if "s3gw" in name or name.startswith("x-object")]


def _costly(bucket: str) -> Iterator[tuple[str, str, list[tuple[str, str]], bytes, str]]:
    """Requests that are cheap to send and would be dear to serve, and how each is refused."""
    names = "".join(f"<Object><Key>{n}</Key></Object>" for n in range(1001))
    part = "<Part><PartNumber>{}</PartNumber><ETag>x</ETag></Part>"
    parts = "".join(part.format(n) for n in range(1, 10_002))
    for target, body, code in (
        (f"/{bucket}?delete", f"<Delete>{names}</Delete>", "MalformedXML"),
        (f"/{bucket}?delete", f"<Delete>{' ' * 5_000_000}</Delete>", "MaxMessageLengthExceeded"),
        (f"/{bucket}/k?uploadId=x", f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>",
         "InvalidArgument"),
    ):  # fmt: skip
        text = body.encode()
        yield "POST", target, [("Content-MD5", b64encode(md5(text).digest()).decode())], text, code
    huge = [("x-amz-meta-a", "x" * 17_000)]
    yield "PUT", f"/{bucket}/new", huge, b"", "RequestHeaderSectionTooLarge"
    yield "PUT", f"/{bucket}/{'k' * 1025}", [], b"", "KeyTooLongError"
    yield "PUT", f"/{bucket}/k?uploadId=x&partNumber=10001", [], b"", "InvalidArgument"
    many = [("x-amz-tagging", "&".join(f"k{n}=v" for n in range(11)))]
    yield "PUT", f"/{bucket}/new", many, b"", "BadRequest"


def test_owasp_api4_no_request_costs_more_than_its_limit(
    gateway: Running, raw: Raw, s3: Any, bucket: str
) -> None:
    """Unrestricted resource consumption; clients in number and in time are in test_limits.py."""
    for method, target, headers, body, code in _costly(bucket):
        since = time.monotonic()
        with gateway.watched() as wire:
            reply = raw(method, target, headers, body)
            writes = [sent for sent in wire.sent if sent.method not in {"GET", "HEAD"}]
        assert (reply.status, reply.code) == (400, code), target
        assert (writes, len(wire.sent) <= 1) == ([], True)
        assert time.monotonic() - since < 3
    with gateway.watched() as wire:
        found = s3.list_objects_v2(Bucket=bucket, MaxKeys=2_000_000_000)
        assert found["MaxKeys"] == 1000
        assert {re.findall(r"limit=(\d+)", sent.query)[0] for sent in wire.sent} <= {"1000", "1001"}
    many = ",".join(f"{n}-{n}" for n in range(0, 1000, 2))
    reply = raw("GET", f"/{bucket}/k", [("Range", f"bytes={many}")])
    assert (reply.status, reply.body) == (200, b"data")  # as on AWS, where several are none


def test_owasp_api5_what_is_not_for_clients_is_not_there_for_them(
    gateway: Running, raw: Raw, bucket: str
) -> None:
    """Broken function level authorization: neither the operator's pages nor our own containers."""
    for path in ("/-/metrics", "/-/ready", "/-/", "/metrics", "/info", "/v1/AUTH_x/c/o", "/admin"):
        with gateway.watched() as wire:
            reply = raw("GET", path)
            assert reply.status in {400, 403, 404}, (path, reply)
            assert reply.body.startswith(b"<?xml")
            assert all(sent.account != "AUTH_x" for sent in wire.sent)
    for name in (".s3gw", ".s3gw+public", f"{bucket}+segments", "s3gw-buckets"):
        assert raw("GET", f"/{name.replace('+', '%2B')}").code == "NoSuchBucket"
        assert raw("DELETE", f"/{name.replace('+', '%2B')}").code == "NoSuchBucket"


def test_owasp_api6_who_guesses_in_bulk_gets_no_further_and_costs_nobody_else(
    stack: Stack, s3: Any, bucket: str, keys: Keys
) -> None:
    """Unrestricted access to sensitive business flows: here, trying keys, secrets and names.

    Each answer to a guess is right, and says no more than one guess may learn; Keystone is asked
    at a bounded rate, whatever comes; and the others are served meanwhile.
    """
    del s3
    rate, refetch = 3, 60
    with proxied(stack.keystone.auth_url) as keystone:
        identity = {
            "auth_url": f"{keystone.url}/v3",
            "unknown_key_rate": rate,
            "refetch_interval": refetch,
        }
        with running(settings_for(stack, identity=identity)) as gateway:
            url = f"{gateway.endpoint}/{bucket}/k"
            assert ask(gateway.endpoint, sign(keys, "GET", url)).body == b"data"

            def guesses(tried: list[Keys]) -> list[Reply]:
                return [ask(gateway.endpoint, sign(one, "GET", url)) for one in tried]

            with keystone.breaking():
                since = time.monotonic()
                found = guesses([Keys(uuid4().hex, "x", keys.region) for _ in range(60)])
                may = rate * (time.monotonic() - since + 1)
                assert {reply.code for reply in found} == {"InvalidAccessKeyId", "SlowDown"}
                assert 0 < len(keystone.seen) <= may
                assert ask(gateway.endpoint, sign(keys, "GET", url)).body == b"data"
            with keystone.breaking():
                found = guesses([Keys(keys.access_key, f"{n}", keys.region) for n in range(60)])
                assert {reply.code for reply in found} == {"SignatureDoesNotMatch"}
                assert len(keystone.seen) <= 1
                assert ask(gateway.endpoint, sign(keys, "GET", url)).body == b"data"


_NAMES = ("/{name}", "/{name}?location", "/{name}?acl", "/{name}?versions", "/{name}/k", "/{name}/")


def test_owasp_api6_a_list_of_names_tells_a_stranger_nothing_about_them(
    gateway: Running, make_user: MakeUser, keys: Keys, bucket: str
) -> None:
    """Neither whether a bucket of that name is there, nor an object in it."""
    other = make_user()
    theirs = Keys(other.access_key, other.secret_key, keys.region)
    none = f"bucket-{uuid4().hex[:20]}"

    def told(method: str, target: str, name: str, *, signed: bool) -> tuple[Any, ...]:
        path = target.format(name=name)
        request = (
            sign(theirs, method, gateway.endpoint + path) if signed else unsigned(method, path)
        )
        reply = ask(gateway.endpoint, request)
        own = {"x-amz-request-id", "x-amz-id-2", "date"}
        headers = {key: value for key, value in reply.headers.items() if key not in own}
        error = {key: value.replace(name, "*") for key, value in reply.error.items()}
        for element in ("RequestId", "HostId"):
            error.pop(element, None)
        return reply.status, headers, error

    for signed in (True, False):
        for method in ("GET", "HEAD", "DELETE"):
            for target in _NAMES:
                there, gone = (told(method, target, name, signed=signed) for name in (bucket, none))
                assert there == gone, (method, target, signed)
                assert there[0] in {403, 404, 405, 501}


def test_owasp_api8_an_error_tells_nothing_of_the_machine(raw: Raw, bucket: str) -> None:
    """Security misconfiguration: no versions, no traces, no addresses behind the gateway."""
    for method, target in (("GET", f"/{bucket}/none"), ("PUT", "/A_b"), ("POST", f"/{bucket}?x")):
        reply = raw(method, target)
        told = reply.body + repr(reply.headers).encode()
        for word in (b"Traceback", b"python", b"uvicorn", b"AUTH_", b"/v1/", b"keystone", b".py"):
            assert word not in told.lower() if word.islower() else word not in told
        assert reply.headers["server"] == "s3gw"


def _public_operations() -> set[str]:
    table = _README.read_text(encoding="utf-8").partition("<!-- operations")[2]
    return set(re.findall(r"^\| (\w+) \| `", table.partition("<!-- /operations")[0], re.MULTILINE))


_METHODS = (
    "GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "COPY", "MOVE",
    "LINK", "MKCOL", "REPORT", "PURGE", "BREW",
)  # fmt: skip
_PATHS = (
    # of frameworks and servers
    "/docs", "/redoc", "/openapi.json", "/metrics", "/health", "/healthz", "/ready", "/status",
    "/debug/pprof/", "/server-status", "/robots.txt", "/favicon.ico", "/.well-known/security.txt",
    "/graphql", "/admin", "/console", "/static/x",
    # of this gateway, on its other port
    "/-/metrics", "/-/ready", "/-/", "/-/health/", "//-/health", "/%2D/health",
    # of Swift, s3api and other gateways
    "/info", "/healthcheck", "/v1/AUTH_test/c/o", "/swift/v1", "/auth/v1.0", "/v3/auth/tokens",
    "/minio/health/live", "/minio/admin/v3/info", "/crossdomain.xml", "/recon/version",
)  # fmt: skip
_QUERIES = (
    "", "acl", "policy", "select&select-type=2", "restore", "torrent", "website", "analytics",
    "intelligent-tiering", "inventory", "metrics", "object-lock", "session", "renameObject",
    "metadataTable", "encryption", "nonsense", "debug", "Action=ListUsers",
    "multipart-manifest=get",
    "version-id=1", "format=json", "bulk-delete", "temp_url_sig=x", "symlink=get",
)  # fmt: skip


def _counted(server: Server) -> set[str]:
    """The operations that requests were taken for."""
    text = requests.get(f"http://127.0.0.1:{server.operator_port}/-/metrics", timeout=5).text
    return set(re.findall(r's3gw_requests_total\{.*?operation="([^"]*)"', text))


def _tries(name: str) -> Iterator[tuple[str, str]]:
    """Methods and targets that are in no table, or do no harm to the bucket `name`."""
    for target in (*_PATHS, f"/{name}", f"/{name}/k"):
        for query in _QUERIES if name in target else ("",):
            for method in _METHODS:
                if query or method not in {"DELETE", "PUT"}:
                    yield method, f"{target}?{query}" if query else target


def test_owasp_api9_nothing_answers_that_the_published_table_does_not_have(
    stack: Stack, swift: swiftclient.Connection, keys: Keys, tmp_path: Path
) -> None:
    """Improper inventory management: whatever path, method and query, refused or in the table."""
    name = f"bucket-{uuid4().hex[:20]}"
    swift.put_container(name)
    swift.put_object(name, "k", b"data")
    public = _public_operations()
    assert len(public) > 40
    with proxied(stack.swift.proxy_url) as proxy, proxy.breaking():
        template = f"{proxy.url}/v1/AUTH_{{project_id}}"
        settings = settings_for(stack, swift={"storage_url_template": template})
        with served(tmp_path, settings) as server:
            for method, target in _tries(name):
                reply = ask(server.endpoint, sign(keys, method, server.endpoint + target))
                assert "x-amz-request-id" in reply.headers, (method, target)
                if name not in target and method != "OPTIONS":
                    assert reply.status >= 400, (method, target)
                    assert method == "HEAD" or reply.code, (method, target)
            counted = _counted(server)
        assert {one.partition(" ")[0] for one in proxy.seen} <= {"GET", "HEAD"}
    assert counted <= public | {"none"}
    assert {"none", "GetObject", "ListObjects", "GetBucketAcl"} <= counted
    assert swift.get_object(name, "k")[1] == b"data"


def test_owasp_api9_a_server_listens_on_its_two_ports_and_no_other(
    stack: Stack, tmp_path: Path, keys: Keys
) -> None:
    """And the operators' one is not there either where it is turned off."""
    settings = settings_for(stack)
    with served(tmp_path, settings, "--workers=2") as server:
        assert ask(server.endpoint, sign(keys, "GET", f"{server.endpoint}/")).status == 200
        pids = [server.process.pid, *server.children()]
        assert _listening(pids) == {server.port, server.operator_port}
    with served(tmp_path, settings, S3GW_METRICS__PORT="") as server:
        assert _listening([server.process.pid, *server.children()]) == {server.port}


def _listening(pids: list[int]) -> set[int]:
    """The TCP ports on which these processes take connections from elsewhere."""
    links = (fd for pid in pids for fd in Path(f"/proc/{pid}/fd").iterdir())
    targets = {str(link.readlink()) for link in links if link.is_symlink()}
    inodes = {text[8:-1] for text in targets if text.startswith("socket:[")}
    rows = [
        row.split()
        for table in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
    ]
    return {
        int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in inodes
    }


@pytest.fixture(scope="module")
def told(stack: Stack) -> Iterator[Scripted]:
    """A gateway whose Swift says what a test wants."""
    with scripted(stack) as found:
        yield found


_DISTRUSTED = {
    "a page of somebody else's": ("200 OK", b"<html>please log in</html>"),
    "another kind of document": ("200 OK", b'{"name": "k"}'),
    "entries that are none": ("200 OK", b'[{"name": 1, "bytes": "many"}]'),
    "a name that is no string": ("200 OK", b'[{"name": null}]'),
    "half a document": ("200 OK", b'[{"name": "k", "bytes": 1'),
    "a nest": ("200 OK", b"[" * 100_000),
    "a number beyond all": ("200 OK", b'[{"name": "k", "bytes": 1e999}]'),
    "no words": ("200 OK", b"\xff\xfe"),
    "no content": ("204 No Content", b""),
}


@pytest.mark.parametrize("what", _DISTRUSTED)
def test_owasp_api10_an_answer_that_is_not_swifts_is_an_error_and_never_empty(
    told: Scripted, keys: Keys, what: str
) -> None:
    """Unsafe consumption of APIs: who syncs from "nothing" deletes everything."""
    status, body = _DISTRUSTED[what]
    with told.saying(answering(status, body=body)):
        url = f"{told.gateway.endpoint}/bucket?list-type=2"
        reply = ask(told.gateway.endpoint, sign(keys, "GET", url))
    if what == "no content":  # which is how Swift says that there is nothing
        assert b"<KeyCount>0</KeyCount>" in reply.body
    else:
        assert (reply.status, reply.code) == (503, "ServiceUnavailable")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
def test_owasp_api10_a_token_goes_nowhere_that_swift_points_to(
    told: Scripted, keys: Keys, method: str, status: int
) -> None:
    with trap() as somewhere:

        def elsewhere(peer: Peer) -> None:
            peer.head()
            peer.answer(
                f"{status} Elsewhere",
                f"Location: {somewhere.url}/v1/a",
                "Set-Cookie: session=1",
                f"Refresh: 0; url={somewhere.url}",
                f"Link: <{somewhere.url}>; rel=next",
                "Connection: close",
            )

        with told.saying(elsewhere):
            signed = sign(keys, method, f"{told.gateway.endpoint}/bucket/key")
            more = [("Content-Length", "0")] if method == "PUT" else []
            reply = ask(told.gateway.endpoint, signed, more=more)
    assert reply.status == 503
    assert not {"location", "set-cookie", "refresh", "link"} & reply.headers.keys()
    assert somewhere.url.encode() not in reply.body
