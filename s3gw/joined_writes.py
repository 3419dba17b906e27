"""The head of an answer and its body in one write.

uvicorn writes the two one after the other, and each write is a system call, and a packet.

The rule: bytes leave in the order they were written, and none waits longer than for what the
event loop already has to do.
"""

import asyncio
from typing import Any

_HEAD = b"HTTP/1."


class JoinedWrites:
    """A transport that keeps an answer's head back for what follows it at once.

    All else is the transport's own.
    """

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        """See asyncio.WriteTransport; what is written to a closed transport goes nowhere.

        uvloop raises RuntimeError for it, from when a write has failed, of which its protocol
        hears only afterwards.
        """
        if self._transport.is_closing():
            self._held = b""
        elif self._held:
            self.flush(data)
        elif data.startswith(_HEAD):
            self._held = data
            self._loop.call_soon(self.flush)
        else:
            self._transport.write(data)

    def flush(self, more: bytes = b"") -> None:
        """Write what is kept back, and `more` with it."""
        held, self._held = self._held, b""
        if self._transport.is_closing():
            return
        if held and more:
            self._transport.writelines((held, more))
        elif held:
            self._transport.write(held)

    def close(self) -> None:
        """See asyncio.BaseTransport."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
