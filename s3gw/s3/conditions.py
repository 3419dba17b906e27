"""The conditions of a delete: what must hold of the object, or version, that is to go.

The rule: a condition that cannot be read is an error, never none: an oversight would lose an
object.  https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from s3gw.s3 import errors  # whose NotImplemented would hide the one of dataclasses
from s3gw.s3.dates import parse_moment
from s3gw.s3.errors import InvalidArgument, PreconditionFailed, S3Error
from s3gw.s3.headers import etag_matches
from s3gw.s3.request import Headers

_IF_MATCH = "If-Match"
_SIZE = "x-amz-if-match-size"
_LAST_MODIFIED = "x-amz-if-match-last-modified-time"

# Conditions that S3 knows of reads only.
_OF_READS = ("If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
_DIGITS = re.compile(r"[0-9]{1,19}")

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class DeleteConditions:
    """The conditions on one delete, all of which must hold; None where there is none."""

    if_match: str | None = None
    """ETags, quoted or not; `*`: any."""
    size: int | None = None
    """In bytes."""
    last_modified: datetime | None = None

    @classmethod
    def from_headers(cls, headers: Headers) -> "DeleteConditions":
        """Raises InvalidArgument for what cannot be read, NotImplemented for other conditions."""
        for name in _OF_READS:
            if name.lower() in headers:
                raise errors.NotImplemented(Header=name)
        size, moment = headers.get(_SIZE), headers.get(_LAST_MODIFIED)
        return cls(
            headers.get(_IF_MATCH.lower()),
            read_as(parse_size, size, _no_condition(_SIZE, size)),
            read_as(parse_moment, moment, _no_condition(_LAST_MODIFIED, moment)),
        )

    @property
    def are_given(self) -> bool:
        """Whether there are any."""
        return self != NO_CONDITIONS

    def check(self, etag: str | None, size: int | None, last_modified: datetime | None) -> None:
        """Raise PreconditionFailed naming the condition that does not hold of an object.

        `etag`: without quotes; `last_modified`: in whole seconds, as S3 shows it.  Of a delete
        marker, which has none of them, no condition holds.
        """
        if self.if_match is not None and (etag is None or not etag_matches(self.if_match, etag)):
            raise PreconditionFailed(Condition=_IF_MATCH)
        if self.size is not None and self.size != size:
            raise PreconditionFailed(Condition=_SIZE)
        if self.last_modified is not None and self.last_modified != last_modified:
            raise PreconditionFailed(Condition=_LAST_MODIFIED)


NO_CONDITIONS = DeleteConditions()
"""Those of a plain delete."""


def parse_size(text: str) -> int | None:
    """A size in bytes; None if it is none."""
    return int(text) if _DIGITS.fullmatch(text) else None


def read_as(
    parse: Callable[[str], Value | None], text: str | None, otherwise: S3Error
) -> Value | None:
    """What the text of a condition says, None if there is no text; raises the error given."""
    if text is None:
        return None
    value = parse(text.strip())
    if value is None:
        raise otherwise
    return value


def _no_condition(name: str, text: str | None) -> S3Error:
    return InvalidArgument("The condition cannot be read.", ArgumentName=name, ArgumentValue=text)
