"""JoinedWrites: one write for a head and its body, and never another order."""

import asyncio
from collections.abc import Iterable
from typing import cast

from hypothesis import given, strategies as st

from s3gw.joined_writes import JoinedWrites

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Recorder:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed_after: int | None = None

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.writes.append(b"".join(pieces))

    def close(self) -> None:
        self.closed_after = len(self.writes)

    def is_closing(self) -> bool:
        return self.closed_after is not None


def over(recorder: Recorder) -> JoinedWrites:
    return JoinedWrites(cast("asyncio.Transport", recorder), asyncio.get_running_loop())


async def turn() -> None:
    await asyncio.sleep(0)


def test_a_head_and_its_body_are_one_write() -> None:
    async def run() -> None:
        recorder = Recorder()
        transport = over(recorder)
        transport.write(HEAD)
        transport.write(b"body")
        assert recorder.writes == [HEAD + b"body"]
        await turn()
        assert recorder.writes == [HEAD + b"body"]

    asyncio.run(run())


def test_what_is_written_to_a_closed_transport_goes_nowhere() -> None:
    async def run() -> None:
        for before in ((), (HEAD,)):
            recorder = Recorder()
            transport = over(recorder)
            for data in before:
                transport.write(data)
            recorder.close()  # as a write that fails does
            transport.write(b"body")
            transport.flush(b"more")
            await turn()
            assert recorder.writes == []

    asyncio.run(run())


def test_a_head_without_a_body_leaves_in_the_next_turn_of_the_loop() -> None:
    async def run() -> None:
        recorder = Recorder()
        over(recorder).write(HEAD)
        assert recorder.writes == []
        await turn()
        assert recorder.writes == [HEAD]

    asyncio.run(run())


def test_a_head_leaves_before_the_connection_is_closed() -> None:
    async def run() -> None:
        recorder = Recorder()
        transport = over(recorder)
        transport.write(HEAD)
        transport.close()
        assert (recorder.writes, recorder.closed_after) == ([HEAD], 1)
        assert transport.is_closing()
        await turn()
        assert recorder.writes == [HEAD]

    asyncio.run(run())


PIECES = st.sampled_from([HEAD, b"HTTP/1.1 100 Continue\r\n\r\n", b"x", b"", b"y" * 5000])


@given(st.lists(st.one_of(PIECES, st.none()), max_size=12))
def test_what_leaves_is_what_was_written_whenever_the_loop_turns(
    steps: list[bytes | None],
) -> None:
    async def run() -> None:
        recorder = Recorder()
        transport = over(recorder)
        for step in steps:
            if step is None:
                await turn()
            else:
                transport.write(step)
        await turn()
        assert b"".join(recorder.writes) == b"".join(step for step in steps if step)

    asyncio.run(run())
