"""The closed door: what leaves by it, and what does not (hazard 8)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from s3gw.buckets.elevated import Door, Errand
from s3gw.mapping.layout import Document, document_header
from s3gw.s3.errors import AccessDenied
from s3gw.swift.account import Account, Login
from s3gw.swift.transport import SwiftResponse, Traffic, Upload

URL = "http://swift/v1/AUTH_a"
Request = tuple[str, str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class _Login:
    token: str = "the gateway's"
    storage_url: str = "http://swift/v1/AUTH_service"


class _Service:
    async def login(self) -> Login:
        return _Login()

    def forget(self, login: Login) -> None:
        raise AssertionError(login)


@dataclass(slots=True)
class _Answer:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    closed: bool = False

    async def read(self, limit: int | None = None) -> bytes:
        del limit
        return self.body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.body

    def close(self) -> None:
        self.closed = True


@dataclass(slots=True)
class Swift:
    """Answers what it is told, else 200; it remembers what it was asked."""

    answers: list[_Answer] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)

    @property
    def traffic(self) -> Traffic:
        raise AssertionError("nobody counts here")

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Upload | None = None,
        **options: Any,
    ) -> SwiftResponse:
        del body, options
        self.asked.append((method, url, headers))
        return self.answers.pop(0) if self.answers else _Answer()

    async def aclose(self) -> None:
        pass


@pytest.fixture
def swift() -> Swift:
    return Swift()


def opened(swift: Swift, errand: Errand) -> Door:
    return Door(swift, _Service(), URL, "b", errand)


Deed = Callable[[Account], Awaitable[Any]]

LOOKS: dict[str, Deed] = {
    "HEAD bucket": lambda door: door.head_container("b", newest=True),
    "list bucket": lambda door: door.list_objects("b", {"prefix": "p", "limit": 1}),
    "HEAD object": lambda door: door.head_object("b", "k"),
    "GET object": lambda door: door.get_object("b", "k", headers={"Range": "bytes=0-1"}),
    "GET version": lambda door: door.get_object("b", "k", query={"version-id": "1"}),
    "GET manifest": lambda door: door.get_manifest("b", "k"),
    "list parts": lambda door: door.list_objects("b+segments", {"prefix": "k/"}),
    "HEAD part": lambda door: door.head_object("b+segments", "k/u/1"),
    "GET ACL": lambda door: door.get_object(".s3gw", "b/acl/x"),
}
WRITES: dict[str, Deed] = {
    "PUT object": lambda door: door.put_object("b", "k", {"Content-Type": "t/t"}, b""),
    "PUT metadata": lambda door: door.put_object("b", "k", {"X-Object-Meta-A": "1"}, b""),
    "DELETE object": lambda door: door.delete_object("b", "k"),
    "PUT part": lambda door: door.put_object("b+segments", "k/u/1", {}, b""),
    "DELETE part": lambda door: door.delete_object("b+segments", "k/u/1"),
    "PUT parts": lambda door: door.put_container("b+segments", {"X-Storage-Policy": "p"}),
    "bulk": lambda door: door.bulk_delete([("b", "k"), ("b+segments", "k/u/1")]),
    "complete": lambda door: door.put_manifest("b", "k", [{"path": "/b+segments/k/u/1"}], {}),
}
MARKS: dict[str, Deed] = {
    "POST object": lambda door: door.post_object("b", "k", {"X-Object-Meta-A": "1"}),
}
SETS: dict[str, Deed] = {
    "POST bucket": lambda door: door.post_container(
        "b", {document_header(Document.ACL): "1", "X-Container-Read": ""}
    ),
    "PUT ACL": lambda door: door.put_object(".s3gw", "b/acl/x", {}, b""),
    "DELETE ACL": lambda door: door.delete_object(".s3gw", "b/acl/x"),
    "list ACLs": lambda door: door.list_objects(".s3gw", {"prefix": "b/acl/", "limit": 9}),
    "PUT documents": lambda door: door.put_container(".s3gw", {}),
}
ALLOWED: dict[Errand, dict[str, Deed]] = {
    Errand.LOOK: LOOKS,
    Errand.WRITE: LOOKS | WRITES | MARKS,
    Errand.MARK: LOOKS | MARKS,
    Errand.SET: LOOKS | SETS,
}
NEVER: dict[str, Deed] = {
    "list account": lambda door: door.list_containers(),
    "PUT bucket": lambda door: door.put_container("b", {}),
    "DELETE bucket": lambda door: door.delete_container("b"),
    "DELETE parts": lambda door: door.delete_container("b+segments"),
    "another bucket": lambda door: door.head_container("c"),
    "another bucket's object": lambda door: door.head_object("c", "k"),
    "another bucket's parts": lambda door: door.head_object("c+segments", "k"),
    "another bucket's ACL": lambda door: door.get_object(".s3gw", "c/acl/x"),
    "a bucket whose name goes on": lambda door: door.get_object(".s3gw", "b/acls"),
    "tags of the bucket": lambda door: door.get_object(".s3gw", "b/tagging/x"),
    "all documents": lambda door: door.list_objects(".s3gw", {"prefix": "b/"}),
    "public documents": lambda door: door.put_object(".s3gw+public", "b/cors", {}, b""),
    "the registry": lambda door: door.get_object("s3gw-buckets", "b"),
    "bulk elsewhere": lambda door: door.bulk_delete([("b", "k"), ("c", "k")]),
    "segments elsewhere": lambda door: door.put_manifest("b", "k", [{"path": "/c/k"}], {}),
    "a copy": lambda door: door.put_object("b", "k", {"X-Copy-From": "/c/k"}, b""),
    "a copy of another account": lambda door: door.put_object(
        "b", "k", {"X-Copy-From-Account": "AUTH_x"}, b""
    ),
    "a link": lambda door: door.put_object("b", "k", {"X-Symlink-Target": "c/k"}, b""),
    "a dynamic object": lambda door: door.put_object("b", "k", {"X-Object-Manifest": "c/"}, b""),
    "a client's token": lambda door: door.get_object("b", "k", headers={"X-Auth-Token": "t"}),
    "a client's header": lambda door: door.get_object("b", "k", headers={"X-Service-Token": "t"}),
    "a Referer": lambda door: door.get_object("b", "k", headers={"Referer": "http://x"}),
    "versioning": lambda door: door.post_container("b", {"X-Versions-Enabled": "true"}),
    "a quota": lambda door: door.post_container("b", {"X-Container-Meta-Quota-Bytes": "1"}),
    "segments and all": lambda door: door.delete_object(
        "b", "k", query={"multipart-manifest": "delete"}
    ),
    "an unknown parameter": lambda door: door.get_object("b", "k", query={"temp_url_sig": "1"}),
    "an archive": lambda door: door.put_object("b", "k", {}, b"", query={"extract-archive": "tar"}),
}


@pytest.mark.parametrize("errand", Errand)
@pytest.mark.parametrize("deed", [*LOOKS, *WRITES, *MARKS, *SETS])
async def test_an_errand_is_what_it_is_for_and_no_more(
    swift: Swift, errand: Errand, deed: str
) -> None:
    act = (LOOKS | WRITES | MARKS | SETS)[deed]
    report = b'{"Response Status": "201 Created"}'
    swift.answers = [_Answer(201, body=b"[]" if deed.startswith("list") else report)]
    if deed in ALLOWED[errand]:
        await act(opened(swift, errand))
        (_, url, headers) = swift.asked[0]
        assert url.startswith(URL)
        assert headers["X-Auth-Token"] == "the gateway's"
    else:
        with pytest.raises(AccessDenied):
            await act(opened(swift, errand))
        assert swift.asked == []


@pytest.mark.parametrize("errand", Errand)
@pytest.mark.parametrize("deed", NEVER)
async def test_nothing_else_leaves_on_any_errand(swift: Swift, errand: Errand, deed: str) -> None:
    with pytest.raises(AccessDenied):
        await NEVER[deed](opened(swift, errand))
    assert swift.asked == []


@pytest.mark.parametrize(
    "bucket", ["", "a/b", ".s3gw", ".s3gw+public", ".anything", "b+segments", "+segments", "../b"]
)
def test_reserved_names_have_no_door(swift: Swift, bucket: str) -> None:
    with pytest.raises(AccessDenied):
        Door(swift, _Service(), URL, bucket, Errand.LOOK)


@pytest.mark.parametrize(
    "url",
    [
        "http://swift/v1/", "http://swift/v1/AUTH_a/", "http://swift/v1/AUTH_a?x", "AUTH_a", "",
        "http://swift/v1/AUTH_a#x", "http://swift/v1/AUTH.a", "http://swift/v1/A a",
        "http://swift/v1/%41", "file:///v1/AUTH_a", "http://swift/v1/AUTH_a\n",
    ],
)  # fmt: skip
def test_only_an_account_has_a_door(swift: Swift, url: str) -> None:
    with pytest.raises(AccessDenied):
        Door(swift, _Service(), url, "b", Errand.LOOK)


async def test_a_key_is_never_taken_for_another_place(swift: Swift) -> None:
    door = opened(swift, Errand.LOOK)
    for key in ("a//b", "%2e%2e/c", "..a/b", "k?version-id=1", "k#x"):
        await door.head_object("b", key)
        _, url, _ = swift.asked[-1]
        assert url.startswith(f"{URL}/b/")
        assert url.count("?") == 1
        assert url.endswith("?symlink=get")


@pytest.mark.parametrize("key", ["../c/k", "/../../c", "..", ".", "a/./b", "a/..", "a/../../c"])
@pytest.mark.parametrize("container", ["b", "b+segments"])
async def test_no_name_leaves_that_a_proxy_before_swift_may_take_for_another(
    swift: Swift, container: str, key: str
) -> None:
    door = opened(swift, Errand.WRITE)
    deeds: list[Awaitable[Any]] = [
        door.head_object(container, key), door.get_object(container, key),
        door.put_object(container, key, {}, b""), door.delete_object(container, key),
        door.open_manifest(container, key),
    ]  # fmt: skip
    for deed in deeds:
        with pytest.raises(AccessDenied):
            await deed
    report = await door.bulk_delete([(container, key)])
    assert [status for _, status in report["Errors"]] == ["403 Forbidden"]
    assert swift.asked == []


async def test_no_link_is_followed(swift: Swift) -> None:
    door = opened(swift, Errand.LOOK)
    asks: list[Callable[[str, str], Awaitable[Any]]] = [
        door.head_object, door.get_object, door.open_manifest, door.get_manifest,
        lambda container, name: door.get_piece(container, name, {}),
    ]  # fmt: skip
    for ask in asks:
        for container, name in (("b", "k"), ("b+segments", "k/u"), (".s3gw", "b/acl/x")):
            link = _Answer(headers={"X-Symlink-Target": "c/k"})
            swift.answers = [link]
            with pytest.raises(AccessDenied):
                await ask(container, name)
            assert link.closed
    assert all("symlink=get" in url for _, url, _ in swift.asked)


READS: dict[str, Deed] = {
    "an object": lambda door: door.get_object("b", "k"),
    "a version": lambda door: door.get_object("b", "k", query={"version-id": "1"}),
    "a range": lambda door: door.get_object("b", "k", headers={"Range": "bytes=0-1"}),
    "a piece": lambda door: cast(Door, door).get_piece("b+segments", "k/u/1", {}),
    "a manifest": lambda door: door.open_manifest("b", "k"),
    "a manifest of parts": lambda door: door.get_manifest("b+segments", "k/u/1"),
    "a document": lambda door: door.get_object(".s3gw", "b/acl/x"),
}


@pytest.mark.parametrize("what", READS)
async def test_whatever_is_read_is_read_itself(swift: Swift, what: str) -> None:
    """No link, and nothing that a manifest names, is read by this power."""
    await READS[what](opened(swift, Errand.LOOK))
    for _, url, _ in swift.asked:
        assert {"symlink=get", "multipart-manifest=get"} <= set(url.partition("?")[2].split("&"))


async def test_only_itself_is_read_whatever_is_asked(swift: Swift) -> None:
    door = opened(swift, Errand.LOOK)
    await door.get_object("b", "k", query={"multipart-manifest": "put"})
    assert swift.asked[0][1] == f"{URL}/b/k?multipart-manifest=get&symlink=get"
    with pytest.raises(AccessDenied):
        await door.get_object("b", "k", query={"symlink": "follow"})


async def test_of_a_versioned_key_the_version_is_read_itself(swift: Swift) -> None:
    door = opened(swift, Errand.LOOK)
    latest = {"X-Symlink-Target": "b/k?version-id=7", "X-Object-Version-Id": "7"}
    swift.answers = [_Answer(headers=latest), _Answer(headers={"X-Object-Meta-A": "1"})]
    assert await door.head_object("b", "k") == {"X-Object-Meta-A": "1"}
    assert [url for _, url, _ in swift.asked] == [
        f"{URL}/b/k?symlink=get",
        f"{URL}/b/k?version-id=7&symlink=get",
    ]


async def test_a_version_that_is_a_link_is_not_followed(swift: Swift) -> None:
    latest = {"X-Symlink-Target": "b/k?version-id=7", "X-Object-Version-Id": "7"}
    own = {"X-Symlink-Target": "c/k", "X-Object-Version-Id": "7"}
    door = opened(swift, Errand.LOOK)
    for ask in (door.head_object, door.get_object):
        swift.answers = [_Answer(headers=latest), _Answer(headers=own)]
        with pytest.raises(AccessDenied):
            await ask("b", "k2" if ask == door.get_object else "k")


async def test_a_large_object_is_deleted_without_what_its_manifest_names(swift: Swift) -> None:
    await opened(swift, Errand.WRITE).delete_large_object("b", "k")
    assert [(method, url) for method, url, _ in swift.asked] == [("DELETE", f"{URL}/b/k")]


async def test_what_goes_on_beside_the_answer_has_the_same_door(swift: Swift) -> None:
    beside = opened(swift, Errand.LOOK).beside()
    assert isinstance(beside, Door)
    with pytest.raises(AccessDenied):
        await beside.delete_object("b", "k")
    with pytest.raises(AccessDenied):
        await beside.head_container("c")
