"""Readiness: cheap, never a stampede, and no hastier than what is remembered allows."""

import math
from time import monotonic

import anyio
import pytest

from s3gw import readiness
from s3gw.readiness import Backend, Readiness


class Fake:
    """A backend that can fall silent."""

    def __init__(self, *, answers: bool | None = True, seconds: float = 0.0) -> None:
        self.answers = answers
        self.seconds = seconds
        self.asked = 0
        self.answered_at = -math.inf

    async def ask(self) -> bool | None:
        self.asked += 1
        await anyio.sleep(self.seconds)
        if self.answers:
            self.answered_at = monotonic()
        return self.answers

    def backend(self, bridged: float = 0.0) -> Backend:
        return Backend(lambda: self.answered_at, self.ask, bridged)


def of(bridged: float = 0.0, *, stopping: bool = False, **fakes: Fake) -> Readiness:
    found = {name: fake.backend(bridged) for name, fake in fakes.items()}
    return Readiness(found, lambda: stopping)


async def test_a_backend_that_has_just_answered_is_not_asked() -> None:
    fake = Fake(answers=False)
    fake.answered_at = monotonic() - readiness.FRESH / 2
    verdict = await of(swift=fake).verdict()
    assert (verdict.is_ready, verdict.backends, fake.asked) == (True, {"swift": "answers"}, 0)


async def test_without_traffic_all_who_want_to_know_ask_once() -> None:
    fake = Fake(seconds=0.05)
    ready = of(swift=fake)
    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(ready.verdict)
    assert fake.asked == 1
    assert (await ready.verdict()).is_ready
    assert fake.asked == 1


async def test_a_silence_is_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(answers=False)
    ready = of(swift=fake)
    for _ in range(10):
        verdict = await ready.verdict()
        assert (verdict.is_ready, verdict.backends["swift"]) == (False, "does not answer")
    assert fake.asked == 1
    monkeypatch.setattr(readiness, "QUIET", 0.0)
    fake.answers = True
    assert (await ready.verdict()).is_ready
    assert fake.asked == 2


async def test_what_is_remembered_of_a_backend_bridges_its_silence() -> None:
    fake = Fake(answers=False)
    fake.answered_at = monotonic() - 100
    verdict = await of(101, keystone=fake).verdict()
    assert (verdict.is_ready, verdict.backends["keystone"][:6]) == (True, "silent")
    assert not (await of(99, keystone=fake).verdict()).is_ready


async def test_one_backend_that_is_down_is_one_too_many() -> None:
    verdict = await of(keystone=Fake(), swift=Fake(answers=False)).verdict()
    assert verdict.backends == {"keystone": "answers", "swift": "does not answer"}
    assert not verdict.is_ready


async def test_nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "PATIENCE", 0.05)
    ready = of(keystone=Fake(seconds=5), swift=Fake(seconds=5))
    with anyio.fail_after(2):
        assert not (await ready.verdict()).is_ready
        await ready.aclose()


async def test_what_cannot_be_asked_yet_stands_in_nobodys_way() -> None:
    verdict = await of(swift=Fake(answers=None)).verdict()
    assert (verdict.is_ready, verdict.backends["swift"]) == (True, "cannot be asked yet")


async def test_a_worker_that_stops_wants_no_new_requests() -> None:
    silent = Fake(seconds=5)
    with anyio.fail_after(1):
        verdict = await of(swift=silent, stopping=True).verdict()
    assert (verdict.is_ready, verdict.backends) == (False, {"gateway": "stops"})
    assert silent.asked == 0
