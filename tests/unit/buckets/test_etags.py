"""ETags of large objects that others made: derived once, and never remembered for another."""

import pytest

from s3gw.buckets.etags import EtagCache
from s3gw.mapping import etags
from s3gw.swift.account import Entry
from s3gw.swift.errors import SwiftStatus
from tests.unit.buckets.scripted import Swift

ONE, TWO = "0" * 32, "1" * 32
SEGMENTS: list[Entry] = [{"path": "/s/1", "etag": ONE}, {"path": "/s/2", "etag": TWO}]
SWIFT_ETAG = etags.manifest([ONE, TWO])
S3_ETAG = etags.multipart([ONE, TWO])
LARGE = {"X-Static-Large-Object": "True", "Etag": f'"{SWIFT_ETAG}"'}
NOTED = "f" * 32 + "-7"
NOTED_ON_IT = {**LARGE, "X-Object-Meta-S3gw-Etag": NOTED}


@pytest.fixture
def cache() -> EtagCache:
    return EtagCache()


async def listed(cache: EtagCache, swift: Swift, slo_etag: str = SWIFT_ETAG) -> str:
    return await cache.of_listed("a", swift.account, "b", "k", f'"{slo_etag}"')


async def test_headers_that_tell_the_etag_are_believed(cache: EtagCache) -> None:
    swift = Swift()
    for headers, etag in (
        ({"Etag": ONE}, ONE),
        (NOTED_ON_IT, NOTED),
        ({"Etag": f'"{ONE}"', "X-Object-Manifest": "c/p"}, f"{ONE}-0"),
    ):
        assert await cache.of_object("a", swift.account, "b", "k", headers) == etag
    assert swift.asked == []


async def test_an_etag_that_nobody_noted_is_derived_once(cache: EtagCache) -> None:
    swift = Swift().manifest("/b/k", *SEGMENTS)
    for _ in range(2):
        found = await cache.of_object("a", swift.account, "b", "k", LARGE)
        assert found == S3_ETAG
    assert await listed(cache, swift) == S3_ETAG
    assert swift.asked == ["GET /b/k"]


async def test_a_listed_object_is_asked_for_once(cache: EtagCache) -> None:
    swift = Swift().says("HEAD /b/k", NOTED_ON_IT)
    assert [await listed(cache, swift) for _ in range(2)] == [NOTED, NOTED]
    assert swift.asked == ["HEAD /b/k"]


async def test_a_listed_object_that_tells_nothing_is_derived_once(cache: EtagCache) -> None:
    swift = Swift().says("HEAD /b/k", LARGE).manifest("/b/k", *SEGMENTS)
    assert [await listed(cache, swift) for _ in range(2)] == [S3_ETAG, S3_ETAG]
    assert swift.asked == ["HEAD /b/k", "GET /b/k"]


@pytest.mark.parametrize("place", [("x", "b", "k"), ("a", "x", "k"), ("a", "b", "x")])
async def test_what_is_known_is_known_of_one_object(
    cache: EtagCache, place: tuple[str, str, str]
) -> None:
    await listed(cache, Swift().says("HEAD /b/k", NOTED_ON_IT))
    owner, bucket, key = place
    assert await cache.of_listed(owner, Swift().account, bucket, key, SWIFT_ETAG) != NOTED


async def test_an_object_that_is_gone_shows_no_md5(cache: EtagCache) -> None:
    assert await listed(cache, Swift()) == f"{SWIFT_ETAG}-0"
    gone_since = Swift().says("HEAD /b/k", LARGE)
    assert await listed(cache, gone_since) == f"{SWIFT_ETAG}-0"
    # It may come back: nothing was remembered.
    there = Swift().says("HEAD /b/k", LARGE).manifest("/b/k", *SEGMENTS)
    assert await listed(cache, there) == S3_ETAG


@pytest.mark.parametrize(
    "newer",
    [
        {"Etag": ONE},
        {"Etag": TWO, "X-Static-Large-Object": "True", "X-Object-Meta-S3gw-Etag": NOTED},
    ],
    ids=["plain", "large"],
)
async def test_a_newer_object_is_not_remembered_for_the_listed_one(
    cache: EtagCache, newer: dict[str, str]
) -> None:
    await listed(cache, Swift().says("HEAD /b/k", newer))
    again = Swift().says("HEAD /b/k", LARGE).manifest("/b/k", *SEGMENTS)
    assert await listed(cache, again) == S3_ETAG


async def test_a_newer_manifest_is_not_remembered_for_the_older_object(cache: EtagCache) -> None:
    newer = Swift().manifest("/b/k", {"path": "/s/3", "etag": "2" * 32})
    await cache.of_object("a", newer.account, "b", "k", LARGE)
    swift = Swift().manifest("/b/k", *SEGMENTS)
    assert await cache.of_object("a", swift.account, "b", "k", LARGE) == S3_ETAG


async def test_trouble_is_told(cache: EtagCache) -> None:
    with pytest.raises(SwiftStatus, match="503"):
        await listed(cache, Swift().says("HEAD /b/k", status=503))
    with pytest.raises(SwiftStatus, match="503"):
        await listed(cache, Swift().says("HEAD /b/k", LARGE).says("GET /b/k", status=503))


async def test_the_oldest_etags_go_first(cache: EtagCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3gw.buckets.etags._ENTRIES", 2)
    swift = Swift()
    for key in "xyz":
        swift.says(f"HEAD /b/{key}", NOTED_ON_IT)
        await cache.of_listed("a", swift.account, "b", key, SWIFT_ETAG)
    swift.asked.clear()
    for key in "zyx":
        await cache.of_listed("a", swift.account, "b", key, SWIFT_ETAG)
    assert swift.asked == ["HEAD /b/x"]
