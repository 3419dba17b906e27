"""One object, or one version of it, deleted as S3 does.

The rule: a large object's parts go with it only on the word of HEADs of that very object and its
container, made just before; what has, or had, versions is always deleted without its parts
(docs/mapping.md).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from s3gw.buckets.etags import NEWEST
from s3gw.call import Call
from s3gw.large_objects import delete_with_parts
from s3gw.mapping import etags
from s3gw.mapping.conditions import last_modified
from s3gw.mapping.versions import (
    NULL,
    VERSION_ID,
    is_marker,
    is_versioned,
    keeps_versions,
    names_marker,
    query_for,
)
from s3gw.object_version import (
    Subject,
    absence,
    find_null,
    is_hidden_as_null,
    is_null,
    newest_headers,
    object_of,
    top_version,
)
from s3gw.s3.conditions import NO_CONDITIONS, DeleteConditions
from s3gw.s3.errors import AccessDenied, NoSuchBucket
from s3gw.swift.errors import SwiftStatus
from s3gw.version_changes import delete_version, mend, replace_null, restore


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of it."""

    version_id: str | None = None
    """The version that was deleted, or the delete marker that was made."""
    is_marker: bool = False
    """That is a delete marker."""


async def delete(
    call: Call,
    key: str,
    version_id: str | None,
    conditions: DeleteConditions = NO_CONDITIONS,
) -> Deleted:
    """Delete an object or one of its versions, if the conditions hold of it.

    Without an ETag among these, what is not there is fine.  Two requests; more for a version (see
    `_delete_named`).  Raises InvalidArgument, NoSuchBucket, PreconditionFailed; NoSuchKey and
    NoSuchVersion where an ETag is named of what is not there.  AccessDenied in mode s3: to a
    stranger who names a version, which is the owner's, or sets conditions on what he may not read.
    """
    if version_id is not None and not call.is_owner and call.settings.access.mode == "s3":
        raise AccessDenied
    if conditions.are_given and not call.is_owner:
        await _check_may_read(call, key)
    subject = object_of(call, key, version_id)
    if version_id not in {None, NULL}:
        return await _delete_named(subject, str(version_id), conditions)
    headers, found = await _newest(subject)
    if is_versioned(headers) and version_id is not None:
        return await _delete_null(subject, headers if found else None, conditions)
    await _check(subject, conditions, headers, found=found)
    if is_versioned(headers):
        return await _mark(call, subject)
    if found:
        await _delete_unversioned(call, key, headers)
    else:
        await call.bucket_facts()  # which tells that there is no such bucket
    return Deleted(version_id)


async def _check_may_read(call: Call, key: str) -> None:
    """Raise AccessDenied to a stranger who does not see what his conditions would tell of."""
    reader = (await call.as_reader(call.bucket)).swift
    if reader.sees_all:  # else Swift judges him
        await newest_headers(replace(object_of(call, key), swift=reader))


async def _newest(subject: Subject) -> tuple[Mapping[str, str], bool]:
    """The headers of Swift's answer about the newest object, and whether there is one."""
    try:
        headers = await subject.swift.head_object(subject.bucket, subject.key, newest=True)
    except SwiftStatus as error:
        if error.status != 404:
            raise
        return error.headers, False
    return headers, True


async def _check(
    subject: Subject,
    conditions: DeleteConditions,
    headers: Mapping[str, str],
    query: Mapping[str, str] = NEWEST,
    *,
    found: bool = True,
) -> None:
    """Judge the conditions of an object or version; no request, but of a foreign large object's.

    `headers`: of Swift's answer about it; `query`: what names it to Swift; `found`: it is there.
    As on AWS what is not there fails an ETag, also `*`, and no other condition.
    """
    if not found:
        if conditions.if_match is not None:
            raise await absence(subject, headers)
        return
    if not conditions.are_given:
        return
    etag = None
    if conditions.if_match is not None:
        etag = await subject.services.etags.of_object(
            subject.owner, subject.swift, subject.bucket, subject.key, headers, query
        )
    conditions.check(etag, int(headers.get("Content-Length", "0")), last_modified(headers))


