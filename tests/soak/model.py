"""What the soak knows of its keys: every content that each may have by now.

The rule: an acknowledged write leaves one possibility; one that failed, or whose answer was lost,
adds its own to those before.  Each key belongs to one client, so nothing else writes it.
"""

import hashlib
from dataclasses import dataclass, field

Content = str | None
"""A SHA-256 in hex; None: there is no object."""


def content_of(data: bytes | None) -> Content:
    """The content of these bytes."""
    return None if data is None else hashlib.sha256(data).hexdigest()


@dataclass(slots=True)
class Model:
    """The keys of one client."""

    possible: dict[str, frozenset[Content]] = field(default_factory=dict)

    def of(self, key: str) -> frozenset[Content]:
        """What the key may be."""
        return self.possible.get(key, frozenset({None}))

    def done(self, key: str, data: bytes | None) -> None:
        """A write was acknowledged."""
        self.possible[key] = frozenset({content_of(data)})

    def unsure(self, key: str, data: bytes | None) -> None:
        """A write may have happened."""
        self.possible[key] = self.of(key) | {content_of(data)}

    def allows(self, key: str, data: bytes | None) -> bool:
        """Whether the key may be what was read."""
        return content_of(data) in self.of(key)
