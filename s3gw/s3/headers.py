"""What a request asks of an answer: ranges, conditions, overrides, page sizes.

The rule: a range or date that says nothing is ignored as HTTP demands; a parameter that says
something wrong is an InvalidArgument with its name and value.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from s3gw.s3.dates import parse_http_date
from s3gw.s3.errors import InvalidArgument, InvalidRange, InvalidRequest, PreconditionFailed
from s3gw.s3.request import Headers, Query

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)", re.IGNORECASE)
_BEYOND_ANY_OBJECT = 10**18

_ENTITY_TAG = re.compile(r'(?:W/)?(?:"([^"]*)"|([^\s",]+))')
_ODD_QUOTES = (("&quot;", '"'), ("&#34;", '"'), ("\\", ""))

_MAX_INT32 = 2**31 - 1
_DIGITS = re.compile(r"-?0*([0-9]{1,10})")

MOST_PARTS = 10_000
"""Parts of a multipart upload, and the highest number of one."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OVERRIDES = {
    "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
    "response-content-language": "Content-Language",
    "response-content-type": "Content-Type",
    "response-expires": "Expires",
}


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A single byte range: `first-last`, `first-` (last is None) or `-last` (first is None)."""

    first: int | None
    last: int | None
    text: str
    """The header as it was sent."""

    @property
    def canonical(self) -> str:
        """The range without whatever other servers might stumble over."""
        first, last = (("" if end is None else str(end)) for end in (self.first, self.last))
        return f"bytes={first}-{last}"

    def resolve(self, size: int) -> tuple[int, int]:
        """The first and the last byte (inclusive) of an object of `size` bytes.

        Raises InvalidRange if the object has none of the bytes asked for.
        """
        if self.first is None:
            start, end = max(0, size - (self.last or 0)), size - 1
        else:
            start, end = self.first, size - 1 if self.last is None else min(self.last, size - 1)
        if start >= size:
            raise InvalidRange(RangeRequested=self.text, ActualObjectSize=size)
        return start, end


def parse_range(value: str | None) -> ByteRange | None:
    """The range of a Range header; None if there is none or it is to be ignored.

    Ignored as on AWS: several ranges, other units, `1-0`, `-` and whatever else is no range.
    """
    if value is None:
        return None
    match = _RANGE.fullmatch(value)
    if match is None or match[0].endswith("=-"):
        return None
    first, last = _position(match[1]), _position(match[2])
    if first is not None and last is not None and first > last:
        return None
    return ByteRange(first, last, value)


def _position(digits: str) -> int | None:
    """A position in an object; all those beyond any object are one (int() minds long digits)."""
    if not digits:
        return None
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= 18 else _BEYOND_ANY_OBJECT


class Outcome(Enum):
    """What the conditions of a read say of it."""

    SEND = auto()
    NOT_MODIFIED = auto()
    """The answer is 304, without a body."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a request; None where it has none."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: datetime | None = None
    if_unmodified_since: datetime | None = None

    @classmethod
    def from_headers(cls, headers: Headers, now: float) -> "Conditions":
        """Read the four headers; `now` is in seconds since the epoch.

        Dates that cannot be read are ignored, and so is an If-Modified-Since in the future.
        """
        modified_since = _date(headers, "if-modified-since")
        if modified_since is not None and modified_since.timestamp() > now:
            modified_since = None
        return cls(
            if_match=headers.get("if-match"),
            if_none_match=headers.get("if-none-match"),
            if_modified_since=modified_since,
            if_unmodified_since=_date(headers, "if-unmodified-since"),
        )

    @property
    def is_empty(self) -> bool:
        """There is none."""
        return self == _NO_CONDITIONS

    def evaluate(self, etag: str, last_modified: datetime) -> Outcome:
        """Judge a read of an object; its ETag is without quotes, its time in whole seconds.

        An ETag condition makes the date condition beside it void (RFC 9110 13.2.2).
        Raises PreconditionFailed naming the condition.
        """
        if self.if_match is not None:
            if not etag_matches(self.if_match, etag):
                raise PreconditionFailed(Condition="If-Match")
        elif self.if_unmodified_since is not None and last_modified > self.if_unmodified_since:
            raise PreconditionFailed(Condition="If-Unmodified-Since")
        if self.if_none_match is not None:
            unchanged = etag_matches(self.if_none_match, etag)
        else:
            since = self.if_modified_since
            unchanged = since is not None and last_modified <= since
        return Outcome.NOT_MODIFIED if unchanged else Outcome.SEND


