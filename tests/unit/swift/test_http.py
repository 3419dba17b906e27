"""The HTTP client against a backend that tempts it to be clever."""

import gzip
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest

from s3gw.config import Swift
from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.http import HttpTransport
from s3gw.swift.transport import Upload
from tests.unit.swift.hostile import Backend, Peer, Script, serving

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
TOKEN = {"X-Auth-Token": "t"}


@asynccontextmanager
async def opened(*, silence: float = 5.0, stall: float = 5.0) -> AsyncIterator[HttpTransport]:
    """A transport that is closed at the end."""
    settings = Swift(timeout=silence, connect_timeout=2)
    transport = HttpTransport(settings, stall_timeout=stall)
    try:
        yield transport
    finally:
        await transport.aclose()


def answers(*answer: str, times: int = 1, body: bytes = b"") -> Script:
    """A script that answers so many requests without a body on one connection."""

    def script(peer: Peer) -> None:
        for _ in range(times):
            peer.head()
            peer.answer(*answer, body=body)

    return script


def says(raw: bytes) -> Script:
    """A script that answers with these bytes, and closes the connection."""

    def script(peer: Peer) -> None:
        peer.head()
        with suppress(OSError):  # who has heard enough leaves before the end
            peer.send(raw)

    return script


OK = answers("200 OK")


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


# --- what goes out ---


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_request_has_the_headers_it_was_given_and_those_that_http_needs(
    method: str,
) -> None:
    with serving(OK) as backend:
        async with opened() as transport:
            (await transport.request(method, f"{backend.url}/v1/a", TOKEN)).close()
    (head,) = backend.heads
    assert head.line == f"{method} /v1/a HTTP/1.1"
    nothing = {"Content-Length": "0"} if method == "DELETE" else {}
    assert dict(head.headers) == nothing | {
        "Host": backend.url.removeprefix("http://"),
        "X-Auth-Token": "t",
        "Accept-Encoding": "identity",
    }


@pytest.mark.parametrize("body", [b"", b"data"])
@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_body_adds_its_length_and_no_type(method: str, body: bytes) -> None:
    def take(peer: Peer) -> None:
        peer.head()
        assert peer.body(len(body)) == body
        peer.answer("201 Created")

    with serving(take) as backend:
        async with opened() as transport:
            await (await transport.request(method, f"{backend.url}/o", TOKEN, body)).read()
    (head,) = backend.heads
    assert dict(head.headers) == {
        "Host": backend.url.removeprefix("http://"),
        "X-Auth-Token": "t",
        "Accept-Encoding": "identity",
        "Content-Length": str(len(body)),
    }


@pytest.mark.parametrize(
    "target",
    [
        "/v1/a/c/%2F",
        "/v1/a/c/a//b",
        "/v1/a/c/..",
        "/v1/a/c/../x",
        "/v1/a/c/./x/",
        "/v1/a/c/%2e%2E/%c3%a9",
        "/v1/a/c/%C3%A9%20+~!$&'()*,;=:@",
        "/v1/a/c/%25%3F%23",
        "/v1/a?prefix=%2F&marker=a%2Bb%26&x=+&y",
        "/v1/a/c/o?multipart-manifest=get&format=raw&format=json",
    ],
)
async def test_a_url_is_sent_as_it_was_given(target: str) -> None:
    with serving(OK) as backend:
        async with opened() as transport:
            (await transport.request("GET", backend.url + target, {})).close()
    assert backend.heads[0].line == f"GET {target} HTTP/1.1"


async def test_a_header_is_sent_as_it_was_given() -> None:
    given = {"X-Object-Meta-A": "é \t€", "x-object-meta-b": "", "Content-Type": "a/b; c"}
    with serving(OK) as backend:
        async with opened() as transport:
            (await transport.request("PUT", f"{backend.url}/o", given, b"")).close()
    sent = dict(backend.heads[0].headers)
    assert sent["X-Object-Meta-A"].encode("latin-1").decode() == "é \t€"
    assert sent["Content-Type"] == "a/b; c"
    assert sent["x-object-meta-b"] == ""


