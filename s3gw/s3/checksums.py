"""The x-amz-checksum-* family: which algorithms there are, and how each is computed.

The rule: a checksum is the base64 of the digest's bytes (CRCs big-endian), and every legal
algorithm is accepted; those that cannot be computed here are taken as said and not vouched for.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from awscrt import checksums as crt  # type: ignore[import-untyped]  # awscrt ships no types

from s3gw.s3.errors import InvalidRequest
from s3gw.s3.request import Headers

PREFIX = "x-amz-checksum-"

_NOT_CHECKSUMS = frozenset({PREFIX + "algorithm", PREFIX + "mode", PREFIX + "type"})
_SEVERAL = "Expecting a single x-amz-checksum- header"
_SEVERAL_TYPES = f"{_SEVERAL}. Multiple checksum Types are not allowed."

Buffer = bytes | bytearray | memoryview


class Hasher(Protocol):
    """A running checksum."""

    def update(self, data: Buffer, /) -> None:
        """Take further bytes in."""

    def digest(self) -> bytes:
        """The checksum of all bytes so far."""


class _Crc:
    """A running CRC of so many bytes."""

    __slots__ = ("_extend", "_size", "_value")

    def __init__(self, extend: Callable[[Buffer, int], int], size: int) -> None:
        self._extend = extend
        self._size = size
        self._value = 0

    def update(self, data: Buffer, /) -> None:
        self._value = self._extend(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


@dataclass(frozen=True, slots=True)
class _Computed:
    """An algorithm the gateway computes: the size of its digest in bytes, and a new hasher."""

    size: int
    new: Callable[[], Hasher]


_COMPUTED: Mapping[str, _Computed] = {
    "crc32": _Computed(4, lambda: _Crc(crt.crc32, 4)),
    "crc32c": _Computed(4, lambda: _Crc(crt.crc32c, 4)),
    "crc64nvme": _Computed(8, lambda: _Crc(crt.crc64nvme, 8)),
    "sha1": _Computed(20, hashlib.sha1),
    "sha256": _Computed(32, hashlib.sha256),
}

_COMBINE: Mapping[str, Callable[[int, int, int], int]] = {
    "crc32": crt.combine_crc32,
    "crc32c": crt.combine_crc32c,
    "crc64nvme": crt.combine_crc64nvme,
}

COMPUTED = frozenset(_COMPUTED)
"""Algorithms that are computed and compared."""

IGNORED = frozenset({"md5", "sha512", "xxhash128", "xxhash3", "xxhash64"})
"""Algorithms that are accepted and not looked at."""

ALGORITHMS = COMPUTED | IGNORED
"""Every algorithm a client may name, in lower case as in the header's name."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum: the algorithm in lower case, the digest in base64."""

    algorithm: str
    value: str


def new_hasher(algorithm: str) -> Hasher:
    """A running checksum of one of the COMPUTED algorithms."""
    return _COMPUTED[algorithm].new()


def parse(algorithm: str, text: str) -> Checksum | None:
    """What a client sent as the checksum, None if it is no base64 of the right length.

    The value of an IGNORED algorithm is taken as it is.
    """
    computed = _COMPUTED.get(algorithm)
    if computed is None:
        return Checksum(algorithm, text)
    digest = decode_base64(text, computed.size)
    return None if digest is None else of_digest(algorithm, digest)


def of_digest(algorithm: str, digest: bytes) -> Checksum:
    """The checksum with these bytes."""
    return Checksum(algorithm, base64.b64encode(digest).decode("ascii"))


def composite(parts: Sequence[Checksum]) -> Checksum:
    """The checksum of the parts' checksums, with their number behind it; there is at least one."""
    algorithm = parts[0].algorithm
    hasher = new_hasher(algorithm)
    for part in parts:
        hasher.update(base64.b64decode(part.value))
    return Checksum(algorithm, f"{of_digest(algorithm, hasher.digest()).value}-{len(parts)}")


def combined(parts: Sequence[tuple[Checksum, int]]) -> Checksum:
    """The CRC of the parts' bytes, one behind the other, from each one's CRC and size."""
    algorithm = parts[0][0].algorithm
    value = 0
    for part, size in parts:
        value = _COMBINE[algorithm](value, int.from_bytes(base64.b64decode(part.value)), size)
    return of_digest(algorithm, value.to_bytes(_COMPUTED[algorithm].size, "big"))


def decode_base64(text: str, size: int) -> bytes | None:
    """The bytes behind the base64 text, None unless it is well-formed and of that many bytes."""
    try:
        digest = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error is one; a non-ASCII text raises it plainly
        return None
    return digest if len(digest) == size else None


def read_headers(headers: Headers) -> tuple[Checksum | None, str | None]:
    """The checksum in the headers, and the algorithm of the announced trailer: at most one.

    Raises InvalidRequest: several of them, an unknown one, a value that is none, or an
    x-amz-sdk-checksum-algorithm that goes with none.
    """
    checksum = _read_header(headers)
    trailer = _read_announcement(headers)
    if checksum is not None and trailer is not None:
        raise InvalidRequest(_SEVERAL)
    stated = headers.get("x-amz-sdk-checksum-algorithm")
    if stated:
        _check_stated(stated.lower(), trailer if checksum is None else checksum.algorithm)
    return checksum, trailer


def _read_header(headers: Headers) -> Checksum | None:
    names = [
        name for name in headers.names() if name.startswith(PREFIX) and name not in _NOT_CHECKSUMS
    ]
    if not names:
        return None
    if not ALGORITHMS.issuperset(name.removeprefix(PREFIX) for name in names):
        raise InvalidRequest(f"The algorithm type you specified in {PREFIX} header is invalid.")
    if len(names) > 1:
        raise InvalidRequest(_SEVERAL_TYPES)
    checksum = parse(names[0].removeprefix(PREFIX), headers.get(names[0]) or "")
    if checksum is None:
        raise InvalidRequest(f"Value for {names[0]} header is invalid.")
    return checksum


def _read_announcement(headers: Headers) -> str | None:
    announced = headers.get("x-amz-trailer")
    if not announced:
        return None
    names = [name.strip().lower() for name in announced.split(",") if name.strip()]
    if not {PREFIX + algorithm for algorithm in ALGORITHMS}.issuperset(names):
        raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
    if len(names) > 1:
        raise InvalidRequest(_SEVERAL_TYPES)
    return names[0].removeprefix(PREFIX) if names else None


def _check_stated(stated: str, named: str | None) -> None:
    if named is None:
        raise InvalidRequest(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
            "x-amz-trailer headers were found."
        )
    if stated != named:
        raise InvalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
