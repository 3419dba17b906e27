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
from s3gw.buckets.elevated import Door, Errand
from s3gw.buckets.facts import ContainerFacts, read_facts
from s3gw.buckets.nested import is_nested, unfold
from s3gw.buckets.resolve import Place
from s3gw.mapping.acl import native
from s3gw.mapping.etags import is_static_large_object, unquoted
from s3gw.s3.errors import AccessDenied, NoSuchBucket, NotImplemented, OperationAborted
from s3gw.swift.account import Account, Authority, Entry
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
        self._admitted: set[tuple[str, str]] = set()

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
        if not self._is_guarded(container):
            return await super().get_object(
                container, name, headers=headers, query=query, also=also
            )
        if headers and any(name.lower() != _NEWEST for name in headers):
            return await self._get_pinned(container, name, headers, query, also)
        try:
            answer = await super().get_object(
                container, name, headers=headers, query=query, also=also
            )
        except SwiftStatus as error:
            if error.status == 404 or error.status in _TROUBLE or error.status >= 500:
                await self._check_may_hear(error.status)
            else:
                await self.head_object(container, name, query=query)
            raise
        return await self._judged(answer, container, name, query)

    async def _get_pinned(
        self,
        container: str,
        name: str,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None,
        also: Collection[int],
    ) -> SwiftResponse:
        """A GET with conditions or a range: after the verdict, and of the content it was on."""
        for _ in range(_TRIES):
            try:
                found = await self.head_object(container, name, query=query)
            except SwiftStatus as error:
                if error.status != 404:
                    raise
                return await self.get_object(container, name, query=query, also=also)
            if self._is_own:
                return await super().get_object(
                    container, name, headers=headers, query=query, also=also
                )
            etag = unquoted(found.get("Etag", ""))
            # The client's own If-Match is judged on the answer, by the handler.
            sent = {**headers, "If-Match": f'"{etag}"'}
            answer = await super().get_object(
                container, name, headers=sent, query=query, also={*also, 412, 404}
            )
            if answer.status < 300:
                return await self._judged(answer, container, name, query)
            if answer.status != 404 and unquoted(answer.headers.get("Etag", etag)) == etag:
                return answer
            answer.close()
        raise OperationAborted

    async def get_manifest(
        self, container: str, name: str, *, newest: bool = False, version_id: str | None = None
    ) -> list[Entry]:
        """See Account; raises AccessDenied before the object's own verdict."""
        if self._is_guarded(container) and (name, version_id or "") not in self._admitted:
            raise self._refused("GET manifest", None)
        return await super().get_manifest(container, name, newest=newest, version_id=version_id)

    async def post_object(self, container: str, name: str, headers: Mapping[str, str]) -> None:
        """See Account; raises AccessDenied before the object's own verdict."""
        if self._is_guarded(container) and (name, "") not in self._admitted:
            raise self._refused("POST", None)
        await super().post_object(container, name, headers)

    # --- the verdict ---

    def _is_guarded(self, container: str) -> bool:
        return container == self._bucket and not self._is_own

    async def _judged(
        self,
        answer: SwiftResponse,
        container: str,
        name: str,
        query: Mapping[str, str] | None,
    ) -> SwiftResponse:
        """The answer, if the stranger may have it, unread as it is; or the one to his own power."""
        try:
            if answer.status >= 300:
                await self._check_may_hear(answer.status)
                return answer
            if await self._admits(name, answer.headers, query):
                return await self._unfolded(answer, container, name, query)
        except BaseException:
            answer.close()
            raise
        answer.close()
        return await super().get_object(container, name, query=query)

    async def _admits(
        self, name: str, headers: Mapping[str, str], query: Mapping[str, str] | None
    ) -> bool:
        """Whether the ACL in an object's headers lets the stranger in; False: Swift's own does.

        Raises AccessDenied.
        """
        place, bucket = self._stranger.place, self._stranger.bucket
        subject = name, (query or {}).get("version-id", "")
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
                    raise NotImplemented(
                        "A dynamic large object is not served to other projects by its own ACL."
                    )
                self._admitted.add(subject)
                return True

    def _decide(self, known: Known) -> Verdict:
        return decide("s3", self._stranger.who, self._need, known)

    async def _container(self) -> ContainerFacts:
        """What is known of the bucket now; it is asked once a request."""
        if self._facts is None:
            self._facts = await read_facts(self, self._bucket)
        if self._facts is None:
            raise NoSuchBucket(BucketName=self._bucket)
        return self._facts

    async def _check_may_hear(self, status: int) -> None:
        """Raise AccessDenied unless the stranger may know that there is no such object."""
        if status in _TROUBLE or status >= 500:
            return
        verdict, self._facts = await judge(self, self._acls, self._stranger, Need.BUCKET_READ)
        if verdict is Verdict.DENIED:
            raise AccessDenied

    async def _unfolded(
        self,
        answer: SwiftResponse,
        container: str,
        name: str,
        query: Mapping[str, str] | None,
    ) -> SwiftResponse:
        """The answer as it is, or in pieces if it is of manifests within a manifest.

        Raises NotImplemented where that cannot be told.
        """
        headers = answer.headers
        if not is_static_large_object(headers):
            return answer
        version = self._newest.get(name, (query or {}).get("version-id"))
        etag, manifest = await self.get_stored_manifest(container, name, version_id=version)
        if etag != headers.get("X-Manifest-Etag"):
            raise OperationAborted  # written anew meanwhile
        return unfold(self, self._bucket, answer, manifest) if is_nested(manifest) else answer

    def _leaving(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        headers: Mapping[str, str],
    ) -> Mapping[str, str | int]:
        """See Door; with the stranger's own power Swift judges."""
        return query if self._is_own else super()._leaving(method, path, query, headers)
