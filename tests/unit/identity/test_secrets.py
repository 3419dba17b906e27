"""Secrets are cached: what that may and may not mean."""

import asyncio

import pytest

from s3gw.identity import cache
from s3gw.identity.cache import Credentials
from s3gw.identity.model import Credential, IdentityRefused, IdentityUnavailable
from tests.unit.identity.conftest import Lines
from tests.unit.identity.fakes import (
    SECRET,
    Clock,
    FakeProvider,
    at_once,
    credential,
    settings,
    until,
)

SILENT = IdentityUnavailable("connection refused")
REFUSED = IdentityRefused("403")


async def outdated(secrets: Credentials, clock: Clock) -> None:
    """Know the key, and let its time run out."""
    assert await secrets.find("AK") == credential()
    clock.now += 60


async def test_a_secret_serves_for_its_ttl_and_not_a_moment_longer(
    secrets: Credentials, keystone: FakeProvider, clock: Clock
) -> None:
    assert await secrets.find("AK") == credential()
    clock.now += 59.9
    assert await secrets.find("AK") == credential()
    assert keystone.asked == ["AK"]
    clock.now += 0.1
    assert await secrets.find("AK") == credential()
    assert keystone.asked == ["AK", "AK"]


async def test_the_ttl_counts_from_the_question_not_from_the_answer(
    secrets: Credentials, keystone: FakeProvider, clock: Clock
) -> None:
    keystone.gate = asyncio.Event()
    look = asyncio.create_task(secrets.find("AK"))
    await until(lambda: keystone.asked)
    clock.now += 15
    keystone.gate.set()
    await look
    clock.now += 45
    await secrets.find("AK")
    assert len(keystone.asked) == 2


async def test_a_clock_that_is_set_back_makes_no_secret_last_longer(
    secrets: Credentials, keystone: FakeProvider, clock: Clock
) -> None:
    await secrets.find("AK")
    clock.now -= 3600
    await secrets.find("AK")
    assert len(keystone.asked) == 2


