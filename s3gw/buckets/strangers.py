"""Strangers in mode s3: what the ACLs let somebody of another project, or nobody known, do.

The rule: a stranger hears of an object only after the ACL on the very answer that tells of it let
him.  So what is asked first is a whole GET or HEAD without conditions; conditions and ranges are
asked after the verdict, of that content alone; and an answer that carries no ACL (there is no such
object) is AccessDenied, unless he may list the bucket.  Nothing that is remembered decides.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from s3gw.access.decide import Known, Verdict, Who, decide
from s3gw.access.needs import Need
from s3gw.buckets.acls import Acls
from s3gw.buckets.container_acls import acl_in
from s3gw.buckets.elevated import VERSION, Door, Errand
from s3gw.buckets.facts import ContainerFacts, read_facts
from s3gw.buckets.pieces import unfold
from s3gw.buckets.resolve import Place
from s3gw.mapping.acl import native
from s3gw.mapping.etags import is_static_large_object, unquoted
from s3gw.s3 import errors  # whose NotImplemented would hide the one of dataclasses
from s3gw.s3.errors import AccessDenied, NoSuchBucket, OperationAborted
from s3gw.s3.headers import parse_range
from s3gw.swift.account import Account, Authority, Entry
from s3gw.swift.answers import entries
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.transport import SwiftResponse, Transport

_NEWEST = "x-newest"
# Swift's trouble, which tells nothing of the object.
_TROUBLE = frozenset((401, 403, 429, 498))
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody (None: without a signature), and the bucket that he comes to."""

    who: Who | None
    place: Place
    bucket: str