@pytest.mark.parametrize("evil", ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\x00b"])
async def test_a_header_cannot_write_another(evil: str) -> None:
    came = []
    with serving(lambda peer: came.append(peer.left())) as backend:
        async with opened() as transport:
            with pytest.raises(ValueError, match="header"):
                await transport.request("PUT", f"{backend.url}/o", {"X-Object-Meta-A": evil}, b"")
    assert b"".join(came) == b""


async def test_a_cookie_is_not_kept() -> None:
    with serving(answers("200 OK", "Set-Cookie: session=1; Path=/", times=2)) as backend:
        async with opened() as transport:
            for _ in range(2):
                await (await transport.request("GET", f"{backend.url}/o", {})).read()
    assert [head.get("cookie") for head in backend.heads] == [None, None]


async def test_the_environment_has_no_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("default login user password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serving(OK) as backend:
        async with opened() as transport:
            response = await transport.request("GET", f"{backend.url}/o", {})
            response.close()
    assert response.status == 200
    assert backend.heads[0].get("authorization") is None


# --- what comes back ---


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Moved", "308 Moved"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_redirect_is_an_answer(method: str, status: str) -> None:
    body = b"data" if method == "PUT" else None

    def redirect(peer: Peer) -> None:
        peer.head()
        peer.body(0 if body is None else len(body))
        peer.answer(status, "Location: /elsewhere", body=b"moved")

    with serving(redirect) as backend:
        async with opened() as transport:
            response = await transport.request(method, f"{backend.url}/o", {}, body)
            assert await response.read() == b"moved"
    assert f"{response.status} " in status + " "
    assert response.headers["Location"] == "/elsewhere"
    assert len(backend.heads) == 1


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "x-unknown", "gzip, br"])
async def test_an_encoded_object_comes_back_byte_for_byte(coding: str) -> None:
    stored = gzip.compress(b"data" * 1000)
    script = answers("200 OK", f"Content-Encoding: {coding}", body=stored)
    for read in (_read, _read_chunks):
        with serving(script) as backend:
            async with opened() as transport:
                response = await transport.request("GET", f"{backend.url}/o", {})
                assert await read(response) == stored
        assert response.headers["content-encoding"] == coding
        assert response.headers["content-length"] == str(len(stored))


async def _read(response: Any) -> bytes:
    data: bytes = await response.read()
    return data


async def _read_chunks(response: Any) -> bytes:
    return b"".join([piece async for piece in response.chunks()])


async def test_odd_headers_are_read_as_they_are() -> None:
    odd = [
        "X-Object-Meta-Utf8: \u00e9".encode(),
        b"X-Object-Meta-Latin: \xe9",
        b"X-Object-Meta-Empty:",
        b"X-Object-Meta-Blanks:   a  b   ",
        b"X-Object-Meta-Long: " + b"x" * 8000,
        b"x-object-meta-a.b_c!~: 1",
        b"Content-Type: not/a type; ;=",
        b"Etag: no quotes",
        b"Last-Modified: never",
    ]
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n" + b"\r\n".join(odd) + b"\r\n\r\ndata"
    with serving(says(raw)) as backend:
        async with opened() as transport:
            response = await transport.request("GET", f"{backend.url}/o", {})
            assert await response.read() == b"data"
    headers = response.headers
    assert headers["X-Object-Meta-Utf8"].encode("utf-8", "surrogateescape") == b"\xc3\xa9"
    assert headers["X-Object-Meta-Latin"].encode("utf-8", "surrogateescape") == b"\xe9"
    assert headers["X-Object-Meta-Empty"] == ""
    assert headers["X-Object-Meta-Blanks"] == "a  b"
    assert headers["X-Object-Meta-Long"] == "x" * 8000
    assert headers["X-Object-Meta-A.B_C!~"] == "1"
    assert headers["Content-Type"] == "not/a type; ;="
    assert (headers["Etag"], headers["Last-Modified"]) == ("no quotes", "never")


