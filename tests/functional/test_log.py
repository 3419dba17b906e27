"""What is written of a request: one line that tells all but secrets, whatever a client sends."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.functional.gateway import new_bucket, s3_client, settings_for
from tests.functional.payloads import BUFFER_SIZE, UNSIGNED, Body, prepared, put
from tests.functional.rawclient import Keys, ask, linked, sign
from tests.functional.secrecy import Secrecy
from tests.functional.server import Server, served
from tests.functional.stack import Stack

FORGED = '"}\n{"event": "request", "status": 200, "operation": "Forged"}\r\n\x1b[31m\u2028'


@pytest.fixture(scope="module")
def server(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("log"), settings_for(stack)) as found:
        yield found


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for all tests."""
    return new_bucket(s3)


def line_of(server: Server, request_id: str) -> dict[str, Any]:
    """The request's line, of which there is one; each line is a JSON object."""
    lines = map(json.loads, server.logged(f'"request_id": "{request_id}", "client"').splitlines())
    found = [line for line in lines if line.get("request_id") == request_id]
    (line,) = [line for line in found if line["event"] == "request"]
    return dict(line)


def test_a_request_is_one_line_that_tells_all(server: Server, bucket: str, keys: Keys) -> None:
    data = bytes(BUFFER_SIZE + 1)
    upload = prepared(keys, f"{server.endpoint}/{bucket}/key", Body(mode=UNSIGNED, data=data))
    put(server.endpoint, upload)  # what it has to know of the bucket it knows from now on
    reply = put(server.endpoint, upload)
    line = line_of(server, reply.headers["x-amz-request-id"])
    assert line["swift_transaction"] == reply.headers["x-amz-id-2"]
    facts = {
        "event": "request",
        "level": "info",
        "client": "127.0.0.1",
        "operation": "PutObject",
        "method": "PUT",
        "bucket": bucket,
        "status": 200,
        "code": None,
        "access_key": keys.access_key,
        "received": len(data),
        "sent": 0,
        "whole": True,
        "swift_calls": 1,
    }
    assert {name: line[name] for name in facts} == facts
    parts = ("gateway_ms", "keystone_ms", "swift_ms", "client_ms")
    assert line["milliseconds"] > 0
    assert line["swift_ms"] > 0
    assert sum(line[part] for part in parts) == pytest.approx(line["milliseconds"], abs=0.5)

    reply = ask(server.endpoint, sign(keys, "GET", f"{server.endpoint}/{bucket}/key"))
    line = line_of(server, reply.headers["x-amz-request-id"])
    assert (line["operation"], line["received"], line["sent"]) == ("GetObject", 0, len(data))
    assert line["keystone_ms"] == 0  # both are remembered


def test_the_first_request_of_a_key_waits_for_keystone(
    stack: Stack, server: Server, make_user: Any
) -> None:
    person = make_user()
    keys = Keys(person.access_key, person.secret_key, stack.region)
    reply = ask(server.endpoint, sign(keys, "GET", f"{server.endpoint}/"))
    line = line_of(server, reply.headers["x-amz-request-id"])
    assert line["milliseconds"] > line["keystone_ms"] > 1


def test_a_trusted_proxy_tells_whose_request_it_was(
    stack: Stack, server: Server, bucket: str, keys: Keys, tmp_path: Any
) -> None:
    told = [("X-Forwarded-For", "203.0.113.9, 198.51.100.1")]
    proxy = {"trusted": ["127.0.0.0/8"]}
    with served(tmp_path, settings_for(stack, proxy=proxy)) as behind:
        for one, client in ((behind, "198.51.100.1"), (server, "127.0.0.1")):
            reply = ask(one.endpoint, sign(keys, "GET", f"{one.endpoint}/{bucket}"), more=told)
            assert line_of(one, reply.headers["x-amz-request-id"])["client"] == client


