"""A Swift account whose answers a test writes down."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from multidict import CIMultiDict

from s3gw.swift.account import Account, Entry, Login
from s3gw.swift.transport import SwiftResponse, Traffic, Upload


@dataclass(frozen=True, slots=True)
class _Login:
    token: str = field(default="token", repr=False)
    storage_url: str = "http://swift/v1/AUTH_a"


class _Authority:
    async def login(self) -> _Login:
        return _Login()

    def forget(self, login: Login) -> None:
        raise AssertionError(login)


@dataclass(slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    async def read(self, limit: int | None = None) -> bytes:
        return self.body[:limit]

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.body

    def close(self) -> None:
        pass


@dataclass(slots=True)
class Swift:
    """Answers by `METHOD /container/object`; the last one stays.  Everything else is 404."""

    answers: dict[str, list[tuple[int, Mapping[str, str], bytes]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def says(
        self,
        request: str,
        headers: Mapping[str, str] = MappingProxyType({}),
        *,
        status: int = 200,
        body: object = None,
    ) -> "Swift":
        """Add an answer."""
        text = b"" if body is None else json.dumps(body).encode()
        self.answers.setdefault(request, []).append((status, headers, text))
        return self

    def manifest(self, path: str, *segments: Entry) -> "Swift":
        """Let a GET of the object's manifest answer these segments."""
        return self.says(f"GET {path}", {"X-Static-Large-Object": "True"}, body=list(segments))

    @property
    def traffic(self) -> Traffic:
        """Nobody counts it."""
        return Traffic()

    @property
    def account(self) -> Account:
        """The account."""
        return Account(self, _Authority())

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Upload | None = None
    ) -> SwiftResponse:
        """Answer what was written down."""
        del headers, body
        request = f"{method} {unquote(urlsplit(url).path).removeprefix('/v1/AUTH_a')}"
        self.asked.append(request)
        found = self.answers.get(request, [(404, {}, b"")])
        status, named, text = found.pop(0) if len(found) > 1 else found[0]
        return _Answer(status, CIMultiDict(named), text)

    async def aclose(self) -> None:
        """Nothing to close."""
