"""The S3 ETags that only an object itself can tell: large objects that others made.

Read once and remembered by (account, bucket, key, Swift ETag), which never lies: another content
has another Swift ETag.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from s3gw.buckets import parallel
from s3gw.mapping import etags
from s3gw.mapping.version_listing import is_divided_by_swift
from s3gw.mapping.versions import NULL
from s3gw.swift.account import Account, Entry
from s3gw.swift.errors import SwiftStatus

_ENTRIES = 50_000

# Entries of a listing, and the ETags that it must tell: fewer cost less by HEADs.
_AHEAD = 2000
_WORTH = 10

NEWEST: Mapping[str, str] = MappingProxyType({})
"""The query that names no version."""


class EtagCache:
    """S3 ETags of static large objects whose headers or listing entries do not carry them."""

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        """Requests to Swift, of which one ETag can need two."""
        self._known: OrderedDict[tuple[str, str, str, str], str] = OrderedDict()

    async def of_object(
        self,
        owner: str,
        account: Account,
        bucket: str,
        key: str,
        headers: Mapping[str, str],
        query: Mapping[str, str] = NEWEST,
    ) -> str:
        """The S3 ETag of an object whose HEAD or GET headers are known.

        `query`: what names the version to Swift.
        """
        found = etags.from_headers(headers)
        if found is not None:
            return found
        swift_etag = etags.unquoted(headers.get("Etag", ""))
        return await self._derived((owner, bucket, key, swift_etag), account, query)

    async def of_listed(
        self,
        owner: str,
        account: Account,
        bucket: str,
        key: str,
        slo_etag: str,
        query: Mapping[str, str] = NEWEST,
    ) -> str:
        """The S3 ETag of a large object whose listing entry does not tell it."""
        place = owner, bucket, key, etags.unquoted(slo_etag)
        known = self._known.get(place)
        if known is not None:
            self.hits += 1
            return known
        self.misses += 1
        try:
            headers = await account.head_object(bucket, key, query=query)
        except SwiftStatus as error:
            if error.status != 404:
                raise
            return f"{place[3]}-0"  # listed, but gone by now
        found = etags.from_headers(headers)
        if found is None:
            return await self._derived(place, account, query)
        # Remembered only if this is the object of that ETag, not a newer one.
        if etags.is_static_large_object(headers) and (
            etags.unquoted(headers.get("Etag", "")) == place[3]
        ):
            self._remember(place, found)
        return found

    async def of_entries(
        self, owner: str, account: Account, bucket: str, entries: Sequence[Mapping[str, Any]]
    ) -> list[str]:
        """The S3 ETags of objects or versions that a listing shows, in its order.

        Swift is asked for those only that their entries do not tell: of foreign large objects.
        """
        told = [etags.from_entry(entry) for entry in entries]

        async def read(pair: tuple[Mapping[str, Any], str | None]) -> str:
            entry, etag = pair
            if etag is not None:
                return etag
            version = str(entry.get("version_id", NULL))
            query = NEWEST if version == NULL else {"version-id": version}
            place = str(entry["name"]), str(entry["slo_etag"])
            return await self.of_listed(owner, account, bucket, *place, query)

        if None in told:
            return await parallel.for_each(zip(entries, told, strict=True), read)
        return [etag for etag in told if etag is not None]

    async def read_ahead(
        self,
        owner: str,
        account: Account,
        bucket: str,
        entries: Iterable[Entry],
        query: Mapping[str, str | int],
    ) -> None:
        """Learn what a page of a container with versioning does not tell of its large objects.

        Its plain listing has no parameters of content types, but that of its versions has.
        `query`: that of the page.  What stays unknown is `of_listed`'s to ask, one by one.
        """
        wanted = {
            (owner, bucket, str(entry["name"]), _slo_etag(entry))
            for entry in entries
            if etags.from_entry(entry) is None
        } - self._known.keys()
        asked = {**query, "versions": "", "version_marker": NULL, "limit": _AHEAD}
        if not is_divided_by_swift(str(query.get("delimiter", ""))):
            del asked["delimiter"]
        told = _WORTH
        while told >= _WORTH and len(wanted) >= _WORTH:
            asked["marker"] = min(place[2] for place in wanted)  # begins with its first version
            self.misses += 1
            _, listed = await account.list_objects(bucket, asked)
            told = len(wanted)
            for entry in listed:
                place = (owner, bucket, str(entry.get("name")), _slo_etag(entry))
                known = etags.from_entry(entry)
                if known is not None and place in wanted:
                    self._remember(place, known)
                    wanted.remove(place)
            told -= len(wanted)
            if len(listed) < _AHEAD:
                return
            # What it does not tell of the keys up to here it does not know.
            last = str(listed[-1].get("name") or listed[-1].get("subdir"))
            wanted = {place for place in wanted if place[2] >= last}

    async def _derived(
        self, place: tuple[str, str, str, str], account: Account, query: Mapping[str, str]
    ) -> str:
        known = self._known.get(place)
        if known is not None:
            self.hits += 1
        else:
            self.misses += 1
            _, bucket, key, swift_etag = place
            try:
                segments = await account.get_manifest(
                    bucket, key, version_id=query.get("version-id")
                )
            except SwiftStatus as error:
                if error.status != 404:
                    raise
                return f"{swift_etag}-0"  # gone since it was listed or read
            known = etags.from_manifest(segments, swift_etag)
            # Remembered only if this is the manifest of that ETag, not of a newer object.
            if swift_etag == etags.manifest(str(segment.get("etag", "")) for segment in segments):
                self._remember(place, known)
        return known

    def _remember(self, place: tuple[str, str, str, str], etag: str) -> None:
        self._known[place] = etag
        if len(self._known) > _ENTRIES:
            self._known.popitem(last=False)


def _slo_etag(entry: Entry) -> str:
    return etags.unquoted(str(entry.get("slo_etag", "")))
