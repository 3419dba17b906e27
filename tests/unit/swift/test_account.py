"""One Swift account: its calls, and what becomes of a token that Swift refuses."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from s3gw.swift.account import Account, Login
from s3gw.swift.copying import Origin
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable
from s3gw.swift.transport import SwiftResponse, Traffic, Upload

Headers = Mapping[str, str]


@dataclass(slots=True)
class Answer:
    """See SwiftResponse."""

    status: int = 200
    headers: Headers = field(default_factory=dict)
    body: bytes = b""
    reads_the_body: bool = False
    """Swift took the request's body before it answered."""
    closed: bool = False

    async def read(self, limit: int | None = None) -> bytes:
        self.closed = True
        return self.body if limit is None else self.body[:limit]

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.body

    def close(self) -> None:
        self.closed = True


@dataclass(slots=True)
class Swift:
    """A transport that answers as it was told; what it was asked it remembers."""

    answers: list[Answer]
    asked: list[tuple[str, str, Headers, bytes | Upload | None]] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)
    extra_times: list[float] = field(default_factory=list)

    async def request(
        self,
        method: str,
        url: str,
        headers: Headers,
        body: bytes | Upload | None = None,
        *,
        extra_time: float = 0.0,
    ) -> SwiftResponse:
        answer = self.answers[len(self.asked)]
        self.asked.append((method, url, headers, body))
        self.extra_times.append(extra_time)
        if isinstance(body, Upload) and answer.reads_the_body:
            body.started = True
        return answer

    async def aclose(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Token:
    """See Login."""

    token: str
    storage_url: str = "http://swift/v1/AUTH_p"


@dataclass(slots=True)
class Tokens:
    """An authority that gives a new token whenever one was refused."""

    given: int = 1
    forgotten: list[str] = field(default_factory=list)

    async def login(self) -> Login:
        return Token(f"t{self.given}")

    def forget(self, login: Login) -> None:
        self.forgotten.append(login.token)
        self.given += 1


def account(*answers: Answer) -> tuple[Account, Swift, Tokens]:
    swift, tokens = Swift(list(answers)), Tokens()
    return Account(swift, tokens), swift, tokens


async def nothing() -> AsyncIterator[bytes]:
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece


@pytest.mark.parametrize("body", [b"data", Upload(nothing(), 4)])
async def test_a_token_that_is_refused_is_dropped_and_the_request_repeated(
    body: bytes | Upload,
) -> None:
    refusal = Answer(401)
    swift_account, swift, tokens = account(refusal, Answer(201, {"Etag": "e"}))
    assert await swift_account.put_object("c", "o", {"A": "b"}, body) == {"Etag": "e"}
    assert [sent[2] for sent in swift.asked] == [
        {"A": "b", "X-Auth-Token": "t1"},
        {"A": "b", "X-Auth-Token": "t2"},
    ]
    assert swift.asked[0][3] is swift.asked[1][3] is body
    assert tokens.forgotten == ["t1"]
    assert refusal.closed
    assert swift_account.calls == 2


async def test_a_second_refusal_is_final() -> None:
    swift_account, swift, tokens = account(Answer(401), Answer(401, body=b"why"))
    with pytest.raises(SwiftStatus) as refusal:
        await swift_account.head_object("c", "o")
    assert (refusal.value.status, refusal.value.body) == (401, b"why")
    assert (len(swift.asked), tokens.forgotten) == (2, ["t1", "t2"])


async def test_a_body_that_has_gone_is_not_repeated() -> None:
    swift_account, swift, tokens = account(Answer(401, reads_the_body=True), Answer(201))
    with pytest.raises(SwiftUnreachable, match="the token ended"):
        await swift_account.put_object("c", "o", {}, Upload(nothing(), 4))
    assert (len(swift.asked), tokens.forgotten) == (1, ["t1"])


Call = Callable[[Account], Coroutine[Any, Any, Any]]


@pytest.mark.parametrize(
    ("call", "method", "target"),
    [
        (
            lambda a: a.list_containers(prefix="a&b"),
            "GET",
            "?format=json&limit=10000&marker=&prefix=a%26b",
        ),
        (lambda a: a.head_container("c d"), "HEAD", "/c%20d"),
        (lambda a: a.put_container("c", {}), "PUT", "/c"),
        (lambda a: a.delete_container("c/../d"), "DELETE", "/c%2F..%2Fd"),
        (
            lambda a: a.list_objects("c", {"prefix": "/ü+"}),
            "GET",
            "/c?format=json&prefix=%2F%C3%BC%2B",
        ),
        (lambda a: a.head_object("c", "a//b/../c"), "HEAD", "/c/a//b/../c"),
        (lambda a: a.get_object("c", "?#%2F"), "GET", "/c/%3F%23%252F"),
        (lambda a: a.put_object("c", "é", {}, b""), "PUT", "/c/%C3%A9"),
        (lambda a: a.post_object("c", "o", {}), "POST", "/c/o"),
        (
            lambda a: a.delete_object("c", "o", query={"version-id": "1.2"}),
            "DELETE",
            "/c/o?version-id=1.2",
        ),
        (lambda a: a.bulk_delete([("c", "é")]), "POST", "?bulk-delete="),
    ],
)
async def test_a_call_is_one_request(call: Call, method: str, target: str) -> None:
    swift_account, swift, _ = account(Answer(200, {"X-Trans-Id": "tx1"}, b"[]"))
    await call(swift_account)
    ((sent_method, url, headers, _),) = swift.asked
    assert (sent_method, url) == (method, f"http://swift/v1/AUTH_p{target}")
    assert headers["X-Auth-Token"] == "t1"
    assert swift_account.transaction_id == "tx1"


async def test_a_status_that_is_no_use_ends_with_the_start_of_its_body() -> None:
    swift_account, _, _ = account(Answer(507, body=b"x" * 10_000))
    with pytest.raises(SwiftStatus) as refusal:
        await swift_account.get_object("c", "o")
    assert (refusal.value.status, len(refusal.value.body)) == (507, 4096)
    assert str(refusal.value) == "GET /c/o: 507"


async def test_a_status_that_the_caller_can_use_is_an_answer() -> None:
    swift_account, _, _ = account(Answer(304))
    assert (await swift_account.get_object("c", "o", also=(304,))).status == 304


async def test_an_answer_that_is_no_json_is_no_answer() -> None:
    swift_account, _, _ = account(Answer(200, {}, b"<html>"))
    with pytest.raises(SwiftUnreachable, match="not JSON"):
        await swift_account.list_containers()


@pytest.mark.parametrize(
    "body", [b"", b" \n", b"{}", b"null", b"[null]", b"[[]]", b'[{"count": 1}]', b"[" * 100_000]
)
async def test_an_answer_that_is_no_listing_is_not_taken_for_an_empty_one(body: bytes) -> None:
    swift_account, _, _ = account(Answer(200, {}, body))
    with pytest.raises(SwiftUnreachable, match="answer is not"):
        await swift_account.list_containers()


@pytest.mark.parametrize("field", ["name", "hash", "bytes", "last_modified"])
async def test_an_object_in_a_listing_has_all_that_objects_have(field: str) -> None:
    whole = {"name": "k", "hash": "0" * 32, "bytes": 0, "last_modified": "2026-01-01T00:00:00"}
    listing = json.dumps([{"subdir": "a/"}, whole]).encode()
    swift_account, _, _ = account(Answer(200, {}, listing))
    divided = {"delimiter": "/"}
    assert (await swift_account.list_objects("c", divided))[1] == [{"subdir": "a/"}, whole]
    del whole[field]
    swift_account, _, _ = account(Answer(200, {}, json.dumps([whole]).encode()))
    with pytest.raises(SwiftUnreachable, match="not a listing"):
        await swift_account.list_objects("c", {})


WRONG: list[object] = [*(None, True, 1.5, [], {}), "a\ud800b", "\udfff"]


@pytest.mark.parametrize("wrong", WRONG, ids=ascii)
@pytest.mark.parametrize("field", ["name", "hash", "bytes", "last_modified", "version_id"])
async def test_an_object_in_a_listing_with_a_wrong_field_makes_it_none(
    field: str, wrong: object
) -> None:
    whole = {
        "name": "k\U0001f600",
        "hash": "0" * 32,
        "bytes": 0,
        "last_modified": "2026-01-01T00:00:00",
        "version_id": "null",
    }
    query = {"versions": ""}
    swift_account, _, _ = account(Answer(200, {}, json.dumps([whole]).encode()))
    assert (await swift_account.list_objects("c", query))[1] == [whole]
    swift_account, _, _ = account(
        Answer(200, {}, json.dumps([whole, whole | {field: wrong}]).encode())
    )
    with pytest.raises(SwiftUnreachable, match="answer is not"):
        await swift_account.list_objects("c", query)


@pytest.mark.parametrize("wrong", WRONG, ids=ascii)
async def test_a_common_prefix_is_text(wrong: object) -> None:
    swift_account, _, _ = account(Answer(200, {}, json.dumps([{"subdir": wrong}]).encode()))
    with pytest.raises(SwiftUnreachable, match="answer is not"):
        await swift_account.list_objects("c", {"delimiter": "/"})


async def test_nothing_is_divided_without_a_delimiter() -> None:
    swift_account, _, _ = account(Answer(200, {}, b'[{"subdir": "a/"}]'))
    with pytest.raises(SwiftUnreachable, match="not a listing"):
        await swift_account.list_objects("c", {})


async def test_a_listing_that_is_not_utf_8_is_none() -> None:
    swift_account, _, _ = account(Answer(200, {}, b'[{"subdir": "a\xed\xa0\x80"}]'))
    with pytest.raises(SwiftUnreachable, match="not JSON"):
        await swift_account.list_objects("c", {})


async def test_no_content_is_an_empty_listing() -> None:
    swift_account, _, _ = account(Answer(204, {}, b""))
    assert await swift_account.list_containers() == []


@pytest.mark.parametrize(
    ("report", "status"),
    [
        ({"Response Status": "201 Created"}, None),
        ({"Response Status": "400 Bad Request", "Errors": [["/c/s", "404 Not Found"]]}, 400),
        ({"Response Status": "odd"}, 500),
        ({}, 500),
        ([], 500),
    ],
)
async def test_a_report_says_what_the_status_line_could_not(
    report: object, status: int | None
) -> None:
    body = b" \r\n\r\n" + json.dumps(report).encode()  # after heartbeats
    swift_account, swift, _ = account(Answer(202, {}, body))
    manifest = [{"path": "/c/s"}] * 501
    put = swift_account.put_manifest("c", "o", manifest, {})
    if status is None:
        await put
    else:
        with pytest.raises(SwiftStatus) as refusal:
            await put
        assert refusal.value.status == status
        assert json.loads(refusal.value.body) == report
    assert swift.asked[0][1].endswith("/c/o?multipart-manifest=put&heartbeat=on")
    assert swift.asked[0][3] == json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("segments", "headers"), [(500, {}), (501, {"If-None-Match": "*"}), (1, {"X": "y"})]
)
async def test_a_manifest_whose_headers_must_tell_all_goes_without_heartbeat(
    segments: int, headers: dict[str, str]
) -> None:
    swift_account, swift, _ = account(Answer(201, {"X-Object-Version-Id": "1"}, b""))
    stored = await swift_account.put_manifest("c", "o", [{"path": "/c/s"}] * segments, headers)
    assert stored["X-Object-Version-Id"] == "1"
    assert swift.asked[0][1].endswith("/c/o?multipart-manifest=put")


