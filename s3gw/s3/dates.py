"""The date forms of S3: ISO 8601 in documents, RFC 9110 dates in headers.

The rule: datetimes are aware; a float is seconds since the epoch.
"""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime


def timestamp(moment: datetime | float) -> str:
    """As in documents: `2024-01-02T03:04:05.000Z`, cut to the millisecond."""
    return _utc(moment).isoformat("T", "milliseconds").removesuffix("+00:00") + "Z"


def http_date(moment: datetime | float) -> str:
    """As in headers: `Tue, 02 Jan 2024 03:04:05 GMT`, cut to the second."""
    return format_datetime(_utc(moment), usegmt=True)


def parse_http_date(text: str) -> datetime | None:
    """The instant (UTC) of a date header in any of the forms of RFC 9110; None if it is none."""
    try:
        return _in_utc(parsedate_to_datetime(text))
    except (ValueError, OverflowError):
        return None


def parse_moment(text: str) -> datetime | None:
    """The instant (UTC) of a date in either form, of documents or of headers; None if it is none.

    Without a zone it is UTC.
    """
    try:
        return _in_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return parse_http_date(text)


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _utc(moment: datetime | float) -> datetime:
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return datetime.fromtimestamp(moment, UTC)
