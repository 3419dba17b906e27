"""Tokens are kept until shortly before they expire, and no longer than their credential."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from s3gw.identity import cache
from s3gw.identity.cache import Logins
from s3gw.identity.model import IdentityRefused, IdentityUnavailable
from tests.unit.identity.fakes import Clock, FakeProvider, at_once, credential, settings, until

SILENT = IdentityUnavailable("connection refused")
REFUSED = IdentityRefused("401")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keystone(clock: Clock) -> FakeProvider:
    return FakeProvider(clock)


@pytest.fixture
async def logins(keystone: FakeProvider, clock: Clock) -> AsyncIterator[Logins]:
    made = Logins(keystone, settings(), clock)
    yield made
    await made.aclose()


async def token(logins: Logins) -> str:
    return (await logins.get(credential())).token


async def test_a_token_is_minted_once_and_kept(
    logins: Logins, keystone: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await logins.get(credential())
    monkeypatch.setattr(asyncio, "create_task", None)
    assert at_once(logins.get(credential())) is first
    assert keystone.mints == 1


async def test_a_token_is_renewed_in_the_background_before_it_expires(
    logins: Logins, keystone: FakeProvider, clock: Clock
) -> None:
    assert await token(logins) == "token-1"
    clock.now += 3600 - 120
    keystone.gate = asyncio.Event()
    assert at_once(logins.get(credential())).token == "token-1"
    assert at_once(logins.get(credential())).token == "token-1"
    await until(lambda: keystone.mints == 2)
    keystone.gate.set()
    await until(lambda: len(keystone.minted) == 2)
    await asyncio.sleep(0)
    assert at_once(logins.get(credential())).token == "token-2"
    assert keystone.mints == 2


async def test_a_token_goes_on_while_its_renewal_fails_until_it_expires(
    logins: Logins, keystone: FakeProvider, clock: Clock
) -> None:
    assert await token(logins) == "token-1"
    keystone.failure = SILENT
    clock.now += 3600 - 120
    for _ in range(10):
        assert await token(logins) == "token-1"
        await asyncio.sleep(0)
    await until(lambda: keystone.mints == 2)
    clock.now += cache.RETRY
    assert await token(logins) == "token-1"
    await until(lambda: keystone.mints == 3)
    clock.now += 120 - cache.RETRY - cache.LAST
    with pytest.raises(IdentityUnavailable):
        await token(logins)


async def test_a_token_whose_renewal_is_refused_goes(
    logins: Logins, keystone: FakeProvider, clock: Clock
) -> None:
    await token(logins)
    clock.now += 3600 - 120
    keystone.failure = REFUSED
    await token(logins)
    await until(lambda: keystone.mints == 2)
    await asyncio.sleep(0.01)
    with pytest.raises(IdentityRefused):
        await token(logins)


async def test_a_token_that_lives_shorter_than_the_margin_is_renewed_at_half_its_life(
    logins: Logins, keystone: FakeProvider, clock: Clock
) -> None:
    keystone.life = 60
    await token(logins)
    clock.now += 29
    await token(logins)
    await asyncio.sleep(0.01)
    assert keystone.mints == 1
    clock.now += 1
    await token(logins)
    await until(lambda: keystone.mints == 2)


async def test_a_stampede_mints_one_token_whoever_is_cancelled(
    logins: Logins, keystone: FakeProvider
) -> None:
    keystone.gate = asyncio.Event()
    first, *others = [asyncio.create_task(token(logins)) for _ in range(50)]
    await until(lambda: keystone.mints)
    first.cancel()
    await until(first.done)
    keystone.gate.set()
    assert await asyncio.gather(*others) == ["token-1"] * 49
    assert keystone.mints == 1


async def test_a_token_belongs_to_key_and_secret(logins: Logins, keystone: FakeProvider) -> None:
    await token(logins)
    other = await logins.get(credential(secret="other"))
    assert other.token == "token-2"
    assert keystone.mints == 2


async def test_a_token_that_swift_refused_is_dropped(
    logins: Logins, keystone: FakeProvider
) -> None:
    refused = await logins.get(credential())
    logins.forget(credential(), refused)
    assert await token(logins) == "token-2"
    logins.forget(credential(), refused)
    assert await token(logins) == "token-2"
    assert keystone.mints == 2


async def test_a_credential_that_is_gone_takes_its_token_along(
    logins: Logins, keystone: FakeProvider
) -> None:
    await token(logins)
    logins.drop(credential())
    logins.forget(credential(), keystone.minted[0])
    assert await token(logins) == "token-2"


async def test_a_token_that_lands_after_its_credential_went_is_not_kept(
    logins: Logins, keystone: FakeProvider
) -> None:
    keystone.gate = asyncio.Event()
    waiting = asyncio.create_task(token(logins))
    await until(lambda: keystone.mints)
    logins.drop(credential())
    keystone.gate.set()
    assert await waiting == "token-1"
    assert await token(logins) == "token-2"


async def test_a_refusal_keeps_a_hot_loop_off_keystone_for_a_second(
    logins: Logins, keystone: FakeProvider, clock: Clock
) -> None:
    keystone.failure = REFUSED
    for _ in range(20):
        with pytest.raises(IdentityRefused):
            await token(logins)
    assert keystone.mints == 1
    keystone.failure = None
    clock.now += cache.REFUSED
    assert await token(logins) == "token-2"


async def test_silence_is_not_remembered(logins: Logins, keystone: FakeProvider) -> None:
    keystone.failure = SILENT
    with pytest.raises(IdentityUnavailable):
        await token(logins)
    keystone.failure = None
    assert await token(logins) == "token-2"


async def test_the_least_recently_used_token_goes_when_there_are_too_many(
    logins: Logins, keystone: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "CAPACITY", 2)
    for name in ("A", "B", "A", "C", "A"):
        await logins.get(credential(name))
    assert keystone.mints == 3
    await logins.get(credential("B"))
    assert keystone.mints == 4


async def test_no_repr_shows_a_secret_or_a_token(logins: Logins) -> None:
    login = await logins.get(credential())
    assert "token-1" not in repr(login)
    assert "s3cret" not in repr(credential())
