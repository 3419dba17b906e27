"""Pages chained through Swift's listings show every key and common prefix exactly once."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, strategies as st

from s3gw.mapping.listing import Page, entry_time, entry_timestamp, page_of, query_for
from s3gw.s3.dates import timestamp
from s3gw.s3.errors import KeyTooLongError, NotImplemented
from s3gw.swift.account import Entry
from s3gw.swift.errors import SwiftUnreachable


def swift_lists(names: set[str], query: dict[str, str | int]) -> list[Entry]:
    """A container's listing: https://docs.openstack.org/swift/latest/api/pagination.html ."""
    prefix, delimiter, marker = (str(query.get(n, "")) for n in ("prefix", "delimiter", "marker"))
    assert not any("\x00" in text for text in (prefix, delimiter, marker))
    found: list[Entry] = []
    for name in sorted(names):
        if not name.startswith(prefix) or name <= marker:
            continue
        end = name.find(delimiter, len(prefix)) if delimiter else -1
        entry = {"name": name} if end < 0 else {"subdir": name[: end + len(delimiter)]}
        # A marker that is itself a subdir hides it: the names in it are behind the marker.
        if entry != {"subdir": marker} and entry not in found[-1:]:
            found.append(entry)
    return found[: int(query["limit"])]


def page(names: set[str], prefix: str, delimiter: str, marker: str, maximum: int) -> Page:
    query = query_for(prefix, delimiter, marker, maximum)
    return Page((), (), None) if query is None else page_of({}, swift_lists(names, query), maximum)


def shown(pages: list[Page]) -> tuple[list[str], list[str]]:
    keys = [entry["name"] for one in pages for entry in one.entries]
    return keys, [prefix for one in pages for prefix in one.prefixes]


def all_pages(names: set[str], prefix: str, delimiter: str, maximum: int) -> list[Page]:
    """Every page, each from where the one before it ended."""
    pages: list[Page] = []
    marker: str | None = ""
    while marker is not None:
        pages.append(page(names, prefix, delimiter, marker, maximum))
        following = pages[-1].next_marker
        assert following is None or following > marker
        marker = following
    return pages


def expected(names: set[str], prefix: str, delimiter: str) -> tuple[list[str], list[str]]:
    """S3's definition: what is behind the delimiter's first place after the prefix is folded."""
    keys: set[str] = set()
    prefixes: set[str] = set()
    for name in names:
        if name.startswith(prefix):
            head, found, _ = name[len(prefix) :].partition(delimiter or "\x00")
            (prefixes if found else keys).add(prefix + head + found)
    return sorted(keys), sorted(prefixes)


few = st.text("ab/-\x01\xe9\U0001f600", max_size=6)
containers = st.sets(few.filter(bool), max_size=25)


@given(containers, few, st.text("ab/\xe9", max_size=2), st.integers(1, 5))
@example({"a/1", "a/2", "b", "c/1"}, "", "/", 1)
@example({"a/", "a/b", "a0", "a"}, "", "/", 1)
@example({"aa", "aab", "aba"}, "a", "a", 1)
@example({"a//b", "a//c", "a/b"}, "a/", "/", 1)
def test_pages_show_every_key_and_common_prefix_exactly_once(
    names: set[str], prefix: str, delimiter: str, maximum: int
) -> None:
    pages = all_pages(names, prefix, delimiter, maximum)
    assert shown(pages) == expected(names, prefix, delimiter)
    assert all(len(one.entries) + len(one.prefixes) == maximum for one in pages[:-1])
    assert len(pages[-1].entries) + len(pages[-1].prefixes) <= maximum