async def judge(
    account: Account, acls: Acls, stranger: Stranger, need: Need
) -> tuple[Verdict, ContainerFacts]:
    """The verdict on what a stranger wants of a bucket, and what is known of it just now.

    One request to Swift, and one more for an ACL that is not known yet.  Raises NoSuchBucket.
    """
    facts = await read_facts(account, stranger.bucket)
    if facts is None:
        raise NoSuchBucket(BucketName=stranger.bucket)
    known = Known(
        stranger.place.owner.id,
        bucket=await acls.of_bucket(account, stranger.place, stranger.bucket, facts),
        native=native(acl_in(facts)),
    )
    return decide("s3", stranger.who, need, known), facts


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is wanted of an object of the bucket."""

    name: str
    query: Mapping[str, str] | None
    """The version."""
    headers: Mapping[str, str]
    """Range and conditions."""
    also: Collection[int]


def _version_of(name: str, query: Mapping[str, str] | None) -> tuple[str, str]:
    return name, (query or {}).get(VERSION, "")


def _without_newest(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    given = headers or {}
    return {name: given[name] for name in given if name.lower() != _NEWEST}


def _is_odd(answer: SwiftResponse, wanted: _Wanted, etag: str) -> bool:
    """Whether the condition failed though the object is that one.

    To a plain copy of a large object Swift applies conditions by the large object's ETag, which it
    copies along in hidden metadata.
    """
    is_it = unquoted(answer.headers.get("Etag", "")) == etag
    return answer.status == 412 and is_it and "If-Unmodified-Since" not in wanted.headers


class Visit(Door):
    """The door for a stranger who wants something of objects: each opens by its own ACL.

    Where the container's own ACL lets him in, the rest of the request goes out with his own power
    (or with none), so that Swift decides.
    """

    def __init__(
        self,
        transport: Transport,
        service: Authority,
        own: Authority,
        stranger: Stranger,
        need: Need,
        acls: Acls,
    ) -> None:
        errand = Errand.MARK if need is Need.OBJECT_WRITE_ACP else Errand.LOOK
        super().__init__(transport, service, stranger.place.storage_url, stranger.bucket, errand)
        self._own = own
        self._is_own = False
        self._stranger = stranger
        self._need = need
        self._acls = acls
        self._facts: ContainerFacts | None = None
        # Of keys whose newest version Swift keeps elsewhere: where.
        self._newest: dict[str, str] = {}
        # Versions that have had their verdict, and what they were written at then.
        self._admitted: dict[tuple[str, str], str] = {}

    @property
    def sees_all(self) -> bool:
        """See Account."""
        return not self._is_own

    def beside(self) -> "Door":
        """Not for work beyond an answer, which has no ACL to go by; raises AccessDenied."""
        raise self._refused("beside", None)

    async def head_object(
        self,
        container: str,
        name: str,
        *,
        newest: bool = False,
        query: Mapping[str, str] | None = None,
    ) -> Mapping[str, str]:
        """See Account; raises AccessDenied, NoSuchBucket."""
        if not self._is_guarded(container):
            return await super().head_object(container, name, newest=newest, query=query)
        try:
            headers = await super().head_object(container, name, newest=newest, query=query)
        except SwiftStatus as error:
            await self._check_may_hear(error.status)
            raise
        if await self._admits(name, headers, query):
            return headers
        return await super().head_object(container, name, newest=newest, query=query)

    async def get_object(
        self,
        container: str,
        name: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        also: Collection[int] = (),
    ) -> SwiftResponse:
        """See Account; raises AccessDenied, NoSuchBucket, NotImplemented, OperationAborted."""
        if self._is_guarded(container):
            wanted = _Wanted(name, query, _without_newest(headers), also)
            get = self._get_pinned if wanted.headers else self._get_whole
            for _ in range(_TRIES):
                answer = await get(wanted)
                if answer is not None:
                    return answer
                if self._is_own:
                    break
            else:
                raise OperationAborted
        return await super().get_object(container, name, headers=headers, query=query, also=also)

    async def _get_whole(self, wanted: _Wanted) -> SwiftResponse | None:
        """The object, judged by the answer itself; None: ask again."""
        try:
            answer = await self._asked(wanted, {})
        except SwiftStatus as error:
            await self._check_may_hear(error.status)
            raise
        return await self._judged(wanted, answer)

    async def _get_pinned(self, wanted: _Wanted) -> SwiftResponse | None:
        """With conditions or a range: after the verdict, and of the content that it was on.

        The client's own If-Match is judged on the answer, by the handler.  None: ask again.
        """
        found = await self.head_object(self.bucket, wanted.name, query=wanted.query)
        if self._is_own:
            return None
        if is_static_large_object(found):
            return await self._unfolded(wanted, await self._asked(wanted, {}), found)
        etag = unquoted(found.get("Etag", ""))
        answer = await self._asked(wanted, {**wanted.headers, "If-Match": f'"{etag}"'}, 412, 404)
        if _is_odd(answer, wanted, etag):
            answer.close()
            answer = await self._asked(wanted, wanted.headers, 404)
        if answer.status < 300:
            return await self._judged(wanted, answer)
        if answer.status != 404 and unquoted(answer.headers.get("Etag", etag)) == etag:
            return answer
        answer.close()
        return None

    async def _asked(
        self, wanted: _Wanted, headers: Mapping[str, str], *also: int
    ) -> SwiftResponse:
        return await super().get_object(
            self.bucket,
            wanted.name,
            headers=headers,
            query=self._pinned(wanted.name, wanted.query),
            also={*wanted.also, *also} if headers else (),
        )

    async def open_manifest(
        self,
        container: str,
        name: str,
        *,
        newest: bool = False,
        query: Mapping[str, str] | None = None,
    ) -> SwiftResponse:
        """See Account; raises AccessDenied, NoSuchBucket, NotImplemented, OperationAborted."""
        if self._is_guarded(container):
            for _ in range(_TRIES):
                if _version_of(name, query) not in self._admitted:
                    await self.head_object(container, name, query=query)
                if self._is_own:
                    break
                pinned = self._pinned(name, query)
                answer = await super().open_manifest(container, name, newest=newest, query=pinned)
                written = answer.headers.get("X-Timestamp")
                if written and written == self._admitted.pop(_version_of(name, query)):
                    self._admitted[_version_of(name, query)] = written
                    return answer
                answer.close()
            else:
                raise OperationAborted
        return await super().open_manifest(container, name, newest=newest, query=query)

    async def list_objects(
        self, container: str, query: Mapping[str, str | int], *, newest: bool = False
    ) -> tuple[Mapping[str, str], list[Entry]]:
        """See Account; raises AccessDenied for who may not list the bucket, and for its parts."""
        if not self._is_own:
            await self._check_may_list(container)
        return await super().list_objects(container, query, newest=newest)

    async def post_object(self, container: str, name: str, headers: Mapping[str, str]) -> None:
        """See Account; raises AccessDenied before the object's own verdict."""
        if self._is_guarded(container) and _version_of(name, None) not in self._admitted:
            raise self._refused("POST", None)
        await super().post_object(container, name, headers)

    # --- the verdict ---

    def _is_guarded(self, container: str) -> bool:
        return container == self.bucket and not self._is_own

    async def _judged(self, wanted: _Wanted, answer: SwiftResponse) -> SwiftResponse | None:
        """The answer, if the stranger may have it, unread as it is; None: ask again."""
        try:
            if is_static_large_object(answer.headers):
                return await self._unfolded(wanted, answer, None)
            if await self._admits(wanted.name, answer.headers, wanted.query):
                return answer
        except BaseException:
            answer.close()
            raise
        answer.close()
        return None

    async def _unfolded(
        self, wanted: _Wanted, manifest: SwiftResponse, headers: Mapping[str, str] | None
    ) -> SwiftResponse | None:
        """A large object whose manifest, unread, this is; None: ask again.

        `headers`: the object's own, if it has had its verdict.
        """
        if headers is None:
            headers = await self.head_object(self.bucket, wanted.name, query=wanted.query)
        etag = unquoted(manifest.headers.get("Etag", ""))
        if self._is_own or headers.get("X-Manifest-Etag") != etag:
            manifest.close()
            return None  # it is not to be read by this power, or another object took its place
        return await unfold(
            self,
            self.bucket,
            headers,
            await entries(manifest),
            parse_range(wanted.headers.get("Range")),
        )

    async def _admits(
        self, name: str, headers: Mapping[str, str], query: Mapping[str, str] | None
    ) -> bool:
        """Whether the ACL in an object's headers lets the stranger in; False: Swift's own does.

        Raises AccessDenied.
        """
        place, bucket = self._stranger.place, self._stranger.bucket
        subject = _version_of(name, query)
        if self._errand is Errand.MARK and subject in self._admitted:
            return True  # he may just have set the ACL that denies him
        acl = self._acls.of_object(place, bucket, name, headers)
        verdict = self._decide(Known(place.owner.id, object=acl))
        if verdict is Verdict.DENIED:
            container = native(acl_in(await self._container()))
            verdict = self._decide(Known(place.owner.id, native=container))
        match verdict:
            case Verdict.DENIED:
                raise AccessDenied
            case Verdict.OWN_POWER:
                self._is_own, self._authority = True, self._own
                self._newest.clear()
                return False
            case Verdict.GRANTED:
                if "X-Object-Manifest" in headers:
                    raise errors.NotImplemented(
                        "A dynamic large object is not served to other projects by its own ACL."
                    )
                self._admitted[subject] = headers.get("X-Timestamp", "")
                return True

    def _decide(self, known: Known) -> Verdict:
        return decide("s3", self._stranger.who, self._need, known)

    async def _container(self) -> ContainerFacts:
        """What is known of the bucket now; it is asked once a request."""
        if self._facts is None:
            self._facts = await read_facts(self, self.bucket)
        if self._facts is None:
            raise NoSuchBucket(BucketName=self.bucket)
        return self._facts

    async def _check_may_hear(self, status: int) -> None:
        """Raise AccessDenied unless the stranger may know that there is no such object."""
        if status not in _TROUBLE and status < 500:
            await self._check_may_list(self.bucket)

    async def _check_may_list(self, container: str) -> None:
        if container != self.bucket:
            raise self._refused("list", None)
        verdict, self._facts = await judge(self, self._acls, self._stranger, Need.BUCKET_READ)
        if verdict is Verdict.DENIED:
            raise AccessDenied

    def _behind(
        self,
        container: str,
        name: str,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None,
    ) -> Mapping[str, str]:
        """See Door; what is asked after the verdict is asked of the same version."""
        found = super()._behind(container, name, headers, query)
        self._newest[name] = found[VERSION]
        return found

    def _pinned(self, name: str, query: Mapping[str, str] | None) -> Mapping[str, str] | None:
        return {VERSION: self._newest[name]} if name in self._newest and not query else query

    def _leaving(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        headers: Mapping[str, str],
    ) -> Mapping[str, str | int]:
        """See Door; with the stranger's own power Swift judges."""
        return query if self._is_own else super()._leaving(method, path, query, headers)
