"""The conditions of deletes: what is read of them, and when they hold."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.conditions import NO_CONDITIONS, DeleteConditions
from s3gw.s3.errors import InvalidArgument, NotImplemented as S3NotImplemented, PreconditionFailed
from s3gw.s3.request import Headers

ETAG = "d41d8cd98f00b204e9800998ecf8427e"
NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
SIZE = "x-amz-if-match-size"
TIME = "x-amz-if-match-last-modified-time"


def read(**headers: str) -> DeleteConditions:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return DeleteConditions.from_headers(Headers(pairs))


def refused(conditions: DeleteConditions, etag: str | None = ETAG) -> str | None:
    """The condition that does not hold of an object of 5 bytes, made at noon."""
    try:
        conditions.check(etag, 5, NOON)
    except PreconditionFailed as error:
        return error.details["Condition"]
    return None


def test_no_header_is_no_condition() -> None:
    assert read(x_amz_meta_if_match="1") == NO_CONDITIONS
    assert not NO_CONDITIONS.are_given
    NO_CONDITIONS.check(None, None, None)


@pytest.mark.parametrize(
    "value", ["*", ETAG, f'"{ETAG}"', f'W/"{ETAG}"', f'"0", "{ETAG}"', f"0,{ETAG}"]
)
def test_if_match_takes_an_etag_in_every_form(value: str) -> None:
    assert refused(read(if_match=value)) is None


@pytest.mark.parametrize("value", ["", "0", '""', ETAG[:-1], f"{ETAG}-1", ETAG.upper(), '"*"'])
def test_another_etag_is_another_object(value: str) -> None:
    assert refused(read(if_match=value)) == "If-Match"


@pytest.mark.parametrize(
    "value", ["Tue, 02 Jan 2024 12:00:00 GMT", "2024-01-02T12:00:00.000Z", "2024-01-02T12:00:00Z"]
)
def test_a_time_holds_in_the_forms_of_headers_and_of_listings(value: str) -> None:
    assert refused(read(**{TIME: value})) is None


def test_all_conditions_must_hold() -> None:
    good = {"if_match": ETAG, SIZE: "5", TIME: "Tue, 02 Jan 2024 12:00:00 GMT"}
    assert refused(read(**good)) is None
    assert refused(read(**good | {"if_match": "0"})) == "If-Match"
    assert refused(read(**good | {SIZE: "6"})) == SIZE
    assert refused(read(**good | {TIME: "Tue, 02 Jan 2024 12:00:01 GMT"})) == TIME


@given(
    st.builds(
        DeleteConditions,
        st.none() | st.sampled_from(["*", ETAG]),
        st.none() | st.integers(0, 9),
        st.none() | st.just(NOON) | st.just(NOON + timedelta(microseconds=1)),
    )
)
def test_of_a_delete_marker_no_condition_holds(conditions: DeleteConditions) -> None:
    if conditions.are_given:
        with pytest.raises(PreconditionFailed):
            conditions.check(None, None, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [(SIZE, ""), (SIZE, "-1"), (SIZE, "1.0"), (SIZE, "9" * 5000), (TIME, ""), (TIME, "yesterday")],
)
def test_what_cannot_be_read_is_refused_with_its_name(name: str, value: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read(**{name: value})
    assert caught.value.details == {"ArgumentName": name, "ArgumentValue": value}


@pytest.mark.parametrize("name", ["If-None-Match", "If-Modified-Since", "If-Unmodified-Since"])
def test_conditions_of_reads_are_refused(name: str) -> None:
    with pytest.raises(S3NotImplemented) as caught:
        read(**{name: "*"})
    assert caught.value.details == {"Header": name}
