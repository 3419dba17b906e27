"""A bucket's cross-origin rules: a document that everybody may read.

The rule: a preflight carries no token, so the rules are read without one, whoever asks; they are
no secret, and serve nobody but browsers.  What is remembered of them is a few seconds old at most.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import structlog

from s3gw.mapping.layout import CORS, PUBLIC_DOCUMENTS, public_document_name
from s3gw.s3.cors import MOST_BYTES, Rule, cors_configuration, parse_cors_configuration
from s3gw.s3.errors import S3Error
from s3gw.s3.xml import render
from s3gw.swift.account import Account
from s3gw.swift.authority import Nobody
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.transport import Transport

_ENTRIES = 10_000
# As they are kept, rules are longer than a client may have sent them, by escapes and the like.
_MOST_KEPT = 8 * MOST_BYTES

_log = structlog.get_logger(__name__)


async def read(account: Account, bucket: str, *, newest: bool = False) -> tuple[Rule, ...]:
    """The bucket's rules, none if it has none: one request to Swift.

    Raises SwiftStatus, also where Swift shows the document to nobody.
    """
    try:
        answer = await account.get_object(
            PUBLIC_DOCUMENTS,
            public_document_name(bucket, CORS),
            headers={"X-Newest": "true"} if newest else None,
        )
    except SwiftStatus as error:
        if error.status == 404:
            return ()
        raise
    try:
        return parse_cors_configuration(await answer.read(_MOST_KEPT))
    except S3Error as error:
        _log.error("a bucket's CORS rules make no sense", bucket=bucket, reason=error.message)
        return ()


async def write(account: Account, bucket: str, rules: Sequence[Rule]) -> None:
    """Write the bucket's rules, or replace them; raises SwiftStatus.

    The container is made, or brought back to what it must be, first.
    """
    await account.put_container(PUBLIC_DOCUMENTS, {"X-Container-Read": ".r:*"})
    await account.put_object(
        PUBLIC_DOCUMENTS,
        public_document_name(bucket, CORS),
        {"Content-Type": "application/xml"},
        render(cors_configuration(rules)),
    )


async def delete(account: Account, bucket: str) -> None:
    """Take the bucket's rules away, if it has any; raises SwiftStatus."""
    try:
        await account.delete_object(PUBLIC_DOCUMENTS, public_document_name(bucket, CORS))
    except SwiftStatus as error:
        if error.status != 404:
            raise


class CorsRules:
    """Rules by account and bucket, each for `ttl` seconds; the oldest go first."""

    def __init__(
        self,
        transport: Transport,
        default: Sequence[Rule],
        ttl: float,
        clock: Callable[[], float],
    ) -> None:
        """`default`: the rules of a bucket that has none of its own, and of what is no bucket."""
        self._transport = transport
        self._default = tuple(default)
        self._ttl = ttl
        self._clock = clock
        self.hits = 0
        self.misses = 0
        self._known: OrderedDict[tuple[str, str], tuple[float, tuple[Rule, ...]]] = OrderedDict()

    async def of(self, storage_url: str = "", bucket: str = "") -> tuple[Rule, ...]:
        """The rules that hold for a bucket of the account; at most one request to Swift.

        Without a bucket, or an account, only the gateway's own ones are left.  Raises SwiftStatus,
        SwiftUnreachable: Swift is in trouble.
        """
        own = await self._own(storage_url, bucket) if storage_url and bucket else ()
        return own or self._default

    async def _own(self, storage_url: str, bucket: str) -> tuple[Rule, ...]:
        key = storage_url, bucket
        until, rules = self._known.get(key, (0.0, ()))
        now = self._clock()
        if now < until:
            self.hits += 1
            return rules
        self.misses += 1
        try:
            rules = await read(Account(self._transport, Nobody(storage_url)), bucket)
        except SwiftStatus as error:
            if error.status not in {401, 403}:
                raise
            rules = ()
        self._known[key] = now + self._ttl, rules
        self._known.move_to_end(key)
        if len(self._known) > _ENTRIES:
            self._known.popitem(last=False)
        return rules

    def forget(self, storage_url: str, bucket: str) -> None:
        """The rules were changed through this worker."""
        self._known.pop((storage_url, bucket), None)
