"""A project's name is shown once it is known, and never waited for."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from s3gw.identity.model import IdentityUnavailable
from s3gw.identity.project_names import ProjectNames
from tests.unit.identity.fakes import Clock, FakeProvider, until


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Counted:
    """A look-up that counts."""

    def __init__(self, clock: Clock) -> None:
        self.keystone = FakeProvider(clock)
        self.asked: list[str] = []
        self.unknown = False

    async def __call__(self, project_id: str) -> str | None:
        self.asked.append(project_id)
        name = await self.keystone.project_name(project_id)
        return None if self.unknown else name


@pytest.fixture
def look_up(clock: Clock) -> Counted:
    return Counted(clock)


@pytest.fixture
async def names(look_up: Counted, clock: Clock) -> AsyncIterator[ProjectNames]:
    found = ProjectNames(look_up, 5, clock)
    yield found
    await found.aclose()


async def test_the_id_is_shown_until_the_name_is_known(
    names: ProjectNames, look_up: Counted
) -> None:
    look_up.keystone.gate = asyncio.Event()
    assert names.shown("7e57") == "7e57"
    await until(lambda: look_up.asked == ["7e57"])
    assert names.shown("7e57") == "7e57"
    look_up.keystone.gate.set()
    await until(lambda: names.shown("7e57") == "name of 7e57")
    assert look_up.asked == ["7e57"]


async def test_a_name_is_looked_up_again_after_an_hour_and_shown_meanwhile(
    names: ProjectNames, look_up: Counted, clock: Clock
) -> None:
    names.shown("7e57")
    await until(lambda: names.shown("7e57") == "name of 7e57")
    await asyncio.sleep(0.01)
    clock.now += 3601
    look_up.keystone.gate = asyncio.Event()
    assert names.shown("7e57") == "name of 7e57"
    await until(lambda: len(look_up.asked) == 2)


async def test_trouble_leaves_the_id_and_is_not_repeated_within_the_minute(
    names: ProjectNames, look_up: Counted, clock: Clock
) -> None:
    look_up.keystone.failure = IdentityUnavailable("silent")
    names.shown("7e57")
    await until(lambda: len(look_up.asked) == 1)
    await asyncio.sleep(0.01)
    assert names.shown("7e57") == "7e57"
    look_up.keystone.failure = None
    clock.now += 61
    names.shown("7e57")
    await until(lambda: names.shown("7e57") == "name of 7e57")
    assert len(look_up.asked) == 2


async def test_a_project_without_a_known_name_is_its_id_for_an_hour(
    names: ProjectNames, look_up: Counted, clock: Clock
) -> None:
    look_up.unknown = True
    names.shown("7e57")
    await until(lambda: len(look_up.asked) == 1)
    await asyncio.sleep(0.01)
    clock.now += 3599
    assert names.shown("7e57") == "7e57"
    await asyncio.sleep(0.01)
    assert len(look_up.asked) == 1