@given(containers, few, st.integers(1, 5))
def test_only_the_last_page_says_that_there_is_no_more(
    names: set[str], delimiter: str, maximum: int
) -> None:
    pages = all_pages(names, "", delimiter, maximum)
    assert [one.next_marker is None for one in pages[:-1]] == [False] * (len(pages) - 1)
    count = sum(map(len, expected(names, "", delimiter)))
    assert len(pages) == max(1, -(-count // maximum))


with_nul = st.text("ab\x00", max_size=5)


@given(containers, with_nul, with_nul, with_nul)
def test_a_nul_means_what_it_would_if_swift_took_it(
    names: set[str], prefix: str, delimiter: str, marker: str
) -> None:
    keys, prefixes = shown([page(names, prefix, delimiter, marker, 1000)])
    every, folded = expected(names, prefix, delimiter)
    assert keys == [key for key in every if key > marker]
    if "\x00" in prefix + delimiter:
        assert prefixes == folded == []


def test_one_entry_more_is_asked_for_and_nothing_that_says_nothing() -> None:
    assert query_for("", "", "", 1000) == {"limit": 1001}
    assert query_for("p", "/", "p/m", 1) == {
        "limit": 2, "prefix": "p", "delimiter": "/", "marker": "p/m"
    }  # fmt: skip


@pytest.mark.parametrize(("prefix", "maximum"), [("", 0), ("a\x00b", 1)])
def test_swift_is_not_asked_for_a_page_that_is_empty_anyway(prefix: str, maximum: int) -> None:
    assert query_for(prefix, "", "", maximum) is None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_longer_than_any_name_is_refused(place: int) -> None:
    texts = ["", "", ""]
    texts[place] = "\xe9" * 512
    assert query_for(texts[0], texts[1], texts[2], 1) is not None
    texts[place] += "a"
    with pytest.raises(KeyTooLongError) as refused:
        query_for(texts[0], texts[1], texts[2], 1)
    assert refused.value.details == {"Size": "1025", "MaxSizeAllowed": "1024"}


@pytest.mark.parametrize("last", ["\ud7ff", "\U0010ffff"])
def test_what_swift_cannot_seek_is_not_implemented(last: str) -> None:
    for name, arguments in (("prefix", ("a" + last, "")), ("delimiter", ("", "a" + last))):
        with pytest.raises(NotImplemented) as refused:
            query_for(*arguments, "", 1)
        assert refused.value.details == {"Parameter": name}
    assert query_for(last + "a", last + "/", "a" + last, 1) is not None


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001  # Swift's are naive
@example(datetime(2023, 12, 31, 23, 59, 59, 1))  # noqa: DTZ001  # as above
@example(datetime(2024, 1, 2, 3, 4, 5))  # noqa: DTZ001  # as above
def test_a_time_is_rounded_up_to_the_second(moment: datetime) -> None:
    text = moment.isoformat(timespec="microseconds")
    rounded = entry_time({"last_modified": text})
    assert rounded.microsecond == 0
    assert timedelta(0) <= rounded - moment.replace(tzinfo=UTC) < timedelta(seconds=1)
    assert entry_timestamp({"last_modified": text}) == timestamp(rounded)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2024-01-02T03:04:05", "05"),
        ("2024-01-02T03:04:05.1", "06"),
        ("2024-01-02T03:04:05.000001Z", "06"),
        ("2024-01-02T03:04:05.000Z", "05"),
        ("20240102T030405.000000001", "05"),
        ("2024-01-02T030405.00000900", "06"),
        ("2024-01-02T03:04:05.7+0100", "06"),
        ("2024-01-02T03:04:05.0+0100", "05"),
    ],
)
def test_a_time_in_another_form_of_iso_8601_is_one_too(text: str, shown: str) -> None:
    assert entry_timestamp({"last_modified": text}) == f"2024-01-02T03:04:{shown}.000Z"


@pytest.mark.parametrize(
    "time",
    [
        *(None, 5, [], "", "now", "2024-13-01T00:00:00.000000", "2024-01-01T00:00:60.000000"),
        *(
            "9999-12-31T23:59:59.000001",
            "2024-01-01T00:00:0\u0661.000001",
            "2024--T::.-T::.........1",
        ),
    ],
)
def test_what_is_no_time_is_no_answer(time: object) -> None:
    for read in (entry_time, entry_timestamp):
        with pytest.raises(SwiftUnreachable, match="not a listing"):
            read({"last_modified": time})
    with pytest.raises(SwiftUnreachable):
        entry_time({})
