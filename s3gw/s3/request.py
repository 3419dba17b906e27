"""One S3 request as it stood on the wire.

The rule: nothing here is normalised.  The path and the query stay as they were sent, header
values keep their bytes (as latin-1 text), repeated headers and parameters keep their order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from s3gw.s3.errors import InvalidURI


class Headers:
    """A header block: case-insensitive, ordered, repeated names kept."""

    __slots__ = ("_by_name", "_pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = [(name.lower(), value.strip(" \t")) for name, value in pairs]
        self._by_name: dict[str, list[str]] = {}
        for name, value in self._pairs:
            self._by_name.setdefault(name, []).append(value)

    @classmethod
    def from_bytes(cls, pairs: Iterable[tuple[bytes, bytes]]) -> "Headers":
        """From an ASGI scope; values are read as latin-1, which loses nothing."""
        return cls((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def get(self, name: str) -> str | None:
        """All values of the (lower-case) name joined by commas, None if it is absent."""
        values = self._by_name.get(name)
        if values is None:
            return None
        return values[0] if len(values) == 1 else ",".join(values)

    def all(self, name: str) -> list[str]:
        """Every value of the (lower-case) name, in order."""
        return self._by_name.get(name, [])

    def names(self) -> Iterable[str]:
        """Every name once, lower-case, in order of first appearance."""
        return self._by_name.keys()

    def with_defaults(self, pairs: Iterable[tuple[str, str]]) -> "Headers":
        """A block that also has those of the pairs whose name is absent here."""
        extra = [(name, value) for name, value in pairs if name.lower() not in self]
        return Headers([*self._pairs, *extra]) if extra else self


class Query:
    """The decoded query: ordered, repeated names kept, `+` is a space as on AWS."""

    __slots__ = ("_by_name", "pairs")

    def __init__(self, raw: str) -> None:
        self.pairs: list[tuple[str, str]] = []
        self._by_name: dict[str, str] = {}
        for piece in raw.split("&"):
            if piece:
                name, _, value = piece.partition("=")
                pair = decode(name), decode(value)
                self.pairs.append(pair)
                self._by_name.setdefault(*pair)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def get(self, name: str) -> str | None:
        """The first value of the name, None if it is absent."""
        return self._by_name.get(name)


def decode(text: str) -> str:
    """A percent-encoded query name or value as text; raises InvalidURI unless it is UTF-8."""
    if "%" not in text and "+" not in text:
        return text
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidURI from error


@dataclass(frozen=True, slots=True)
class Target:
    """What a request names: the service, a bucket, or an object (a bucket and a key)."""

    bucket: str | None = None
    key: str | None = None
    virtual_host: bool = False
    """The bucket came from the Host header, so the path is the key alone."""


@dataclass(frozen=True, slots=True)
class Request:
    """Method, raw path (percent-encoded, without query), raw query, headers."""

    method: str
    raw_path: str
    raw_query: str
    headers: Headers
    scheme: str = "http"
    client: str = ""
    query: Query = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "query", Query(self.raw_query))
