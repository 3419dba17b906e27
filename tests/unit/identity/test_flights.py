"""One asks, and everybody gets the answer."""

import asyncio

import pytest

from s3gw.identity.flights import Flights
from s3gw.identity.model import IdentityUnavailable
from tests.unit.identity.fakes import until


class Calls:
    """Calls that end when they are told to; each tells whether it still was the current one."""

    def __init__(self) -> None:
        self.ends: list[asyncio.Future[None]] = []
        self.flights = Flights(self._call, patience=5)

    async def _call(self, key: str) -> tuple[str, int, bool]:
        end = asyncio.get_running_loop().create_future()
        self.ends.append(end)
        number = len(self.ends)
        await end
        return key, number, self.flights.owns(key)


@pytest.fixture
def calls() -> Calls:
    return Calls()


async def test_an_outdated_flight_lands_beside_its_successor(calls: Calls) -> None:
    first = asyncio.create_task(calls.flights.join("k"))
    await until(lambda: len(calls.ends) == 1)
    calls.flights.disown("k")
    second = asyncio.create_task(calls.flights.join("k"))
    await until(lambda: len(calls.ends) == 2)
    calls.ends[0].set_result(None)
    assert await first == ("k", 1, False)
    third = asyncio.create_task(calls.flights.join("k"))
    await asyncio.sleep(0.01)
    calls.ends[1].set_result(None)
    assert await second == await third == ("k", 2, True)
    assert "k" not in calls.flights


async def test_keys_fly_apart(calls: Calls) -> None:
    both = [asyncio.create_task(calls.flights.join(key)) for key in ("a", "b")]
    await until(lambda: len(calls.ends) == 2)
    calls.ends[1].set_result(None)
    assert await both[1] == ("b", 2, True)
    assert not both[0].done()
    await calls.flights.aclose()
    with pytest.raises(IdentityUnavailable):
        await both[0]


async def test_closing_also_ends_an_outdated_flight(calls: Calls) -> None:
    waiting = asyncio.create_task(calls.flights.join("k"))
    await until(lambda: calls.ends)
    calls.flights.disown("k")
    await calls.flights.aclose()
    with pytest.raises(IdentityUnavailable):
        await waiting
    assert calls.ends[0].cancelled()