async def test_an_answer_may_have_as_much_metadata_as_swift_allows() -> None:
    many = [f"X-Object-Meta-Name-{number}: {number}" for number in range(500)]
    with serving(answers("200 OK", *many)) as backend:
        async with opened() as transport:
            response = await transport.request("HEAD", f"{backend.url}/o", {})
            response.close()
    assert response.headers["x-object-meta-name-499"] == "499"


# --- what goes wrong ---


async def test_nobody_listening_is_unreachable() -> None:
    with serving(OK) as backend:
        url = backend.url
    async with opened() as transport:
        for body in (None, b"data", Upload(chunks(b"data"), 4)):
            with pytest.raises(SwiftUnreachable, match="PUT /o"):
                await transport.request("PUT", f"{url}/o", {}, body)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-Object-Meta-\xff\x00: 1\r\n\r\n",
    ],
)
async def test_an_answer_that_is_none_is_unreachable(raw: bytes) -> None:
    with serving(says(raw)) as backend:
        async with opened() as transport:
            with pytest.raises(SwiftUnreachable):
                await transport.request("GET", f"{backend.url}/o", {})


@pytest.mark.parametrize("read", [_read, _read_chunks])
@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nno size\r\n",
    ],
)
async def test_a_body_that_breaks_off_is_unreachable(
    raw: bytes, read: Callable[[Any], Any]
) -> None:
    with serving(says(raw)) as backend:
        async with opened() as transport:
            with pytest.raises(SwiftUnreachable):
                await read(await transport.request("GET", f"{backend.url}/o", {}))


def _silent(peer: Peer) -> None:
    peer.head()
    peer.left()


@pytest.mark.parametrize("raw", [b"", b"no HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nA\x00: 1"])
async def test_a_failure_does_not_tell_the_token(raw: bytes) -> None:
    with serving(says(raw)) as backend:
        async with opened() as transport:
            with pytest.raises(SwiftUnreachable) as failure:
                await transport.request("GET", f"{backend.url}/o", {"X-Auth-Token": "secret"})
    assert "GET /o: " in str(failure.value)
    assert "secret" not in repr(failure.value) + str(failure.value)


async def test_silence_is_unreachable_in_time() -> None:
    with serving(_silent) as backend:
        async with opened(silence=0.1) as transport:
            for body in (None, b"data"):
                with anyio.fail_after(3), pytest.raises(SwiftUnreachable):
                    await transport.request("PUT", f"{backend.url}/o", {}, body)