async def _delete_unversioned(call: Call, key: str, headers: Mapping[str, str]) -> None:
    try:
        if etags.is_static_large_object(headers) and not keeps_versions(
            await call.swift.head_container(call.bucket, newest=True)
        ):
            await delete_with_parts(call, key, headers)
        else:
            await call.swift.delete_object(call.bucket, key)
    except SwiftStatus as error:
        if error.status != 404:
            raise


async def _mark(call: Call, subject: Subject) -> Deleted:
    """Put a delete marker over the key, also over one that never was.

    Where versioning is suspended Swift makes none: then S3's is the version `null`, which
    replaces what was `null` before, and is shown as long as nothing is newer.
    """
    try:
        answer = await subject.swift.delete_object(subject.bucket, subject.key)
    except SwiftStatus as error:
        if error.status != 404:
            raise
        answer = error.headers
    marker = answer.get(VERSION_ID, NULL)
    if marker == NULL and call.sees_all:
        await replace_null(subject)
    return Deleted(marker, is_marker=True)


async def _delete_named(subject: Subject, version_id: str, conditions: DeleteConditions) -> Deleted:
    """Delete a version that has an id; if it was the newest, the one before it is so again.

    Three requests, two of them at once; two more to bring the one before back, and one more for
    a delete marker.
    """
    query = query_for(version_id)
    current, named = await asyncio.gather(newest_headers(subject), _asked(subject, query))
    if named is None:
        why = await absence(subject, {})
        if conditions.if_match is not None or isinstance(why, NoSuchBucket):
            raise why
        if current is None:
            await mend(subject)
        return Deleted(version_id)
    if names_marker(named):
        conditions.check(None, None, None)
    else:
        await _check(subject, conditions, named, query)
    if current is not None:
        was_newest = current.get(VERSION_ID) == version_id
    else:
        top = await top_version(subject)
        was_newest = (
            top is not None and top["version_id"] == version_id and not is_hidden_as_null(top)
        )
    await delete_version(subject, version_id)
    if was_newest:
        await restore(subject)
    return Deleted(version_id, names_marker(named))


async def _asked(subject: Subject, query: Mapping[str, str]) -> Mapping[str, str] | None:
    """The newest headers of a version or a delete marker; None: not there."""
    try:
        return await subject.swift.head_object(
            subject.bucket, subject.key, newest=True, query=query
        )
    except SwiftStatus as error:
        if error.status == 404 and names_marker(error.headers):
            return error.headers
        if error.status in {400, 404}:
            return None
        raise


async def _delete_null(
    subject: Subject, headers: Mapping[str, str] | None, conditions: DeleteConditions
) -> Deleted:
    """Delete the version `null` of a key whose newest object has these headers, if there is one."""
    if headers is None:
        return await _delete_hidden_null(subject, conditions)
    given = headers.get(VERSION_ID, NULL)
    was_newest = await is_null(subject, headers)
    if was_newest:
        await _check(subject, conditions, headers)
        await delete_version(subject, given)
    # Beside a `null` that is an object there may be a copy of it, from a PUT that was refused.
    old = await find_null(subject) if given == NULL or not was_newest else None
    if not was_newest:
        await _check_old(subject, conditions, old)
    if old is not None:
        await delete_version(subject, old)
    if was_newest:
        await restore(subject)
    return Deleted(NULL)


async def _delete_hidden_null(subject: Subject, conditions: DeleteConditions) -> Deleted:
    """Delete the version `null`, or the delete marker of that name, of a key without an object."""
    top = await top_version(subject)
    if top is not None and not is_marker(top) and is_hidden_as_null(top):
        conditions.check(None, None, None)
        await restore(subject)
        return Deleted(NULL, is_marker=True)
    old = await find_null(subject)
    await _check_old(subject, conditions, old)
    if old is not None:
        await delete_version(subject, old)
    return Deleted(NULL)


async def _check_old(
    subject: Subject, conditions: DeleteConditions, version_id: str | None
) -> None:
    """Judge the conditions of a `null` that is not the newest; one request, if there are any.

    `version_id`: Swift's name of it; None: there is no `null`.
    """
    if not conditions.are_given:
        return
    query = query_for(version_id)
    headers = None if version_id is None else await _asked(subject, query)
    await _check(subject, conditions, headers or {}, query, found=headers is not None)
