"""Cached facts of containers.

The rule: they serve speed only.  Nothing destructive, and no access, is decided on them
(docs/mapping.md); whoever destroys reads the container anew, with X-Newest.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from s3gw.mapping.layout import (
    META_VERSIONED_SINCE,
    Document,
    document_ids,
    segments_container,
)
from s3gw.mapping.ownership import ownership_in
from s3gw.mapping.versions import ENABLED, NO_HISTORY, SUSPENDED, History
from s3gw.s3.ownership import Ownership
from s3gw.swift.account import Account
from s3gw.swift.errors import SwiftStatus

_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """What a container's headers tell."""

    versioning: str
    """`Enabled`, `Suspended`, or empty: never switched on."""
    storage_policy: str
    read_acl: str
    write_acl: str
    documents: Mapping[Document, str] = field(default_factory=dict)
    """The ids of its documents (see buckets.documents)."""
    history: History = NO_HISTORY
    """When the gateway switched versioning on and off."""
    ownership: Ownership | None = None
    """As CreateBucket was told; None: it was not."""


def from_headers(headers: Mapping[str, str]) -> ContainerFacts:
    """The facts in a container's headers."""
    enabled = headers.get("X-Versions-Enabled", "").lower()
    return ContainerFacts(
        versioning={"true": ENABLED, "false": SUSPENDED}.get(enabled, ""),
        storage_policy=headers.get("X-Storage-Policy", ""),
        read_acl=headers.get("X-Container-Read", ""),
        write_acl=headers.get("X-Container-Write", ""),
        documents=document_ids(headers),
        history=History.parse(headers.get(META_VERSIONED_SINCE, "")),
        ownership=ownership_in(headers),
    )


async def read_facts(account: Account, container: str) -> ContainerFacts | None:
    """The container's facts as Swift's newest copy has them, None if there is no container."""
    try:
        return from_headers(await account.head_container(container, newest=True))
    except SwiftStatus as error:
        if error.status == 404:
            return None
        raise


class FactsCache:
    """Facts by (account, container), each for `ttl` seconds; the oldest go first."""

    def __init__(self, ttl: float, clock: Callable[[], float]) -> None:
        self._ttl = ttl
        self._clock = clock
        self.hits = 0
        self.misses = 0
        self._known: OrderedDict[tuple[str, str], tuple[float, ContainerFacts | None]] = (
            OrderedDict()
        )

    async def bucket(self, owner: str, account: Account, bucket: str) -> ContainerFacts | None:
        """A bucket's facts; None if it does not exist, which is never remembered."""
        return await self._get(owner, account, bucket, remember_absence=False)

    async def has_segments(self, owner: str, account: Account, bucket: str) -> bool:
        """Whether the bucket may hold multipart objects; a remembered no only leaks parts."""
        container = segments_container(bucket)
        return await self._get(owner, account, container, remember_absence=True) is not None

    def forget(self, owner: str, container: str) -> None:
        """The container was created, changed or deleted through this worker."""
        self._known.pop((owner, container), None)

    async def _get(
        self, owner: str, account: Account, container: str, *, remember_absence: bool
    ) -> ContainerFacts | None:
        key = owner, container
        until, facts = self._known.get(key, (0.0, None))
        now = self._clock()
        if now < until:
            self.hits += 1
            return facts
        self.misses += 1
        facts = await read_facts(account, container)
        if facts is not None or remember_absence:
            self._known[key] = now + self._ttl, facts
            self._known.move_to_end(key)
            if len(self._known) > _ENTRIES:
                self._known.popitem(last=False)
        else:
            self._known.pop(key, None)
        return facts
