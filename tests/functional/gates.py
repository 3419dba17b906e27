"""Stepping in between the gateway and Swift: holding requests, losing them and their answers.

The rule: a hazard is forced, never waited for.  A gate stops one request, the test does what the
hazard needs, and the gate opens; at the end of its block it opens whatever happened.
"""

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Self

from s3gw.swift.errors import SwiftStatus, SwiftUnreachable
from tests.functional.gateway import Hook, Sent

_PATIENCE = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Which:
    """A request to Swift: the n-th (from 1) that fits."""

    method: str
    path: str
    """Where the path begins, or the whole path with `$` at its end."""
    query: str = ""
    """Must be in the query."""
    nth: int = 1

    def fits(self, sent: Sent) -> bool:
        """Whether the request is one of these."""
        path = self.path.removesuffix("$")
        same = sent.path == path if path != self.path else sent.path.startswith(path)
        return same and sent.method == self.method and self.query in sent.query


@dataclass(slots=True)
class Gate:
    """A hook that holds one request until the test opens it."""

    which: Which
    _seen: int = 0
    _reached: threading.Event = field(default_factory=threading.Event)
    _opened: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, sent: Sent) -> None:
        """Hold the request if it is the one (on the gateway's loop)."""
        if not self.which.fits(sent):
            return
        self._seen += 1
        if self._seen == self.which.nth:
            self._reached.set()
            await asyncio.get_running_loop().run_in_executor(None, self._opened.wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.open()

    def wait(self) -> None:
        """Wait until a request stands before the gate."""
        assert self._reached.wait(_PATIENCE), f"no request came: {self.which}"

    def open(self) -> None:
        """Let the request, and all after it, pass."""
        self._opened.set()


@dataclass(slots=True)
class Failing:
    """A hook that loses one request (before it goes out) or its answer (after)."""

    which: Which
    error: SwiftStatus | SwiftUnreachable = field(
        default_factory=lambda: SwiftUnreachable("a test cut it")
    )
    seen: int = 0

    async def __call__(self, sent: Sent) -> None:
        """Fail the request if it is the one (on the gateway's loop)."""
        if self.which.fits(sent):
            self.seen += 1
            if self.seen == self.which.nth:
                raise self.error


def every(*hooks: Hook) -> Hook:
    """One hook that runs several, in order."""

    async def run(sent: Sent) -> None:
        for hook in hooks:
            await hook(sent)

    return run


def answered(status: int, body: bytes = b"") -> SwiftStatus:
    """An answer of Swift's as the gateway meets it."""
    return SwiftStatus(status, "", "", headers={}, body=body)
