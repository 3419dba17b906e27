"""One Swift account, spoken to with one login: a method a Swift call.

The rule: each method is exactly one request to Swift (two when the token had run out), made from
an explicit list of headers.  https://docs.openstack.org/api-ref/object-store/
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from s3gw.swift.answers import check_report, containers, json_of, objects, segments_of
from s3gw.swift.copying import Origin
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable
from s3gw.swift.transport import SwiftResponse, Transport, Upload

_ERROR_BODY = 4096
# Segments of a manifest that Swift has checked before anybody grows impatient.
_QUICK_MANIFEST = 500
_NEWEST = {"X-Newest": "true"}


Entry = dict[str, Any]
"""An entry of a Swift JSON listing."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """On what terms an answer is awaited."""

    also: Collection[int] = ()
    """Error statuses that the caller can use."""
    extra_time: float = 0.0
    """Seconds that Swift may stay silent longer than it may otherwise."""


_USUAL = _Terms()


class Login(Protocol):
    """A token and the URL of the account that it opens."""

    @property
    def token(self) -> str:
        """What goes into X-Auth-Token; empty for nobody's power, which sends no such header."""

    @property
    def storage_url(self) -> str:
        """URL of the account, without a trailing slash."""


class Authority(Protocol):
    """Where the login comes from."""

    async def login(self) -> Login:
        """The login to use now."""

    def forget(self, login: Login) -> None:
        """Swift refused the login's token."""


