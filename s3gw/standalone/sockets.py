"""Listening sockets, made by the launcher and inherited by the servers.

The rule: a port is never looked up and then bound by somebody else.  The socket listens
before its server starts, so a request simply waits until the server serves it.
"""

import errno
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from random import sample

from s3gw.standalone.exits import Exit, StandaloneError

LOOPBACK = "127.0.0.1"

Sockets = Mapping[str, socket.socket]
"""Listening sockets by the name of their server."""

_BACKLOG = 1024
# Below what Linux, BSD and macOS take for the near ends of connections, by default.
_LASTING = (10_000, 32_768)
_TRIES = 20


def listen(names: Iterable[str], wanted: Mapping[str, int]) -> dict[str, socket.socket]:
    """A loopback socket for each name, on its wanted port if that is free."""
    return {name: _listen(wanted.get(name, 0)) for name in names}


def ports(sockets: Sockets) -> dict[str, int]:
    """The port of each socket."""
    return {name: bound.getsockname()[1] for name, bound in sockets.items()}


def usable_port(host: str, port: int) -> int:
    """The port, or a free one for 0; raises StandaloneError (PORT) if it cannot be bound.

    The gateway binds it itself, some seconds later: so a free one is none that the system gives
    to whoever opens a connection meanwhile.
    """
    found = _bindable(host, port)
    for lasting in sample(range(*_LASTING), _TRIES) if port == 0 else ():
        with suppress(StandaloneError):
            return _bindable(host, lasting)
    return found


def _bindable(host: str, port: int) -> int:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            found: int = probe.getsockname()[1]
            return found
    except OSError as error:
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"unusable: {error.strerror}"
        raise StandaloneError(
            Exit.PORT, f"{host}:{port} {reason}; name another port with --port (0: a free one)"
        ) from error


def _listen(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted ones inherit it
    try:
        bound.bind((LOOPBACK, port))
    except OSError:  # somebody took it since the last run
        bound.bind((LOOPBACK, 0))
    bound.listen(_BACKLOG)
    return bound
