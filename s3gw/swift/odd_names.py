"""Answers with header names that HTTP does not have: how they are read all the same.

Swift's s3api keeps `_` in a metadata name as `=5F`, and Swift's own clients may write any name.
aiohttp refuses the whole answer then, as all strict clients do.  http.client, which
python-swiftclient stands on, takes some of them; but it drops all headers behind a name that is
not ASCII, and takes an answer that breaks off among its headers for a whole one.

The rule: only names are touched.  Each is percent-encoded before aiohttp's parser sees it, and
decoded afterwards; everything else is aiohttp's work as in any other answer.
"""

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

from aiohttp import TCPConnector
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict

# What no name may have, but control characters: they stay, and with them the answer is refused.
# And `%`, so that decoding gives every name back as it was.
_ODD = re.compile(rb"[^\x00-\x1f\x7f!#$&'*+.^_`|~0-9A-Za-z-]")
_END = b"\r\n\r\n"
# Bytes in which an answer's headers must end, or they go to the parser as they are.
_HEAD_SIZE = 1024 * 1024


def encoded(head: bytes) -> bytes:
    """The head of an answer with its headers' names percent-encoded."""
    status, *lines = head.split(b"\r\n")
    return b"\r\n".join([status, *map(_encoded_line, lines)])


def decoded(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The headers with their names as they were before `encoded`."""
    pairs = headers.items()
    return CIMultiDict((unquote(name, errors="surrogateescape"), value) for name, value in pairs)


def _encoded_line(line: bytes) -> bytes:
    name, colon, value = line.partition(b":")
    if not colon or line[:1] in {b" ", b"\t"}:  # no header, or the rest of a folded one
        return line
    return _ODD.sub(lambda found: b"%%%02X" % found[0][0], name) + colon + value


class _Renaming(ResponseHandler):
    """A connection's end that encodes the names of its one answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._head: bytes | None = b""
        """What has come of the headers; None when they are over."""

    def data_received(self, data: bytes) -> None:
        """Hold back what comes until the headers are whole."""
        if self._head is not None:
            self._head += data
            head, end, rest = self._head.partition(_END)
            if not end and len(head) < _HEAD_SIZE:
                return
            self._head = None
            data = encoded(head) + end + rest
        super().data_received(data)


def _end(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return _Renaming(loop)


class RenamingConnector(TCPConnector):
    """Connections for one answer each, whose headers' names come out encoded."""

    def __init__(self, **options: Any) -> None:
        """`options`: those of aiohttp.TCPConnector."""
        super().__init__(force_close=True, **options)
        # aiohttp has no other way to a protocol of one's own.
        self._factory = partial(_end, loop=self._loop)
