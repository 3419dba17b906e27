"""Global bucket names: which account a bucket is in, kept as objects of the gateway's own account.

The rule: a name is claimed before its container is made and given up after it is gone, and since
Swift's `If-None-Match: *` is no lock, whoever claimed looks twice whether the claim is still its
own (docs/mapping.md).  `service` is that account, with the gateway's own login.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import structlog

from s3gw.buckets.facts import read_facts
from s3gw.mapping.layout import REGISTRY, is_name
from s3gw.s3.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    OperationAborted,
    S3Error,
)
from s3gw.swift.account import Account
from s3gw.swift.errors import SwiftStatus

# Seconds in which an overlapping claim, let through by Swift, has come to its end.
_PAUSE = 0.1
# Seconds after which a claim without a container is what a crash, or a native DELETE, left.
_ABANDONED = 60.0
_SIZE = 4096

_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,256}")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """Who holds a name."""

    account: str
    """Swift's name of the account; empty in an entry that makes no sense."""
    age: float
    """Seconds, by Swift's own clock."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who wants a name, and how it looks at what others have."""

    account: str
    swift: Account
    """The account itself, with its own power."""
    is_vacant: Callable[[str, str], Awaitable[bool]]
    """Whether an account (first) surely has no such container (second)."""


def is_account(text: object) -> bool:
    """Whether the text can name a Swift account of ours: nothing that bends a URL."""
    return isinstance(text, str) and _ACCOUNT.fullmatch(text) is not None


async def read(service: Account, bucket: str, *, newest: bool = False) -> Entry | None:
    """Who holds the name, None if nobody does."""
    if not is_name(bucket):
        return None
    headers = {"X-Newest": "true"} if newest else None
    try:
        answer = await service.get_object(REGISTRY, bucket, headers=headers)
    except SwiftStatus as error:
        if error.status == 404:
            return None
        raise
    return Entry(_account(await answer.read(_SIZE), bucket), _age(answer.headers.get))


def _account(body: bytes, bucket: str) -> str:
    try:
        account = json.loads(body)["account"]
    except (ValueError, TypeError, KeyError):
        account = None
    if not is_account(account):
        _log.error("a bucket's registry entry makes no sense", bucket=bucket)
        return ""
    return str(account)


def _age(get: Callable[[str], str | None]) -> float:
    try:
        now = parsedate_to_datetime(get("Date") or "")
        return (now - parsedate_to_datetime(get("Last-Modified") or "")).total_seconds()
    except (ValueError, TypeError):
        return 0.0


async def create(
    service: Account, bucket: str, claimant: Claimant, make: Callable[[], Awaitable[bool]]
) -> bool:
    """Make the bucket under a claim of its name; whether it was created (it may have been there).

    Raises BucketAlreadyExists, BucketAlreadyOwnedByYou, OperationAborted, and what `make` does.
    """
    nonce = secrets.token_hex(16)
    if not await _claim(service, bucket, claimant.account, nonce):
        await _take_over(service, bucket, claimant, nonce)
    await asyncio.sleep(_PAUSE)
    await _check_holds(service, bucket, claimant.account)
    try:
        created = await make()
    except (SwiftStatus, S3Error):
        await release(service, bucket, claimant)
        raise
    try:
        await _check_holds(service, bucket, claimant.account)
    except (BucketAlreadyExists, OperationAborted):
        if created:
            await _unmake(claimant.swift, bucket)
        raise
    return created


async def release(service: Account, bucket: str, claimant: Claimant) -> None:
    """Give the name up, if it is the claimant's and the claimant has no such bucket any more."""
    entry = await read(service, bucket, newest=True)
    if entry is None or entry.account != claimant.account:
        return
    if await read_facts(claimant.swift, bucket) is not None:
        return  # made anew meanwhile
    try:
        await service.delete_object(REGISTRY, bucket)
    except SwiftStatus as error:
        if error.status != 404:
            raise


async def enter(service: Account, bucket: str, account: str) -> Entry | None:
    """Enter a bucket that exists already; None if done, or the entry that was there before."""
    if await _claim(service, bucket, account, secrets.token_hex(16)):
        return None
    return await read(service, bucket, newest=True)


async def _claim(service: Account, bucket: str, account: str, nonce: str) -> bool:
    """Write the entry unless there is one; makes the registry with its first entry."""
    for _ in range(2):
        try:
            await _write(service, bucket, account, nonce, {"If-None-Match": "*"})
        except SwiftStatus as error:
            if error.status == 412:
                return False
            if error.status != 404:
                raise
            await service.put_container(REGISTRY, {})
        else:
            return True
    raise OperationAborted


async def _write(
    service: Account, bucket: str, account: str, nonce: str, condition: dict[str, str]
) -> None:
    body = json.dumps({"account": account, "nonce": nonce}).encode("ascii")
    headers = {"Content-Type": "application/json", **condition}
    await service.put_object(REGISTRY, bucket, headers, body)


async def _take_over(service: Account, bucket: str, claimant: Claimant, nonce: str) -> None:
    """Take a name whose entry speaks of no bucket; raises what CreateBucket answers if it does."""
    entry = await read(service, bucket, newest=True)
    if entry is None:
        raise OperationAborted
    if entry.account == claimant.account:
        if await read_facts(claimant.swift, bucket) is not None:
            raise BucketAlreadyOwnedByYou(BucketName=bucket)
    elif not await _is_left_behind(entry, bucket, claimant):
        raise BucketAlreadyExists(BucketName=bucket)
    await _write(service, bucket, claimant.account, nonce, {})


async def _is_left_behind(entry: Entry, bucket: str, claimant: Claimant) -> bool:
    """Whether somebody else's claim is what a crash or a native DELETE left, not one under way."""
    if entry.age < _ABANDONED or not entry.account:
        return False
    if not await claimant.is_vacant(entry.account, bucket):
        return False
    _log.warning("a bucket name is taken over", bucket=bucket, former=entry.account)
    return True


async def _check_holds(service: Account, bucket: str, account: str) -> None:
    """Raise unless the name is the account's.

    The nonce is not compared: of two claims of one account both are right, and one removing the
    other's bucket would not be.
    """
    entry = await read(service, bucket, newest=True)
    if entry is None:
        raise OperationAborted
    if entry.account != account:
        raise BucketAlreadyExists(BucketName=bucket)


async def _unmake(swift: Account, bucket: str) -> None:
    """Remove a bucket made just now under a claim that did not hold."""
    try:
        await swift.delete_container(bucket)
    except SwiftStatus as error:
        if error.status not in {404, 409}:
            raise
