"""What S3 does with versions when objects are written and deleted, and Swift does not.

The rule: a version goes only if S3 says that it goes, on the word of Swift's newest copies; and a
version is linked (made the newest again) only where there is no object, which Swift checks once
more.
"""

from collections.abc import Mapping

import structlog

from s3gw.buckets.facts import read_facts
from s3gw.call import Call
from s3gw.mapping.versions import ENABLED, NULL, SUSPENDED, VERSION_ID, is_marker, query_for
from s3gw.object_version import (
    Subject,
    find_null,
    is_hidden_as_null,
    newest_headers,
    object_of,
    top_version,
)
from s3gw.s3.errors import S3Error
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

_log = structlog.get_logger(__name__)

# Versions that may vanish, one after the other, while the newest remaining one is looked for.
_ATTEMPTS = 5


async def written(call: Call, headers: Mapping[str, str], key: str | None = None) -> str | None:
    """The id of the version just written, None in a bucket that never had versioning.

    `headers`: of Swift's answer, which has an id where versioning is on.  While it is suspended
    the new object is `null`, and replaces the version that was `null` before.
    Costs a look at the bucket's facts (cached) where Swift tells no id.  The object is stored, so
    this raises nothing of Swift's.
    """
    given = headers.get(VERSION_ID)
    if given is not None or not call.sees_all:
        return given
    try:
        facts = await call.bucket_facts()
        if facts.versioning != SUSPENDED:
            return None
        await replace_null(object_of(call, call.key if key is None else key))
    except (SwiftStatus, SwiftUnreachable, S3Error) as error:
        _log.warning("an older null version stays", request_id=call.request_id, reason=str(error))
    return NULL


async def is_kept(call: Call) -> bool:
    """Whether what is written becomes a version of its own: versioning is on, as far as is known.

    Strangers do not know.
    """
    return call.sees_all and (await call.bucket_facts()).versioning == ENABLED


async def replace_null(subject: Subject) -> None:
    """Delete the version that was `null` before the newest, while versioning is suspended.

    Without a history of the gateway's own switching there can be none: then it costs nothing.
    Raises SwiftStatus, SwiftUnreachable.
    """
    known = await subject.facts()
    if known is None or not any(known.history.null_spans()):
        return
    facts = await read_facts(subject.swift, subject.bucket)
    if facts is None or facts.versioning != SUSPENDED:
        return
    null_id = await find_null(subject, facts)
    if null_id is not None:
        await delete_version(subject, null_id)


async def delete_version(subject: Subject, version_id: str) -> None:
    """Delete the version that Swift has under the id; one that is gone is fine."""
    try:
        await subject.swift.delete_object(
            subject.bucket, subject.key, query={"version-id": version_id}
        )
    except SwiftStatus as error:
        if error.status != 404:
            raise


async def discard(call: Call, error: SwiftStatus) -> None:
    """Delete the version that Swift stored though it refused the PUT (`If-None-Match: *`).

    Swift judges that when it has stored the version, which lies in a container of its own; this
    is what the look before (`preconditions`) could not see in time.  Not for copies: the answer
    to a copy that was refused may name the source's version.
    """
    stored = error.headers.get(VERSION_ID, NULL)
    if stored == NULL:
        return
    try:
        await take_back(object_of(call, call.key), stored)
    except (SwiftStatus, SwiftUnreachable) as trouble:
        _log.warning(
            "a version that was refused stays behind",
            request_id=call.request_id,
            bucket=call.bucket,
            version_id=stored,
            reason=str(trouble),
        )


async def take_back(subject: Subject, version_id: str) -> None:
    """Delete a version as if it had never been."""
    await delete_version(subject, version_id)
    await restore(subject)


async def restore(subject: Subject) -> None:
    """Make the newest remaining version the object, if there is none and no marker hides it."""
    for _ in range(_ATTEMPTS):
        if await newest_headers(subject) is not None:
            return
        top = await top_version(subject)
        if top is None or is_marker(top) or top.get("version_id") == NULL:
            return
        if await _link(subject, str(top["version_id"])):
            return


async def mend(subject: Subject) -> None:
    """End the delete of a newest version that was cut short before another one was linked.

    A key without an object under whose newest version there is no marker may as well have been
    deleted while versioning was suspended: then it stays.
    """
    top = await top_version(subject)
    if top is None or is_marker(top) or not is_hidden_as_null(top):
        return
    facts = await read_facts(subject.swift, subject.bucket)
    if facts is None or facts.versioning != ENABLED:
        return
    if facts.history.is_on_since(str(top["version_id"])):
        await restore(subject)


async def _link(subject: Subject, version_id: str) -> bool:
    """Make a version the newest object again; False if it has vanished."""
    try:
        await subject.swift.put_object(
            subject.bucket, subject.key, {"If-None-Match": "*"}, b"", query=query_for(version_id)
        )
    except SwiftStatus as error:
        if error.status == 404:
            return False
        if error.status != 412:  # an object is there meanwhile, which is newer
            raise
    return True
