"""Swift's `?versions` listings become S3's, whatever was written, deleted and switched before."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from s3gw.mapping.layout import NAME_LIMIT
from s3gw.mapping.version_listing import (
    Listed,
    Start,
    behind,
    common_prefix,
    divided,
    is_divided_by_swift,
    listed,
    open_key,
    query_of,
)
from s3gw.mapping.versions import ENABLED, NO_HISTORY, NULL, SUSPENDED, History

MARKER = "application/x-deleted;swift_versions_deleted=1"

Row = tuple[str, str, bool, bool]
"""Key, version id, whether it is the latest, and whether it is a delete marker."""


def stamp(time: int) -> str:
    return f"{1700000000 + time:010d}.00000"


def entry(name: str, version_id: str, time: int, *, is_latest: bool, marker: bool) -> Any:
    """An entry as Swift lists it; the time is that of what is kept there."""
    return {
        "name": name,
        "version_id": version_id,
        "is_latest": is_latest,
        "content_type": MARKER if marker else "text/plain",
        "last_modified": f"{datetime.fromtimestamp(float(stamp(time)), UTC):%Y-%m-%dT%H:%M:%S.%f}",
    }


@dataclass
class SwiftKey:
    """What Swift holds of a key: the object, and the versions beside it."""

    null: int | None = None
    """When the object was written, if it is no version."""
    link: int | None = None
    """The version that is the object."""
    versions: dict[int, tuple[int, bool]] = field(default_factory=dict)
    """Of each id, when Swift wrote it there, and whether it is a delete marker."""

    def keep(self, now: int) -> None:
        """An object that is no version becomes one when it is overwritten with versioning on."""
        if self.null is not None:
            self.versions[self.null] = now, False
            self.null = None

    def entries(self, name: str) -> list[Any]:
        found = []
        if self.null is not None:
            found.append(entry(name, NULL, self.null, is_latest=True, marker=False))
        has_latest = self.null is not None
        for version in sorted(self.versions, reverse=True):
            time, marker = self.versions[version]
            is_latest = version == self.link or (marker and not has_latest)
            has_latest = has_latest or is_latest
            found.append(entry(name, stamp(version), time, is_latest=is_latest, marker=marker))
        return found


@dataclass
class Bucket:
    """A bucket as Swift holds it, and as S3 would: versions of each key, the newest first."""

    now: int = 0
    status: str = ""
    history: History = NO_HISTORY
    swift: dict[str, SwiftKey] = field(default_factory=dict)
    s3: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)

    def switch(self, status: str) -> None:
        self.now += 1
        is_on = status == ENABLED
        self.history = self.history.switched(self.status, stamp(self.now), on=is_on)
        self.status = status

    def write(self, key: str, *, marker: bool) -> None:
        """A put, or a delete without a version, as the gateway makes it of Swift."""
        self.now += 1
        held = self.swift.setdefault(key, SwiftKey())
        kept = self.s3.get(key, [])
        if self.status == ENABLED:
            held.keep(self.now)
            held.versions[self.now] = self.now, marker
            held.link = None if marker else self.now
            self.s3[key] = [(stamp(self.now), marker), *kept]
            return
        held.null, held.link = None if marker else self.now, None
        kept = [one for one in kept if one[0] != NULL]
        self.s3[key] = kept if marker and not self.status else [(NULL, marker), *kept]
        for old in list(held.versions):  # what was null before goes
            if self.history.is_null(held.entries("k")[self._place(held, old)]):
                del held.versions[old]

    @staticmethod
    def _place(held: SwiftKey, version: int) -> int:
        return sorted(held.versions, reverse=True).index(version) + (held.null is not None)

    def is_told_apart(self, key: str) -> bool:
        """Whether Swift can hold it: a suspended delete needs a version to be seen by."""
        for index, (version_id, marker) in enumerate(self.s3.get(key, [])):
            below = self.s3[key][index + 1 :]
            if version_id == NULL and marker and (index or not below or below[0][1]):
                return False
        return True

    def entries(self) -> list[Any]:
        return [one for key in sorted(self.swift) for one in self.swift[key].entries(key)]

    def rows(self) -> list[Row]:
        return [
            (key, version_id, index == 0, marker)
            for key in sorted(self.s3)
            for index, (version_id, marker) in enumerate(self.s3[key])
        ]

    def not_hidden(self, key: str | None) -> str | None:
        held = self.swift.get(key or "", SwiftKey())
        return key if held.null is not None or held.link is not None else None

    def start(self, key: str) -> Start:
        """What is known of a key in whose midst a page begins."""
        held, entries = self.swift[key], self.swift[key].entries(key)
        has_object = self.not_hidden(key) is not None
        hidden = not has_object and entries[0]["content_type"] != MARKER
        newest = "" if hidden else entries[0]["version_id"]
        if has_object and held.link is not None:
            newest = stamp(held.link)
        null = next((one["version_id"] for one in entries if self.history.is_null(one)), "")
        return Start(key, newest, "" if hidden or newest == NULL else null)


STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "put", "delete", ENABLED, SUSPENDED]), st.sampled_from("kl")),
    max_size=14,
)


def built(steps: list[tuple[str, str]]) -> Bucket:
    """The bucket after these steps, but those that leave what Swift cannot hold."""
    done: list[tuple[str, str]] = []
    for step in steps:
        bucket = _replayed([*done, step])
        if bucket.is_told_apart("k") and bucket.is_told_apart("l"):
            done.append(step)
    return _replayed(done)


def _replayed(steps: list[tuple[str, str]]) -> Bucket:
    bucket = Bucket()
    for what, key in steps:
        if what in {"put", "delete"}:
            bucket.write(key, marker=what == "delete")
        elif what == ENABLED or bucket.status:
            bucket.switch(what)
    return bucket


def rows(found: list[Listed | str]) -> list[Row]:
    assert all(isinstance(one, Listed) for one in found)
    shown = [one for one in found if isinstance(one, Listed)]
    return [(one.key, one.version_id, one.is_latest, one.is_marker) for one in shown]


HIDDEN = [(ENABLED, ""), ("put", "k"), ("put", "k"), (SUSPENDED, ""), ("delete", "k")]
NULLS = [("put", "k"), (ENABLED, ""), ("put", "k"), (SUSPENDED, ""), ("put", "k"), (ENABLED, "")]


@example(HIDDEN)
@example([*NULLS, ("put", "k"), ("put", "l"), ("delete", "l")])
@given(STEPS)
def test_each_sequence_is_listed_as_s3_would(steps: list[tuple[str, str]]) -> None:
    bucket = built(steps)
    found = list(listed(bucket.entries(), bucket.history, None, None))
    assert rows(found) == bucket.rows()


@example(HIDDEN, 1)
@example([*NULLS, ("put", "k")], 1)
@given(STEPS, st.integers(1, 30))
def test_a_page_that_ends_anywhere_is_gone_on_with(steps: list[tuple[str, str]], end: int) -> None:
    bucket = built(steps)
    entries = bucket.entries()
    first, rest = entries[:end], entries[end:]
    if not rest:
        return
    not_hidden = bucket.not_hidden(open_key(first, ""))
    key = str(rest[0]["name"])
    start = bucket.start(key) if first[-1]["name"] == key else None
    found = [
        *listed(first, bucket.history, None, not_hidden),
        *listed(rest, bucket.history, start, None),
    ]
    assert rows(found) == bucket.rows()


@given(STEPS)
def test_every_version_of_a_key_has_another_id_and_one_is_the_latest(
    steps: list[tuple[str, str]],
) -> None:
    bucket = built(steps)
    found = rows(list(listed(bucket.entries(), bucket.history, None, None)))
    for _, group in groupby(found, lambda row: row[0]):
        some = list(group)
        assert len({row[1] for row in some}) == len(some)
        assert [row[2] for row in some] == [True] + [False] * (len(some) - 1)


@pytest.mark.parametrize("end", [0, 1, 2])
def test_what_was_linked_under_a_marker_is_the_latest_wherever_a_page_ends(end: int) -> None:
    entries = [
        entry("k", stamp(3), 3, is_latest=True, marker=True),
        entry("k", stamp(2), 2, is_latest=False, marker=False),
        entry("k", stamp(1), 1, is_latest=True, marker=False),
    ]
    start = Start("k", stamp(1), "") if end else None
    found = [
        *listed(entries[:end], NO_HISTORY, None, "k"),
        *listed(entries[end:], NO_HISTORY, start, None),
    ]
    latest = [one.is_latest for one in found if isinstance(one, Listed)]
    assert latest[end:] == [False, False, True][end:]


def test_common_prefixes_of_swift_are_passed_on() -> None:
    entries = [{"subdir": "a/"}, entry("b", stamp(1), 1, is_latest=True, marker=False)]
    found = list(listed(entries, NO_HISTORY, None, None))
    assert found[0] == "a/"
    assert rows(found[1:]) == [("b", stamp(1), True, False)]
    assert open_key([{"subdir": "a/"}], "") is None


def test_a_page_asks_for_one_entry_more() -> None:
    plain: dict[str, str | int] = {"limit": 11, "marker": "k"}
    assert query_of(plain, "") == {"limit": 12, "marker": "k", "versions": ""}
    assert query_of(plain, "1.2")["version_marker"] == "1.2"


names = st.text(st.sampled_from("ab/1.é\U0010ffff"), min_size=1, max_size=6)


@given(st.lists(names, unique=True), names, st.sampled_from(["", "a", "é"]))
def test_what_is_divided_here_is_divided_as_by_swift(
    keys: list[str], delimiter: str, prefix: str
) -> None:
    some = sorted(key for key in keys if key.startswith(prefix))
    found = list(
        divided(
            [
                Listed({"name": key}, "1", is_latest=True, is_marker=False, marker="1")
                for key in some
            ],
            prefix,
            delimiter,
        )
    )
    shown = [one if isinstance(one, str) else one.key for one in found]
    wanted = dict.fromkeys(common_prefix(key, prefix, delimiter) or key for key in some)
    assert shown == list(wanted)
    for one in shown:
        if one in keys and delimiter not in one[len(prefix) :]:
            continue
        end = one.index(delimiter, len(prefix)) + len(delimiter)
        assert (one.startswith(prefix), len(one)) == (True, end)


@given(names, names)
def test_behind_a_prefix_is_what_does_not_have_it(prefix: str, key: str) -> None:
    marker = behind(prefix)
    assert len(marker.encode()) <= NAME_LIMIT
    if key > prefix and not key.startswith(prefix):
        assert key > marker
    else:
        assert key <= marker


@pytest.mark.parametrize(
    ("delimiter", "divides"), [("/", True), ("é/", True), ("a.", False), ("1", False)]
)
def test_swift_divides_by_what_no_version_id_has(delimiter: str, *, divides: bool) -> None:
    assert is_divided_by_swift(delimiter) is divides
