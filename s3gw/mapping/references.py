"""Which parts of which uploads are named: by manifests, and by links.

The rule: it is kept for whole accounts, so an upload costs a bit a part.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from s3gw.mapping import layout

Upload = tuple[str, str, str]
"""Bucket, key and upload id."""


@dataclass(slots=True)
class Numbers:
    """A set of part numbers."""

    bits: int = 0

    def add(self, number: int) -> None:
        """Put a number into the set."""
        self.bits |= 1 << number

    def without(self, other: "Numbers") -> "Numbers":
        """The numbers that are not in the other set."""
        return Numbers(self.bits & ~other.bits)

    def __contains__(self, number: int) -> bool:
        return number >= 0 and bool(self.bits >> number & 1)

    def __bool__(self) -> bool:
        return self.bits != 0


def place_of(path: str) -> tuple[Upload, int] | None:
    """Upload and number of a manifest's segment path `/<bucket>+segments/<name>`.

    None for whatever else a manifest may name.
    """
    container, _, name = path.removeprefix("/").partition("/")
    bucket, upload = layout.bucket_of(container), layout.ended_upload(name)
    number = layout.number_of(name)
    if bucket is None or upload is None or number < 0:
        return None
    return (bucket, *upload), number


class References:
    """What is named, by upload."""

    def __init__(self) -> None:
        self._named: dict[Upload, Numbers] = defaultdict(Numbers)

    def add(self, paths: Iterable[str]) -> Iterator[tuple[Upload, int]]:
        """Take up what a manifest names; the sub-manifests among it that nobody named before."""
        for path in paths:
            place = place_of(path)
            if place is None:
                continue
            upload, number = place
            if layout.is_submanifest(number) and number not in self._named[upload]:
                yield place
            self._named[upload].add(number)

    def of(self, upload: Upload) -> Numbers:
        """The numbers of an upload's parts that are named."""
        return self._named.get(upload, Numbers())
