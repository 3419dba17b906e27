"""How a stand-alone gateway ends: the one table of exit codes, and the error that carries one.

The rule: every foreseen failure is a StandaloneError with one row of this table and a
message of its own, so that it prints as text for people and never as a traceback.
"""

from enum import IntEnum
from typing import Self


class Exit(IntEnum):
    """An exit code of `s3gw standalone`; `meaning` is its line in the documentation."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """Make the member `code`, which is an int, with its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    STOPPED = 0, "stopped by Ctrl-C, SIGTERM or SIGHUP"
    FAILED = 1, "a server did not start, or died; its last log lines are shown"
    USAGE = 2, "an option is wrong"
    PACKAGES = 3, "Keystone or Swift is not installed: pip install 's3gw[standalone]'"
    RUNNING = 4, "another stand-alone gateway runs with the same data directory"
    PORT = 5, "the address or port cannot be listened on"
    XATTRS = 6, "the file system of the data directory has no user extended attributes"
    INCOMPLETE = 7, "the data directory is half-written, or is not one of s3gw"
    UNWRITABLE = 8, "the data directory or the ready file cannot be written"
    PLATFORM = 9, "not Linux: Swift and the supervision of its processes need it"


class StandaloneError(Exception):
    """A foreseen failure: the message is for people, `code` is the process's exit code."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code