async def test_a_manifest_that_a_newer_object_came_before_is_stored() -> None:
    """Swift's 202 for that is a page, and no report."""
    swift_account, _, _ = account(Answer(202, {"X-Trans-Id": "tx1"}, b"<html>Accepted</html>"))
    stored = await swift_account.put_manifest("c", "o", [{"path": "/c/s"}], {})
    assert stored["X-Trans-Id"] == "tx1"


async def test_an_object_that_is_not_large_has_no_manifest() -> None:
    plain = Answer(200, {}, b"[1, 2]")
    swift_account, _, _ = account(plain)
    assert await swift_account.get_manifest("c", "o") == []
    assert plain.closed


async def test_a_copy_names_its_origin_and_brings_all_headers_of_its_own() -> None:
    done = {"Response Status": "201 Created", "Etag": "e", "Errors": []}
    swift_account, swift, _ = account(Answer(202, {}, b"  " + json.dumps(done).encode()))
    origin = Origin("c d", "é/?x", "AUTH_q", "1.2")
    found = await swift_account.copy_object("t", "o", origin, {"A": "b"}, extra_time=7)
    assert found["Etag"] == "e"
    ((method, url, headers, body),) = swift.asked
    assert (method, url) == (
        "PUT",
        "http://swift/v1/AUTH_p/t/o?heartbeat=on&version-id=1.2",
    )
    assert headers == {
        "A": "b",
        "X-Copy-From": "/c%20d/%C3%A9/%3Fx",
        "X-Copy-From-Account": "AUTH_q",
        "X-Fresh-Metadata": "true",
        "Accept": "application/json",
        "X-Auth-Token": "t1",
    }
    assert (body, swift.extra_times) == (b"", [7])


async def test_a_copy_by_a_swift_that_knows_no_heartbeat_is_told_by_its_headers() -> None:
    swift_account, swift, _ = account(Answer(201, {"Etag": "e"}))
    assert await swift_account.copy_object("t", "o", Origin("c", "s"), {}) == {"Etag": "e"}
    assert "X-Copy-From-Account" not in swift.asked[0][2]


@pytest.mark.parametrize("status", [403, 404, 413, 499])
async def test_a_copy_that_fails_at_its_end_says_so(status: int) -> None:
    report = {"Response Status": f"{status} Something", "Errors": [["c/s", f"{status} S"]]}
    swift_account, _, _ = account(Answer(202, {}, json.dumps(report).encode()))
    with pytest.raises(SwiftStatus) as refusal:
        await swift_account.copy_object("t", "o", Origin("c", "s"), {})
    assert refusal.value.status == status
