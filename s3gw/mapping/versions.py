"""Versions: what S3's version ids are in Swift.

The rule: a version id is Swift's own timestamp of the version, and `null` is what was written
without versioning.  Swift gives such an object a timestamp, too, once it is overwritten with
versioning on; that it is `null` is told by when the gateway switched versioning on and off.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from s3gw.s3.errors import InvalidArgument
from s3gw.swift.answers import moment_of

NULL = "null"
"""S3's name for the version of an object that was written without versioning."""

ENABLED = "Enabled"
SUSPENDED = "Suspended"
"""The two states of a bucket that has, or had, versioning."""

VERSION_ID = "X-Object-Version-Id"
"""Swift's header: a timestamp, or `null`; only in containers that have, or had, versioning."""

_TIMESTAMP = re.compile(r"[0-9]{10}\.[0-9]{5}")
# Swift may append an offset to tell two writes of the same instant apart.
_ID = re.compile(rf"{_TIMESTAMP.pattern}(_[0-9a-f]{{16}})?")

_BEGINNING = "0000000000.00000"
# Swift's limit of a value's length is 256 by default.
_MOST_TIMES = 15

_MARKER = "application/x-deleted;swift_versions_deleted=1"

_ARCHIVES = ("X-Versions-Location", "X-History-Location")
SWITCH = "X-Versions-Enabled"
"""Swift's header of a container: whether versions are kept, and the switch for it."""
_KEEPING = (SWITCH, *_ARCHIVES)


def is_versioned(headers: Mapping[str, str]) -> bool:
    """Whether an object lives in a container that has, or had, versioning switched on.

    Swift tells so in a 404, too.
    """
    return VERSION_ID in headers


def keeps_versions(headers: Mapping[str, str]) -> bool:
    """Whether a container keeps, or kept, what is overwritten or deleted in it.

    https://docs.openstack.org/swift/latest/middleware.html#module-swift.common.middleware.versioned_writes
    """
    return any(name in headers for name in _KEEPING)


def has_archive(headers: Mapping[str, str]) -> bool:
    """Whether a container moves what is overwritten or deleted in it to another container."""
    return any(name in headers for name in _ARCHIVES)


def check_version_id(version_id: str | None) -> None:
    """Raise InvalidArgument for what can be no version id; None names no version, which is fine."""
    if version_id is None or version_id == NULL or _ID.fullmatch(version_id) is not None:
        return
    raise InvalidArgument(
        "Invalid version id specified" if version_id else "Version id cannot be the empty string",
        ArgumentName="versionId",
        ArgumentValue=version_id,
    )


def query_for(version_id: str | None) -> dict[str, str]:
    """Swift's query for a version, which is no other than the newest unless it is a timestamp.

    The newest object is mostly `null` where there is a `null`: who gets another asks on.
    """
    return {} if version_id is None or version_id == NULL else {"version-id": version_id}


def is_marker(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of a `?versions` listing is a delete marker."""
    return entry.get("content_type") == _MARKER


def names_marker(headers: Mapping[str, str]) -> bool:
    """Whether Swift's 404 for a version says that this version is a delete marker."""
    return headers.get("Content-Type") == _MARKER


def stamp_of(entry: Mapping[str, Any]) -> str:
    """An entry's time as Swift's timestamp; entries of containers have it as a date."""
    moment = moment_of(entry).replace(tzinfo=UTC)
    return f"{int(moment.timestamp()):010d}.{moment.microsecond // 10:05d}"


def seconds_of(version_id: str) -> float:
    """When a version was written: seconds since the epoch."""
    return float(version_id.partition("_")[0])


@dataclass(frozen=True, slots=True)
class History:
    """When the gateway switched a container's versioning: on, off, on again, and so on."""

    times: tuple[str, ...] = ()
    """Swift's timestamps, ascending: texts of one length, so they compare as they stand."""

    @classmethod
    def parse(cls, text: str) -> "History":
        """Read META_VERSIONED_SINCE; what is not as the gateway writes it tells nothing."""
        times = tuple(text.split(",")) if text else ()
        if any(_TIMESTAMP.fullmatch(time) is None for time in times) or list(times) != sorted(
            times
        ):
            return NO_HISTORY
        return cls(times)

    @property
    def text(self) -> str:
        """What META_VERSIONED_SINCE says."""
        return ",".join(self.times)

    def switched(self, was: str, now: str, *, on: bool) -> "History":
        """The history once versioning is switched `on` or off; `was`: the state before.

        Where Swift's own API has switched meanwhile, when is not known: then nothing of that
        time counts as `null`.  Nor does it, if there are too many switches to keep them all.
        """
        times = [*self.times]
        if not was:
            times = [] if on else [now]  # that something was off is told by its having been on
        elif not times:
            times = [_BEGINNING]
        elif was == ENABLED and len(times) % 2 == 0:
            times = times[:-1]
        if bool(len(times) % 2) is not on:
            times.append(max([now, *times[-1:]]))
        while len(times) > _MOST_TIMES:
            del times[1:3]
        return History(tuple(times))

    def is_on_since(self, version_id: str) -> bool:
        """Whether versioning has been on without a break since before the version was written."""
        return len(self.times) % 2 == 1 and self.times[-1] <= version_id

    def null_spans(self) -> Iterator[tuple[str, str]]:
        """From when until when (exclusive) objects were written as `null`; the last span first.

        One that has not ended is not among them: what was written in it is still the newest
        object, and Swift itself calls it `null`.
        """
        bounds = ("", *self.times)
        ended = len(bounds) // 2
        for index in reversed(range(ended)):
            yield bounds[2 * index], bounds[2 * index + 1]

    def is_null(self, entry: Mapping[str, Any]) -> bool:
        """Whether an entry of a `?versions` listing is a version that was written as `null`.

        Delete markers never are: Swift makes them only with versioning on.
        """
        version_id = str(entry["version_id"])
        if version_id == NULL or is_marker(entry):
            return version_id == NULL
        return self._is_of_null_span(version_id) and _is_copied(version_id, stamp_of(entry))

    def was_null(self, version_id: str, stamp: str) -> bool:
        """Whether a version that Swift has a timestamp for was written as `null`.

        `stamp`: Swift's timestamp of what it keeps there.  What was written as `null` was copied
        to where versions are when it was overwritten; what has not been touched since it was
        written never was `null`, whatever the history says.
        """
        return _is_copied(version_id, stamp) and self._is_of_null_span(version_id)

    def _is_of_null_span(self, version_id: str) -> bool:
        return any(start <= version_id < end for start, end in self.null_spans())


def _is_copied(version_id: str, stamp: str) -> bool:
    return stamp != version_id.partition("_")[0]


NO_HISTORY = History()
"""The gateway never switched: only what Swift calls `null` is `null`."""