async def test_a_warm_look_up_neither_waits_nor_makes_a_task(
    secrets: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    await secrets.find("AK")
    monkeypatch.setattr(asyncio, "create_task", None)
    assert at_once(secrets.find("AK")) == credential()


async def test_a_deleted_key_stops_within_the_ttl_and_is_reported(
    secrets: Credentials, keystone: FakeProvider, clock: Clock, gone: list[Credential]
) -> None:
    await outdated(secrets, clock)
    del keystone.keys["AK"]
    assert await secrets.find("AK") is None
    assert gone == [credential()]


async def test_a_changed_secret_is_reported_and_replaced(
    secrets: Credentials, keystone: FakeProvider, clock: Clock, gone: list[Credential]
) -> None:
    await outdated(secrets, clock)
    keystone.keys["AK"] = credential(secret="other")
    assert await secrets.find("AK") == credential(secret="other")
    assert gone == [credential()]


async def test_an_unknown_key_stays_unknown_for_ten_seconds(
    secrets: Credentials, keystone: FakeProvider, clock: Clock
) -> None:
    assert await secrets.find("NEW") is None
    keystone.keys["NEW"] = credential("NEW")
    clock.now += 9.9
    assert await secrets.find("NEW") is None
    assert keystone.asked == ["NEW"]
    clock.now += 0.1
    assert await secrets.find("NEW") == credential("NEW")


async def test_a_stampede_of_one_key_makes_one_call(
    secrets: Credentials, keystone: FakeProvider
) -> None:
    keystone.gate = asyncio.Event()
    looks = [asyncio.create_task(secrets.find("AK")) for _ in range(100)]
    await until(lambda: keystone.asked)
    keystone.gate.set()
    assert await asyncio.gather(*looks) == [credential()] * 100
    assert keystone.asked == ["AK"]


async def test_a_cancelled_waiter_harms_neither_the_flight_nor_the_others(
    secrets: Credentials, keystone: FakeProvider
) -> None:
    keystone.gate = asyncio.Event()
    first, second = (asyncio.create_task(secrets.find("AK")) for _ in range(2))
    await until(lambda: keystone.asked)
    first.cancel()
    await until(first.done)
    assert first.cancelled()
    keystone.gate.set()
    assert await second == credential()
    assert keystone.asked == ["AK"]


async def test_an_answer_that_nobody_waits_for_any_more_is_still_remembered(
    secrets: Credentials, keystone: FakeProvider
) -> None:
    keystone.gate = asyncio.Event()
    look = asyncio.create_task(secrets.find("AK"))
    await until(lambda: keystone.asked)
    look.cancel()
    await until(look.done)
    keystone.gate.set()
    await asyncio.sleep(0.01)
    assert at_once(secrets.find("AK")) == credential()


async def test_a_failed_flight_does_not_poison_the_next(
    secrets: Credentials, keystone: FakeProvider
) -> None:
    keystone.failure = SILENT
    with pytest.raises(IdentityUnavailable):
        await secrets.find("AK")
    keystone.failure = None
    assert await secrets.find("AK") == credential()


async def test_a_known_key_goes_on_while_keystone_is_silent_but_not_for_ever(
    secrets: Credentials, keystone: FakeProvider, clock: Clock
) -> None:
    await outdated(secrets, clock)
    keystone.failure = SILENT
    assert await secrets.find("AK") == credential()
    clock.now += 599
    assert await secrets.find("AK") == credential()
    assert secrets.stale_uses == 2
    clock.now += 1
    with pytest.raises(IdentityUnavailable):
        await secrets.find("AK")


async def test_stale_ttl_zero_turns_it_off(
    keystone: FakeProvider, clock: Clock, gone: list[Credential]
) -> None:
    secrets = Credentials(keystone, settings(stale_ttl=0), clock, gone.append)
    await outdated(secrets, clock)
    keystone.failure = SILENT
    with pytest.raises(IdentityUnavailable):
        await secrets.find("AK")


async def test_an_unknown_key_gets_no_answer_while_keystone_is_silent(
    secrets: Credentials, keystone: FakeProvider, clock: Clock
) -> None:
    await outdated(secrets, clock)
    keystone.failure = SILENT
    await secrets.find("AK")
    with pytest.raises(IdentityUnavailable):
        await secrets.find("NEW")


async def test_a_refusal_is_no_silence(
    secrets: Credentials, keystone: FakeProvider, clock: Clock, gone: list[Credential]
) -> None:
    await outdated(secrets, clock)
    keystone.failure = REFUSED
    with pytest.raises(IdentityRefused):
        await secrets.find("AK")
    assert gone == [credential()]
    keystone.failure = SILENT
    with pytest.raises(IdentityUnavailable):
        await secrets.find("AK")


async def test_nobody_waits_again_for_a_keystone_that_did_not_answer(
    secrets: Credentials, keystone: FakeProvider, clock: Clock
) -> None:
    await outdated(secrets, clock)
    keystone.failure = SILENT
    await secrets.find("AK")
    clock.now += cache.RETRY
    keystone.gate = asyncio.Event()
    assert at_once(secrets.find("AK")) == credential()
    assert at_once(secrets.find("AK")) == credential()
    await until(lambda: len(keystone.asked) == 3)
    keystone.failure = None
    del keystone.keys["AK"]
    keystone.gate.set()
    await asyncio.sleep(0.01)
    assert at_once(secrets.find("AK")) is None


async def test_while_keystone_is_silent_it_is_asked_now_and_then_only(
    secrets: Credentials, keystone: FakeProvider, clock: Clock
) -> None:
    await outdated(secrets, clock)
    keystone.failure = SILENT
    for _ in range(20):
        await secrets.find("AK")
        await asyncio.sleep(0)
    assert len(keystone.asked) == 2
    clock.now += cache.RETRY
    for _ in range(20):
        await secrets.find("AK")
        await asyncio.sleep(0)
    assert len(keystone.asked) == 3


async def test_an_answer_slower_than_the_timeout_is_silence(
    keystone: FakeProvider, clock: Clock, gone: list[Credential]
) -> None:
    secrets = Credentials(keystone, settings(timeout=0.01), clock, gone.append)
    await outdated(secrets, clock)
    keystone.gate = asyncio.Event()
    assert await secrets.find("AK") == credential()
    assert at_once(secrets.find("AK")) == credential()
    with pytest.raises(IdentityUnavailable, match=r"0\.01 s"):
        await secrets.find("NEW")
    await secrets.aclose()


async def test_silence_and_its_end_are_logged_once(
    secrets: Credentials, keystone: FakeProvider, clock: Clock, logs: Lines
) -> None:
    await outdated(secrets, clock)
    keystone.failure = SILENT
    for _ in range(3):
        await secrets.find("AK")
    keystone.failure = None
    clock.now += cache.RETRY
    await secrets.find("AK")
    await asyncio.sleep(0.01)
    assert [line["event"] for line in logs] == ["keystone_silent", "keystone_answers_again"]
    assert SECRET not in str(logs)


async def test_closing_ends_what_is_under_way(secrets: Credentials, keystone: FakeProvider) -> None:
    keystone.gate = asyncio.Event()
    look = asyncio.create_task(secrets.find("AK"))
    await until(lambda: keystone.asked)
    await secrets.aclose()
    with pytest.raises(IdentityUnavailable):
        await look


async def test_a_crash_in_a_flight_is_logged_even_if_nobody_waits(
    secrets: Credentials, keystone: FakeProvider, logs: Lines
) -> None:
    keystone.gate = asyncio.Event()
    keystone.failure = RuntimeError("a bug")
    look = asyncio.create_task(secrets.find("AK"))
    await until(lambda: keystone.asked)
    look.cancel()
    await until(look.done)
    keystone.gate.set()
    await until(lambda: logs)
    assert logs[0]["event"] == "identity_flight_crashed"
    assert logs[0]["error"] == "RuntimeError"
