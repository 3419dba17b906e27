"""What a handler gets, and what it gives back.

A handler is a coroutine `async def put_object(call: Call) -> Response`, named for its operation.
"""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Mapping,
    MutableMapping,
)
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol
from urllib.parse import quote

from s3gw.buckets.acls import Acls
from s3gw.buckets.cors import CorsRules
from s3gw.buckets.etags import EtagCache
from s3gw.buckets.facts import ContainerFacts, FactsCache, read_facts
from s3gw.buckets.release import Releases
from s3gw.buckets.resolve import NOWHERE, Names, Place
from s3gw.config import Settings
from s3gw.identity.model import Caller
from s3gw.s3.checksums import Checksum
from s3gw.s3.documents import Owner
from s3gw.s3.errors import (
    IncompleteBody,
    InvalidRequest,
    MaxMessageLengthExceeded,
    NoSuchBucket,
    RequestTimeout,
    S3Error,
)
from s3gw.s3.payload import BodyCheck, BodyExpectation
from s3gw.s3.request import Headers, Query, Request
from s3gw.s3.signing import Signing
from s3gw.swift.account import Account
from s3gw.swift.info import ClusterInfo, InfoCache

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

BESIDE = "beside the answer"
"""The name of tasks that no answer waits for."""


@dataclass(slots=True)
class Response:
    """An answer: bytes, or a stream that the gateway sends as it comes."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""


class Source(Protocol):
    """Where the bytes of a body come from: the wire, or the file in a form."""

    @property
    def touched(self) -> bool:
        """Reading has begun, so the client was told to go on (100 Continue)."""

    def pieces(self) -> AsyncIterator[bytes]:
        """Those that have not come yet; S3Error for what cannot be had, or must not."""


class Wire:
    """What the client sends behind its headers.

    The rule: nothing is read before it is asked for, since the first read tells the client to go
    on (100 Continue).
    """

    def __init__(self, receive: Receive, timeout: float) -> None:
        """`timeout`: seconds that the client may stay silent."""
        self._receive = receive
        self._timeout = timeout
        self.touched = False
        """Reading has begun."""
        self.finished = False
        """Read to the end of what the client sent."""
        self.received = 0
        """Bytes that have come, in whatever coding."""
        self.client_seconds = 0.0
        """Spent waiting for the client."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """What comes from now on; raises as `piece`."""
        while not self.finished:
            data = await self.piece()
            if data:
                yield data
            del data  # up to 256 KiB, beside those that come next

    async def piece(self) -> bytes:
        """What comes next, perhaps nothing; raises RequestTimeout, IncompleteBody."""
        self.touched = True
        since = perf_counter()
        try:
            async with asyncio.timeout(self._timeout):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout from None
        finally:
            self.client_seconds += perf_counter() - since
        if message["type"] == "http.disconnect":
            raise IncompleteBody
        self.finished = not message.get("more_body", False)
        data: bytes = message.get("body", b"")
        self.received += len(data)
        return data


class Body:
    """A request's body, which checks itself while it is read.

    The rule: the last piece comes out only after every length, digest, signature and trailer
    agreed.
    """

    def __init__(
        self, source: Source, expectation: BodyExpectation, signing: Signing | None
    ) -> None:
        self._source = source
        self._signing = signing
        self.expectation = expectation
        self.checksum: Checksum | None = None
        """The client's checksum, once the body is read and verified."""
        self.is_streamed = False
        """The client was waited for while Swift was asked, not before."""

    @property
    def touched(self) -> bool:
        """Reading has begun, so the client was told to go on (100 Continue)."""
        return self._source.touched

    @property
    def length(self) -> int | None:
        """Bytes of payload that the client announced, None if only the end will tell."""
        return self.expectation.length

    @property
    def most(self) -> int:
        """Bytes of payload that there can be."""
        return self.expectation.max_size if self.length is None else self.length

    def stream(self) -> AsyncIterator[bytes]:
        """The payload; S3Error instead of its last piece when anything is wrong.

        Content-MD5 is left to Swift, which gets it as the ETag to verify.
        """
        self.is_streamed = True
        return self._checked(check_md5=False)

    async def read(self, limit: int) -> bytes:
        """The whole payload; raises S3Error, MaxMessageLengthExceeded above `limit` bytes."""
        if self.length is not None and self.length > limit:
            raise MaxMessageLengthExceeded(MaxMessageLengthBytes=limit)
        pieces = []
        size = 0
        async for piece in self._checked(check_md5=True):
            size += len(piece)
            if size > limit:
                raise MaxMessageLengthExceeded(MaxMessageLengthBytes=limit)
            pieces.append(piece)
        return b"".join(pieces)

    async def _checked(self, *, check_md5: bool) -> AsyncIterator[bytes]:
        check = BodyCheck(self.expectation, self._signing, check_md5=check_md5)
        async for data in self._source.pieces():
            piece = check.feed(data)
            del data
            if piece:
                yield piece
            del piece
        last = check.finish()
        self.checksum = check.checksum
        if last:
            yield last


