"""A page of ListObjectVersions in a bucket with versions.

The rule: one listing of Swift's; more only where the page begins or ends in the midst of a key, or
if Swift cannot divide by the delimiter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from s3gw.buckets.facts import from_headers
from s3gw.call import Call
from s3gw.mapping.listing import entry_timestamp, query_for
from s3gw.mapping.storage_classes import class_of
from s3gw.mapping.version_listing import (
    Listed,
    Start,
    behind,
    common_prefix,
    divided,
    is_divided_by_swift,
    listed,
    open_key,
    query_of,
)
from s3gw.mapping.versions import NULL, History, check_version_id
from s3gw.object_version import find_null, is_hidden_as_null, object_of, top_version
from s3gw.s3.errors import NoSuchBucket
from s3gw.s3.listings import VersionEntry
from s3gw.swift.errors import SwiftStatus

# Entries that are divided at a time.
_SOME = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for."""

    prefix: str
    delimiter: str
    key_marker: str
    version_marker: str
    maximum: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page, and where the next one begins, if there is one."""

    versions: Sequence[VersionEntry]
    prefixes: Sequence[str]
    next_marker: tuple[str, str] | None
    storage_class: str


_Found = tuple[list[Listed | str], str]
"""Entries and common prefixes in order, and the bucket's storage policy (empty: not asked)."""


async def read_page(call: Call, wanted: Wanted) -> Page:
    """The page; raises InvalidArgument, NotImplemented, NoSuchBucket."""
    check_version_id(wanted.version_marker or None)
    read = _found if is_divided_by_swift(wanted.delimiter) else _divided
    found, policy = await read(call, wanted)
    storage_class = class_of(policy, call.settings.s3.storage_classes)
    return await _page(call, found, wanted.maximum, storage_class)


async def _divided(call: Call, wanted: Wanted) -> _Found:
    """As _found, with a delimiter that Swift refuses: its whole listing is divided here.

    What is behind a common prefix is sought by its marker, so each request shows something new.
    """
    found: list[Listed | str] = []
    policy = ""
    at = replace(wanted, delimiter="", maximum=_SOME)
    if common_prefix(wanted.key_marker, wanted.prefix, wanted.delimiter) == wanted.key_marker:
        at = replace(at, key_marker=behind(wanted.key_marker), version_marker="")
    while wanted.maximum and len(found) <= wanted.maximum:
        more, policy = await _found(call, at)
        some = [one for one in more if isinstance(one, Listed)]
        found += divided(some[:_SOME], wanted.prefix, wanted.delimiter)
        if len(some) <= _SOME:
            break
        last = found[-1]
        if isinstance(last, str):
            at = replace(at, key_marker=behind(last), version_marker="")
        else:
            at = replace(at, key_marker=last.key, version_marker=last.marker)
    return found, policy


async def _found(call: Call, wanted: Wanted) -> _Found:
    """The entries and prefixes of the page, and one more if there are more."""
    query = query_for(wanted.prefix, wanted.delimiter, wanted.key_marker, wanted.maximum)
    if query is None:
        return [], ""
    within = bool(wanted.delimiter) and wanted.delimiter in wanted.key_marker[len(wanted.prefix) :]
    version_marker = "" if within else await _swift_marker(call, wanted)
    asked = query_of(query, version_marker)
    try:
        headers, entries = await call.swift.list_objects(call.bucket, asked)
    except SwiftStatus as error:
        if error.status == 404:
            raise NoSuchBucket(BucketName=call.bucket) from error
        raise
    facts = from_headers(headers)
    history = facts.history
    start = await _start(call, wanted, entries, history) if version_marker else None
    not_hidden = None
    if len(entries) == asked["limit"]:
        not_hidden = await _not_hidden(call, open_key(entries, start.key if start else ""))
    found = listed(entries, history, start, not_hidden)
    return [one for one in found if one != wanted.key_marker], facts.storage_policy


async def _swift_marker(call: Call, wanted: Wanted) -> str:
    """What Swift takes for the version marker: it knows `null` only in front of all others."""
    if wanted.version_marker != NULL:
        return wanted.version_marker
    subject = object_of(call, wanted.key_marker)
    top = await top_version(subject)
    if top is None or top["version_id"] == NULL or is_hidden_as_null(top):
        return NULL
    return await find_null(subject) or NULL


async def _start(
    call: Call, wanted: Wanted, entries: list[dict[str, Any]], history: History
) -> Start | None:
    key = wanted.key_marker
    group = [entry for entry in entries if entry.get("name") == key]
    if not group:
        return None
    subject = object_of(call, key)
    top = await top_version(subject)
    hidden = top is not None and is_hidden_as_null(top)
    newest = "" if top is None or hidden else str(top["version_id"])
    null = ""
    if not hidden and newest != NULL and any(history.is_null(entry) for entry in group):
        null = await find_null(subject) or ""
    return Start(key, newest, null)


async def _not_hidden(call: Call, key: str | None) -> str | None:
    """The key, if it has an object: which version that is stands on another page."""
    if key is None:
        return None
    try:
        await call.swift.head_object(call.bucket, key)
    except SwiftStatus as error:
        if error.status != 404:
            raise
        return None
    return key


async def _page(call: Call, found: list[Listed | str], maximum: int, storage_class: str) -> Page:
    shown = found[:maximum]
    more = len(found) > maximum
    last = shown[-1] if shown else None
    next_marker = None
    if more and isinstance(last, Listed):
        next_marker = last.key, last.marker
    elif more and last is not None:
        next_marker = str(last), NULL
    versions = [one for one in shown if isinstance(one, Listed)]
    told = await call.services.etags.of_entries(
        call.account_id,
        call.swift,
        call.bucket,
        [one.entry for one in versions if not one.is_marker],
    )
    left = iter(told)
    return Page(
        [_entry(one, "" if one.is_marker else next(left)) for one in versions],
        [one for one in shown if isinstance(one, str)],
        next_marker,
        storage_class,
    )


def _entry(one: Listed, etag: str) -> VersionEntry:
    return VersionEntry(
        key=one.key,
        version_id=one.version_id,
        is_latest=one.is_latest,
        last_modified=entry_timestamp(one.entry),
        etag=etag,
        size=0 if one.is_marker else one.entry["bytes"],
        delete_marker=one.is_marker,
    )
