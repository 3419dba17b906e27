"""A provider and a clock that do as they are told."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from s3gw.config import Identity
from s3gw.identity.model import Credential, SwiftLogin

SECRET = "s3cret"


@dataclass
class Clock:
    """Epoch seconds that stand still."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeProvider:
    """Keystone as a dict; `failure` is raised instead of an answer, `gate` holds answers back."""

    clock: Clock
    keys: dict[str, Credential] = field(default_factory=dict)
    failure: Exception | None = None
    gate: asyncio.Event | None = None
    life: float = 3600.0
    asked: list[str] = field(default_factory=list)
    minted: list[SwiftLogin] = field(default_factory=list)
    mints: int = 0
    closed: bool = False

    async def credential(self, access_key: str) -> Credential | None:
        self.asked.append(access_key)
        await self._answer()
        return self.keys.get(access_key)

    async def login(self, credential: Credential) -> SwiftLogin:
        self.mints += 1
        number = self.mints
        await self._answer()
        login = SwiftLogin(
            token=f"token-{number}",
            storage_url=f"http://swift/v1/AUTH_{credential.project_id}",
            expires_at=self.clock() + self.life,
            project_id=credential.project_id,
            project_name="demo",
        )
        self.minted.append(login)
        return login

    async def project_name(self, project_id: str) -> str | None:
        await self._answer()
        return f"name of {project_id}"

    async def aclose(self) -> None:
        self.closed = True

    async def _answer(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure


def credential(access_key: str = "AK", secret: str = SECRET) -> Credential:
    """A credential of a user and a project."""
    return Credential(access_key, secret, "user", "project")


def settings(**changes: Any) -> Identity:
    """The defaults, with changes."""
    return Identity(auth_url="http://keystone/v3", **changes)


def at_once(call: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits; fails the test if it does."""
    try:
        call.send(None)
    except StopIteration as end:
        return end.value
    call.close()
    raise AssertionError("it waited")


async def until(condition: Callable[[], object]) -> None:
    """Let the other tasks go on until the condition holds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")
