"""Swift's JSON listings as S3's listings: markers, pages, times.

https://docs.openstack.org/api-ref/object-store/#show-container-details-and-list-objects
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from s3gw.mapping.layout import NAME_LIMIT
from s3gw.s3 import errors  # whose NotImplemented would hide the one of dataclasses
from s3gw.s3.dates import timestamp
from s3gw.s3.errors import KeyTooLongError
from s3gw.swift.account import Entry
from s3gw.swift.answers import moment_of
from s3gw.swift.errors import SwiftUnreachable

UNSEEKABLE = ("\ud7ff", "\U0010ffff")
"""Swift seeks the end of a prefix by the character after its last one, which these have not."""


_SECOND = timedelta(seconds=1)
# Of each second of a minute but the last.
_NEXT = {f"{second:02}": f"{second + 1:02}" for second in range(59)}


@dataclass(frozen=True, slots=True)
class Page:
    """One page: entries and common prefixes in order, and where the next one starts."""

    entries: tuple[Entry, ...]
    """Objects, as Swift listed them."""
    prefixes: tuple[str, ...]
    next_marker: str | None
    """The page's last key or prefix, if there is more."""
    storage_policy: str = ""
    """The container's."""


def query_for(
    prefix: str, delimiter: str, marker: str, maximum: int
) -> dict[str, str | int] | None:
    """The Swift query for a page: one entry more than asked for tells whether there is more.

    None: no key can be on the page.  Names in Swift hold no NUL, which Swift refuses in a query:
    none begins with such a prefix or is divided by such a delimiter, and those behind such a
    marker are those behind what stands before its NUL.

    Raises KeyTooLongError, and NotImplemented for the two characters that Swift stumbles over.
    """
    for text in (prefix, delimiter, marker):
        size = len(text.encode("utf-8"))
        if size > NAME_LIMIT:
            raise KeyTooLongError(Size=size, MaxSizeAllowed=NAME_LIMIT)
    for name, text in (("prefix", prefix), ("delimiter", delimiter)):
        if text.endswith(UNSEEKABLE):
            raise errors.NotImplemented(f"This {name} is not implemented.", Parameter=name)
    if maximum == 0 or "\x00" in prefix:
        return None
    given = {
        "prefix": prefix,
        "delimiter": "" if "\x00" in delimiter else delimiter,
        "marker": marker.partition("\x00")[0],
    }
    return {"limit": maximum + 1, **{name: value for name, value in given.items() if value}}


def query_for_key(key: str) -> dict[str, str | int]:
    """The Swift query of a listing that begins with the entries of one key."""
    if not key.endswith(UNSEEKABLE):
        return {"prefix": key}
    # Nothing but noncharacters comes between this and the key.
    return {"marker": f"{key[:-1]}{chr(ord(key[-1]) - 1)}\U0010ffff"}


def page_of(headers: Mapping[str, str], listed: list[Entry], maximum: int) -> Page:
    """Cut what Swift answered to `query_for` to a page."""
    shown = listed[:maximum]
    more = len(listed) > maximum
    return Page(
        entries=tuple([entry for entry in shown if "subdir" not in entry]),
        prefixes=tuple([str(entry["subdir"]) for entry in shown if "subdir" in entry]),
        next_marker=_name(shown[-1]) if more and shown else None,
        storage_policy=headers.get("X-Storage-Policy", ""),
    )


def entry_time(entry: Mapping[str, Any]) -> datetime:
    """An entry's time, rounded up to the second as Swift does in Last-Modified.

    Otherwise a listing and a HEAD would differ, and sync tools copy everything again.  Raises
    SwiftUnreachable for what is no time.
    """
    moment = moment_of(entry).replace(tzinfo=UTC)
    if not moment.microsecond:
        return moment
    try:
        return moment.replace(microsecond=0) + _SECOND
    except OverflowError as error:
        raise SwiftUnreachable("answer is not a listing: a time is beyond time") from error


def entry_timestamp(entry: Mapping[str, Any]) -> str:
    """`s3.dates.timestamp(entry_time(entry))`, in a fifth of the time: a page has a thousand."""
    moment = moment_of(entry)
    text = entry["last_modified"]
    as_usual = len(text) == 26 and text[4:20:3] == "--T::."  # 2024-01-02T03:04:05.678901
    if as_usual and moment.microsecond and text[17:19] in _NEXT:
        return f"{text[:17]}{_NEXT[text[17:19]]}.000Z"
    return timestamp(entry_time(entry))


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry["subdir"] if "subdir" in entry else entry["name"])
