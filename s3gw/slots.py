"""How many requests a worker serves at a time, and how many of them one client may have.

The rule: a slot that was taken is given back, whatever becomes of its request; and no client, with
however many requests, takes a worker from all others.
"""

from collections import defaultdict

from s3gw.config import Limits
from s3gw.s3.errors import SlowDown


class Slots:
    """The requests that are being served, in all and by access key."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.concurrent_requests
        self._most_per_key = limits.concurrent_requests_per_key
        self._by_key: defaultdict[str, int] = defaultdict(int)
        self.active = 0
        """Requests being served, those that are about to be refused among them."""
        self.refused = 0
        """Requests refused because the worker was busy."""
        self.refused_by_key = 0
        """Requests refused because their access key had enough already."""

    def enter(self) -> None:
        """One request more; `check` tells whether it may stay, `leave` has to follow."""
        self.active += 1

    def check(self) -> None:
        """Raises SlowDown if the newest request is one too many."""
        if self.active > self._most:
            self.refused += 1
            raise SlowDown

    def claim(self, access_key: str) -> None:
        """One request more of this access key, which is empty for all who did not sign.

        Raises SlowDown; otherwise `leave` has to be told the key.
        """
        if self._by_key[access_key] >= self._most_per_key:
            self.refused_by_key += 1
            raise SlowDown
        self._by_key[access_key] += 1

    def leave(self, access_key: str | None) -> None:
        """A request has ended; `access_key`: what it claimed, None if it did not come so far."""
        self.active -= 1
        if access_key is not None:
            self._by_key[access_key] -= 1
            if not self._by_key[access_key]:
                del self._by_key[access_key]