_NO_CONDITIONS = Conditions()


def etag_matches(condition: str, etag: str) -> bool:
    """Whether an If-Match or If-None-Match value (`*`, tags quoted or not) names the ETag.

    A weak tag counts as the strong one: proxies that compress weaken ours on its way out.
    """
    if condition.strip() == "*":
        return True
    found = _ENTITY_TAG.finditer(condition)
    return any((match[1] if match[2] is None else match[2]) == etag for match in found)


def bare_etag(text: str) -> str:
    """An ETag without the quotes, in whatever form clients write them, and without `W/`."""
    for written, meant in _ODD_QUOTES:
        text = text.replace(written, meant)
    return text.strip().removeprefix("W/").strip('"')


def _date(headers: Headers, name: str) -> datetime | None:
    value = headers.get(name)
    return None if value is None else parse_http_date(value)


def response_overrides(query: Query, *, anonymous: bool) -> dict[str, str]:
    """Headers that a GET or HEAD wants in its answer (`response-content-type` and the like).

    Raises InvalidRequest for anonymous requests that want any, InvalidArgument for a value
    that cannot be a header.
    """
    wanted = {name: query.get(name) for name in _OVERRIDES if name in query}
    if wanted and anonymous:
        raise InvalidRequest(
            "Request specific response headers cannot be used for anonymous GET requests."
        )
    return {_OVERRIDES[name]: _header_value(name, value) for name, value in wanted.items() if value}


def _header_value(name: str, value: str) -> str:
    if any(character > "\xff" for character in value):
        message = "Header value cannot be represented using ISO-8859-1."
        raise InvalidArgument(message, ArgumentName=name, ArgumentValue=value)
    if _CONTROL.search(value):  # a line end would let a link write headers of its own
        message = "Header value cannot contain control characters."
        raise InvalidArgument(message, ArgumentName=name, ArgumentValue=value)
    return value


def parse_count(name: str, value: str | None, maximum: int = 1000) -> int:
    """A parameter such as max-keys: what it says up to `maximum`; absent or empty, `maximum`.

    Raises InvalidArgument unless it is an integer from 0 to 2,147,483,647.
    """
    if not value:
        return maximum
    match = _DIGITS.fullmatch(value)
    count = int(match[1]) if match else _MAX_INT32 + 1
    if count > _MAX_INT32 or (count and value.startswith("-")):
        raise InvalidArgument(
            f"Provided {name} not an integer or within integer range",
            ArgumentName=name,
            ArgumentValue=value,
        )
    return min(count, maximum)


def part_number(value: str | None) -> int:
    """The number of a part; raises InvalidArgument unless it is from 1 to 10,000."""
    text = value or ""
    is_short = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_PARTS))
    if not is_short or not 1 <= int(text) <= MOST_PARTS:
        raise InvalidArgument(
            f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=text,
        )
    return int(text)


def encoding_type(query: Query) -> bool:
    """Whether a listing is to be URL-encoded; raises InvalidArgument for another encoding."""
    value = query.get("encoding-type")
    if value is None:
        return False
    if value.lower() != "url":
        raise InvalidArgument(
            "Invalid Encoding Method specified in Request",
            ArgumentName="encoding-type",
            ArgumentValue=value,
        )
    return True
