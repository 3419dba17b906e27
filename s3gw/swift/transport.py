"""The seam between Swift's API and an HTTP client: one request out, one answer in."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Upload:
    """A body that streams.  It is read once, and only after Swift said `100 Continue`."""

    chunks: AsyncIterable[bytes]
    length: int | None
    """Bytes that will come, None if only the end of the stream will tell."""
    started: bool = False
    """The transport has begun to read it, so the request cannot be repeated."""


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

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Upload | None = None
    ) -> SwiftResponse:
        """Send to an absolute, already percent-encoded URL; returns when the headers are in.

        Raises SwiftUnreachable.
        """

    async def aclose(self) -> None:
        """Close every connection."""
