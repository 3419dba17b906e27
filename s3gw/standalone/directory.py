"""The data directory: where things are in it, whose it is, and whether it can be used.

The rule: `claim` either yields a directory that this process alone owns and that can hold
Swift's data, or raises a StandaloneError and has changed nothing that was there before.
"""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from s3gw.standalone.exits import Exit, StandaloneError

_KEPT = frozenset({"lock", "log"})  # entries that say nothing about whether DIR holds data


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below a data directory."""

    root: Path

    @property
    def lock(self) -> Path:
        """Locked, with the launcher's pid in it, as long as a launcher runs."""
        return self.root / "lock"

    @property
    def state(self) -> Path:
        """Passwords, ports and ids: see the module state."""
        return self.root / "state.json"

    @property
    def pids(self) -> Path:
        """The running children: see the module processes."""
        return self.root / "pids.json"

    @property
    def settings(self) -> Path:
        """The gateway's settings, written anew at each start."""
        return self.root / "s3gw.toml"

    @property
    def logs(self) -> Path:
        """One log a child, of this run and of the one before it."""
        return self.root / "log"

    @property
    def keystone(self) -> Path:
        """Keystone's configuration, database and keys."""
        return self.root / "keystone"

    @property
    def swift(self) -> Path:
        """Swift's configuration and rings."""
        return self.root / "swift"

    @property
    def devices(self) -> Path:
        """The parent of Swift's only device."""
        return self.root / "node"

    @property
    def device(self) -> Path:
        """What Swift takes for a disk."""
        return self.devices / "d1"

    @property
    def cache(self) -> Path:
        """Swift's recon files."""
        return self.root / "cache"

    def make(self) -> None:
        """Make the directories that are not there yet."""
        for path in (self.logs, self.keystone, self.swift, self.device, self.cache):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def is_empty(self) -> bool:
        """Whether nothing but a lock and logs is in the directory."""
        return all(entry.name in _KEPT for entry in self.root.iterdir())

    def clear(self) -> None:
        """Take everything but the lock and the logs out of the directory."""
        for entry in self.root.iterdir():
            if entry.name in _KEPT:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def enter(root: str) -> Layout:
    """Go into a data directory; its layout, whose paths do not show where it really is.

    Keystone and Swift expand `$`, `%` and `#` in the paths that they read or are given.
    """
    os.chdir(root)
    return Layout(Path("/proc/self/cwd"))


@contextmanager
def claim(data: Path) -> Iterator[Layout]:
    """Hold the directory, making it if it is absent, until the end of the block.

    Raises StandaloneError: UNWRITABLE, RUNNING, XATTRS.
    """
    layout = Layout(data.absolute())
    try:
        layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StandaloneError(
            Exit.UNWRITABLE, f"{data}: cannot be used as data directory: {error.strerror}"
        ) from error
    try:
        _lock(descriptor, data)
        _require_user_xattrs(layout.root)
        yield layout
    finally:
        os.close(descriptor)  # which gives the lock back


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically; only its owner may read it (mode 0600)."""
    _written_beside(path, text).replace(path)


def check_writable(path: Path) -> None:
    """Raise OSError if write_private could not write this file.

    Nothing is to be seen under its name, for somebody may wait for what it will say.
    """
    _written_beside(path, "").unlink()


def _written_beside(path: Path, text: str) -> Path:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return fresh


def has_user_xattrs(path: Path) -> bool:
    """Whether the file system takes a user extended attribute on this file.

    Raises OSError when it is for another reason that it does not.
    """
    try:
        os.setxattr(path, "user.s3gw.probe", b"1")
    except OSError as error:
        if error.errno in {errno.ENOTSUP, errno.EPERM}:
            return False
        raise
    return True


def _lock(descriptor: int, data: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        raise StandaloneError(
            Exit.RUNNING, f"{data}: is in use by another s3gw standalone (pid {owner})"
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)


def _require_user_xattrs(root: Path) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=root, prefix=".probe-") as probe:
            supported = has_user_xattrs(Path(probe.name))
    except OSError as error:
        raise StandaloneError(
            Exit.UNWRITABLE, f"{root}: cannot be written: {error.strerror}"
        ) from error
    if not supported:
        raise StandaloneError(
            Exit.XATTRS,
            f"{root}: this file system has no user extended attributes, in which Swift keeps"
            " metadata; choose a data directory on ext4, XFS, Btrfs, or tmpfs (Linux 6.6)",
        )
