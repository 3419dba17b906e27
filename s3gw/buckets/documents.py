"""What is kept of a bucket in documents of its own: its ACL in mode s3, its tags.

The rule: a document is an object that never changes; the bucket's container has a header for each
that names the one that holds.  Swift merges these headers one by one, so two documents that are
written at once do not lose each other; of two writes of one document the later header wins.  The
object is written before the header names it, and what it replaces goes afterwards.

A header read from memory may name what has been replaced since: `read` then looks again.  Since
an id is never used twice, whoever remembers a document's content under the bucket's account, its
name and the id is never wrong about it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType

import structlog

from s3gw.buckets.facts import ContainerFacts, read_facts
from s3gw.buckets.uploads import delete_behind, delete_objects
from s3gw.mapping import layout
from s3gw.mapping.layout import DOCUMENTS, Document
from s3gw.s3.errors import NoSuchBucket, ServiceUnavailable
from s3gw.swift.account import Account, Entry
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

MOST_BYTES = 1024 * 1024
"""Of a document; who writes one has limits of its own below that."""
# Seconds after which a document that no header names is what a crash left.
_STRAY_AGE = 3600.0
_PAGE = 1000
_NOTHING: Mapping[str, str] = MappingProxyType({})

_log = structlog.get_logger(__name__)


async def read(
    account: Account, bucket: str, document: Document, facts: ContainerFacts
) -> bytes | None:
    """The bucket's document, None if it has none; `facts` may come from memory.

    One request to Swift, or none without a document.  Raises NoSuchBucket, ServiceUnavailable
    (Swift does not have what the bucket names, or it is not what it should be).
    """
    document_id = facts.documents.get(document)
    if document_id is None:
        return None
    content = await _get(account, bucket, document, document_id, newest=False)
    if content is None:
        document_id = (await _facts(account, bucket)).documents.get(document)
        if document_id is None:
            return None
        content = await _get(account, bucket, document, document_id, newest=True)
    if content is None:
        _log.error("a bucket's document cannot be read", bucket=bucket, document=str(document))
        raise ServiceUnavailable
    return content


async def write(
    account: Account,
    bucket: str,
    document: Document,
    content: bytes,
    beside: Mapping[str, str] = _NOTHING,
) -> None:
    """Write the bucket's document, or replace it; the caller forgets the bucket's cached facts.

    `beside`: headers that the bucket gets at the same moment.  Raises NoSuchBucket, and SwiftStatus
    or SwiftUnreachable: then the former document holds (after SwiftUnreachable it may also be the
    new one).
    """
    if len(content) > MOST_BYTES:
        raise ValueError("a bucket's document is too large")
    replaced = (await _facts(account, bucket)).documents.get(document)
    document_id = layout.new_document_id(content)
    await put(account, layout.document_name(bucket, document, document_id), content)
    names = {layout.document_header(document): document_id}
    try:
        await account.post_container(bucket, {**beside, **names})
    except SwiftStatus as error:
        await _sweep(account, bucket, document, document_id)
        if error.status == 404:
            raise NoSuchBucket(BucketName=bucket) from error
        raise
    await _sweep(account, bucket, document, replaced)


async def delete(account: Account, bucket: str, document: Document) -> None:
    """Take the bucket's document away, if it has one; the caller forgets its cached facts.

    Raises NoSuchBucket, SwiftStatus, SwiftUnreachable.
    """
    replaced = (await _facts(account, bucket)).documents.get(document)
    if replaced is None:
        return
    await account.post_container(bucket, {layout.no_document_header(document): "x"})
    await _sweep(account, bucket, document, replaced)


async def delete_all(account: Account, bucket: str) -> None:
    """Delete the documents of a bucket that is gone; one made anew meanwhile keeps its own.

    A new bucket of that name does not inherit them, since its container names none.
    """
    await delete_behind(account, bucket, DOCUMENTS, layout.documents_prefix(bucket))


async def _facts(account: Account, bucket: str) -> ContainerFacts:
    """The bucket's facts as Swift's newest copy has them."""
    facts = await read_facts(account, bucket)
    if facts is None:
        raise NoSuchBucket(BucketName=bucket)
    return facts


async def _get(
    account: Account, bucket: str, document: Document, document_id: str, *, newest: bool
) -> bytes | None:
    """The document with that id, None if there is none of that content."""
    name = layout.document_name(bucket, document, document_id)
    try:
        answer = await account.get_object(
            DOCUMENTS, name, headers={"X-Newest": "true"} if newest else None
        )
    except SwiftStatus as error:
        if error.status == 404:
            return None
        raise
    content = await answer.read(MOST_BYTES)
    return content if layout.is_document(content, document_id) else None


async def put(account: Account, name: str, content: bytes) -> None:
    """Write an object into DOCUMENTS, which is made if the account has none yet."""
    headers = {"Content-Type": "application/octet-stream"}
    try:
        await account.put_object(DOCUMENTS, name, headers, content)
    except SwiftStatus as error:
        if error.status != 404:
            raise
        await account.put_container(DOCUMENTS, {})
        await account.put_object(DOCUMENTS, name, headers, content)


async def _sweep(account: Account, bucket: str, document: Document, gone: str | None) -> None:
    """Delete what the bucket names no more: the document `gone`, and what crashes left long ago.

    What is younger may be a write under way.  A failure is nobody's but the operator's.
    """
    prefix = layout.documents_prefix(bucket, document)
    names = set() if gone is None else {prefix + gone}
    query: dict[str, str | int] = {"prefix": prefix, "limit": _PAGE}
    try:
        # Not taken for granted: clocks of Swift's proxies may differ, and the older time loses.
        facts = await read_facts(account, bucket)
        headers, entries = await account.list_objects(DOCUMENTS, query)
        now = _date(headers.get("Date", ""))
        names.update(str(entry["name"]) for entry in entries if _is_stray(entry, now))
        if facts is not None:
            names.discard(prefix + facts.documents.get(document, ""))
        await delete_objects(account, DOCUMENTS, names)
    except (SwiftStatus, SwiftUnreachable) as error:
        _log.warning("an old document of a bucket stays behind", bucket=bucket, reason=str(error))


def _is_stray(entry: Entry, now: datetime | None) -> bool:
    """Whether a document is so old that no write of it is under way."""
    written = datetime.fromisoformat(str(entry["last_modified"])).replace(tzinfo=UTC)
    return now is not None and (now - written).total_seconds() > _STRAY_AGE


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
