"""The heads of HTTP messages to and from Swift: the first line and the headers.

The rule: what goes out is exactly what was asked for, and what comes back is what Swift sent.  No
value can become a header of its own; an answer whose end two readers could see in two places is
none.

HTTP has no such header names as Swift may store: s3api keeps `_` in a metadata name as `=5F`, and
Swift's own clients may write any name.  Parsers refuse the whole answer then.  Here such names are
percent-encoded before the parser sees them and decoded afterwards; nothing else is touched.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

import httptools
from multidict import CIMultiDict

END = b"\r\n\r\n"
"""What a head ends with."""
# Swift's max_header_size is 8,192 bytes by default, for name and value.
_FIELD_SIZE = 16 * 1024
# 90 metadata headers by default, and those of Swift itself.
_FIELD_COUNT = 512

# What no name may have, but control characters: they stay, and with them the answer is refused.
# And `%`, so that decoding gives every name back as it was.
_ODD = re.compile(rb"[^\x00-\x1f\x7f!#$&'*+.^_`|~0-9A-Za-z-]")
_FRAMING = frozenset({"content-length", "transfer-encoding"})
_VERSIONS = frozenset({"1.0", "1.1"})
_UNSAFE_TARGET = re.compile(r"[^\x21-\x7e]")
_UNSAFE_VALUE = re.compile(r"[\r\n\x00]")


class NoAnswerError(Exception):
    """What came is no answer that HTTP knows."""


def request_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """A request up to its body; raises ValueError for what would be more than one header."""
    if _UNSAFE_TARGET.search(target):
        raise ValueError(f"no target of a request: {target!r}")
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers.items():
        if _UNSAFE_VALUE.search(value) or _UNSAFE_VALUE.search(name):
            raise ValueError(f"more than one line in the header {name!r}")
        lines.append(f"{name}: {value}")
    lines.append("\r\n")
    # What came as bytes that are no UTF-8 goes as they were.
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


class ResponseHead:
    """The head of an answer, and what it says of the body behind it."""

    _parser: httptools.HttpResponseParser

    __slots__ = ("_longest", "_parser", "headers", "is_chunked", "keeps_alive", "length", "status")

    def __init__(self, head: bytes) -> None:
        """`head`: with its END.  Raises NoAnswerError."""
        self._longest = 0
        self.keeps_alive = False
        if b"\x00" in head:
            raise NoAnswerError("a zero byte")
        try:
            parser = self._parsed(head, is_lenient=False)
        except httptools.HttpParserError as refusal:
            parser = self._parsed_oddly(head, refusal)
        except httptools.HttpParserUpgrade as offer:
            raise NoAnswerError("another protocol") from offer
        if parser.get_http_version() not in _VERSIONS:
            raise NoAnswerError(f"HTTP/{parser.get_http_version()}")
        self.status: int = parser.get_status_code()
        if self._longest > _FIELD_SIZE or len(self.headers) > _FIELD_COUNT:
            raise NoAnswerError(f"{len(self.headers)} headers of up to {self._longest} bytes")
        codings = self.headers.getall("Transfer-Encoding", ())
        self.is_chunked = bool(codings)
        if codings and [coding.lower() for coding in codings] != ["chunked"]:
            raise NoAnswerError(f"transfer coding {codings[0][:80]!r}")
        length = self.headers.get("Content-Length")
        self.length = None if length is None else int(length)
        """Bytes of the body, also of the one that HEAD leaves out; None: its end will tell."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools."""
        self._longest = max(self._longest, len(name) + len(value))
        self.headers.add(_text(name), _text(value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """See httptools, which knows it only now: at the end of a message it forgets."""
        self.keeps_alive = self._parser.should_keep_alive()

    def _parsed(self, head: bytes, *, is_lenient: bool) -> httptools.HttpResponseParser:
        self.headers: CIMultiDict[str] = CIMultiDict()
        self._parser = parser = httptools.HttpResponseParser(self)
        if is_lenient:  # with values over several lines, or with control characters: Swift has them
            parser.set_dangerous_leniencies(lenient_headers=True)
        try:
            parser.feed_data(head)
        finally:
            del self._parser  # which knows this object: only the collector would free the two
        return parser

    def _parsed_oddly(
        self, head: bytes, refusal: httptools.HttpParserError
    ) -> httptools.HttpResponseParser:
        encoded = _with_encoded_names(head)
        try:
            parser = self._parsed(encoded, is_lenient=True)
        except httptools.HttpParserError as error:
            raise NoAnswerError(str(error)) from error
        self.headers = CIMultiDict(
            (_text(unquote_to_bytes(name)), value) for name, value in self.headers.items()
        )
        if any(name.strip().lower() in _FRAMING and name != name.strip() for name in self.headers):
            raise NoAnswerError(str(refusal)) from refusal
        return parser


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _with_encoded_names(head: bytes) -> bytes:
    status, *lines = head.split(b"\r\n")
    return b"\r\n".join([status, *map(_with_encoded_name, lines)])


def _with_encoded_name(line: bytes) -> bytes:
    name, colon, value = line.partition(b":")
    if not colon or line[:1] in {b" ", b"\t"}:  # no header, or the rest of a folded one
        return line
    return _ODD.sub(lambda found: b"%%%02X" % found[0][0], name) + colon + value
