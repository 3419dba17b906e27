"""The three date forms that S3 writes and reads."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from botocore.utils import parse_timestamp
from hypothesis import given, strategies as st

from s3gw.s3.dates import http_date, parse_http_date, parse_moment, timestamp

NOON = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001  # hypothesis wants naive bounds
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001  # as above
    timezones=st.just(UTC),
)


def test_timestamps_have_milliseconds_and_a_z() -> None:
    assert timestamp(NOON) == "2024-01-02T03:04:05.000Z"
    assert timestamp(NOON.replace(microsecond=678_999)) == "2024-01-02T03:04:05.678Z"
    assert timestamp(NOON.timestamp()) == "2024-01-02T03:04:05.000Z"
    assert timestamp(NOON.astimezone(timezone(timedelta(hours=2)))) == timestamp(NOON)


@given(MOMENTS)
def test_botocore_reads_our_timestamps(moment: datetime) -> None:
    assert parse_timestamp(timestamp(moment)) == moment.replace(
        microsecond=moment.microsecond // 1000 * 1000
    )


def test_http_dates_are_gmt() -> None:
    assert http_date(NOON) == "Tue, 02 Jan 2024 03:04:05 GMT"
    assert http_date(NOON.timestamp()) == http_date(NOON)


@given(MOMENTS)
def test_http_dates_are_read_back(moment: datetime) -> None:
    assert parse_http_date(http_date(moment)) == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    "text",
    [
        "Tue, 02 Jan 2024 03:04:05 GMT",
        "Tuesday, 02-Jan-24 03:04:05 GMT",
        "Tue Jan  2 03:04:05 2024",
        "Tue, 02 Jan 2024 03:04:05 -0000",
        "Tue, 02 Jan 2024 05:04:05 +0200",
    ],
)
def test_every_form_of_http_dates_is_read(text: str) -> None:
    assert parse_http_date(text) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-01-02T03:04:05Z",
        "Tue, 32 Jan 2024 03:04:05 GMT",
        "Fri, 31 Dec 9999 23:59:59 -0200",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_http_date(text) is None


PIECES = st.sampled_from(
    ["Tue", ",", " ", "02", "Jan", "2024", "0001", "9999", "03:04:05", ":", "-", "+9999", "GMT"]
)


@given(st.text() | st.lists(PIECES, max_size=10).map(" ".join))
def test_no_text_raises(text: str) -> None:
    for moment in (parse_http_date(text), parse_moment(text)):
        assert moment is None or moment.tzinfo is UTC


@given(st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_moment_is_read_in_both_forms(moment: datetime) -> None:
    assert parse_moment(http_date(moment)) == moment.replace(microsecond=0)
    milliseconds = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert parse_moment(timestamp(moment)) == milliseconds


def test_a_moment_that_no_calendar_has_is_none() -> None:
    assert parse_moment("0001-01-01T00:00:00+23:00") is None
    assert parse_moment("yesterday") is None