class Account:
    """A Swift account as one caller may use it.

    Every method raises SwiftStatus for an answer it cannot use and SwiftUnreachable for none.
    """

    def __init__(self, transport: Transport, authority: Authority) -> None:
        self._transport = transport
        self._authority = authority
        self.calls = 0
        """Requests made so far."""
        self.transaction_id = ""
        """Swift's id of the newest request, for following it through Swift's logs."""
        self.seconds = 0.0
        """In which at least one request was waiting for the headers of its answer."""
        self._waiting = 0
        self._since = 0.0

    @property
    def sees_all(self) -> bool:
        """It has the owner's sight of a bucket, whoever asks (buckets.elevated)."""
        return False

    def beside(self) -> "Account":
        """The same account and login, with counters of its own: for work beyond an answer."""
        return Account(self._transport, self._authority)

    # --- account ---

    async def list_containers(
        self, *, marker: str = "", prefix: str = "", limit: int = 10000
    ) -> list[Entry]:
        """One page of the account's containers, in order of name."""
        query: dict[str, str | int] = {
            "format": "json",
            "limit": limit,
            "marker": marker,
            "prefix": prefix,
        }
        response = await self._call("GET", "", query=query)
        return await containers(response)

    # --- containers ---

    async def head_container(self, container: str, *, newest: bool = False) -> Mapping[str, str]:
        """The container's headers."""
        response = await self._call("HEAD", _path(container), headers=_NEWEST if newest else None)
        response.close()
        return response.headers

    async def put_container(self, container: str, headers: Mapping[str, str]) -> bool:
        """Create the container, or update its metadata; True if it was created."""
        response = await self._call("PUT", _path(container), headers=headers, body=b"")
        await response.read()
        return response.status == 201

    async def post_container(self, container: str, headers: Mapping[str, str]) -> None:
        """Set metadata of a container that exists; what is not named stays as it is."""
        await (await self._call("POST", _path(container), headers=headers, body=b"")).read()

    async def delete_container(self, container: str) -> None:
        """Delete an empty container (409 otherwise)."""
        await (await self._call("DELETE", _path(container))).read()

    async def list_objects(
        self, container: str, query: Mapping[str, str | int], *, newest: bool = False
    ) -> tuple[Mapping[str, str], list[Entry]]:
        """The container's headers and one page of its objects, in order of name.

        `query`: prefix, delimiter, marker, end_marker, limit, versions, version_marker, reverse.
        """
        response = await self._call(
            "GET",
            _path(container),
            query={"format": "json", **query},
            headers=_NEWEST if newest else None,
        )
        return response.headers, await objects(response, query)

    # --- objects ---

    async def head_object(
        self,
        container: str,
        name: str,
        *,
        newest: bool = False,
        query: Mapping[str, str] | None = None,
    ) -> Mapping[str, str]:
        """The object's headers."""
        response = await self._call(
            "HEAD", _path(container, name), query=query, headers=_NEWEST if newest else None
        )
        response.close()
        return response.headers

    async def get_object(
        self,
        container: str,
        name: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        also: Collection[int] = (),
    ) -> SwiftResponse:
        """The object, unread; `also`: error statuses that the caller can use."""
        return await self._call(
            "GET", _path(container, name), query=query, headers=headers, terms=_Terms(also)
        )

    async def put_object(
        self,
        container: str,
        name: str,
        headers: Mapping[str, str],
        body: bytes | Upload,
        *,
        query: Mapping[str, str] | None = None,
    ) -> Mapping[str, str]:
        """Store an object; the answer's headers (Etag, Last-Modified, X-Object-Version-Id)."""
        response = await self._call(
            "PUT", _path(container, name), query=query, headers=headers, body=body
        )
        await response.read()
        return response.headers

    async def copy_object(
        self,
        container: str,
        name: str,
        origin: Origin,
        headers: Mapping[str, str],
        *,
        extra_time: float = 0.0,
    ) -> Mapping[str, str]:
        """Copy within Swift; the answer's headers (Etag, Last-Modified, X-Object-Version-Id).

        `headers` are those of the new object, all of them, and may bring the Range to copy and an
        If-Match of the origin.  Swift is asked for a heartbeat, which only newer ones know:
        `extra_time` are the seconds that others may take longer than any other request.
        An answer of the origin's own is raised with its headers, Etag among them.
        """
        sent = {**headers, **origin.headers(), "Accept": "application/json"}
        query = {"heartbeat": "on", **origin.query()}
        path = _path(container, name)
        terms = _Terms(extra_time=extra_time)
        response = await self._call("PUT", path, query=query, headers=sent, body=b"", terms=terms)
        if response.status != 202:
            await response.read()
            return response.headers
        report = check_report(response, await json_of(response), "PUT", path)
        return {name: value for name, value in report.items() if isinstance(value, str)}

    async def post_object(self, container: str, name: str, headers: Mapping[str, str]) -> None:
        """Replace the object's metadata."""
        response = await self._call("POST", _path(container, name), headers=headers, body=b"")
        await response.read()

    async def delete_object(
        self, container: str, name: str, *, query: Mapping[str, str] | None = None
    ) -> Mapping[str, str]:
        """Delete one object; the answer's headers."""
        response = await self._call("DELETE", _path(container, name), query=query)
        await response.read()
        return response.headers

    async def delete_large_object(self, container: str, name: str, *, later: bool = False) -> None:
        """Delete a static large object and its segments; 400 if it is none.

        Swift answers 200 whatever happened to the segments; the report says it.  `later`: the
        segments are left to Swift's expirer (400 for nested manifests, and for segments in several
        containers), and the answer comes at once.
        """
        query = {"multipart-manifest": "delete"} | ({"async": "on"} if later else {})
        response = await self._call(
            "DELETE",
            _path(container, name),
            query=query,
            headers={"Accept": "application/json"},
        )
        if response.status == 204:
            await response.read()
        else:
            check_report(response, await json_of(response), "DELETE", _path(container, name))

    async def bulk_delete(self, names: Iterable[tuple[str, str]]) -> Entry:
        """Delete objects, given as (container, name), in one request: the bulk report."""
        listing = "\n".join(_path(container, name) for container, name in names)
        response = await self._call(
            "POST",
            "",
            query={"bulk-delete": ""},
            headers={"Content-Type": "text/plain", "Accept": "application/json"},
            body=listing.encode("ascii"),
        )
        report = await json_of(response)
        return report if isinstance(report, dict) else {}

    # --- static large objects ---

    async def open_manifest(
        self,
        container: str,
        name: str,
        *,
        newest: bool = False,
        query: Mapping[str, str] | None = None,
    ) -> SwiftResponse:
        """A static large object's manifest, or any other object itself, unread."""
        return await self._call(
            "GET",
            _path(container, name),
            query={"multipart-manifest": "get", "format": "raw", **(query or {})},
            headers=_NEWEST if newest else None,
        )

    async def get_manifest(
        self, container: str, name: str, *, newest: bool = False, version_id: str | None = None
    ) -> list[Entry]:
        """The segments of a static large object (path, etag, size_bytes); empty if it is none."""
        query = {} if version_id is None else {"version-id": version_id}
        response = await self.open_manifest(container, name, newest=newest, query=query)
        return await segments_of(response)

    async def put_manifest(
        self, container: str, name: str, manifest: list[Entry], headers: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Store a static large object; raises SwiftStatus with the report as its body.

        Swift checks some 200 segments a second, so of many it is asked for a heartbeat, but then
        its headers come too early to tell a version id.  A conditional PUT does without, for its
        refusal has to tell that id.
        """
        query = {"multipart-manifest": "put"}
        if len(manifest) > _QUICK_MANIFEST and "If-None-Match" not in headers:
            query["heartbeat"] = "on"
        response = await self._call(
            "PUT",
            _path(container, name),
            query=query,
            headers={**headers, "Accept": "application/json"},
            body=json.dumps(manifest).encode("utf-8"),
        )
        # Without a heartbeat 202 is no report: a newer object is there, as if it came right after.
        if response.status == 202 and "heartbeat" in query:
            check_report(response, await json_of(response), "PUT", _path(container, name))
        else:
            await response.read()
        return response.headers

    # --- the one road out ---

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | Upload | None = None,
        terms: _Terms = _USUAL,
    ) -> SwiftResponse:
        rest = query, headers, body, terms.extra_time
        response, renewable = await self._send(method, path, *rest)
        if response.status == 401 and renewable:
            response.close()
            if isinstance(body, Upload) and body.started:
                raise SwiftUnreachable(f"{method} {path}: the token ended in mid-upload")
            response, _ = await self._send(method, path, *rest)
        if response.status >= 300 and response.status not in terms.also:
            text = await response.read(_ERROR_BODY)
            raise SwiftStatus(response.status, method, path, headers=response.headers, body=text)
        return response

    def _leaving(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        headers: Mapping[str, str],
    ) -> Mapping[str, str | int]:
        """The query of a request that is about to go out.

        Here an account that may not do everything refuses (buckets.elevated).
        """
        del method, path, headers
        return query

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        headers: Mapping[str, str] | None,
        body: bytes | Upload | None,
        extra_time: float,
    ) -> tuple[SwiftResponse, bool]:
        """The answer, and whether there was a token, so that a 401 may only mean its end."""
        query = self._leaving(method, path, query or {}, headers or {})
        login = await self._authority.login()
        token = {"X-Auth-Token": login.token} if login.token else {}
        url = f"{login.storage_url}{path}"
        if query:
            url += "?" + urlencode(query, quote_via=quote)
        response = await self._request(method, url, {**(headers or {}), **token}, body, extra_time)
        self.transaction_id = response.headers.get("X-Trans-Id", "")
        if response.status == 401:
            self._authority.forget(login)
        return response, bool(token)

    async def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Upload | None,
        extra_time: float,
    ) -> SwiftResponse:
        self.calls += 1
        if not self._waiting:
            self._since = perf_counter()
        self._waiting += 1
        try:
            return await self._transport.request(method, url, headers, body, extra_time=extra_time)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self.seconds += perf_counter() - self._since


def _path(container: str, name: str | None = None) -> str:
    """Percent-encoded path below the account, with a leading slash."""
    path = "/" + quote(container, safe="")
    return path if name is None else f"{path}/{quote(name, safe='/~')}"