async def test_silence_in_a_body_is_unreachable_in_time() -> None:
    def stall(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
        assert peer.left() == b""

    with serving(stall) as backend:
        async with opened(silence=0.1) as transport:
            response = await transport.request("GET", f"{backend.url}/o", {})
            with anyio.fail_after(3), pytest.raises(SwiftUnreachable):
                await response.read()


def _answers_then_dies(peer: Peer) -> None:
    """One answer, and no second one: the connection dies in the request."""
    peer.head()
    peer.answer("200 OK")
    peer.head()


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("body", [b"", b"data"])
async def test_a_write_is_never_sent_twice(method: str, body: bytes) -> None:
    with serving(_answers_then_dies, OK) as backend:
        async with opened() as transport:
            await (await transport.request("GET", f"{backend.url}/o", {})).read()
            with pytest.raises(SwiftUnreachable):
                await transport.request(method, f"{backend.url}/o", {}, body)
    assert [head.line.split(" ")[0] for head in backend.heads] == ["GET", method]
    assert backend.connections == 1


async def test_a_write_is_never_sent_twice_on_a_new_connection_either() -> None:
    with serving(says(b""), OK) as backend:
        async with opened() as transport:
            with pytest.raises(SwiftUnreachable):
                await transport.request("PUT", f"{backend.url}/o", {}, b"data")
    assert len(backend.heads) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("first", [_answers_then_dies, says(b"")], ids=["used", "new"])
async def test_what_changes_nothing_is_repeated_once_and_counted(
    method: str, first: Script
) -> None:
    with serving(first, OK) as backend:
        async with opened() as transport:
            if first is _answers_then_dies:
                await (await transport.request("GET", f"{backend.url}/o", {})).read()
            response = await transport.request(method, f"{backend.url}/o", TOKEN)
            response.close()
    assert response.status == 200
    assert [head.line.split(" ")[0] for head in backend.heads][-2:] == [method, method]
    assert backend.heads[-1].headers == backend.heads[-2].headers
    assert (backend.connections, transport.traffic.repeats) == (2, 1)


async def test_what_fails_twice_is_not_repeated_again() -> None:
    with serving(_answers_then_dies, says(b"")) as backend:
        async with opened() as transport:
            await (await transport.request("GET", f"{backend.url}/o", {})).read()
            with pytest.raises(SwiftUnreachable):
                await transport.request("GET", f"{backend.url}/o", {})
    assert (len(backend.heads), transport.traffic.repeats) == (3, 1)


async def test_a_delete_is_not_repeated_since_its_404_would_lie() -> None:
    with serving(_answers_then_dies, OK) as backend:
        async with opened() as transport:
            await (await transport.request("GET", f"{backend.url}/o", {})).read()
            with pytest.raises(SwiftUnreachable):
                await transport.request("DELETE", f"{backend.url}/o", {})
    assert (len(backend.heads), transport.traffic.repeats) == (2, 0)


async def test_an_answer_that_has_begun_is_not_asked_for_again() -> None:
    short = says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
    with serving(short, OK) as backend:
        async with opened() as transport:
            response = await transport.request("GET", f"{backend.url}/o", {})
            with pytest.raises(SwiftUnreachable):
                await _read_chunks(response)
    assert (len(backend.heads), transport.traffic.repeats) == (1, 0)


async def test_a_backend_that_is_not_there_is_asked_once() -> None:
    with serving(OK) as backend:
        pass
    async with opened() as transport:
        with pytest.raises(SwiftUnreachable):
            await transport.request("GET", f"{backend.url}/o", {})
    assert transport.traffic.repeats == 0


# --- uploads ---


async def test_an_upload_waits_for_swift_to_say_go_on() -> None:
    upload = Upload(chunks(b"da", b"ta"), 4)
    began: list[bool] = []

    def take(peer: Peer) -> None:
        peer.head()
        began.append(upload.started)
        peer.send(GO_ON)
        assert peer.body(4) == b"data"
        peer.answer("201 Created", "Etag: e")

    with serving(take) as backend:
        async with opened() as transport:
            response = await transport.request("PUT", f"{backend.url}/o", TOKEN, upload)
            response.close()
    assert (began, upload.started) == ([False], True)
    assert (response.status, response.headers["Etag"]) == (201, "e")
    assert dict(backend.heads[0].headers) == {
        "Host": backend.url.removeprefix("http://"),
        "X-Auth-Token": "t",
        "Accept-Encoding": "identity",
        "Content-Length": "4",
        "Expect": "100-continue",
    }


async def test_an_upload_of_unknown_length_is_chunked() -> None:
    def take(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        wire = b"2\r\nda\r\n2\r\nta\r\n0\r\n\r\n"
        assert peer.body(len(wire)) == wire
        peer.answer("201 Created")

    with serving(take) as backend:
        async with opened() as transport:
            upload = Upload(chunks(b"da", b"ta"), None)
            (await transport.request("PUT", f"{backend.url}/o", {}, upload)).close()
    (head,) = backend.heads
    assert (head.get("transfer-encoding"), head.get("content-length")) == ("chunked", None)
    assert head.get("content-type") is None


@pytest.mark.parametrize("status", ["401 Unauthorized", "412 Precondition Failed", "507 Full"])
async def test_an_upload_that_swift_refuses_at_once_is_not_begun(status: str) -> None:
    def refuse(peer: Peer) -> None:
        peer.head()
        peer.answer(status, body=b"why")
        assert peer.left() == b""

    upload = Upload(chunks(b"data"), 4)
    with serving(refuse) as backend:
        async with opened() as transport:
            response = await transport.request("PUT", f"{backend.url}/o", {}, upload)
            assert await response.read(4096) == b"why"
    assert (f"{response.status} " in status, upload.started) == (True, False)
    assert backend.connections == 1


async def test_an_upload_that_swift_ends_early_gets_its_answer() -> None:
    def refuse(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        peer.body(4)
        peer.answer("413 Too Large", body=b"why")
        peer.left()

    async def endless() -> AsyncIterator[bytes]:
        yield b"data"
        await anyio.sleep_forever()

    with serving(refuse) as backend:
        async with opened() as transport:
            upload = Upload(endless(), 1000)
            response = await transport.request("PUT", f"{backend.url}/o", {}, upload)
            assert (response.status, await response.read(4096)) == (413, b"why")
    assert backend.connections == 1


class _WrongBodyError(Exception):
    """What is wrong with the body, in the words of whoever reads it."""


@pytest.mark.parametrize("length", [1000, None])
async def test_a_body_that_turns_out_wrong_cuts_the_connection(length: int | None) -> None:
    async def wrong() -> AsyncIterator[bytes]:
        yield b"data"
        raise _WrongBodyError

    came = []

    def take(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        came.append(peer.left())

    with serving(take) as backend:
        async with opened() as transport:
            with pytest.raises(_WrongBodyError):
                await transport.request("PUT", f"{backend.url}/o", {}, Upload(wrong(), length))
    assert came == [b"data" if length else b"4\r\ndata\r\n"]  # and no end of it
    assert backend.connections == 1


async def test_a_body_that_turns_out_wrong_at_once_cuts_the_connection() -> None:
    async def wrong() -> AsyncIterator[bytes]:
        for piece in (b"data",):
            if piece:
                raise _WrongBodyError
            yield piece

    came = []

    def take(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        came.append(peer.left())

    with serving(take) as backend:
        async with opened() as transport:
            with pytest.raises(_WrongBodyError):
                await transport.request("PUT", f"{backend.url}/o", {}, Upload(wrong(), None))
    assert (came, transport.traffic.cut_uploads) == ([b""], 1)


async def test_an_upload_that_dies_before_it_has_begun_is_begun_once_at_most() -> None:
    def take(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        assert peer.body(4) == b"data"
        peer.answer("201 Created")

    with serving(_answers_then_dies, take) as backend:
        async with opened() as transport:
            await (await transport.request("GET", f"{backend.url}/o", {})).read()
            upload = Upload(chunks(b"da", b"ta"), 4)
            response = await transport.request("PUT", f"{backend.url}/o", {}, upload)
            response.close()
    # The connection was one that Swift had closed meanwhile: nothing of the body had gone.
    assert (response.status, len(backend.heads)) == (201, 3)
    assert (transport.traffic.repeats, transport.traffic.cut_uploads) == (1, 0)


async def test_an_upload_that_never_begins_is_begun_twice_at_most() -> None:
    with serving(says(b""), says(b""), OK) as backend:
        async with opened() as transport:
            upload = Upload(chunks(b"data"), 4)
            with pytest.raises(SwiftUnreachable):
                await transport.request("PUT", f"{backend.url}/o", {}, upload)
    assert (len(backend.heads), transport.traffic.repeats, transport.traffic.cut_uploads) == (
        2,
        1,
        0,
    )
    assert not upload.started


async def test_an_upload_that_dies_on_the_way_is_sent_once() -> None:
    def die(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        peer.body(4)

    async def long() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield bytes(65536)

    with serving(die, OK) as backend:
        async with opened() as transport:
            with pytest.raises(SwiftUnreachable):
                await transport.request("PUT", f"{backend.url}/o", {}, Upload(long(), 65536 * 1000))
    assert (len(backend.heads), transport.traffic.repeats, transport.traffic.cut_uploads) == (
        1,
        0,
        1,
    )


async def test_an_upload_that_dies_after_its_body_is_sent_once() -> None:
    def die(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        assert peer.body(4) == b"data"

    with serving(die, OK) as backend:
        async with opened() as transport:
            with pytest.raises(SwiftUnreachable):
                await transport.request("PUT", f"{backend.url}/o", {}, Upload(chunks(b"data"), 4))
    assert (len(backend.heads), transport.traffic.repeats, transport.traffic.cut_uploads) == (
        1,
        0,
        1,
    )


@pytest.mark.parametrize("go_on", [b"", GO_ON])
async def test_an_upload_that_swift_leaves_unanswered_ends_in_time(go_on: bytes) -> None:
    def stall(peer: Peer) -> None:
        peer.head()
        peer.send(go_on)
        peer.left()

    with serving(stall) as backend:
        async with opened(silence=0.1, stall=30) as transport:  # the source has its time, Swift not
            with anyio.fail_after(3), pytest.raises(SwiftUnreachable):
                await transport.request("PUT", f"{backend.url}/o", {}, Upload(chunks(b"data"), 4))


async def test_an_upload_whose_source_stalls_ends_in_time() -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield b"da"
        await anyio.sleep_forever()

    came = []

    def take(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        came.append(peer.left())

    with serving(take) as backend:
        async with opened(silence=0.1, stall=0.2) as transport:
            with anyio.fail_after(3), pytest.raises(SwiftUnreachable):
                await transport.request("PUT", f"{backend.url}/o", {}, Upload(stalling(), 4))
    assert came == [b"da"]


async def test_a_slow_upload_goes_on_as_long_as_something_comes() -> None:
    async def slow() -> AsyncIterator[bytes]:
        for letter in (b"d", b"a", b"t", b"a"):
            await anyio.sleep(0.15)
            yield letter

    def take(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        assert peer.body(4) == b"data"
        peer.answer("201 Created")

    with serving(take) as backend:
        async with opened(silence=0.1, stall=0.2) as transport:
            response = await transport.request("PUT", f"{backend.url}/o", {}, Upload(slow(), 4))
            response.close()
    assert response.status == 201


# --- connections ---


async def test_a_connection_is_used_again_after_an_answer_that_was_read() -> None:
    with serving(answers("200 OK", times=4, body=b"data")) as backend:
        async with opened() as transport:
            url = f"{backend.url}/o"
            await (await transport.request("GET", url, {})).read()
            await (await transport.request("GET", url, {})).read(4096)
            await _read_chunks(await transport.request("GET", url, {}))
            (await transport.request("GET", url, {})).close()
    assert backend.connections == 1


async def test_a_head_leaves_its_connection_to_the_next_request() -> None:
    def script(peer: Peer) -> None:
        for _ in range(2):
            peer.head()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")

    with serving(script) as backend:
        async with opened() as transport:
            for _ in range(2):
                (await transport.request("HEAD", f"{backend.url}/o", {})).close()
    assert backend.connections == 1


@pytest.mark.parametrize("how", ["close", "read", "chunks"])
async def test_an_answer_that_is_given_up_takes_its_connection_with_it(how: str) -> None:
    gone = threading.Event()

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        assert peer.left() == b""
        gone.set()

    async def give_up(backend: Backend, transport: HttpTransport) -> None:
        response = await transport.request("GET", f"{backend.url}/o", {})
        if how == "close":
            response.close()
        elif how == "read":
            assert await response.read(3) == b"sho"
        else:
            pieces = response.chunks()
            assert await anext(pieces) == b"short"
            await pieces.aclose()  # type: ignore[attr-defined]  # it is a generator

    with serving(script) as backend:
        async with opened() as transport:
            await give_up(backend, transport)
            assert await anyio.to_thread.run_sync(gone.wait, 5)  # before the transport closes


async def test_silence_is_borne_longer_where_swift_is_given_time() -> None:
    def slow(peer: Peer) -> None:
        peer.head()
        time.sleep(0.5)
        peer.answer("201 Created")

    with serving(slow) as backend:
        async with opened(silence=0.1) as transport:
            response = await transport.request("PUT", f"{backend.url}/o", {}, b"", extra_time=9.0)
            assert response.status == 201
            response.close()
