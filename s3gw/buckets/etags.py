"""The S3 ETags that only an object itself can tell: large objects that others made.

Read once and remembered by (account, bucket, key, Swift ETag), which never lies: another content
has another Swift ETag.
"""

from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType

from s3gw.mapping import etags
from s3gw.swift.account import Account
from s3gw.swift.errors import SwiftStatus

_ENTRIES = 50_000

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
