"""Sending an answer: whom a delivery that breaks off has waited for."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from s3gw.answer import Delivery, send_response
from s3gw.call import Response
from s3gw.swift.errors import SwiftUnreachable

_LONG = 0.2  # seconds


async def _receive() -> MutableMapping[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


async def _deliver(body: AsyncIterator[bytes], *, takes: int, patience: float) -> Delivery:
    """Send the body to a client that takes so many pieces, and then no more."""
    taken: list[bytes] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            if len(taken) == takes:
                await asyncio.Event().wait()
            taken.append(message["body"])

    delivery = Delivery()
    response = Response(200, [("Content-Length", "8")], body)
    assert not await send_response(
        response, _receive, send, delivery, is_head=False, stall_timeout=patience
    )
    return delivery


async def test_a_source_that_falls_silent_is_what_was_waited_for() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"data"
        await asyncio.sleep(_LONG)
        raise SwiftUnreachable("nothing came")

    delivery = await _deliver(body(), takes=9, patience=10)
    assert delivery.size == 4
    assert delivery.source_seconds > _LONG * 0.9 > delivery.client_seconds


async def test_a_client_that_takes_nothing_is_what_was_waited_for() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"data"
        yield b"data"

    delivery = await _deliver(body(), takes=1, patience=_LONG)
    assert delivery.size == 4
    assert delivery.client_seconds > _LONG * 0.9 > delivery.source_seconds
