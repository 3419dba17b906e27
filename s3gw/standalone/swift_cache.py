"""The cache of Swift's proxies, in their own process: memcached without a memcached.

The rule: it is right only because all proxies live in one process.  Two processes would
each remember on their own that a container does not exist.
"""

import functools
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any

_LIMIT = 50_000  # entries

App = Callable[[dict[str, Any], Callable[..., Any]], Any]


class LocalCache:
    """The interface of swift.common.memcached.MemcacheRing over one dictionary.

    Values are kept as JSON, as memcached would get them: nobody shares a mutable one.
    Lifetimes are in seconds; 0 is for ever.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def set(self, key: str, value: Any, serialize: bool = True, time: float = 0, **_: Any) -> None:  # noqa: FBT001, FBT002 - MemcacheRing's signature
        """Remember a value."""
        del serialize
        text = json.dumps(value.decode() if isinstance(value, bytes) else value)
        self._entries[key] = (text, monotonic() + float(time) if time else float("inf"))
        self._entries.move_to_end(key)
        while len(self._entries) > _LIMIT:
            self._entries.popitem(last=False)

    def get(self, key: str, **_: Any) -> Any:
        """The value, or None."""
        text, end = self._entries.get(key, ("null", 0.0))
        if end < monotonic():
            self._entries.pop(key, None)
            return None
        return json.loads(text)

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Add to a number, which never falls below 0."""
        value = max(0, int(self.get(key) or 0) + int(delta))
        self.set(key, value, time=time)
        return value

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Take from a number."""
        return self.incr(key, -int(delta), time)

    def delete(self, key: str, server_key: str | None = None) -> None:
        """Forget a value."""
        del server_key
        self._entries.pop(key, None)

    def set_multi(
        self, mapping: Mapping[str, Any], server_key: str, time: float = 0, **_: Any
    ) -> None:
        """Remember several values."""
        del server_key
        for key, value in mapping.items():
            self.set(key, value, time=time)

    def get_multi(self, keys: Iterable[str], server_key: str, **_: Any) -> list[Any]:
        """Several values, None where there is none."""
        del server_key
        return [self.get(key) for key in keys]


def filter_factory(global_conf: Mapping[str, str], **_: str) -> Callable[[App], App]:
    """The filter `cache` of a pipeline (paste.filter_factory)."""
    del global_conf
    cache = _of_this_process()

    def wrap(app: App) -> App:
        def with_cache(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            environ["swift.cache"] = cache
            return app(environ, start_response)

        return with_cache

    return wrap


@functools.cache
def _of_this_process() -> LocalCache:
    return LocalCache()