@dataclass(slots=True)
class Incidents:
    """What happened since the start that an operator should know of."""

    late_parts: int = 0
    """Parts that were stored after their upload had ended; each may have broken an object."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all requests of a worker share."""

    settings: Settings
    facts: FactsCache
    etags: EtagCache
    info: InfoCache
    releases: Releases
    clock: Callable[[], float]
    """Seconds since the epoch."""
    cors: CorsRules
    acls: Acls = field(default_factory=lambda: Acls(()))
    """The ACLs of access.mode "s3"."""
    names: Names | None = None
    """Global bucket names; None if each project has its own."""
    background: set[asyncio.Task[Any]] = field(default_factory=set)
    """Work that goes on after its answer; held here so that it is not collected."""
    incidents: Incidents = field(default_factory=Incidents)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a bucket is, and the power that a request has there."""

    place: Place
    is_owner: bool
    swift: Account
    facts: ContainerFacts | None = None
    """What the verdict on a stranger saw of the bucket, a moment ago."""


def account_id(place: Place, caller: Caller | None, *, is_owner: bool) -> str:
    """See Call.account_id."""
    if is_owner:
        return place.storage_url
    return f"{place.storage_url}#{caller.project_id if caller else ''}"


@dataclass(slots=True)
class Call:
    """One admitted request, on its way to its handler."""

    request: Request
    headers: Headers
    """The request's headers, with those that a presigned URL carries in its query."""
    bucket: str
    """Empty for the service."""
    key: str
    """Empty for the service and for buckets."""
    caller: Caller | None
    """None: nobody signed."""
    place: Place
    """Whose the bucket is; for the service, the caller's own account."""
    is_owner: bool
    """The caller's project owns the bucket."""
    swift: Account
    """The bucket's account, with the power that this caller has there."""
    facts: ContainerFacts | None
    """What admission saw of a stranger's bucket, if it had to look."""
    body: Body
    services: Services
    request_id: str
    as_reader: Callable[[str], Awaitable[Standing]]
    """The caller's standing as a reader of the objects of another bucket, which a copy names.

    Raises what admission raises: AccessDenied, NoSuchBucket.
    """
    virtual_host: bool = False
    """The bucket came from the Host header."""
    form: Mapping[str, str] = field(default_factory=dict)
    """The fields of the form whose file is the body, by lower-case name; they are the headers."""

    @property
    def query(self) -> Query:
        """The decoded query."""
        return self.request.query

    @property
    def settings(self) -> Settings:
        """The gateway's settings."""
        return self.services.settings

    @property
    def owner(self) -> Owner:
        """The bucket's owner: one S3 account is one Keystone project."""
        return self.place.owner

    @property
    def account_id(self) -> str:
        """What cached facts of the bucket's account are kept under.

        Strangers see less of it than its owner does, so theirs are kept apart.
        """
        return account_id(self.place, self.caller, is_owner=self.is_owner)

    def object_url(self, safe: str = "/") -> str:
        """The URL under which the client can open the object; `safe`: what is not escaped."""
        endpoint = self.settings.s3.public_endpoint
        key = quote(self.key, safe=safe)
        if endpoint is None:
            endpoint = f"{self.request.scheme}://{self.request.headers.get('host') or ''}"
            if self.virtual_host:
                return f"{endpoint}/{key}"
        return f"{endpoint.rstrip('/')}/{quote(self.bucket)}/{key}"

    @property
    def sees_all(self) -> bool:
        """Whether Swift shows all of the bucket: to its owner, and through the closed door."""
        return self.is_owner or self.swift.sees_all

    @property
    def is_placed(self) -> bool:
        """Whether anything is known of whose the bucket is (only a preflight comes without)."""
        return self.place is not NOWHERE

    async def missing(self, otherwise: S3Error) -> S3Error:
        """Why Swift found nothing: NoSuchBucket, or the error given if the bucket exists.

        Who may not list the bucket does not hear that: Swift's refusal is raised.
        """
        if await read_facts(self.swift, self.bucket) is None:
            return self._no_such_bucket()
        return otherwise

    async def bucket_facts(self) -> ContainerFacts:
        """The bucket's facts, cached or as admission saw them; raises NoSuchBucket."""
        if self.is_owner:
            known = self.services.facts
            facts = await known.bucket(self.account_id, self.swift, self.bucket)
        elif self.facts is not None:
            facts = self.facts
        else:
            facts = await read_facts(self.swift, self.bucket)
        if facts is None:
            raise self._no_such_bucket()
        return facts

    def _no_such_bucket(self) -> S3Error:
        """NoSuchBucket, and nothing is remembered that led here."""
        self.services.facts.forget(self.account_id, self.bucket)
        if self.services.names is not None:
            self.services.names.forget(self.bucket)
        return NoSuchBucket(BucketName=self.bucket)

    async def info(self) -> ClusterInfo:
        """Limits of the Swift cluster."""
        return await self.services.info.get(self.place.storage_url)

    async def read_xml(self) -> bytes:
        """The XML body, whole."""
        return await self.body.read(self.settings.limits.xml_size)

    async def read_vouched_xml(self, limit: int | None = None) -> bytes:
        """As read_xml, for documents that S3 takes with a digest only; raises InvalidRequest.

        `limit`: bytes that such a document may have, if less than any XML.
        """
        if not self.body.expectation.vouched:
            raise InvalidRequest(
                "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
            )
        most = self.settings.limits.xml_size
        return await self.body.read(most if limit is None else min(limit, most))

    def free_parts(self, keys: Collection[str]) -> None:
        """The keys' objects were replaced or deleted: free the parts that they leave behind.

        With their own power strangers see too little of the bucket to judge that: after them it is
        the job's.
        """
        if not self.sees_all:
            return
        releases, beside = self.services.releases, self.swift.beside()
        self.go_on(releases.free(self.account_id, beside, self.bucket, keys))

    def go_on(self, work: Coroutine[Any, Any, None]) -> None:
        """Let work go on beside, and after, the answer."""
        task = asyncio.create_task(work, name=BESIDE)
        self.services.background.add(task)
        task.add_done_callback(self.services.background.discard)
