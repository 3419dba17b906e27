"""The closed door: what the gateway does in other people's accounts with its own power.

The rule: nothing but what stands here.  A door leads to one bucket of one account and is opened
for one errand; it looks at every request that leaves by it: where to, what for, with which query
and headers.  No header of a client's passes that is not named here.  And it leads nowhere else:
what Swift would follow with the gateway's power (symbolic links, manifests that name whatever
they like) is not followed, since whoever made it may have no right to where it leads
(docs/mapping.md, The closed door).
"""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from enum import Enum, auto
from functools import partial
from types import MappingProxyType
from urllib.parse import quote, unquote

import structlog

from s3gw.mapping import layout
from s3gw.mapping.layout import Document
from s3gw.mapping.versions import VERSION_ID
from s3gw.s3.errors import AccessDenied
from s3gw.swift.account import Account, Authority, Entry
from s3gw.swift.authority import Visitor
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.transport import SwiftResponse, Transport

_ACCOUNT_URL = re.compile(r"https?://[^?#\s]+/[A-Za-z0-9_-]+")
_LINK = "X-Symlink-Target"
VERSION = "version-id"
"""The parameter of Swift's query that names a version."""

_log = structlog.get_logger(__name__)


class Errand(Enum):
    """What a door is opened for."""

    LOOK = auto()
    """Reading: nothing changes."""
    WRITE = auto()
    """Making and deleting objects, also in parts."""
    MARK = auto()
    """Replacing an object's metadata."""
    SET = auto()
    """Setting the bucket's ACL."""


class _Room(Enum):
    """What a request is about."""

    ACCOUNT = auto()
    BUCKET = auto()
    OBJECT = auto()
    PARTS = auto()
    """The container of the bucket's parts."""
    PART = auto()
    DOCUMENTS = auto()
    """The container of all buckets' documents."""
    DOCUMENT = auto()
    """The bucket's ACL."""


_OBJECTS = frozenset((_Room.OBJECT, _Room.PART, _Room.DOCUMENT))
_LOOKING = frozenset(
    (method, room) for method in ("HEAD", "GET") for room in (*_OBJECTS, _Room.BUCKET, _Room.PARTS)
)
_DEEDS: Mapping[Errand, frozenset[tuple[str, _Room]]] = MappingProxyType(
    {
        Errand.LOOK: _LOOKING,
        Errand.WRITE: _LOOKING
        | {
            (method, room)
            for method in ("PUT", "POST", "DELETE")
            for room in (_Room.OBJECT, _Room.PART)
        }
        | {("PUT", _Room.PARTS), ("POST", _Room.PARTS), ("POST", _Room.ACCOUNT)},
        Errand.MARK: _LOOKING | {("POST", _Room.OBJECT)},
        Errand.SET: _LOOKING
        | {
            ("POST", _Room.BUCKET),
            ("POST", _Room.PARTS),
            ("GET", _Room.DOCUMENTS),
            ("PUT", _Room.DOCUMENTS),
            ("PUT", _Room.DOCUMENT),
            ("DELETE", _Room.DOCUMENT),
        },
    }
)

_OBJECT_HEADERS = frozenset(
    (
        "accept cache-control content-disposition content-encoding content-language content-type "
        "etag expires if-match if-modified-since if-none-match if-unmodified-since range "
        "x-delete-at x-newest x-robots-tag"
    ).split()
)
_CONTAINER_HEADERS = frozenset(
    (
        "x-container-read",
        "x-container-write",
        "x-newest",
        "x-storage-policy",
        layout.document_header(Document.ACL).lower(),
        layout.no_document_header(Document.ACL).lower(),
    )
)
_QUERY = frozenset(
    (
        "bulk-delete delimiter end_marker format heartbeat limit marker multipart-manifest "
        "prefix reverse version-id version_marker versions"
    ).split()
)
_VALUES = MappingProxyType(
    {"format": ("json", "raw"), "heartbeat": ("on",), "multipart-manifest": ("get", "put")}
)
"""Of these parameters no other value passes: `multipart-manifest=delete` takes with it whatever the
manifest names."""


