"""Which connection to Swift serves whom: nobody ever gets what was another one's.

The rule: a connection goes on only after an answer that was read to its proper end, with nothing
behind it; whoever leaves early takes the connection along, but never another one's turn.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from threading import Event

import anyio
import anyio.lowlevel
import pytest

from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.transport import SwiftResponse, Transport, Upload
from tests.unit.swift.hostile import Backend, Peer, serving
from tests.unit.swift.test_wire import (
    GO_ON,
    assert_well,
    dice,
    echo,
    get,
    opened,
    put,
    read_chunks,
    read_whole,
    says,
    says_and_waits,
)


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both event loops: their transports are not alike in all that a client may lean on."""
    return "asyncio", {"use_uvloop": request.param}


EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n/evil"


# --- bytes that belong to nobody ---

TOO_MUCH = {
    "an answer": ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndata", EVIL),
    "a byte": ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndata", b"X"),
    "half an answer": ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndata", EVIL[:20]),
    "no HTTP": ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndata", b"\x00\x16\x03"),
    "an interim answer": ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndata", GO_ON),
    "chunks": (
        "GET",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n0\r\n\r\n",
        EVIL,
    ),
    "HEAD": ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n", EVIL),
    "204": ("DELETE", b"HTTP/1.1 204 No Content\r\nContent-Length: 46\r\n\r\n", EVIL),
    "304": ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 46\r\n\r\n", EVIL),
    "empty": ("PUT", b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", EVIL),
}


@pytest.mark.parametrize("when", ["at once", "later", "when idle"])
@pytest.mark.parametrize("what", TOO_MUCH)
async def test_what_stands_behind_an_answer_is_never_the_next_answer(what: str, when: str) -> None:
    method, answer, evil = TOO_MUCH[what]
    is_idle = Event()

    def script(peer: Peer) -> None:
        peer.head()
        if when == "at once":
            peer.send(answer + evil)
        else:
            peer.send(answer)
            if when == "when idle":
                is_idle.wait(5)
            peer.send(evil)
        assert peer.left() == b""

    with serving(script, echo) as backend:
        async with opened(timeout=0.5) as transport:
            body = b"" if method == "PUT" else None
            with suppress(SwiftUnreachable):  # it may also be no answer at all
                response = await transport.request(method, f"{backend.url}/o", {}, body)
                assert await read_whole(response) == (b"data" if b"data" in answer else b"")
            is_idle.set()
            await anyio.sleep(0.05)
            for _ in range(2):
                await assert_well(transport, backend)
    assert backend.connections == 2


async def test_bytes_that_come_as_the_next_request_goes_out_are_not_its_answer() -> None:
    """The race that no check before the request can see: the answer must fit no other request.

    It cannot be told from an honest answer; so it must come on a connection of Swift's own, and
    the next one must be honest again.
    """

    def script(peer: Peer) -> None:
        peer.head()
        peer.answer("200 OK", body=b"data")
        peer.head()
        peer.send(EVIL + EVIL)
        assert peer.left() == b""

    with serving(script, echo) as backend:
        async with opened() as transport:
            for _ in range(2):
                await read_whole(await get(transport, backend))
            await anyio.sleep(0.05)
            await assert_well(transport, backend)
    assert backend.connections == 2


# --- connections that end ---

_NEARLY = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndat"


@pytest.mark.parametrize("says_close", ["Connection: close", "connection: Keep-Alive, CLOSE"])
async def test_a_connection_that_swift_means_to_close_is_not_used_again(says_close: str) -> None:
    def script(peer: Peer) -> None:
        peer.head()
        peer.answer("200 OK", says_close, body=b"data")
        assert peer.left() == b""

    with serving(script, echo) as backend:
        async with opened() as transport:
            assert await read_whole(await get(transport, backend)) == b"data"
            await assert_well(transport, backend)
    assert backend.connections == 2


async def test_an_older_version_of_http_keeps_no_connection() -> None:
    raw = b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\ndata"
    with serving(says_and_waits(raw), echo) as backend:
        async with opened() as transport:
            assert await read_whole(await get(transport, backend)) == b"data"
            await assert_well(transport, backend)
    assert backend.connections == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_an_idle_connection_that_swift_closed_fails_no_request(method: str) -> None:
    with serving(says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndata"), echo) as backend:
        async with opened() as transport:
            assert await read_whole(await get(transport, backend)) == b"data"
            await anyio.sleep(0.1)
            body = b"" if method in {"PUT", "POST"} else None
            response = await transport.request(method, f"{backend.url}/next", {}, body)
            assert await response.read() == b"/next"
    assert (backend.connections, transport.traffic.repeats) == (2, 0)
    assert transport.traffic.unanswered == 0


async def _idle(transport: Transport, backend: Backend, count: int, may_end: Event) -> None:
    """Leave so many idle connections behind."""
    responses = [await get(transport, backend) for _ in range(count)]
    may_end.set()
    for response in responses:
        assert await response.read() == b"data"


async def test_every_idle_connection_may_have_died() -> None:
    """Also the one on which a read is sent once more."""
    may_end, may_die = Event(), Event()

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(_NEARLY)
        may_end.wait(5)
        peer.send(b"a")
        may_die.wait(5)

    with serving(*[script] * 4, echo) as backend:
        async with opened() as transport:
            await _idle(transport, backend, 4, may_end)
            may_die.set()
            await anyio.sleep(0.1)
            await assert_well(transport, backend)
    assert (backend.connections, transport.traffic.repeats) == (5, 0)


async def test_a_read_is_sent_once_more_on_a_connection_of_its_own() -> None:
    """Not on another idle one, which Swift may have closed in the same moment."""
    may_end = Event()

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(_NEARLY)
        may_end.wait(5)
        peer.send(b"a")
        with suppress(EOFError):
            peer.head()  # and no answer

    with serving(*[script] * 3, echo) as backend:
        async with opened() as transport:
            await _idle(transport, backend, 3, may_end)
            await assert_well(transport, backend)
    assert (backend.connections, transport.traffic.repeats) == (4, 1)


async def test_what_is_closed_is_closed() -> None:
    """At the end every connection goes: idle, in use, or waited for."""
    ends: list[bytes] = []

    def idle(peer: Peer) -> None:
        peer.head()
        peer.answer("200 OK", body=b"data")
        ends.append(peer.left())

    def busy(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
        ends.append(peer.left())

    with serving(busy, idle) as backend:
        async with opened() as transport:
            first = await get(transport, backend)
            await read_whole(await get(transport, backend))
        with anyio.fail_after(5):
            while len(ends) < 2:  # noqa: ASYNC110 - it happens in other threads
                await anyio.sleep(0.01)
        with anyio.fail_after(5), pytest.raises(SwiftUnreachable):
            await read_whole(first)
    assert ends == [b"", b""]


async def test_closing_twice_or_behind_the_end_harms_nobody() -> None:
    with serving(echo) as backend:
        async with opened() as transport:
            for _ in range(3):
                response = await get(transport, backend)
                assert await response.read() == b"/o"
                other = await get(transport, backend, "/other")
                response.close()  # its connection is the other one's by now
                response.close()
                assert await read_whole(other) == b"/other"
            pieces = (await get(transport, backend)).chunks()
            assert [piece async for piece in pieces] == [b"/o"]
            await pieces.aclose()  # type: ignore[attr-defined]  # it is a generator
            await assert_well(transport, backend)
    assert backend.connections == 1


# --- the limit ---


class Crowd:
    """A backend that counts how many requests are with it at a time, and takes its time."""

    def __init__(self, seconds: float = 0.01) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()
        self._seconds = seconds

    def __call__(self, peer: Peer) -> None:
        with suppress(EOFError, ConnectionError):
            while True:
                target = peer.head().line.split(" ")[1]
                with self._lock:
                    self.now += 1
                    self.most = max(self.most, self.now)
                time.sleep(self._seconds)
                with self._lock:
                    self.now -= 1
                peer.answer("200 OK", body=target.encode())


@pytest.mark.parametrize("limit", [1, 3])
async def test_no_more_connections_than_allowed_and_everybody_is_served(limit: int) -> None:
    crowd, served = Crowd(), []
    with serving(crowd) as backend:
        async with opened(connections=limit) as transport:

            async def one(number: int) -> None:
                assert await read_whole(await get(transport, backend, f"/{number}")) == (
                    f"/{number}".encode()
                )
                served.append(number)

            with anyio.fail_after(10):
                async with anyio.create_task_group() as group:
                    for number in range(20):
                        group.start_soon(one, number)
    assert len(served) == 20
    assert (crowd.most, backend.connections) == (limit, limit)


async def test_without_a_limit_nobody_waits() -> None:
    crowd = Crowd(0.2)
    with serving(crowd) as backend:
        async with opened() as transport:

            async def one() -> None:
                await read_whole(await get(transport, backend))

            async with anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(one)
    assert crowd.most == 20


async def _held(transport: Transport, backend: Backend) -> SwiftResponse:
    """An answer whose body is still to come."""
    return await get(transport, backend)


_HOLD = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"


async def test_who_stops_waiting_takes_nobodys_turn() -> None:
    served: list[int] = []
    with serving(says_and_waits(_HOLD), echo) as backend:
        async with opened(connections=1) as transport:
            held = await _held(transport, backend)

            async def wait(number: int, scope: anyio.CancelScope) -> None:
                with scope:
                    await assert_well(transport, backend)
                    served.append(number)

            scopes = [anyio.CancelScope() for _ in range(6)]
            with anyio.fail_after(5):
                async with anyio.create_task_group() as group:
                    for number, scope in enumerate(scopes):
                        group.start_soon(wait, number, scope)
                    await anyio.sleep(0.05)
                    for number in (0, 2, 5):
                        scopes[number].cancel()
                    await anyio.sleep(0.01)
                    assert served == []
                    held.close()
    assert sorted(served) == [1, 3, 4]
    assert backend.connections == 2


@pytest.mark.parametrize("order", ["release first", "cancel first"])
async def test_a_turn_given_to_one_who_leaves_goes_on_to_the_next(order: str) -> None:
    with serving(says_and_waits(_HOLD), echo) as backend:
        async with opened(connections=1) as transport:
            held = await _held(transport, backend)
            scope = anyio.CancelScope()

            async def leave() -> None:
                with scope:
                    await assert_well(transport, backend)

            with anyio.fail_after(5):
                async with anyio.create_task_group() as group:
                    group.start_soon(leave)
                    await anyio.sleep(0.02)
                    group.start_soon(assert_well, transport, backend)
                    await anyio.sleep(0.02)
                    steps = [held.close, scope.cancel]
                    for step in steps if order == "release first" else steps[::-1]:
                        step()
                await assert_well(transport, backend)


async def _close(response: SwiftResponse) -> None:
    response.close()


async def _read_some(response: SwiftResponse) -> None:
    await response.read(3)


async def _leave_chunks(response: SwiftResponse) -> None:
    pieces = response.chunks()
    await anext(pieces)
    await pieces.aclose()  # type: ignore[attr-defined]  # it is a generator


async def _cancel_read(response: SwiftResponse) -> None:
    with anyio.move_on_after(0.05) as scope:
        await response.read()
    response.close()
    assert scope.cancelled_caught


@pytest.mark.parametrize("leave", [_close, _read_some, _leave_chunks, _cancel_read])
async def test_an_answer_that_is_given_up_makes_room(
    leave: Callable[[SwiftResponse], Awaitable[None]],
) -> None:
    with serving(says_and_waits(_HOLD), echo) as backend:
        async with opened(connections=1) as transport:
            await leave(await _held(transport, backend))
            with anyio.fail_after(5):
                await assert_well(transport, backend)


@pytest.mark.parametrize("raw", [b"", b"no HTTP\r\n\r\n", _HOLD, b"HTTP/1.1 200 OK\r\nA"])
async def test_a_failure_makes_room(raw: bytes) -> None:
    with serving(says(raw), says(raw), says(raw), echo) as backend:
        async with opened(connections=1) as transport:
            with anyio.fail_after(5):
                for _ in range(3):
                    with pytest.raises(SwiftUnreachable):
                        await put(transport, backend)
                await assert_well(transport, backend)


async def test_a_backend_that_is_not_there_makes_room() -> None:
    with serving(echo) as gone:
        pass
    with serving(echo) as backend:
        async with opened(connections=1) as transport:
            with anyio.fail_after(5):
                for _ in range(3):
                    with pytest.raises(SwiftUnreachable):
                        await get(transport, gone)
                await assert_well(transport, backend)


async def test_an_idle_connection_to_one_host_is_no_hindrance_to_another() -> None:
    with serving(echo) as one, serving(echo) as other:
        async with opened(connections=1) as transport:
            with anyio.fail_after(5):
                for _ in range(3):
                    await assert_well(transport, one)
                    await assert_well(transport, other)


# --- who is cancelled ---


async def _endless() -> AsyncIterator[bytes]:
    yield b"data"
    await anyio.sleep_forever()


async def _data() -> AsyncIterator[bytes]:
    yield b"data"


def _silent(peer: Peer) -> None:
    peer.head()
    peer.left()


def _half_head(peer: Peer) -> None:
    peer.head()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    peer.left()


def _half_body(peer: Peer) -> None:
    peer.head()
    peer.send(_HOLD)
    assert peer.left() == b""


def _interim(peer: Peer) -> None:
    peer.head()
    peer.send(b"HTTP/1.1 102 Processing\r\n\r\n")
    peer.left()


def _goes_on(peer: Peer) -> None:
    peer.head()
    peer.send(GO_ON)
    assert b"0\r\n\r\n" not in peer.left()  # no end of it that could be taken for the whole


def _takes(peer: Peer) -> None:
    peer.head()
    peer.send(GO_ON)
    peer.left()


def _deaf(peer: Peer) -> None:
    """Reads nothing, so that a large body gets stuck."""
    peer.head()
    time.sleep(0.3)
    peer.left()


PHASES = {
    "awaiting an answer": (_silent, None),
    "within a head": (_half_head, None),
    "behind an interim answer": (_interim, None),
    "within a body": (_half_body, None),
    "sending a body": (_deaf, bytes(1_000_000)),
    "awaiting the word to go on": (_silent, lambda: Upload(_data(), 4)),
    "within an upload": (_goes_on, lambda: Upload(_endless(), 1000)),
    "within an upload of chunks": (_goes_on, lambda: Upload(_endless(), None)),
    "behind an upload": (_takes, lambda: Upload(_data(), 4)),
}


async def _cancelled(transport: Transport, backend: Backend, body: bytes | Upload | None) -> None:
    with anyio.move_on_after(0.1) as scope:
        response = await transport.request("PUT", f"{backend.url}/o", {}, body)
        try:
            await read_chunks(response)
        finally:
            response.close()
    assert scope.cancelled_caught


@pytest.mark.parametrize("reused", [False, True])
@pytest.mark.parametrize("phase", PHASES)
async def test_who_is_cancelled_takes_the_connection_along(phase: str, *, reused: bool) -> None:
    script, body = PHASES[phase]
    sent = body() if callable(body) else body
    gone = Event()

    def first(peer: Peer) -> None:
        if reused:
            peer.head()
            peer.answer("200 OK", body=b"/next")
        try:
            script(peer)
        finally:
            gone.set()

    with serving(first, echo) as backend:
        async with opened(connections=1) as transport:
            if reused:
                await assert_well(transport, backend)
            await _cancelled(transport, backend, sent)
            with anyio.fail_after(5):
                assert await anyio.to_thread.run_sync(gone.wait, 5)
                await assert_well(transport, backend)
    cut = isinstance(sent, Upload) and sent.started
    assert cut == (phase in {"within an upload", "within an upload of chunks", "behind an upload"})
    assert transport.traffic.cut_uploads == cut
    assert backend.connections == 2


# --- all at once ---


def _messy(seed: int) -> Callable[[Peer], None]:
    """Echoes in pieces, with pauses, in every framing, and dies now and then."""
    chance = dice(seed)

    def script(peer: Peer) -> None:
        with suppress(EOFError, OSError):
            while True:
                head = peer.head()
                target = head.line.split(" ")[1].encode()
                if head.get("expect"):
                    peer.send(GO_ON)
                    target += peer.body(int(head.get("content-length") or 0))
                elif head.get("content-length"):
                    target += peer.body(int(head.get("content-length") or 0))
                if chance.random() < 0.1:
                    return
                if chance.random() < 0.5:
                    raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(target) + target
                else:
                    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    raw += b"%x\r\n%b\r\n0\r\n\r\n" % (len(target), target)
                place = chance.randrange(1, len(raw))
                peer.send(raw[:place])
                time.sleep(chance.choice([0, 0.001, 0.003]))
                peer.send(raw[place:])

    return script


class Storm:
    """Many requests at once, of every kind, many of which somebody gives up in the middle."""

    def __init__(self, seed: int) -> None:
        self._chance = dice(seed)
        self.outcomes = {"served": 0, "left": 0, "failed": 0}

    async def _in_two(self, data: bytes) -> AsyncIterator[bytes]:
        yield data[:1]
        await anyio.lowlevel.checkpoint()
        yield data[1:]

    async def _exchange(self, transport: Transport, backend: Backend, target: str) -> None:
        chance = self._chance
        data = chance.randbytes(chance.randrange(2, 3000))
        bodies = [None, data, Upload(self._in_two(data), len(data))]
        body = chance.choice(bodies)
        method = "GET" if body is None else "PUT"
        response = await transport.request(method, backend.url + target, {}, body)
        try:
            expected = target.encode() + (b"" if body is None else data)
            assert await chance.choice([read_whole, read_chunks])(response) == expected
        finally:
            response.close()

    async def client(self, transport: Transport, backend: Backend, name: int) -> None:
        """One request after the other."""
        for number in range(50):
            target = f"/{name}/{number}/{'x' * self._chance.randrange(200)}"
            patience = self._chance.choice([9.0, 9.0, 0.0, 0.0005, 0.001, 0.002, 0.004, 0.008])
            outcome = "left"
            with anyio.move_on_after(patience):
                try:
                    await self._exchange(transport, backend, target)
                    outcome = "served"
                except SwiftUnreachable:
                    outcome = "failed"
            self.outcomes[outcome] += 1


@pytest.mark.parametrize("limit", [0, 4])
async def test_whoever_leaves_whenever_nobody_gets_an_answer_of_another(limit: int) -> None:
    storm = Storm(limit)
    with serving(*(_messy(seed) for seed in range(900))) as backend:
        async with opened(connections=limit) as transport:
            with anyio.fail_after(60):
                async with anyio.create_task_group() as group:
                    for name in range(12):
                        group.start_soon(storm.client, transport, backend, name)
    assert all(storm.outcomes.values()), storm.outcomes


async def test_nothing_is_left_open_at_the_end() -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def some(transport: Transport, backend: Backend, number: int) -> None:
        with anyio.move_on_after(0.002 * (number % 7)), suppress(SwiftUnreachable):
            await read_whole(await get(transport, backend))

    with serving(echo, *(_messy(seed) for seed in range(200))) as backend:
        async with opened() as transport:  # uvloop opens some of its own with the first
            await read_whole(await get(transport, backend))
        before = count()
        async with opened() as transport, anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(some, transport, backend, number)
        with anyio.fail_after(10):
            while count() > before:  # noqa: ASYNC110 - it happens in other threads
                await anyio.sleep(0.02)


async def test_who_waits_when_the_transport_closes_gets_no_connection() -> None:
    with serving(says_and_waits(_HOLD)) as backend:
        async with opened(connections=1) as transport:
            first = await _held(transport, backend)
            waiting = asyncio.create_task(get(transport, backend))
            await anyio.sleep(0.05)
            await transport.aclose()
            with anyio.fail_after(5), pytest.raises(SwiftUnreachable):
                await waiting
            first.close()
    assert backend.connections == 1


async def test_what_was_answered_before_it_had_gone_leaves_no_connection() -> None:
    ends: list[int] = []

    def refuse(peer: Peer) -> None:
        peer.head()
        peer.answer("413 Too Large", body=b"why")
        ends.append(len(peer.left()))

    with serving(refuse, echo) as backend:
        async with opened() as transport:
            body = bytes(32 * 1024 * 1024)  # more than the sockets hold
            response = await transport.request("PUT", f"{backend.url}/o", {}, body)
            assert (response.status, await response.read()) == (413, b"why")
            await assert_well(transport, backend)
    assert backend.connections == 2
    assert ends[0] < len(body)


@pytest.mark.parametrize("length", [64 * 2048, None])
async def test_an_upload_whose_connection_dies_in_a_write_is_unreachable(
    length: int | None,
) -> None:
    """Of the piece that finds the connection dead, and of those that follow it at once."""
    gone = Event()

    def die(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        peer.body(1024)  # and leaves what came behind it unread: a reset
        peer.reset()
        gone.set()

    async def pieces() -> AsyncIterator[bytes]:
        yield bytes(2048)
        await anyio.to_thread.run_sync(gone.wait, 5)
        time.sleep(0.05)  # noqa: ASYNC251 - in which the event loop must not hear of it
        for _ in range(63):
            yield bytes(2048)

    with serving(die, echo) as backend:
        async with opened() as transport:
            upload = Upload(pieces(), length)
            with anyio.fail_after(5), pytest.raises(SwiftUnreachable):
                await transport.request("PUT", f"{backend.url}/o", {}, upload)
            await assert_well(transport, backend)
    assert backend.connections == 2


async def test_a_connection_that_dies_while_nobody_reads_it_makes_room() -> None:
    def die(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(300_000))
        peer.reset()

    with serving(die, echo) as backend:
        async with opened(connections=1) as transport:
            response = await get(transport, backend)
            await anyio.sleep(0.2)
            with anyio.fail_after(5), pytest.raises(SwiftUnreachable):
                await read_chunks(response)
            await assert_well(transport, backend)
    assert backend.connections == 2
