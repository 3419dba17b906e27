"""What a Swift cluster can do, from its `/info`.

https://docs.openstack.org/api-ref/object-store/#discoverability
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.transport import Transport

_FRESH_FOR = 3600.0
_RETRY_AFTER = 10.0


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """Limits and middlewares; the defaults are Swift's own."""

    max_file_size: int = 5_368_709_122
    """Bytes of one object that is not a large object."""
    max_meta_count: int = 90
    max_meta_name_length: int = 128
    max_meta_value_length: int = 256
    max_meta_overall_size: int = 4096
    max_manifest_segments: int = 1000
    max_deletes_per_request: int = 10_000
    bulk_delete: bool = True
    slo_async_delete: bool = False
    """Swift takes segments to its expirer, and answers at once."""
    object_versioning: bool = True


def parse_info(document: Mapping[str, Any]) -> ClusterInfo:
    """The facts we use of an /info document; what is absent or odd has Swift's default."""

    def number(section: str, name: str, default: int) -> int:
        table = document.get(section)
        value = table.get(name) if isinstance(table, dict) else None
        # A bool is an int, too.
        return value if type(value) is int and value > 0 else default

    def flag(section: str, name: str) -> bool:
        table = document.get(section)
        return isinstance(table, dict) and table.get(name) is True

    plain = ClusterInfo()
    return ClusterInfo(
        max_file_size=number("swift", "max_file_size", plain.max_file_size),
        max_meta_count=number("swift", "max_meta_count", plain.max_meta_count),
        max_meta_name_length=number("swift", "max_meta_name_length", plain.max_meta_name_length),
        max_meta_value_length=number("swift", "max_meta_value_length", plain.max_meta_value_length),
        max_meta_overall_size=number("swift", "max_meta_overall_size", plain.max_meta_overall_size),
        max_manifest_segments=number("slo", "max_manifest_segments", plain.max_manifest_segments),
        max_deletes_per_request=number(
            "bulk_delete", "max_deletes_per_request", plain.max_deletes_per_request
        ),
        bulk_delete="bulk_delete" in document,
        slo_async_delete=flag("slo", "allow_async_delete"),
        object_versioning="object_versioning" in document,
    )


@lru_cache(maxsize=1024)
def info_url(storage_url: str) -> str:
    """Where the cluster of an account's storage URL tells about itself."""
    scheme, host, path, _, _ = urlsplit(storage_url)
    prefix = path.partition("/v1")[0]
    return f"{scheme}://{host}{prefix}/info"


_DEFAULTS = ClusterInfo()


class InfoCache:
    """The /info of each cluster in use (there is mostly one), read when first needed."""

    def __init__(self, transport: Transport, clock: Callable[[], float]) -> None:
        self._transport = transport
        self._clock = clock
        self._known: dict[str, tuple[float, ClusterInfo]] = {}

    async def get(self, storage_url: str) -> ClusterInfo:
        """The cluster's facts; Swift's defaults while it does not tell."""
        url = info_url(storage_url)
        until, info = self._known.get(url, (0.0, _DEFAULTS))
        if self._clock() < until:
            return info
        try:
            info, fresh_for = parse_info(await self._read(url)), _FRESH_FOR
        except (SwiftUnreachable, ValueError):
            fresh_for = _RETRY_AFTER
        self._known[url] = self._clock() + fresh_for, info
        return info

    async def _read(self, url: str) -> Mapping[str, Any]:
        response = await self._transport.request("GET", url, {})
        document = json.loads(await response.read())
        if response.status != 200 or not isinstance(document, dict):
            raise ValueError("no /info document")
        return document
