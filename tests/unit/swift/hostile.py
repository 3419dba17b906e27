"""A backend on loopback that says, byte for byte, what a test wants Swift to say.

The rule: each connection is served by one script, in a thread of its own; what a script finds
wrong fails the test.
"""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_PATIENCE = 10.0  # seconds until a byte that does not come is a failure


@dataclass(frozen=True, slots=True)
class Head:
    """The head of one request."""

    line: str
    headers: list[tuple[str, str]]
    """In order, the names as they were written."""

    def get(self, name: str) -> str | None:
        """The value of the (lower-case) name; fails on a repeated one."""
        values = [value for found, value in self.headers if found.lower() == name]
        assert len(values) < 2
        return values[0] if values else None


class Peer:
    """The backend's end of one connection."""

    def __init__(self, connection: socket.socket, heads: list[Head]) -> None:
        self._connection = connection
        self._heads = heads
        self._unread = b""

    def head(self) -> Head:
        """Read the head of the next request."""
        while b"\r\n\r\n" not in self._unread:
            self._unread += self._receive()
        text, _, self._unread = self._unread.partition(b"\r\n\r\n")
        line, *lines = text.decode("latin-1").split("\r\n")
        pairs = [pair.split(": ", 1) for pair in lines]
        head = Head(line, [(name, value) for name, value in pairs])
        self._heads.append(head)
        return head

    def body(self, size: int) -> bytes:
        """Read so many bytes of the body."""
        while len(self._unread) < size:
            self._unread += self._receive()
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._connection.sendall(data)

    def drip(self, data: bytes, *, size: int = 1, pause: float = 0.0003) -> None:
        """Send bytes in pieces, which the other end gets to see one by one."""
        for start in range(0, len(data), size):
            self.send(data[start : start + size])
            time.sleep(pause)

    def answer(self, status: str, *headers: str, body: bytes = b"") -> None:
        """Send a whole answer."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def reset(self) -> None:
        """Close the connection as a machine does that knows nothing of it."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def left(self) -> bytes:
        """What still comes until the other end closes the connection."""
        found = self._unread
        try:
            while data := self._connection.recv(65536):
                found += data
        except ConnectionResetError:
            pass
        return found

    def _receive(self) -> bytes:
        data = self._connection.recv(65536)
        if not data:
            raise EOFError("the gateway closed the connection")
        return data


Script = Callable[[Peer], None]


@dataclass(slots=True)
class Backend:
    """What came to the backend."""

    url: str
    scripts: list[Script]
    """One a connection; the last one runs for all others."""
    heads: list[Head] = field(default_factory=list)
    connections: int = 0
    failures: list[Exception] = field(default_factory=list)

    def restart(self, *scripts: Script) -> None:
        """Forget what came, and go on with other scripts."""
        self.heads.clear()
        self.connections = 0
        self.scripts[:] = scripts

    def check(self) -> None:
        """Fail with what a script found wrong."""
        if self.failures:
            raise self.failures.pop()


@contextmanager
def serving(
    *scripts: Script, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Backend]:
    """A backend; at the end of the block all scripts must have ended without a failure.

    `tls`: it speaks HTTPS, and a client that does not like its certificate is none of its failures.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listening:
        name = f"[{host}]" if ":" in host else host
        scheme = "http" if tls is None else "https"
        backend = Backend(f"{scheme}://{name}:{listening.getsockname()[1]}", list(scripts))
        accepting = threading.Thread(target=_accept, args=(listening, backend, tls))
        accepting.start()
        try:
            yield backend
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()
    backend.check()


def _accept(listening: socket.socket, backend: Backend, tls: ssl.SSLContext | None) -> None:
    """Serve every connection, until nobody listens any more and all scripts have ended."""
    threads = []
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            break
        connection.settimeout(_PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        script = backend.scripts[min(backend.connections, len(backend.scripts) - 1)]
        backend.connections += 1
        threads.append(threading.Thread(target=_run, args=(connection, script, backend, tls)))
        threads[-1].start()
    for thread in threads:
        thread.join()


def _run(
    connection: socket.socket, script: Script, backend: Backend, tls: ssl.SSLContext | None
) -> None:
    with connection:
        if tls is not None:
            try:
                connection = tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
        _run_script(connection, script, backend)


def _run_script(connection: socket.socket, script: Script, backend: Backend) -> None:
    with connection:
        try:
            script(Peer(connection, backend.heads))
        except Exception as failure:  # noqa: BLE001 - raised again in the test's own thread
            backend.failures.append(failure)
