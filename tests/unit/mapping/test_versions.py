"""Version ids are Swift's timestamps, and what was written without versioning is `null`."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from s3gw.mapping.versions import (
    ENABLED,
    NO_HISTORY,
    NULL,
    SUSPENDED,
    History,
    check_version_id,
    is_marker,
    is_versioned,
    keeps_versions,
    names_marker,
    query_for,
    seconds_of,
    stamp_of,
)
from s3gw.s3.errors import InvalidArgument

LATER = {"X-Object-Version-Id": "1704164645.00000"}
COPIED = "9999999999.99999"
MARKER = "application/x-deleted;swift_versions_deleted=1"

times = st.integers(0, 10**15 - 1).map(lambda n: f"{n // 10**5:010d}.{n % 10**5:05d}")


@pytest.mark.parametrize(
    "version_id", [None, NULL, "1704164645.00000", "1704164645.00000_00000000000000af"]
)
def test_what_swift_gives_out_is_a_version_id(version_id: str | None) -> None:
    check_version_id(version_id)


def test_an_empty_version_id_is_an_invalid_argument() -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_version_id("")
    assert refused.value.details == {"ArgumentName": "versionId", "ArgumentValue": ""}
    assert refused.value.message == "Version id cannot be the empty string"


@given(
    st.one_of(
        st.text(min_size=1).filter(lambda text: text != NULL),
        st.sampled_from(["1e3", "-1", "1704164645", "1704164645.12345_0", "NULL"]),
        st.just("\uff11704164645.00000"),  # a digit, but not an ASCII one
        times.map(lambda time: time + "\n"),
    )
)  # fmt: skip
def test_everything_else_is_an_invalid_version_id(version_id: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_version_id(version_id)
    assert refused.value.details == {"ArgumentName": "versionId", "ArgumentValue": version_id}
    assert refused.value.message == "Invalid version id specified"


def test_swift_is_asked_for_the_newest_unless_a_timestamp_is_named() -> None:
    assert query_for(None) == query_for(NULL) == {}
    assert query_for("1704164645.00000") == {"version-id": "1704164645.00000"}


@pytest.mark.parametrize(
    ("headers", "versioned"), [(LATER, True), ({"X-Object-Version-Id": "null"}, True), ({}, False)]
)
def test_any_version_id_tells_that_versions_may_exist(
    headers: dict[str, str],
    versioned: bool,  # noqa: FBT001  # a case of the table
) -> None:
    assert is_versioned(headers) is versioned


@pytest.mark.parametrize(
    "name", ["X-Versions-Enabled", "X-Versions-Location", "X-History-Location"]
)
@pytest.mark.parametrize("value", ["True", "False", "c"])
def test_a_container_that_ever_kept_versions_is_known(name: str, value: str) -> None:
    assert keeps_versions({name: value})


def test_a_plain_container_keeps_no_versions() -> None:
    assert not keeps_versions({"X-Container-Read": ".r:*", "X-Timestamp": "1"})


def test_a_delete_marker_is_known_by_its_content_type() -> None:
    assert is_marker({"content_type": MARKER})
    assert names_marker({"Content-Type": MARKER})
    assert not is_marker({"content_type": "application/x-deleted"})
    assert not names_marker({"Content-Type": "text/html; charset=UTF-8"})


def test_a_version_id_tells_when_it_was_written() -> None:
    assert seconds_of("1704164645.25000_00000000000000af") == 1704164645.25


class TestHistory:
    """When versioning was on, and what was written while it was not."""

    @given(st.lists(times, max_size=9), times)
    def test_null_is_what_was_written_before_or_between(
        self, switched: list[str], written: str
    ) -> None:
        switched.sort()
        history = History.parse(",".join(switched))
        assert history.times == tuple(switched)
        # An oracle that walks through time.
        is_on = False
        ends_later = False
        for index, time in enumerate(switched):
            if time <= written:
                is_on = index % 2 == 0
            else:
                ends_later = True
        assert history.was_null(written, COPIED) is (not is_on and ends_later)

    @given(st.lists(times, max_size=9).map(sorted), times)
    def test_it_is_on_since_a_version_if_nothing_was_switched_after_it(
        self, switched: list[str], written: str
    ) -> None:
        later = [time for time in switched if time > written]
        is_on = len(switched) % 2 == 1
        assert History(tuple(switched)).is_on_since(written) is (is_on and not later)

    @given(st.lists(times, max_size=9).map(sorted))
    def test_spans_come_newest_first_and_apart(self, switched: list[str]) -> None:
        spans = [*History(tuple(switched)).null_spans()]
        assert all(start <= end for start, end in spans)
        assert all(newer[0] >= older[1] for newer, older in pairwise(spans))

    @given(st.lists(st.sampled_from(["on", "off", "on, natively", "off, natively"]), max_size=40))
    def test_a_time_that_others_ended_counts_as_on(self, steps: list[str]) -> None:
        state, left, history = "", "", NO_HISTORY
        suspensions: list[tuple[int, int | None]] = [(0, None)]
        for now, step in enumerate(steps, start=1):
            after = ENABLED if step.startswith("on") else SUSPENDED
            if after != state and "natively" not in step:
                history = history.switched(state, f"{now:010d}.00000", on=after == ENABLED)
                if suspensions and suspensions[-1][1] is None:
                    start, _ = suspensions.pop()
                    if state == left:
                        suspensions.append((start, now))
                if after == SUSPENDED:
                    suspensions.append((now, None))
                left = after
            state = after
        assert len(history.text) <= 256
        assert History.parse(history.text) == history
        for moment in range(len(steps) + 1):
            may = history.was_null(f"{moment:010d}.50000", COPIED)
            was = any(start <= moment < end for start, end in suspensions if end is not None)
            # Of very many switches not all are kept.
            assert may is was or (was and len(history.times) >= 14)

    def test_what_was_not_touched_since_it_was_written_never_was_null(self) -> None:
        history = History(("1704164646.00000",))
        assert history.was_null("1704164645.00000", COPIED)
        assert not history.was_null("1704164645.00000", "1704164645.00000")
        assert not history.was_null("1704164645.00000_00000000000000af", "1704164645.00000")

    def test_entries_of_listings_tell_the_same(self) -> None:
        history = History(("1704164646.00000",))
        entry = {"version_id": "1704164645.12345", "last_modified": "2024-01-02T03:04:05.123450"}
        assert stamp_of(entry) == "1704164645.12345"
        assert not history.is_null(entry)
        copied = entry | {"last_modified": "2024-01-02T03:04:05.123460"}
        assert history.is_null(copied)
        assert not NO_HISTORY.is_null(copied)
        assert not history.is_null(copied | {"content_type": MARKER})
        assert NO_HISTORY.is_null(entry | {"version_id": "null"})

    @pytest.mark.parametrize(
        "text",
        ["", "x", "1704164645", "1704164645.00000,", "1704164646.00000,1704164645.00000"],
    )
    def test_what_the_gateway_did_not_write_tells_nothing(self, text: str) -> None:
        assert History.parse(text) == NO_HISTORY
        assert not NO_HISTORY.was_null("0000000000.00000", COPIED)
