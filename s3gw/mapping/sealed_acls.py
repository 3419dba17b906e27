"""An object's sealed ACL in its Swift metadata: in pieces of Swift's longest value."""

from collections.abc import Mapping

from s3gw.mapping import layout


def to_swift(sealed: str, size: int) -> dict[str, str]:
    """The Swift headers that keep it; `size`: bytes that one value may have."""
    pieces = [sealed[start : start + size] for start in range(0, len(sealed), size)]
    return {f"{layout.META_ACL}{n}": piece for n, piece in enumerate(pieces)}


def from_swift(headers: Mapping[str, str]) -> str:
    """What an object's headers keep, sealed or not; empty: nothing."""
    prefix = layout.META_ACL.lower()
    pieces: dict[int, str] = {}
    for name, value in headers.items():
        number = name[len(prefix) :]
        if name.lower().startswith(prefix) and number.isascii() and number.isdecimal():
            pieces[int(number)] = value
    return "".join(pieces[number] for number in sorted(pieces))
