"""What a copy's headers say: its source, what is taken over from it, under which conditions.

The rule: a source is read as AWS reads it, `+` as a space; the other reading of a literal `+` comes
second, and only for whoever does not find the first.  What says nothing that S3 knows is refused.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import unquote_to_bytes

from s3gw.s3.dates import parse_http_date
from s3gw.s3.errors import InvalidArgument, InvalidRequest, PreconditionFailed
from s3gw.s3.headers import Conditions, Outcome
from s3gw.s3.request import Headers

COPY_SOURCE: Final = "x-amz-copy-source"
METADATA_DIRECTIVE: Final = "x-amz-metadata-directive"
TAGGING_DIRECTIVE: Final = "x-amz-tagging-directive"
RANGE: Final = "x-amz-copy-source-range"
_CONDITION: Final = "x-amz-copy-source-"

MOST_BYTES: Final = 5 * 1024**3
"""What one copy copies at most."""

_VERSION = "versionId="
_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class CopySource:
    """An object, or one of its versions."""

    bucket: str
    key: str
    version_id: str | None = None


class Directive(StrEnum):
    """Where a copy's metadata, or its tags, come from."""

    COPY = "COPY"
    """From the source."""
    REPLACE = "REPLACE"
    """From the request, which is all there is then."""


def parse_copy_source(value: str) -> tuple[CopySource, ...]:
    """The objects that a copy's source (bytes read as latin-1) may name, the likeliest first.

    `bucket/key`, percent-encoded or raw, with a slash before it or not, and `?versionId=` behind.
    Raises InvalidArgument.
    """
    path, question, query = value.partition("?")
    if question and not query.startswith(_VERSION):
        raise _refused("Unsupported copy source parameter.")
    version_id = _decoded(query.removeprefix(_VERSION)) if question else None
    texts = dict.fromkeys(_decoded(spelled) for spelled in (path.replace("+", " "), path))
    return tuple(CopySource(*_bucket_and_key(text), version_id) for text in texts)


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode("utf-8")
    except UnicodeError:
        raise _refused("Invalid copy source encoding.") from None


def _bucket_and_key(text: str) -> tuple[str, str]:
    bucket, _, key = text.removeprefix("/").partition("/")
    if not bucket:
        raise _refused("Invalid copy source bucket name")
    if not key:
        raise _refused("Invalid copy source object key")
    return bucket, key


def _refused(message: str) -> InvalidArgument:
    # AWS names the header in both elements.
    return InvalidArgument(message, ArgumentName=COPY_SOURCE, ArgumentValue=COPY_SOURCE)


def metadata_directive(headers: Headers) -> Directive:
    """Where the copy's metadata come from; raises InvalidArgument."""
    return _directive(headers, METADATA_DIRECTIVE, "metadata")


def tagging_directive(headers: Headers) -> Directive:
    """Where the copy's tags come from; raises InvalidArgument."""
    return _directive(headers, TAGGING_DIRECTIVE, "tagging")


def _directive(headers: Headers, name: str, kind: str) -> Directive:
    value = headers.get(name)
    try:
        return Directive.COPY if value is None else Directive(value)
    except ValueError:
        raise InvalidArgument(
            f"Unknown {kind} directive.", ArgumentName=name, ArgumentValue=value
        ) from None


@dataclass(frozen=True, slots=True)
class SourceConditions:
    """What must hold of a copy's source."""

    conditions: Conditions

    @classmethod
    def from_headers(cls, headers: Headers, now: float) -> "SourceConditions":
        """Read the four headers; `now`, seconds since the epoch, is where the future begins.

        Raises InvalidArgument for a date that is none: a copy is a write, so what is asked of
        it is not passed over.
        """
        for name in ("if-modified-since", "if-unmodified-since"):
            value = headers.get(_CONDITION + name)
            if value is not None and parse_http_date(value) is None:
                raise InvalidArgument(
                    "The date of the condition is not valid.",
                    ArgumentName=_CONDITION + name,
                    ArgumentValue=value,
                )
        own = Headers(
            (name.removeprefix(_CONDITION), value)
            for name, value in headers
            if name.startswith(_CONDITION)
        )
        return cls(Conditions.from_headers(own, now))

    @property
    def ask_for_etag(self) -> bool:
        """Whether the source's ETag matters."""
        return self.conditions.if_match is not None or self.conditions.if_none_match is not None

    def check(self, etag: str, last_modified: datetime) -> None:
        """Raise PreconditionFailed, naming the condition, unless the source is as it must be.

        As in a read an ETag makes the date beside it void, but there is no 304.
        """
        try:
            outcome = self.conditions.evaluate(etag, last_modified)
        except PreconditionFailed as failed:
            raise PreconditionFailed(Condition=_CONDITION + failed.details["Condition"]) from None
        if outcome is Outcome.NOT_MODIFIED:
            by_etag = self.conditions.if_none_match is not None
            name = "If-None-Match" if by_etag else "If-Modified-Since"
            raise PreconditionFailed(Condition=_CONDITION + name)


def parse_copy_range(value: str | None, size: int) -> tuple[int, int]:
    """The first and the last byte (inclusive) to copy of a source of `size` bytes.

    Raises InvalidArgument, InvalidRequest.
    """
    if value is None:
        return 0, size - 1
    match = _RANGE.fullmatch(value)
    first, last = (int(match[1]), int(match[2])) if match else (1, 0)
    if first > last:
        raise _bad_range(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
            "and last are the zero-based offsets of the first and last bytes to copy",
            value,
        )
    if first >= size:
        raise InvalidRequest("The specified copy range is invalid for the source object size")
    if last >= size:
        raise _bad_range(f"Range specified is not valid for source object of size: {size}", value)
    return first, last


def _bad_range(message: str, value: str) -> InvalidArgument:
    return InvalidArgument(message, ArgumentName=RANGE, ArgumentValue=value)


def too_large(limit: int) -> InvalidRequest:
    """A source of more bytes than one copy copies."""
    return InvalidRequest(
        "The specified copy source is larger than the maximum allowable size for a copy source: "
        f"{limit}"
    )
