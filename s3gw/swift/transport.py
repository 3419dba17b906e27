"""The seam between Swift's API and an HTTP client: one request out, one answer in."""

import math
from collections import defaultdict
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol


@dataclass(slots=True)
class Upload:
    """A body that streams.  It is read once, and only after Swift said `100 Continue`."""

    chunks: AsyncIterable[bytes]
    length: int | None
    """Bytes that will come, None if only the end of the stream will tell."""
    started: bool = False
    """The transport has begun to read it, so the request cannot be repeated."""


@dataclass(slots=True)
class Traffic:
    """What has gone over the wire to Swift since the start."""

    answers: defaultdict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    """By method and status."""
    unanswered: int = 0
    """Requests that ended without a status."""
    repeats: int = 0
    """Requests sent once more, since their connection died without an answer."""
    cut_uploads: int = 0
    """Uploads that broke off, so that Swift stored nothing."""
    answered_at: float = -math.inf
    """When Swift last gave an answer that is none of its own troubles (5xx); see `monotonic`."""

    def note(self, method: str, status: int) -> None:
        """An answer's status is in."""
        self.answers[method, status] += 1
        if status < 500:
            self.answered_at = monotonic()


class SwiftResponse(Protocol):
    """An answer whose body has not been read yet; read it whole, or close it."""

    status: int
    headers: Mapping[str, str]
    """Case-insensitive."""

    async def read(self, limit: int | None = None) -> bytes:
        """The body (its first `limit` bytes: the rest is not read); ends the answer."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; ends the answer.

        Raises SwiftUnreachable when the connection dies before the end.
        """

    def close(self) -> None:
        """Give the answer up, and its connection with it unless the body was read."""


class Transport(Protocol):
    """Sends requests to Swift."""

    @property
    def traffic(self) -> Traffic:
        """What it has sent."""

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Upload | None = None
    ) -> SwiftResponse:
        """Send to an absolute, already percent-encoded URL; returns when the headers are in.

        Raises SwiftUnreachable.
        """

    async def aclose(self) -> None:
        """Close every connection."""
