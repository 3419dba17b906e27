"""An S3 client over bare sockets: botocore signs, the test decides about every byte.

The rule: nothing is repaired.  What a test says goes over the wire as it is, in the pieces it
asks for, and the answer is read strictly, by its length.
"""

import hashlib
import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from s3gw.s3.signing import Signing, signing_key
from tests.functional.secrecy import SESSION
from tests.functional.stack import Stack

Pairs = Iterable[tuple[str, str]]

UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_PATIENCE = 20.0  # seconds until an answer that does not come is a failure


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs, and for which region."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str


def keys_of(stack: Stack) -> Keys:
    """The stack's user."""
    return Keys(stack.access_key, stack.secret_key, stack.region)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed request without its body."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    signing: Signing
    """What the signatures of the body's chunks go on from."""

    def head(self, more: Pairs = (), *, drop: Sequence[str] = ()) -> bytes:
        """Request line and headers; `more` go out unsigned, `drop` (lower case) do not go out."""
        pairs = [pair for pair in self.headers if pair[0].lower() not in drop]
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in [*pairs, *more]]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class _Signer(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """botocore's own signer, but for the payload hash, which is the test's."""

    payload_hash = UNSIGNED

    def payload(self, request: Any) -> str:
        del request
        return self.payload_hash


def sign(
    keys: Keys,
    method: str,
    url: str,
    headers: Pairs = (),
    *,
    payload: str = EMPTY_SHA256,
    now: datetime | None = None,
) -> Signed:
    """Sign a request (V4, in its headers) to a URL whose path is encoded already.

    `payload`: the x-amz-content-sha256.  A Host among the headers is sent and signed as it is.
    """
    parts = urlsplit(url)
    SESSION.keep("a secret key", keys.secret_key)
    request = AWSRequest(method=method, url=url)
    given = list(headers)
    if not any(name.lower() == "host" for name, _ in given):
        given.insert(0, ("Host", parts.netloc))
    for name, value in given:
        request.headers.add_header(name, value)
    signer = _Signer(Credentials(keys.access_key, keys.secret_key), "s3", keys.region)
    signer.payload_hash = payload
    moment = now or datetime.now(UTC)  # noqa: TID251 - the test is the client, with its own clock
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment.replace(tzinfo=None)):
        signer.add_auth(request)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    SESSION.keep_signatures(
        parts.query, [(b"authorization", request.headers["Authorization"].encode("latin-1"))]
    )
    sent = [(name, value) for name, value in request.headers.items()]
    return Signed(method, path, sent, _chain(keys, moment, request.headers["Authorization"]))


def _chain(keys: Keys, moment: datetime, authorization: str) -> Signing:
    date = f"{moment:%Y%m%d}"
    return Signing(
        key=signing_key(keys.secret_key, date, keys.region),
        timestamp=f"{moment:%Y%m%dT%H%M%SZ}",
        scope=f"{date}/{keys.region}/s3/aws4_request",
        signature=authorization.rpartition("Signature=")[2],
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes
    went_on: bool
    """`100 Continue` came before it."""

    @property
    def error(self) -> dict[str, str]:
        """The elements of the error document; empty if the body is none."""
        if not self.body.startswith(b"<?xml"):
            return {}
        root = ET.fromstring(self.body)  # noqa: S314 - our own gateway's answer
        assert root.tag == "Error"
        return {element.tag: element.text or "" for element in root}

    @property
    def code(self) -> str:
        """The S3 error code; empty for none."""
        return self.error.get("Code", "")


class Link:
    """One connection."""

    def __init__(self, endpoint: str, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(endpoint)
        plain = socket.create_connection((parts.hostname, parts.port), _PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host = parts.hostname
        self.socket = plain if tls is None else tls.wrap_socket(plain, server_hostname=host)
        self._unread = b""

    def send(self, *pieces: bytes) -> None:
        """Send each piece in a write of its own."""
        for piece in pieces:
            self.socket.sendall(piece)

    def reply(self, *, head: bool = False) -> Reply:
        """The next answer, after any `100 Continue`; `head`: it has no body."""
        went_on = False
        status, headers = self._read_head()
        if status == 100:
            went_on = True
            status, headers = self._read_head()
        bodiless = head or status in {204, 304}
        body = b"" if bodiless else self._read_body(headers)
        return Reply(status, headers, body, went_on)

    def go_on(self) -> None:
        """Wait for `100 Continue`; anything else is a failure."""
        status, _ = self._read_head()
        assert status == 100

    def is_closed(self) -> bool:
        """Whether the gateway has closed, or closes, the connection without another byte."""
        if self._unread:
            return False
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def rest(self) -> bytes:
        """All that comes until the gateway closes the connection."""
        found = bytearray(self._unread)
        try:
            while data := self.socket.recv(65536):
                found += data
        except ConnectionResetError:
            pass
        return bytes(found)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def _read_head(self) -> tuple[int, dict[str, str]]:
        text, _, self._unread = self._until(b"\r\n\r\n").partition(b"\r\n\r\n")
        first, *lines = text.decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in lines]
        return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", ""):
            return b"".join(self._read_chunks())
        return self._take(int(headers["content-length"]))

    def _read_chunks(self) -> Iterator[bytes]:
        while True:
            line, _, self._unread = self._until(b"\r\n").partition(b"\r\n")
            size = int(line, 16)
            data = self._take(size)
            assert self._take(2) == b"\r\n"
            if not size:
                return
            yield data

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            self._unread += self._receive()
        return self._unread

    def _take(self, size: int) -> bytes:
        pieces = [self._unread[:size]]
        self._unread = self._unread[size:]
        missing = size - len(pieces[0])
        while missing:
            data = self._receive()
            pieces.append(data[:missing])
            self._unread = data[missing:]
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def _receive(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the gateway closed the connection")
        return data


@contextmanager
def linked(endpoint: str, tls: ssl.SSLContext | None = None) -> Iterator[Link]:
    """A connection for the length of the block."""
    link = Link(endpoint, tls)
    try:
        yield link
    finally:
        link.close()


def ask(endpoint: str, signed: Signed, *pieces: bytes, more: Pairs = ()) -> Reply:
    """Send one request on a connection of its own, and read the answer."""
    with linked(endpoint) as link:
        link.send(signed.head(more), *pieces)
        return link.reply(head=signed.method == "HEAD")


def http_chunks(wire: bytes, sizes: Sequence[int]) -> bytes:
    """The bytes in HTTP's chunked coding, in chunks of these sizes over and over."""
    chunks = [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in cut(wire, sizes)]
    return b"".join([*chunks, b"0\r\n\r\n"])


def cut(wire: bytes, sizes: Sequence[int]) -> list[bytes]:
    """The bytes in pieces of these sizes over and over."""
    pieces = []
    at = turn = 0
    while at < len(wire):
        size = sizes[turn % len(sizes)]
        pieces.append(wire[at : at + size])
        at, turn = at + size, turn + 1
    return pieces
