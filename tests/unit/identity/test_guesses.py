"""Wrong signatures and unknown keys: rotated keys work, and guessing costs Keystone little."""

import asyncio

import pytest

from s3gw.identity import cache
from s3gw.identity.cache import Allowance, Credentials, TooManyLookups
from s3gw.identity.model import Credential, IdentityRefused, IdentityUnavailable
from tests.unit.identity.fakes import (
    Clock,
    FakeProvider,
    at_once,
    credential,
    settings,
    until,
)

SILENT = IdentityUnavailable("connection refused")
REFUSED = IdentityRefused("403")


async def test_a_rotated_secret_is_read_at_once(
    secrets: Credentials, keystone: FakeProvider, clock: Clock
) -> None:
    await secrets.find("AK")
    keystone.keys["AK"] = credential(secret="rotated")
    clock.now += 1
    found = await secrets.refetch(credential(), since=clock())
    assert found == credential(secret="rotated")


async def test_guessing_reads_a_secret_once_in_five_seconds(
    secrets: Credentials, keystone: FakeProvider, clock: Clock
) -> None:
    await secrets.find("AK")
    for _ in range(50):
        clock.now += 0.1
        assert await secrets.refetch(credential(), since=clock()) == credential()
    assert len(keystone.asked) == 2
    clock.now += 0.2
    await secrets.refetch(credential(), since=clock())
    assert len(keystone.asked) == 3


async def test_a_secret_that_was_read_for_this_request_is_not_read_twice(
    secrets: Credentials, keystone: FakeProvider, clock: Clock
) -> None:
    since = clock()
    await secrets.find("AK")
    assert await secrets.refetch(credential(), since) == credential()
    assert keystone.asked == ["AK"]


async def test_all_who_come_with_a_rotated_secret_at_once_are_served(
    secrets: Credentials, keystone: FakeProvider, clock: Clock
) -> None:
    await secrets.find("AK")
    keystone.keys["AK"] = credential(secret="rotated")
    clock.now += 1
    keystone.gate = asyncio.Event()
    looks = [asyncio.create_task(secrets.refetch(credential(), clock())) for _ in range(10)]
    await until(lambda: len(keystone.asked) == 2)
    keystone.gate.set()
    assert await asyncio.gather(*looks) == [credential(secret="rotated")] * 10
    assert len(keystone.asked) == 2


@pytest.mark.parametrize("failure", [SILENT, REFUSED])
async def test_a_mismatch_stands_when_keystone_does_not_say_otherwise(
    secrets: Credentials, keystone: FakeProvider, clock: Clock, failure: Exception
) -> None:
    await secrets.find("AK")
    clock.now += 1
    keystone.failure = failure
    assert await secrets.refetch(credential(), since=clock()) == credential()


async def test_a_key_that_vanished_is_gone_at_a_mismatch(
    secrets: Credentials, keystone: FakeProvider, clock: Clock, gone: list[Credential]
) -> None:
    await secrets.find("AK")
    clock.now += 1
    del keystone.keys["AK"]
    assert await secrets.refetch(credential(), since=clock()) is None
    assert await secrets.refetch(credential(), since=clock()) is None
    assert (gone, len(keystone.asked)) == ([credential()], 2)


async def test_unknown_keys_are_looked_up_at_a_limited_rate(
    keystone: FakeProvider, clock: Clock, gone: list[Credential]
) -> None:
    secrets = Credentials(keystone, settings(unknown_key_rate=5), clock, gone.append)
    for number in range(5):
        assert await secrets.find(f"GUESS{number}") is None
    with pytest.raises(TooManyLookups):
        await secrets.find("GUESS5")
    assert await secrets.find("GUESS0") is None
    clock.now += 0.25
    assert await secrets.find("GUESS5") is None
    assert len(keystone.asked) == 6


async def test_the_rate_of_guesses_does_not_hold_up_known_keys(
    keystone: FakeProvider, clock: Clock, gone: list[Credential]
) -> None:
    secrets = Credentials(keystone, settings(unknown_key_rate=1, stale_ttl=0), clock, gone.append)
    assert await secrets.find("AK") == credential()
    clock.now += 60
    assert await secrets.find("GUESS") is None
    with pytest.raises(TooManyLookups):
        await secrets.find("GUESS2")
    assert await secrets.find("AK") == credential()


async def test_guesses_push_no_known_key_out_and_fill_no_memory(
    keystone: FakeProvider,
    clock: Clock,
    gone: list[Credential],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache, "CAPACITY", 10)
    secrets = Credentials(keystone, settings(unknown_key_rate=1000), clock, gone.append)
    await secrets.find("AK")
    for number in range(50):
        await secrets.find(f"GUESS{number}")
    assert at_once(secrets.find("AK")) == credential()
    assert len(secrets._unknown) == 10


async def test_the_least_recently_used_key_goes_when_there_are_too_many(
    keystone: FakeProvider,
    clock: Clock,
    gone: list[Credential],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache, "CAPACITY", 2)
    keystone.keys = {name: credential(name) for name in ("A", "B", "C")}
    secrets = Credentials(keystone, settings(), clock, gone.append)
    for name in ("A", "B", "A", "C"):
        await secrets.find(name)
    assert gone == [credential("B")]
    assert keystone.asked == ["A", "B", "C"]


def test_an_allowance_below_one_a_second_still_lets_one_through() -> None:
    allowance = Allowance(0.5)
    assert [allowance.take(now) for now in (0, 1, 1.5, 2, 3)] == [True, False, False, True, False]


def test_an_allowance_neither_gains_nor_loses_by_a_clock_set_back() -> None:
    allowance = Allowance(2)
    assert [allowance.take(now) for now in (100, 100, 100)] == [True, True, False]
    assert [allowance.take(now) for now in (50, 50.5, 50.5)] == [False, True, False]
