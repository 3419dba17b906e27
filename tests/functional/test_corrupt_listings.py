"""Listings that Swift cannot have meant: 503, never a page that is not true, and never a 500."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.rawclient import Keys, Reply, ask, sign
from tests.functional.scripted import Scripted, scripted
from tests.functional.stack import Stack
from tests.unit.swift.hostile import Peer, Script

UPLOAD = "A" * 48
TIME = "2026-01-02T03:04:05.000001"
OBJECT = {
    "name": f"k/{UPLOAD}/1",
    "hash": "d41d8cd98f00b204e9800998ecf8427e",
    "bytes": 1,
    "last_modified": TIME,
    "content_type": "text/plain",
}
MARKER = OBJECT | {"name": f"k/{UPLOAD}"}
LISTINGS = {
    "/": {"name": "b", "count": 1, "bytes": 1, "last_modified": TIME},
    "/bucket": OBJECT,
    "/bucket?list-type=2": OBJECT,
    "/bucket?list-type=2&encoding-type=url": OBJECT,
    "/versioned?versions=": OBJECT | {"version_id": "1795616103.36366", "is_latest": True},
    "/bucket?versions=": OBJECT,
    "/bucket?uploads=": MARKER,
    f"/bucket/k?uploadId={UPLOAD}": OBJECT,
}
"""What lists, and an entry of the listing of Swift's that it reads."""

NO_TIMES = (
    *(None, 1, "", "yesterday", "2026-13-02T03:04:05.000001", "9999-12-31T23:59:59.000001"),
    *("2026-01-02T03:04:60.000001", "2026-01-02T03:04:05.000001+99:99"),
)


@pytest.fixture(scope="module")
def told(stack: Stack) -> Iterator[Scripted]:
    """A gateway whose Swift says what a test wants."""
    with scripted(stack) as found:
        yield found


def saying(body: bytes) -> Script:
    """Whatever is asked for is there, and what is listed is this."""

    def script(peer: Peer) -> None:
        line, headers = peer.head().line, ["Connection: close"]
        if "/versioned" in line:
            headers.append("X-Versions-Enabled: True")
        peer.answer("200 OK", *headers, body=b"" if line.startswith("HEAD") else body)

    return script


def listed(told: Scripted, keys: Keys, target: str, body: bytes) -> Reply:
    with told.saying(saying(body)):
        url = told.gateway.endpoint + target
        return ask(told.gateway.endpoint, sign(keys, "GET", url))


@pytest.mark.parametrize("target", LISTINGS)
def test_a_listing_that_is_whole_is_shown(told: Scripted, keys: Keys, target: str) -> None:
    reply = listed(told, keys, target, json.dumps([LISTINGS[target]]).encode())
    assert reply.status == 200
    assert b"2026-01-02T03:04:06.000Z" in reply.body


@pytest.mark.parametrize("target", LISTINGS)
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"<html>", b"{}", b"null", b"[null]", b"[[]]", b'["k"]', b"[", b"[" * 100_000),
        *(b"[{}]", b'[{"name": "\\ud800"}]', b"\xff\xfe[]", b'[{"subdir": "a\xed\xa0\x80"}]'),
        *(b'[{"bytes": 1' + b"0" * 5000 + b"}]", b'[{"bytes": NaN}]', b'[{"subdir": "a/"}]'),
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_listing_is_swifts_trouble(
    told: Scripted, keys: Keys, target: str, body: bytes
) -> None:
    reply = listed(told, keys, target, body)
    assert (reply.status, reply.code) == (503, "ServiceUnavailable")


def changed(entry: dict[str, Any], field: str) -> Iterator[dict[str, Any]]:
    """The entry without the field, and with it, but as it cannot be."""
    yield {name: value for name, value in entry.items() if name != field}
    wrong: tuple[object, ...] = (None, True, 1.5, [], {}, "\udfff")
    for value in NO_TIMES if field == "last_modified" else wrong:
        yield entry | {field: value}


@pytest.mark.parametrize("target", LISTINGS)
def test_an_entry_that_lacks_something_is_swifts_trouble(
    told: Scripted, keys: Keys, target: str
) -> None:
    whole = LISTINGS[target]
    needed = {"name", "last_modified"}
    if target != "/":
        needed |= {"hash", "bytes", "version_id"} & whole.keys()
    for field in sorted(needed):
        for entry in changed(whole, field):
            reply = listed(told, keys, target, json.dumps([whole, entry]).encode())
            assert (reply.status, reply.code) == (503, "ServiceUnavailable"), entry


@pytest.mark.parametrize("target", ["/bucket?delimiter=%2F", "/versioned?versions=&delimiter=%2F"])
def test_a_common_prefix_that_is_no_text_is_swifts_trouble(
    told: Scripted, keys: Keys, target: str
) -> None:
    wrongs: tuple[object, ...] = (None, 1, [], "\ud800")
    for wrong in wrongs:
        reply = listed(told, keys, target, json.dumps([{"subdir": wrong}]).encode())
        assert (reply.status, reply.code) == (503, "ServiceUnavailable"), wrong