_ITSELF: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"HEAD": {"symlink": "get"}, "GET": {"symlink": "get", "multipart-manifest": "get"}}
)
"""What makes Swift answer about an object itself, and follow nothing that it names."""


class Door(Account):
    """One bucket of another project's account, with the gateway's own power."""

    def __init__(
        self,
        transport: Transport,
        service: Authority,
        storage_url: str,
        bucket: str,
        errand: Errand,
    ) -> None:
        """`service`: the gateway's own user.  Raises AccessDenied for what is no bucket."""
        if not _ACCOUNT_URL.fullmatch(storage_url) or not bucket or "/" in bucket:
            raise AccessDenied
        if layout.is_reserved(bucket):
            raise AccessDenied
        super().__init__(transport, Visitor(service, storage_url))
        self._opened = transport, service, storage_url, bucket, errand
        self.bucket = bucket
        """Where it leads to."""
        self._errand = errand

    @property
    def sees_all(self) -> bool:
        """See Account."""
        return True

    def beside(self) -> "Door":
        """Another door for the same errand."""
        return Door(*self._opened)

    # --- what is not followed ---

    async def head_object(
        self,
        container: str,
        name: str,
        *,
        newest: bool = False,
        query: Mapping[str, str] | None = None,
    ) -> Mapping[str, str]:
        """See Account; raises AccessDenied for a symbolic link."""
        headers = await super().head_object(container, name, newest=newest, query=query)
        if _LINK in headers:
            query = self._behind(container, name, headers, query)
            headers = await super().head_object(container, name, newest=newest, query=query)
            if _LINK in headers:
                raise self._refused("a link", None)
        return headers

    async def get_object(
        self,
        container: str,
        name: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        also: Collection[int] = (),
    ) -> SwiftResponse:
        """See Account, but of a large object it is the manifest; AccessDenied for a link."""
        get = partial(super().get_object, container, name, headers=headers, also=also)
        return await self._itself(container, name, query, get)

    async def open_manifest(
        self,
        container: str,
        name: str,
        *,
        newest: bool = False,
        query: Mapping[str, str] | None = None,
    ) -> SwiftResponse:
        """See Account; raises AccessDenied for a symbolic link."""
        get = partial(super().open_manifest, container, name, newest=newest)
        return await self._itself(container, name, query, get)

    async def get_piece(
        self, container: str, name: str, headers: Mapping[str, str]
    ) -> SwiftResponse:
        """An object that is a piece of another, which has had its verdict."""
        answer = await Account.get_object(self, container, name, headers=headers)
        return self._checked(answer)

    async def _itself(
        self,
        container: str,
        name: str,
        query: Mapping[str, str] | None,
        get: Callable[..., Awaitable[SwiftResponse]],
    ) -> SwiftResponse:
        answer = await get(query=query)
        if _LINK not in answer.headers:
            return answer
        answer.close()
        return self._checked(await get(query=self._behind(container, name, answer.headers, query)))

    def _behind(
        self,
        container: str,
        name: str,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None,
    ) -> Mapping[str, str]:
        """The query for what is behind a link; raises AccessDenied unless that is a version.

        In a container with versioning each newest object is a link to the version that it is; what
        is there may be a link again, of somebody's own making.
        """
        del name  # which is for those who remember
        version = headers.get(VERSION_ID)
        if query or container != self.bucket or version is None:
            raise self._refused("a link", None)
        return {VERSION: version}

    def _checked(self, answer: SwiftResponse) -> SwiftResponse:
        """The answer, which must not be a link."""
        if _LINK in answer.headers:
            answer.close()
            raise self._refused("a link", None)
        return answer

    async def delete_large_object(self, container: str, name: str, *, later: bool = False) -> None:
        """Delete the manifest alone: it may name what its maker has no right to."""
        del later
        await self.delete_object(container, name)

    async def put_manifest(
        self, container: str, name: str, manifest: list[Entry], headers: Mapping[str, str]
    ) -> Mapping[str, str]:
        """See Account; all segments must be parts of the bucket."""
        parts = f"/{layout.segments_container(self.bucket)}/"
        if not all(str(entry.get("path", "")).startswith(parts) for entry in manifest):
            raise self._refused("PUT", _Room.OBJECT)
        return await super().put_manifest(container, name, manifest, headers)

    async def bulk_delete(self, names: Iterable[tuple[str, str]]) -> Entry:
        """See Account; all of them must be the bucket's.  Evasive names are told as errors."""
        known = list(names)
        passing = [place for place in known if not _is_evasive(place[1])]
        for container, name in passing:
            self._check("DELETE", self._room(container, name), {}, {})
        report = await super().bulk_delete(passing) if passing else {}
        refused = [
            [quote(f"/{container}/{name}"), "403 Forbidden"]
            for container, name in known
            if _is_evasive(name)
        ]
        return {**report, "Errors": [*(report.get("Errors") or []), *refused]}

    # --- what leaves ---

    def _leaving(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        headers: Mapping[str, str],
    ) -> Mapping[str, str | int]:
        """See Account; raises AccessDenied."""
        container, slash, name = path.removeprefix("/").partition("/")
        room = self._room(unquote(container), unquote(name) if slash else None)
        self._check(method, room, query, headers)
        return {**query, **_ITSELF[method]} if room in _OBJECTS and method in _ITSELF else query

    def _room(self, container: str, name: str | None) -> _Room | None:
        if name is not None and _is_evasive(name):
            return None
        if container == self.bucket:
            return _Room.BUCKET if name is None else _Room.OBJECT
        if container == layout.segments_container(self.bucket):
            return _Room.PARTS if name is None else _Room.PART
        if container == layout.DOCUMENTS:
            return _Room.DOCUMENTS if name is None else self._document(name)
        return None if container else _Room.ACCOUNT

    def _document(self, name: str) -> _Room | None:
        is_own = name.startswith(layout.documents_prefix(self.bucket, Document.ACL))
        return _Room.DOCUMENT if is_own else None

    def _check(
        self,
        method: str,
        room: _Room | None,
        query: Mapping[str, str | int],
        headers: Mapping[str, str],
    ) -> None:
        own = layout.documents_prefix(self.bucket, Document.ACL)
        if (
            room is None
            or (method, room) not in _DEEDS[self._errand]
            or not _is_plain(query)
            or (room is _Room.ACCOUNT and set(query) != {"bulk-delete"})
            or (room is _Room.DOCUMENTS and method == "GET" and query.get("prefix") != own)
            or not all(_passes(name.lower(), room) for name in headers)
        ):
            raise self._refused(method, room)

    def _refused(self, what: str, room: _Room | None) -> AccessDenied:
        # A warning: what strangers ask for, and what others put there, comes here, too.
        _log.warning(
            "refused at the closed door",
            bucket=self.bucket,
            errand=self._errand.name,
            what=what,
            room=room and room.name,
        )
        return AccessDenied()


def _is_evasive(name: str) -> bool:
    """Whether what stands before Swift may take the name for a place elsewhere."""
    return not {".", ".."}.isdisjoint(name.split("/"))


def _is_plain(query: Mapping[str, str | int]) -> bool:
    return query.keys() <= _QUERY and all(
        query[name] in values for name, values in _VALUES.items() if name in query
    )


def _passes(header: str, room: _Room) -> bool:
    if room in _OBJECTS:
        return header in _OBJECT_HEADERS or header.startswith(layout.USER_META)
    if room is _Room.ACCOUNT:
        return header in {"accept", "content-type"}
    return header in _CONTAINER_HEADERS


async def is_absent(
    transport: Transport, service: Authority, storage_url: str, container: str
) -> bool:
    """Whether the account surely has no such container; without the power to see it, False."""
    if not _ACCOUNT_URL.fullmatch(storage_url):
        return False
    account = Account(transport, Visitor(service, storage_url))
    try:
        await account.head_container(container, newest=True)
    except SwiftStatus as error:
        return error.status == 404
    return False
