"""Objects as S3 names them, `?versionId=` included, and what Swift has to be asked for them.

Whoever reads an object's headers for another purpose than GetObject (a copy's source, tags, ACLs,
attributes) asks here:

    found = await head(subject_of(call))                # or Subject(…) for a copy's source
    found.headers                                       # Swift's, of that very version
    found.query                                         # for Swift's GET, HEAD or copy of it
    found.version_id                                    # x-amz-version-id, if there is one

A copy puts `found.query` into the query of its own PUT, beside `X-Copy-From: /container/object`.
Whoever writes metadata (Swift has no POST on an old version) takes `head_newest` instead, which
refuses any version but the newest, and then POSTs plainly.

The rule: all errors of naming a version are raised here: InvalidArgument for what is no version
id, NoSuchVersion, MethodNotAllowed for a delete marker, NoSuchKey with the headers of the delete
marker that hides the key, NoSuchBucket.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from math import ceil

from s3gw.buckets.facts import ContainerFacts, read_facts
from s3gw.call import Call, Services
from s3gw.mapping import versions
from s3gw.mapping.listing import query_for_key
from s3gw.mapping.versions import NULL, VERSION_ID
from s3gw.s3 import errors  # whose NotImplemented would hide the one of dataclasses
from s3gw.s3.dates import http_date
from s3gw.s3.errors import MethodNotAllowed, NoSuchBucket, NoSuchKey, NoSuchVersion, S3Error
from s3gw.swift.account import Account, Entry
from s3gw.swift.errors import SwiftStatus

_VERSION = "x-amz-version-id"
_MARKER = "x-amz-delete-marker"

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Subject:
    """An object, or one version of it, and where it is."""

    services: Services
    swift: Account
    owner: str
    """What cached facts of the account are kept under (`Call.account_id`)."""
    bucket: str
    key: str
    version_id: str | None = None
    """As S3 names it; None: the newest."""
    is_owner: bool = True
    """Who asks sees the bucket's facts."""

    def __post_init__(self) -> None:
        """Raises InvalidArgument for what is no version id."""
        versions.check_version_id(self.version_id)

    async def facts(self) -> ContainerFacts | None:
        """The bucket's facts, cached ones; None also for who must not see them."""
        if not (self.is_owner or self.swift.sees_all):
            return None
        return await self.services.facts.bucket(self.owner, self.swift, self.bucket)


@dataclass(frozen=True, slots=True)
class Found:
    """A version that is there."""

    headers: Mapping[str, str]
    """Swift's."""
    query: Mapping[str, str]
    """What names this version to Swift; empty: the newest."""
    version_id: str | None
    """What S3 calls it; None in a bucket that never had versioning."""


def subject_of(call: Call) -> Subject:
    """What a request is about: its key, and the version that its query names.

    Raises InvalidArgument.
    """
    return object_of(call, call.key, call.query.get("versionId"))


def object_of(call: Call, key: str, version_id: str | None = None) -> Subject:
    """An object of the request's bucket; raises InvalidArgument for what is no version id."""
    return Subject(
        call.services, call.swift, call.account_id, call.bucket, key, version_id, call.is_owner
    )


def answer_headers(version_id: str | None, *, is_marker: bool = False) -> list[tuple[str, str]]:
    """The headers of an answer that tell of a version, or of a delete marker."""
    found = [] if version_id is None else [(_VERSION, version_id)]
    return [(_MARKER, "true"), *found] if is_marker else found


async def newest_headers(subject: Subject) -> Mapping[str, str] | None:
    """One look at Swift's newest copy of the key's newest object; None if there is no object.

    What a write, or a delete, is decided by.
    """
    try:
        return await subject.swift.head_object(subject.bucket, subject.key, newest=True)
    except SwiftStatus as error:
        if error.status != 404:
            raise
        return None


async def head(subject: Subject, *, newest: bool = False) -> Found:
    """The named version; `newest`: by X-Newest.

    One request; more where it has to be told which of the versions is `null`.
    """

    async def ask(query: Mapping[str, str]) -> Mapping[str, str]:
        return await subject.swift.head_object(
            subject.bucket, subject.key, newest=newest, query=query
        )

    return await find(subject, ask)


async def find(
    subject: Subject, ask: Callable[[Mapping[str, str]], Awaitable[Mapping[str, str]]]
) -> Found:
    """The named version, by whatever request `ask` makes with a query of Swift's.

    `ask` gives the answer's headers, or raises SwiftStatus.  It is asked twice at most, and the
    last answer counts.
    """
    query = versions.query_for(subject.version_id)
    try:
        headers = await ask(query)
        elsewhere = await _null_elsewhere(subject, headers, found=True)
    except SwiftStatus as error:
        if not _is_absence(error.status, query):
            raise
        headers = error.headers
        elsewhere = await _null_elsewhere(subject, headers, found=False)
        if elsewhere is None:
            raise await absence(subject, headers) from error
    if elsewhere is not None:
        query = elsewhere
        headers = await ask(query)
    return Found(headers, query, await shown_id(subject, headers))


async def head_newest(subject: Subject) -> Found:
    """The newest version, which must be the named one if any is named.

    Raises NotImplemented for a version that is there and is not the newest.
    """
    unnamed = replace(subject, version_id=None)
    if subject.version_id is None:
        return await head(unnamed, newest=True)
    try:
        found = await head(unnamed, newest=True)
    except NoSuchKey:
        pass
    else:
        given = found.headers.get(VERSION_ID, NULL)
        if subject.version_id in {given, found.version_id or NULL}:
            return found
    await head(subject, newest=True)
    raise errors.NotImplemented(
        "Only the newest version's metadata can be written.", Parameter="versionId"
    )


