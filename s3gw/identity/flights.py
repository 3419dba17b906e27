"""Single flight: of all who want the same thing at once, one asks and everybody gets the answer.

The rule: a flight belongs to nobody.  Whoever waits may be cancelled without harm to the flight
and to the others, and nobody waits longer than `patience`.
"""

import asyncio
import traceback
from collections.abc import Callable, Coroutine, Hashable
from contextvars import ContextVar
from time import perf_counter
from typing import Any, Generic, TypeVar

import structlog

from s3gw.identity.model import IdentityRefused, IdentityUnavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_log = structlog.get_logger(__name__)


class Waiting:
    """How long one request has waited for others than Swift."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = 0.0


WAITING: ContextVar[Waiting | None] = ContextVar("waiting", default=None)
"""Of the request that this task serves; nothing is looked up here unless there is a wait."""


class Flights(Generic[K, V]):
    """The calls under way, at most one a key."""

    def __init__(self, call: Callable[[K], Coroutine[Any, Any, V]], patience: float) -> None:
        self._call = call
        self._patience = patience
        self._current: dict[K, asyncio.Task[V]] = {}
        self._all: set[asyncio.Task[V]] = set()

    def __contains__(self, key: K) -> bool:
        return key in self._current

    def start(self, key: K) -> None:
        """Let the call begin, unless it is under way."""
        if key not in self._current:
            task = asyncio.create_task(self._call(key))
            self._current[key] = task
            self._all.add(task)
            task.add_done_callback(lambda task: self._landed(key, task))

    async def join(self, key: K) -> V:
        """The call's answer or error; raises IdentityUnavailable when patience runs out."""
        self.start(key)
        task = self._current[key]
        since = perf_counter()
        # Not shield(): a waiter's cancellation must not even be seen by the task.
        await asyncio.wait((task,), timeout=self._patience)
        if (waiting := WAITING.get()) is not None:
            waiting.seconds += perf_counter() - since
        if not task.done() or task.cancelled():
            raise IdentityUnavailable(f"no answer within {self._patience:g} s")
        return task.result()

    def disown(self, key: K) -> None:
        """The flight's answer is outdated before it lands; who waits for it still gets it."""
        self._current.pop(key, None)

    def owns(self, key: K) -> bool:
        """Whether the asking task is (still) the current flight of the key."""
        return self._current.get(key) is asyncio.current_task()

    async def aclose(self) -> None:
        """Cancel what is under way; waiters get IdentityUnavailable."""
        tasks = list(self._all)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _landed(self, key: K, task: asyncio.Task[V]) -> None:
        self._all.discard(task)
        if self._current.get(key) is task:
            del self._current[key]
        # Looked at here: a failed flight that nobody waits for any more is no news, a bug is.
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, (IdentityRefused, IdentityUnavailable)):
            # As text: a renderer that shows local variables would show secrets.
            trace = "".join(traceback.format_tb(error.__traceback__))
            _log.error("identity_flight_crashed", error=type(error).__name__, trace=trace)
