"""What is remembered of containers, and for how long."""

import pytest

from s3gw.buckets.facts import ContainerFacts, FactsCache, from_headers, read_facts
from s3gw.swift.errors import SwiftStatus
from tests.unit.buckets.scripted import Swift

TTL = 10.0


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> FactsCache:
    return FactsCache(TTL, clock)


@pytest.mark.parametrize(
    ("headers", "facts"),
    [
        ({}, ContainerFacts("", "", "", "")),
        ({"X-Versions-Enabled": "True"}, ContainerFacts("Enabled", "", "", "")),
        ({"X-Versions-Enabled": "False"}, ContainerFacts("Suspended", "", "", "")),
        (
            {"X-Storage-Policy": "p", "X-Container-Read": ".r:*", "X-Container-Write": "a:b"},
            ContainerFacts("", "p", ".r:*", "a:b"),
        ),
    ],
)
def test_headers_tell_facts(headers: dict[str, str], facts: ContainerFacts) -> None:
    assert from_headers(headers) == facts


async def test_a_container_that_is_not_there_has_no_facts() -> None:
    assert await read_facts(Swift().account, "b") is None


async def test_trouble_is_not_absence(cache: FactsCache) -> None:
    swift = Swift().says("HEAD /b", status=503)
    with pytest.raises(SwiftStatus, match="503"):
        await read_facts(swift.account, "b")
    with pytest.raises(SwiftStatus, match="503"):
        await cache.bucket("a", swift.account, "b")


async def test_a_bucket_is_asked_for_once_in_its_time(cache: FactsCache, clock: Clock) -> None:
    swift = (
        Swift()
        .says("HEAD /b", {"X-Storage-Policy": "1"})
        .says("HEAD /b", {"X-Storage-Policy": "2"})
    )

    async def policy() -> str | None:
        facts = await cache.bucket("a", swift.account, "b")
        return None if facts is None else facts.storage_policy

    assert await policy() == "1"
    clock.now += TTL - 0.001
    assert await policy() == "1"
    assert len(swift.asked) == 1
    clock.now += 0.001
    assert await policy() == "2"
    assert len(swift.asked) == 2


async def test_accounts_do_not_share_facts(cache: FactsCache) -> None:
    swift = Swift().says("HEAD /b")
    assert await cache.bucket("one", swift.account, "b") is not None
    assert await cache.bucket("other", Swift().account, "b") is None


async def test_that_a_bucket_is_not_there_is_not_remembered(cache: FactsCache) -> None:
    swift = Swift()
    assert await cache.bucket("a", swift.account, "b") is None
    swift.says("HEAD /b")
    assert await cache.bucket("a", swift.account, "b") is not None


async def test_a_bucket_that_went_is_forgotten_when_it_is_asked_for(
    cache: FactsCache, clock: Clock
) -> None:
    swift = Swift().says("HEAD /b").says("HEAD /b", status=404)
    assert await cache.bucket("a", swift.account, "b") is not None
    clock.now += TTL
    assert await cache.bucket("a", swift.account, "b") is None
    assert await cache.bucket("a", swift.account, "b") is None
    assert len(swift.asked) == 3


async def test_that_there_are_no_segments_is_remembered_until_they_are_made(
    cache: FactsCache,
) -> None:
    swift = Swift().says("HEAD /b+segments", status=404).says("HEAD /b+segments")
    assert not await cache.has_segments("a", swift.account, "b")
    assert not await cache.has_segments("a", swift.account, "b")
    assert swift.asked == ["HEAD /b+segments"]
    cache.forget("a", "b+segments")
    assert await cache.has_segments("a", swift.account, "b")


async def test_what_changed_is_forgotten(cache: FactsCache) -> None:
    swift = (
        Swift()
        .says("HEAD /b", {"X-Storage-Policy": "1"})
        .says("HEAD /b", {"X-Storage-Policy": "2"})
    )
    await cache.bucket("a", swift.account, "b")
    cache.forget("other", "b")
    cache.forget("a", "c")
    facts = await cache.bucket("a", swift.account, "b")
    assert facts is not None
    assert facts.storage_policy == "1"
    cache.forget("a", "b")
    facts = await cache.bucket("a", swift.account, "b")
    assert facts is not None
    assert facts.storage_policy == "2"


async def test_nothing_is_remembered_for_no_time(clock: Clock) -> None:
    cache = FactsCache(0, clock)
    swift = Swift().says("HEAD /b")
    for _ in range(2):
        await cache.bucket("a", swift.account, "b")
    assert len(swift.asked) == 2


async def test_the_oldest_facts_go_first(
    cache: FactsCache, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3gw.buckets.facts._ENTRIES", 2)
    swift = Swift()
    for name in "abc":
        swift.says(f"HEAD /{name}")
        await cache.bucket("x", swift.account, name)
        clock.now += 1
    swift.asked.clear()
    for name in "cba":
        await cache.bucket("x", swift.account, name)
    assert swift.asked == ["HEAD /a"]
