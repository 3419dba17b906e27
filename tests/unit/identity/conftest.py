"""What the tests of identity share."""

import logging
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from s3gw.identity import authenticate, cache, flights, keystone as keystone_module, static
from s3gw.identity.cache import Credentials
from s3gw.identity.model import Credential
from tests.unit.identity.fakes import Clock, FakeProvider, credential, settings
from tests.unit.identity.stub import Stub, serving

Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A Keystone of canned answers."""
    with serving() as made:
        yield made


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """The lines that identity logs, however logging was set up before."""
    capture = LogCapture()
    wrapper = structlog.make_filtering_bound_logger(logging.DEBUG)
    logger = structlog.wrap_logger(None, [capture], wrapper)
    for module in (authenticate, cache, flights, keystone_module, static):
        monkeypatch.setattr(module, "_log", logger)
    return capture.entries


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keystone(clock: Clock) -> FakeProvider:
    return FakeProvider(clock, {"AK": credential()})


@pytest.fixture
def gone() -> list[Credential]:
    return []


@pytest.fixture
async def secrets(
    keystone: FakeProvider, clock: Clock, gone: list[Credential]
) -> AsyncIterator[Credentials]:
    made = Credentials(keystone, settings(), clock, gone.append)
    yield made
    await made.aclose()
