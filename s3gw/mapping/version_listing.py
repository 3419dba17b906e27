"""Swift's `?versions` listings as S3's ListObjectVersions: what is the latest, and what `null`.

The rule: Swift shows its own truth of each entry (`is_latest`, ids); here that becomes S3's, key by
key.  What cannot be told from the page alone is given by who asked on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from s3gw.mapping.layout import NAME_LIMIT
from s3gw.mapping.versions import NULL, History, is_marker, stamp_of

_OF_IDS = frozenset("0123456789.")
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Start:
    """What is known of the key in whose midst a page begins."""

    key: str
    newest: str
    """Swift's id of the key's newest version, if that is the latest; else empty."""
    null: str
    """Swift's id of the version that is `null`; empty if none of the page is."""


class Listed(NamedTuple):
    """An entry of S3's listing."""

    entry: Mapping[str, Any]
    """Swift's; of a delete marker that Swift has not, the one of the version below it."""
    version_id: str
    is_latest: bool
    is_marker: bool
    marker: str
    """What Swift takes as the version marker after it."""

    @property
    def key(self) -> str:
        """The key that it is a version of."""
        return str(self.entry["name"])


def query_of(query: Mapping[str, str | int], version_marker: str) -> dict[str, str | int]:
    """The Swift query of a page from that of a plain one, with an entry more.

    Swift shows the common prefix once more at which a page ended before.
    """
    asked = {**query, "versions": "", "limit": int(query["limit"]) + 1}
    return {**asked, "version_marker": version_marker} if version_marker else asked


def is_divided_by_swift(delimiter: str) -> bool:
    """Whether Swift divides such a listing; it refuses characters that its version ids have."""
    return not _OF_IDS.intersection(delimiter)


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """What a listing with the prefix and the delimiter shows instead of the key, if anything."""
    end = key.find(delimiter, len(prefix))
    return None if end < 0 else key[: end + len(delimiter)]


def divided(entries: Iterable[Listed], prefix: str, delimiter: str) -> Iterator[Listed | str]:
    """The entries of a listing without a delimiter, or their common prefixes, as with one."""
    for common, group in groupby(entries, lambda one: common_prefix(one.key, prefix, delimiter)):
        if common is None:
            yield from group
        else:
            yield common


def behind(prefix: str) -> str:
    """The marker behind which the first name without this prefix comes: no name is beyond it."""
    return prefix + _LAST * ((NAME_LIMIT - len(prefix.encode())) // len(_LAST.encode()))


def open_key(entries: Sequence[Mapping[str, Any]], start_key: str) -> str | None:
    """The last key of a full page if the page does not tell whether anything is its latest."""
    name = entries[-1].get("name") if entries else None
    group = [entry for entry in entries if entry.get("name") == name] if name else []
    if not group or name == start_key or is_marker(group[0]) or _latest(group) is not None:
        return None
    return str(name)


def listed(
    entries: Sequence[Mapping[str, Any]],
    history: History,
    start: Start | None,
    not_hidden: str | None,
) -> Iterator[Listed | str]:
    """The page's entries and common prefixes, as S3 shows them.

    `start`: if the page begins in the midst of a key; `not_hidden`: a key that has an object though
    the page does not show which.
    """
    for name, group in groupby(entries, lambda entry: str(entry.get("name", ""))):
        if not name:
            yield from (str(entry["subdir"]) for entry in group)
        elif start is not None and name == start.key:
            yield from _rest(list(group), start)
        else:
            yield from _whole(list(group), history, is_hidden=name != not_hidden)


def _whole(
    group: Sequence[Mapping[str, Any]], history: History, *, is_hidden: bool
) -> Iterator[Listed]:
    latest = _latest(group)
    null = next((entry for entry in group if history.is_null(entry)), None)
    if latest is None and is_marker(group[0]):
        latest = group[0]
    elif latest is None and is_hidden:
        yield Listed(group[0], NULL, is_latest=True, is_marker=True, marker=NULL)
        null = None
    for entry in group:
        swift_id = str(entry["version_id"])
        if null is not None and entry is not null and swift_id == _copied_as(null):
            continue
        yield _shown(entry, is_null=entry is null, is_latest=entry is latest)


def _copied_as(null: Mapping[str, Any]) -> str | None:
    """The id of the copy of a `null` object that Swift makes for a write, also a refused one."""
    return stamp_of(null) if null["version_id"] == NULL else None


def _rest(group: Sequence[Mapping[str, Any]], start: Start) -> Iterator[Listed]:
    for entry in group:
        swift_id = str(entry["version_id"])
        yield _shown(entry, is_null=swift_id == start.null, is_latest=swift_id == start.newest)


def _shown(entry: Mapping[str, Any], *, is_null: bool, is_latest: bool) -> Listed:
    swift_id = str(entry["version_id"])
    return Listed(
        entry, NULL if is_null else swift_id, is_latest, is_marker(entry), marker=swift_id
    )


def _latest(group: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The version that is the object; a marker above it, which Swift marks too, hides nothing."""
    return next((e for e in group if e.get("is_latest") and not is_marker(e)), None)