def _is_absence(status: int, query: Mapping[str, str]) -> bool:
    """Whether Swift's status says that there is no such object or version.

    To a version id Swift answers 400 where the container never had versioning, or is not there.
    """
    return status == 404 or (status == 400 and bool(query))


async def shown_id(subject: Subject, headers: Mapping[str, str]) -> str | None:
    """What S3 calls the version of these headers; asks for the bucket's facts if it must."""
    if subject.version_id is not None and subject.version_id != NULL:
        return subject.version_id  # Swift does not repeat it in every answer
    given = headers.get(VERSION_ID)
    if given is None or given == NULL:
        return given
    return NULL if await is_null(subject, headers) else given


async def is_null(subject: Subject, headers: Mapping[str, str]) -> bool:
    """Whether the newest object, of these headers, is the version `null`."""
    given = headers.get(VERSION_ID, NULL)
    if given == NULL:
        return True
    facts = await subject.facts()
    return facts is not None and facts.history.was_null(given, headers.get("X-Timestamp", given))


async def _null_elsewhere(
    subject: Subject, headers: Mapping[str, str], *, found: bool
) -> dict[str, str] | None:
    """Swift's query for `null` if that is named and the newest object is not it.

    `headers`: of the answer about the newest object; `found`: there is one.  None: that answer is
    right as it is.  Raises NoSuchVersion, MethodNotAllowed.
    """
    if subject.version_id != NULL or not versions.is_versioned(headers):
        return None
    if found and await is_null(subject, headers):
        return None
    top = None if found else await top_version(subject)
    if top is not None and is_hidden_as_null(top):
        raise _marker_named(NULL, top)
    null_id = await find_null(subject)
    if null_id is None:
        raise NoSuchVersion(Key=subject.key, VersionId=NULL)
    return versions.query_for(null_id)


async def find_null(subject: Subject, facts: ContainerFacts | None = None) -> str | None:
    """Swift's id of the key's newest version that was written as `null` and then overwritten.

    Delete markers never are: Swift makes them only with versioning on.  `facts`: the bucket's,
    cached ones unless they are given.
    """
    facts = await subject.facts() if facts is None else facts
    history = versions.NO_HISTORY if facts is None else facts.history
    latest = next(history.null_spans(), None)
    if latest is None:
        return None
    async for entry in _versions(subject, before=latest[1]):
        if history.is_null(entry):
            return str(entry["version_id"])
    return None


async def _versions(subject: Subject, before: str) -> AsyncIterator[Entry]:
    """The entries of the key's versions and delete markers that are older than a time."""
    while True:
        page = await _listed(
            subject, {"limit": _PAGE, "marker": subject.key, "version_marker": before}
        )
        for entry in page:
            yield entry
        if len(page) < _PAGE:
            return
        before = str(page[-1]["version_id"])


async def top_version(subject: Subject) -> Entry | None:
    """The entry of the key's newest version or delete marker, as far as is listed."""
    return next(iter(await _listed(subject, {"limit": 1})), None)


async def _listed(subject: Subject, query: Mapping[str, str | int]) -> list[Entry]:
    query = {"versions": "", **query_for_key(subject.key), **query}
    _, entries = await subject.swift.list_objects(subject.bucket, query, newest=True)
    # All other names come behind the key itself.
    return [*takewhile(lambda entry: entry.get("name") == subject.key, entries)]


async def absence(subject: Subject, headers: Mapping[str, str]) -> S3Error:
    """Why Swift did not find what was asked for; `headers`: those of its answer.

    Who may not list the bucket does not hear that: Swift's refusal is raised.
    """
    named = subject.version_id
    if named is None and versions.is_versioned(headers):
        return _hidden(subject, await top_version(subject))
    if await read_facts(subject.swift, subject.bucket) is None:
        return _no_such_bucket(subject)
    if named is None:
        return NoSuchKey(Key=subject.key)
    if versions.names_marker(headers):
        return _marker_named(named, {"version_id": named})
    return NoSuchVersion(Key=subject.key, VersionId=named)


def _no_such_bucket(subject: Subject) -> S3Error:
    """NoSuchBucket, and nothing is remembered that led here."""
    subject.services.facts.forget(subject.owner, subject.bucket)
    if subject.services.names is not None:
        subject.services.names.forget(subject.bucket)
    return NoSuchBucket(BucketName=subject.bucket)


def is_hidden_as_null(top: Entry) -> bool:
    """Whether a key without an object was deleted while versioning was suspended.

    Swift leaves no delete marker then; S3 shows one, of the version `null`.
    """
    return not versions.is_marker(top) and not top.get("is_latest")


def _hidden(subject: Subject, top: Entry | None) -> S3Error:
    """NoSuchKey, and which delete marker hides the key."""
    error = NoSuchKey(Key=subject.key)
    if top is not None and versions.is_marker(top):
        error.headers += answer_headers(str(top["version_id"]), is_marker=True)
    elif top is not None and is_hidden_as_null(top):
        error.headers += answer_headers(NULL, is_marker=True)
    return error


def _marker_named(version_id: str, entry: Entry) -> S3Error:
    """What a GET or HEAD of a delete marker ends with; `entry` tells its age."""
    error = MethodNotAllowed(Method="GET", ResourceType="DELETEMARKER")
    error.headers += [
        *answer_headers(version_id, is_marker=True),
        ("Allow", "DELETE"),
        ("Last-Modified", http_date(ceil(versions.seconds_of(str(entry["version_id"]))))),
    ]
    return error
