"""What can go wrong on the way to Swift, and what Swift says no with."""

from collections.abc import Mapping


class SwiftUnreachable(Exception):
    """No complete answer: connection refused or lost, a time-out, a broken answer."""


class SwiftStatus(Exception):
    """Swift answered with a status that the call cannot use."""

    def __init__(
        self, status: int, method: str, path: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> None:
        super().__init__(f"{method} {path}: {status}")
        self.status = status
        self.method = method
        self.path = path
        """Percent-encoded path below the account."""
        self.headers = headers
        self.body = body
        """At most the first 4 KiB."""
