"""What the session must keep to itself, and every word that any gateway of it has logged.

The rule: whoever makes or sees a secret tells it here, and at the end of the session none of them
may be among the words; whether a test looked at its log or not.
"""

import io
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

_WORD = re.compile(r"[A-Za-z0-9]{12,}")
_SIGNATURES = re.compile(r"(?:^|[?&, ])(?:X-Amz-)?Signature=([^&,\s]+)", re.IGNORECASE)
_V2 = re.compile(r"AWS [^:]+:(\S+)")


@dataclass(slots=True)
class Secrecy:
    """Secrets and words: both in runs of letters and digits, the longest of each secret."""

    secrets: dict[str, str] = field(default_factory=dict)
    """What each is, by its run."""
    words: set[str] = field(default_factory=set)

    def keep(self, what: str, *secrets: str) -> None:
        """These must not be logged; what has no long run of letters cannot be looked for."""
        for secret in secrets:
            run = max(_WORD.findall(secret), key=len, default=None)
            if run is not None:
                self.secrets[run] = what

    def keep_signatures(self, query: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Of one request, wherever they may be."""
        texts = [query]
        for name, value in headers:
            if name == b"authorization":
                texts.append(value.decode("latin-1"))
            elif name == b"x-amz-security-token":
                self.keep("a session token", value.decode("latin-1"))
        for text in texts:
            found = [*_SIGNATURES.findall(text), *_V2.findall(text)]
            self.keep("a signature", *map(unquote, found))

    def note(self, text: str) -> None:
        """This was logged."""
        self.words.update(_WORD.findall(text))

    def leaks(self) -> dict[str, str]:
        """The secrets that were logged, and what they are."""
        return {run: self.secrets[run] for run in self.words & self.secrets.keys()}


SESSION = Secrecy()
"""Of the test process."""


class LoudStderr(io.TextIOBase):
    """Standard error, whatever that is at the time, with an ear on it."""

    def __init__(self, secrecy: Secrecy) -> None:
        self._secrecy = secrecy

    def write(self, text: str) -> int:
        """Write, and note."""
        self._secrecy.note(text)
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush standard error."""
        sys.stderr.flush()


class Overhearing:
    """An ASGI application around another one, which keeps the signatures that come in."""

    def __init__(self, app: Any, secrecy: Secrecy = SESSION) -> None:
        self._app = app
        self._secrecy = secrecy

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve."""
        if scope["type"] == "http":
            self._secrecy.keep_signatures(scope["query_string"].decode("latin-1"), scope["headers"])
        await self._app(scope, receive, send)
