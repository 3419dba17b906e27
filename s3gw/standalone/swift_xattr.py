"""Extended attributes of any size, for a Swift that keeps an object's metadata in them.

The rule: an attribute that fits the file system is stored as it is.  ext4 holds about
4,000 bytes a file, less than Swift's own limit on metadata; what does not fit goes to a
side file, and the attribute names it.  A side file outlives its object: few are written,
and a name that is never used again can be copied with the directory.
"""

import errno
import os
import secrets
from pathlib import Path
from typing import IO

_MARK = b"@s3gw-side-file:"
_TOO_LARGE = frozenset({errno.ENOSPC, errno.E2BIG, errno.ERANGE})

Target = int | str | bytes | IO[bytes]


class SpillingXattr:
    """Stands in for the module `xattr` in swift.obj.diskfile; `directory` has the side files."""

    def __init__(self, directory: Path, *, fsync: bool) -> None:
        self._directory = directory
        self._fsync = fsync
        directory.mkdir(mode=0o700, exist_ok=True)

    def setxattr(self, target: Target, key: bytes, value: bytes) -> None:
        """Set an attribute of a path, a descriptor or an open file."""
        place = _place(target)
        try:
            os.setxattr(place, key, value)
        except OSError as error:
            if error.errno not in _TOO_LARGE:
                raise
            os.setxattr(place, key, _MARK + self._spill(value))

    def getxattr(self, target: Target, key: bytes) -> bytes:
        """Read an attribute; OSError (ENODATA) if there is none, as Swift expects."""
        value = os.getxattr(_place(target), key)
        if not value.startswith(_MARK):
            return value
        return (self._directory / value.removeprefix(_MARK).decode("ascii")).read_bytes()

    def _spill(self, value: bytes) -> bytes:
        """Write a side file, on disk before anything names it, and return its name."""
        name = secrets.token_hex(16)
        with (self._directory / name).open("xb") as file:
            file.write(value)
            if self._fsync:
                file.flush()
                os.fsync(file.fileno())
        return name.encode("ascii")


def _place(target: Target) -> int | str | bytes:
    return target if isinstance(target, int | str | bytes) else target.fileno()
