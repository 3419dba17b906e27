"""Manifests hold every byte once, in order, within Swift's limits."""

import json
from dataclasses import dataclass
from hashlib import md5

import pytest
from hypothesis import given, strategies as st

from s3gw.mapping import etags
from s3gw.mapping.manifests import Manifests, manifests_for, object_headers, refused_names
from s3gw.swift.account import Entry

ID = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdEfGhIj"
S3API_ID = "ODAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAx"
ETAG = "d41d8cd98f00b204e9800998ecf8427e-2"


@dataclass(frozen=True, slots=True)
class Part:
    """What manifests are made of."""

    number: int
    etag: str
    size: int


def part(number: int, size: int = 1) -> Part:
    return Part(number, md5(b"%d" % number).hexdigest(), size)


def flat(manifests: Manifests) -> list[Entry]:
    """The segments in the order in which Swift reads them."""
    below = {f"/b+segments/{name}": entries for name, entries in manifests.below}
    return [leaf for entry in manifests.top for leaf in below.get(entry["path"], [entry])]


def entry(number: int, size: int = 1) -> Entry:
    etag = md5(b"%d" % number).hexdigest()
    return {"path": f"/b+segments/dir/k/{ID}/{number}", "etag": etag, "size_bytes": size}


def test_few_parts_are_one_manifest() -> None:
    parts = [part(2, 5), part(10, 7)]
    assert manifests_for("b", "dir/k", ID, parts, 2) == Manifests((), [entry(2, 5), entry(10, 7)])


@given(st.integers(1, 400), st.integers(20, 400))
def test_every_part_stands_in_its_order_within_the_limit(count: int, limit: int) -> None:
    manifests = manifests_for("b", "dir/k", ID, [part(n) for n in range(1, count + 1)], limit)
    assert flat(manifests) == [entry(n) for n in range(1, count + 1)]
    assert len(manifests.top) <= limit
    assert all(1 <= len(entries) <= limit for _, entries in manifests.below)
    assert bool(manifests.below) == (count > limit)


def test_one_part_more_than_the_limit_makes_one_manifest_below() -> None:
    manifests = manifests_for("b", "dir/k", ID, [part(n, n) for n in (1, 2, 3, 4)], 3)
    assert manifests.below == ((f"dir/k/{ID}/20000", [entry(3, 3), entry(4, 4)]),)
    assert manifests.top == [
        entry(1, 1),
        entry(2, 2),
        {
            "path": f"/b+segments/dir/k/{ID}/20000",
            "etag": etags.manifest([part(3).etag, part(4).etag]),
            "size_bytes": 7,
        },
    ]


@pytest.mark.parametrize("limit", [991, 1000, 5000])
def test_swift_can_delete_what_has_the_most_parts(limit: int) -> None:
    """Swift keeps what waits to be deleted, and gives up above ten times its limit."""
    manifests = manifests_for("b", "k", ID, [part(n) for n in range(1, 10_001)], limit)
    waiting = list(manifests.top)
    below = {f"/b+segments/{name}": entries for name, entries in manifests.below}
    most = 0
    while waiting:
        most = max(most, len(waiting))
        segment = waiting.pop(0)
        if segment["path"] in below:
            waiting += [*below[segment["path"]], {"path": "the manifest itself"}]
    assert most < 10 * limit


def test_manifests_stay_below_swifts_size() -> None:
    parts = [part(n, 5 * 1024**3) for n in range(1, 10_001)]
    key = "\x01" * 969  # six characters of JSON each
    manifests = manifests_for("b" * 64, key, ID, parts, 10_000)
    for manifest in (manifests.top, *(entries for _, entries in manifests.below)):
        assert len(json.dumps(manifest)) <= 8 * 1024 * 1024
    assert sum(len(entries) for _, entries in manifests.below) > 0


def test_empty_parts_are_left_out() -> None:
    parts = [part(1), part(2, 0), part(3), part(4, 0)]
    assert manifests_for("b", "dir/k", ID, parts, 1000).top == [entry(1), entry(3)]


@pytest.mark.parametrize("count", [1, 3])
def test_an_empty_object_has_one_empty_part(count: int) -> None:
    parts = [part(n, 0) for n in range(1, count + 1)]
    assert manifests_for("b", "dir/k", ID, parts, 1000) == Manifests((), [entry(1, 0)])


@pytest.mark.parametrize("limit", [1, 2])
def test_the_smallest_limits_lose_nothing(limit: int) -> None:
    manifests = manifests_for("b", "dir/k", ID, [part(n) for n in (1, 2, 3)], limit)
    assert flat(manifests) == [entry(1), entry(2), entry(3)]


# --- the object's headers ---


def test_an_object_has_its_markers_headers_whatever_the_case_of_their_names() -> None:
    marker = {
        "Content-Type": "text/plain; charset=utf-8",
        "cache-control": "no-cache",
        "EXPIRES": "0",
        "Content-Language": "de",
        "X-Object-Meta-A%5Fb": "c",
        "x-object-meta-s3gw-long-0-0": "name",
        "Etag": "x",
        "Content-Length": "0",
        "X-Timestamp": "1",
        "X-Trans-Id": "tx",
    }
    top = [entry(1), entry(2)]
    assert object_headers(marker, ID, ETAG, top) == {
        "Content-Type": f"text/plain; charset=utf-8;s3gw_etag={ETAG}",
        "cache-control": "no-cache",
        "EXPIRES": "0",
        "Content-Language": "de",
        "X-Object-Meta-A%5Fb": "c",
        "x-object-meta-s3gw-long-0-0": "name",
        "X-Object-Meta-S3gw-Etag": f"{ETAG}:{etags.manifest(one['etag'] for one in top)}",
    }


@pytest.mark.parametrize(
    ("marker", "upload_id", "shown"),
    [
        ({}, ID, "binary/octet-stream"),
        ({"Content-Type": "application/directory"}, S3API_ID, "binary/octet-stream"),
        ({"Content-Type": "application/directory"}, ID, "application/directory"),
        ({"Content-Type": "a/b"}, S3API_ID, "a/b"),
        ({"Content-Type": "a/b;s3gw_etag=old-1"}, ID, "a/b"),
    ],
)
def test_the_content_type_is_the_clients(
    marker: dict[str, str], upload_id: str, shown: str
) -> None:
    headers = object_headers(marker, upload_id, ETAG, [])
    assert headers["Content-Type"] == f"{shown};s3gw_etag={ETAG}"


# --- why Swift refused ---


def test_a_report_names_what_swift_refused() -> None:
    problems = [[f"/b%2Bsegments/k/{ID}/2", "404 Not Found"], [f"/b/{ID}/10", "Etag Mismatch"]]
    report = json.dumps({"Response Status": "400 Bad Request", "Errors": problems}).encode()
    assert refused_names(report) == ["2", "10"]


@pytest.mark.parametrize(
    "report",
    [
        b"", b"<html>", b"[]", b"1", b"{}", b'{"Errors": null}', b'{"Errors": [1]}', b"\xff",
        b'{"Errors": [["/a/1"]]}', b'{"Errors": []}', b'{"Errors": [["/a/1", "Etag',
    ],
)  # fmt: skip
def test_what_is_no_report_names_nothing(report: bytes) -> None:
    assert refused_names(report) == []
