"""Swift behind TLS, and at addresses of every kind: nobody else gets a request's token."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event

import anyio
import pytest

from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.transport import Upload
from tests.functional.certificates import certificate
from tests.unit.swift.hostile import Peer, serving
from tests.unit.swift.test_wire import (
    GO_ON,
    assert_well,
    echo,
    get,
    opened,
    read_chunks,
    read_whole,
    says,
)
from tests.unit.swift.test_wire_connections import anyio_backend

__all__ = ["anyio_backend"]

_BROKEN_OFF = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"


async def _data() -> AsyncIterator[bytes]:
    yield b"data"


def _tls_of(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    made = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    return context, str(made.certificate)


async def test_swift_may_speak_tls_with_an_authority_of_its_own(tmp_path: Path) -> None:
    context, ca_file = _tls_of(tmp_path)
    data = bytes(300_000)

    def script(peer: Peer) -> None:
        peer.head()
        peer.answer("200 OK", body=data)
        peer.head()
        peer.send(GO_ON)
        assert peer.body(4) == b"data"
        peer.answer("201 Created")
        echo(peer)

    with serving(script, tls=context) as backend:
        async with opened(ca_file=ca_file) as transport:
            assert await read_chunks(await get(transport, backend)) == data
            upload = Upload(_data(), 4)
            response = await transport.request("PUT", f"{backend.url}/o", {}, upload)
            response.close()
            await assert_well(transport, backend)
    assert backend.connections == 1
    assert backend.heads[0].get("host") == backend.url.removeprefix("https://")


@pytest.mark.parametrize("why", ["no authority", "another authority", "another name", "no TLS"])
async def test_a_swift_that_cannot_prove_itself_gets_no_token(tmp_path: Path, why: str) -> None:
    context, ca_file = _tls_of(tmp_path)
    (tmp_path / "other").mkdir()
    another = _tls_of(tmp_path / "other")[1]
    trusted = {"no authority": None, "another authority": another}.get(why, ca_file)
    came: list[bytes] = []

    def script(peer: Peer) -> None:
        came.append(peer.left())

    with serving(script, tls=None if why == "no TLS" else context) as backend:
        async with opened(ca_file=trusted, connect_timeout=0.5) as transport:
            url = backend.url.replace("http:", "https:")
            if why == "another name":
                url = url.replace("127.0.0.1", "localhost")
            with anyio.fail_after(5), pytest.raises(SwiftUnreachable) as failure:
                await transport.request("GET", f"{url}/o", {"X-Auth-Token": "secret"})
    assert "secret" not in str(failure.value)
    assert b"secret" not in b"".join(came)


async def test_an_answer_over_tls_that_breaks_off_is_none(tmp_path: Path) -> None:
    context, ca_file = _tls_of(tmp_path)
    with serving(says(_BROKEN_OFF), echo, tls=context) as backend:
        async with opened(ca_file=ca_file) as transport:
            with pytest.raises(SwiftUnreachable):
                await read_whole(await get(transport, backend))
            await assert_well(transport, backend)


async def test_an_old_tls_is_not_spoken(tmp_path: Path) -> None:
    context, ca_file = _tls_of(tmp_path)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(echo, tls=context) as backend:
        async with opened(ca_file=ca_file) as transport:
            with anyio.fail_after(5), pytest.raises(SwiftUnreachable):
                await get(transport, backend)


async def test_a_literal_address_is_written_as_it_is() -> None:
    with serving(echo, host="::1") as backend:
        async with opened() as transport:
            await assert_well(transport, backend)
    assert backend.heads[0].get("host") == backend.url.removeprefix("http://")
    assert backend.url.startswith("http://[::1]:")


async def test_a_name_is_looked_up_and_written_as_it_is() -> None:
    with serving(echo) as backend:
        backend.url = backend.url.replace("127.0.0.1", "localhost")
        async with opened() as transport:
            await assert_well(transport, backend)
            with anyio.fail_after(5), pytest.raises(SwiftUnreachable):
                await transport.request("GET", "http://no-such-host.invalid/o", {})
    assert backend.heads[0].get("host") == backend.url.removeprefix("http://")


async def test_who_is_cancelled_in_a_handshake_leaves_no_connection(tmp_path: Path) -> None:
    left = Event()

    def script(peer: Peer) -> None:  # no word of TLS
        peer.left()
        left.set()

    with serving(script) as backend:
        ca_file = str(certificate(tmp_path).certificate)
        async with opened(connections=1, ca_file=ca_file) as transport:
            for _ in range(2):  # and the second finds room
                with anyio.move_on_after(0.1) as scope:
                    url = backend.url.replace("http:", "https:")
                    await transport.request("GET", f"{url}/o", {})
                assert scope.cancelled_caught
                assert await anyio.to_thread.run_sync(left.wait, 5)
                left.clear()


def _mute(peer: Peer) -> None:
    peer.left()


async def test_a_handshake_that_stalls_is_no_connection_in_time(tmp_path: Path) -> None:
    with serving(_mute) as backend:
        ca_file = str(certificate(tmp_path).certificate)
        async with opened(ca_file=ca_file, connect_timeout=0.2) as transport:
            url = backend.url.replace("http:", "https:")
            with anyio.fail_after(3), pytest.raises(SwiftUnreachable):
                await transport.request("GET", f"{url}/o", {})


@pytest.mark.parametrize("length", [64 * 100_000, None])
async def test_a_long_upload_goes_out_over_tls_piece_by_piece(
    tmp_path: Path, length: int | None
) -> None:
    context, ca_file = _tls_of(tmp_path)
    came: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield bytes(100_000)

    def take(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        framing = 0 if length else 64 * len(b"186a0\r\n\r\n") + len(b"0\r\n\r\n")
        came.append(len(peer.body(64 * 100_000 + framing)))
        peer.answer("201 Created")
        echo(peer)

    with serving(take, tls=context) as backend:
        async with opened(ca_file=ca_file, timeout=2, stall=1) as transport:
            with anyio.fail_after(10):
                upload = Upload(pieces(), length)
                response = await transport.request("PUT", f"{backend.url}/o", {}, upload)
            response.close()
            assert response.status == 201
            await assert_well(transport, backend)
    assert backend.connections == 1
