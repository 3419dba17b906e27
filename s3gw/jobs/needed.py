"""What an account's large objects and links name: read from the listings of all its containers.

The rule: what is found here protects, wherever in the account it is and whatever version names
it.  What is not found proves nothing, since listings lag (docs/mapping.md).
"""

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from urllib.parse import unquote

from s3gw.buckets.parallel import for_each
from s3gw.buckets.release import written
from s3gw.mapping import layout
from s3gw.mapping.references import References
from s3gw.swift.account import Account, Entry
from s3gw.swift.errors import SwiftStatus

_PAGE = 10_000


async def pages(account: Account, container: str) -> AsyncIterator[list[Entry]]:
    """A container's objects with all their versions, page by page; none if it is gone."""
    query: dict[str, str | int] = {"limit": _PAGE}
    try:
        headers, page = await account.list_objects(container, query)
        if "X-Versions-Enabled" in headers:
            query["versions"] = ""
            _, page = await account.list_objects(container, query)
        while page:
            yield page
            if len(page) < _PAGE:
                return
            query["marker"] = str(page[-1]["name"])
            if "versions" in query:
                query["version_marker"] = str(page[-1]["version_id"])
            _, page = await account.list_objects(container, query)
    except SwiftStatus as error:
        if error.status != 404:
            raise


class Needed(References):
    """The parts that something in an account names."""

    def __init__(self, account: Account) -> None:
        super().__init__()
        self._account = account

    async def read(
        self, containers: Iterable[str], read: Callable[[], None], since: datetime | None = None
    ) -> None:
        """Take up what the containers' objects name, or those written since a moment.

        Calls `read` after each container.  Raises SwiftStatus and SwiftUnreachable: then nothing
        is known of the whole account.
        """
        for container in containers:
            async for page in pages(self._account, container):
                some = [entry for entry in page if since is None or written(entry) >= since]
                await self.take(container, some)
            read()

    async def take(self, container: str, page: Iterable[Entry]) -> None:
        """Take up what the objects of a page of a container's listing name."""
        manifests = []
        for entry in page:
            if entry.get("symlink_path") and not entry.get("version_symlink"):
                await self._follow(_linked(str(entry["symlink_path"])))
            elif entry.get("slo_etag") and not _is_below(container, str(entry["name"])):
                manifests.append(entry)

        async def read(entry: Entry) -> None:
            version_id = entry.get("version_id")
            version = None if version_id is None else str(version_id)
            await self._follow(await self._paths(container, str(entry["name"]), version))

        await for_each(manifests, read)

    async def expand(self, paths: Iterable[str]) -> None:
        """Take up paths, and what the sub-manifests among them name."""
        await self._follow(paths)

    async def _follow(self, paths: Iterable[str]) -> None:
        for upload, number in list(self.add(paths)):
            bucket, key, upload_id = upload
            name = layout.part_name(key, upload_id, number)
            await self._follow(await self._paths(layout.segments_container(bucket), name))

    async def _paths(self, container: str, name: str, version_id: str | None = None) -> list[str]:
        try:
            segments = await self._account.get_manifest(
                container, name, newest=True, version_id=version_id
            )
        except SwiftStatus as error:
            if error.status == 404:
                return []
            raise
        return [str(segment.get("path", "")) for segment in segments]


def _is_below(container: str, name: str) -> bool:
    """Whether it is a sub-manifest of an upload: it needs its parts only if something needs it."""
    is_segments = layout.bucket_of(container) is not None
    is_numbered = layout.ended_upload(name) is not None
    return is_segments and is_numbered and layout.is_submanifest(layout.number_of(name))


def _linked(path: str) -> tuple[str, str]:
    """`/container/name` of a link's `/v1/account/container/name`, as it is and unquoted.

    Swift shows the target as the link's writer spelled it.
    """
    target = "/" + path.removeprefix("/").split("/", 2)[2]
    return target, unquote(target)