def test_a_refusal_has_its_code(server: Server, bucket: str, keys: Keys) -> None:
    wrong = Keys(keys.access_key, "wrong", keys.region)
    reply = ask(server.endpoint, sign(wrong, "GET", f"{server.endpoint}/{bucket}"))
    line = line_of(server, reply.headers["x-amz-request-id"])
    assert (line["status"], line["code"]) == (403, "SignatureDoesNotMatch")
    # Whose it would be is a claim that nobody has verified.
    assert (line["access_key"], line["swift_calls"]) == (None, 0)


def test_an_answer_that_breaks_off_is_not_whole(
    server: Server, s3: Any, bucket: str, keys: Keys
) -> None:
    size = 24 * 1024 * 1024
    s3.put_object(Bucket=bucket, Key="large", Body=bytes(size))
    with linked(server.endpoint) as link:
        link.send(sign(keys, "GET", f"{server.endpoint}/{bucket}/large").head())
        seen = b""
        while len(seen) < 1024 * 1024:
            seen += link.socket.recv(65536)
    request_id = re.findall(rb"x-amz-request-id: (\w+)", seen)[0].decode()
    line = line_of(server, request_id)
    assert (line["status"], line["whole"]) == (200, False)
    assert 0 < line["sent"] < size
    assert line["client_ms"] > 0


@pytest.mark.parametrize("form", ["json", "text"])
def test_nothing_that_a_client_sends_makes_a_line_of_its_own(
    stack: Stack, bucket: str, keys: Keys, tmp_path: Any, form: str
) -> None:
    with served(tmp_path, settings_for(stack, log={"format": form})) as server:
        evil = quote(FORGED, safe="")
        header = "".join(c for c in FORGED if c.isprintable())
        ids = []
        for target in (
            f"{bucket}/{evil}",
            f"{evil}/key",
            f"{bucket}?{evil}",
            f"{bucket}?acl&{evil}",
        ):
            url = f"{server.endpoint}/{target}"
            signed = sign(keys, "GET", url, [("User-Agent", header), ("x-amz-meta-a", header)])
            reply = ask(server.endpoint, signed)
            ids.append(reply.headers["x-amz-request-id"])
        log = server.logged(ids[-1])
    lines = [line for line in log.splitlines() if "Forged" in line]
    assert "\x1b" not in log
    assert "\u2028" not in log
    # The bucket's name is logged, as one value.
    assert lines
    for line in lines:
        assert any(one in line for one in ids)
        if form == "json":
            assert json.loads(line)["operation"] != "Forged"
    assert all(sum(one in line for line in log.splitlines()) == 1 for one in ids)


def test_secrets_and_signatures_of_every_kind_stay_out_of_it(
    stack: Stack, server: Server, bucket: str, keys: Keys
) -> None:
    watch = Secrecy()
    watch.keep("a secret key", keys.secret_key)
    ids = []
    for version in ("s3v4", "s3"):
        client = s3_client(server.endpoint, stack, signature_version=version)
        url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "none"})
        watch.keep_signatures(url.partition("?")[2], ())
        answer = requests.get(url, timeout=10)
        spoilt = requests.get(f"{url}0", timeout=10)
        assert (answer.status_code, spoilt.status_code) == (404, 403)
        ids += [answer.headers["x-amz-request-id"], spoilt.headers["x-amz-request-id"]]
    log = server.logged(ids[-1])
    watch.note(log)
    assert len(watch.secrets) == 3
    assert watch.leaks() == {}


def test_a_leak_would_be_seen() -> None:
    watch = Secrecy()
    token = "gAAAAABmZ-9f8e7d6c5b4a39281706f5e4d3c2b1a0_x"
    watch.keep("a token", token)
    watch.keep_signatures(
        "", [(b"authorization", b"AWS4 Credential=a/b, Signature=0123456789abcdef")]
    )
    watch.keep_signatures("a=b&Signature=Zm9vYmFyYmF6cXV4%3D", [])
    watch.note(f"nothing of {token[:10]} or 0123456789 here")
    assert watch.leaks() == {}
    watch.note(f'{{"reason": "token {token} refused", "a": "Signature=0123456789abcdef"}}')
    assert sorted(watch.leaks().values()) == ["a signature", "a token"]
    watch.note("Zm9vYmFyYmF6cXV4=")
    assert len(watch.leaks()) == 3
