"""What a request asks of an answer: ranges, conditions, overrides, page sizes."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import assume, given, strategies as st

from s3gw.s3.dates import http_date
from s3gw.s3.errors import InvalidArgument, InvalidRange, InvalidRequest, PreconditionFailed
from s3gw.s3.headers import (
    Conditions,
    Outcome,
    bare_etag,
    encoding_type,
    etag_matches,
    parse_count,
    parse_range,
    response_overrides,
)
from s3gw.s3.request import Headers, Query

ETAG = "d41d8cd98f00b204e9800998ecf8427e"
CHANGED = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW = CHANGED + timedelta(days=1)
EARLIER, SAME, LATER = (http_date(CHANGED + timedelta(seconds=n)) for n in (-1, 0, 1))
TOMORROW = http_date(NOW + timedelta(days=1))


# Ranges


def resolved(value: str, size: int) -> tuple[int, int] | str | None:
    asked = parse_range(value)
    try:
        return None if asked is None else asked.resolve(size)
    except InvalidRange:
        return "416"


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=2-5", (2, 5)),
        ("bytes=2-", (2, 9)),
        ("bytes=0-9", (0, 9)),
        ("bytes=0-10", (0, 9)),
        ("bytes=9-", (9, 9)),
        ("bytes=007-0008", (7, 8)),
        ("Bytes=2-5", (2, 5)),
        ("bytes=-1", (9, 9)),
        ("bytes=-15", (0, 9)),
        ("bytes=0-" + "9" * 5000, (0, 9)),
        ("bytes=-" + "9" * 5000, (0, 9)),
        ("bytes=" + "0" * 5000 + "1-2", (1, 2)),
        ("bytes=10-", "416"),
        ("bytes=10-20", "416"),
        ("bytes=-0", "416"),
        ("bytes=-000", "416"),
        ("bytes=" + "9" * 5000 + "-", "416"),
        ("bytes=1-0", None),
        ("bytes=" + "9" * 5000 + "-1", None),
        ("bytes=-", None),
        ("bytes=-1-", None),
        ("bytes=--1", None),
        ("bytes=0-1,3-4", None),
        ("bytes=0-1,", None),
        ("bytes=", None),
        ("0-1", None),
        ("lines=0-1", None),
        ("bytes = 0-1", None),
        ("bytes=0 - 1", None),
        ("bytes=0x1-2", None),
        ("bytes=+1-2", None),
        ("bytes=\xb2-3", None),
        ("bytes=0-1\n", None),
        ("", None),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_range_of_ten_bytes(value: str, answer: tuple[int, int] | str | None) -> None:
    assert resolved(value, 10) == answer


@pytest.mark.parametrize("value", ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=5-9"])
def test_no_range_of_an_empty_object_can_be_satisfied(value: str) -> None:
    assert resolved(value, 0) == "416"


def test_a_range_that_cannot_be_satisfied_is_named_with_the_size() -> None:
    asked = parse_range("bytes=10-20")
    assert asked is not None
    with pytest.raises(InvalidRange) as caught:
        asked.resolve(10)
    assert caught.value.details == {"RangeRequested": "bytes=10-20", "ActualObjectSize": "10"}


def test_no_header_is_no_range() -> None:
    assert parse_range(None) is None


BOUNDS = st.none() | st.integers(0, 30) | st.just(10**20)


@given(BOUNDS, BOUNDS, st.integers(0, 20))
def test_ranges_select_what_slices_select(first: int | None, last: int | None, size: int) -> None:
    content = bytes(range(size))
    value = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    if first is None and last is None:
        wanted: bytes | None = None
    elif first is None:
        wanted = content[max(0, size - (last or 0)) :]
    else:
        wanted = content[first : None if last is None else last + 1]
        assume(last is None or first <= last)
    answer = resolved(value, size)
    if wanted is None:
        assert answer is None
    elif not wanted:
        assert answer == "416"
    else:
        assert isinstance(answer, tuple)
        assert content[answer[0] : answer[1] + 1] == wanted


@given(st.text() | st.from_regex(r"bytes=[0-9,\- ]*"), st.integers(0, 100))
def test_whatever_is_sent_a_range_lies_within_the_object(value: str, size: int) -> None:
    answer = resolved(value, size)
    if isinstance(answer, tuple):
        assert 0 <= answer[0] <= answer[1] < size


# Conditions


def judged(**headers: str) -> Outcome | str:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    conditions = Conditions.from_headers(Headers(pairs), NOW.timestamp())
    try:
        return conditions.evaluate(ETAG, CHANGED)
    except PreconditionFailed as error:
        return error.details["Condition"]


SEND, NOT_MODIFIED = Outcome.SEND, Outcome.NOT_MODIFIED
HIT, MISS = f'"{ETAG}"', '"other"'


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({}, SEND),
        ({"If_Match": HIT}, SEND),
        ({"If_Match": MISS}, "If-Match"),
        ({"If_Match": "*"}, SEND),
        ({"If_Match": ""}, "If-Match"),
        ({"If_None_Match": HIT}, NOT_MODIFIED),
        ({"If_None_Match": MISS}, SEND),
        ({"If_None_Match": "*"}, NOT_MODIFIED),
        ({"If_Unmodified_Since": EARLIER}, "If-Unmodified-Since"),
        ({"If_Unmodified_Since": SAME}, SEND),
        ({"If_Unmodified_Since": LATER}, SEND),
        ({"If_Unmodified_Since": "some day"}, SEND),
        ({"If_Modified_Since": EARLIER}, SEND),
        ({"If_Modified_Since": SAME}, NOT_MODIFIED),
        ({"If_Modified_Since": LATER}, NOT_MODIFIED),
        ({"If_Modified_Since": TOMORROW}, SEND),
        ({"If_Modified_Since": "some day"}, SEND),
        ({"If_Match": HIT, "If_Unmodified_Since": EARLIER}, SEND),
        ({"If_Match": MISS, "If_Unmodified_Since": LATER}, "If-Match"),
        ({"If_None_Match": HIT, "If_Modified_Since": EARLIER}, NOT_MODIFIED),
        ({"If_None_Match": MISS, "If_Modified_Since": LATER}, SEND),
        ({"If_Match": HIT, "If_None_Match": HIT}, NOT_MODIFIED),
        ({"If_Match": MISS, "If_None_Match": HIT}, "If-Match"),
        ({"If_Unmodified_Since": EARLIER, "If_None_Match": HIT}, "If-Unmodified-Since"),
    ],
    ids=str,
)
def test_conditions_take_precedence_as_http_says(
    headers: dict[str, str], answer: Outcome | str
) -> None:
    assert judged(**headers) == answer


@pytest.mark.parametrize(
    ("condition", "hit"),
    [
        (ETAG, True),
        (HIT, True),
        (f"W/{HIT}", True),
        (f"W/{ETAG}", True),
        (f'"a", {HIT}', True),
        (f"a,{ETAG},b", True),
        (f"  {HIT}  ", True),
        (f'"{ETAG},x"', False),
        (f'"x{ETAG}"', False),
        (f'"{ETAG}-1"', False),
        ('"*"', False),
        ("a, *", False),
        ('""', False),
        ("", False),
        (",", False),
    ],
)
def test_an_etag_is_found_in_every_form_of_a_list(condition: str, *, hit: bool) -> None:
    assert etag_matches(condition, ETAG) is hit


def test_repeated_etag_headers_are_one_list() -> None:
    headers = Headers([("If-Match", MISS), ("If-Match", HIT)])
    assert Conditions.from_headers(headers, NOW.timestamp()).evaluate(ETAG, CHANGED) is SEND


@pytest.mark.parametrize(
    "text", ["x", '"x"', ' "x"\n', "&quot;x&quot;", "&#34;x&#34;", '\\"x\\"', 'W/"x"', '"x']
)
def test_an_etag_comes_out_of_its_quotes(text: str) -> None:
    assert bare_etag(text) == "x"


# Query parameters


def test_overrides_become_headers() -> None:
    query = Query(
        "response-content-type=text%2Fplain&response-content-disposition=a%3B%20f%3D%22%C3%A9%22"
        "&response-cache-control=no-cache&response-content-encoding=gzip&response-expires=0"
        "&response-content-language=de&versionId=1"
    )
    assert response_overrides(query, anonymous=False) == {
        "Content-Type": "text/plain",
        "Content-Disposition": 'a; f="é"',
        "Cache-Control": "no-cache",
        "Content-Encoding": "gzip",
        "Expires": "0",
        "Content-Language": "de",
    }


def test_an_empty_override_overrides_nothing() -> None:
    assert response_overrides(Query("response-content-type="), anonymous=False) == {}


def test_strangers_may_not_override_headers() -> None:
    assert response_overrides(Query("versionId=1"), anonymous=True) == {}
    with pytest.raises(InvalidRequest, match="cannot be used for anonymous GET requests"):
        response_overrides(Query("response-expires=0"), anonymous=True)


@pytest.mark.parametrize("value", ["€", "a\r\nSet-Cookie: b", "a\nb", "\x00", "\x7f"])
def test_an_override_that_is_no_header_value_is_refused_by_name(value: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        response_overrides(Query(f"response-expires={quote(value)}"), anonymous=False)
    assert caught.value.details == {"ArgumentName": "response-expires", "ArgumentValue": value}


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (None, 1000),
        ("", 1000),
        ("0", 0),
        ("-0", 0),
        ("7", 7),
        ("007", 7),
        ("0" * 5000 + "7", 7),
        ("1000", 1000),
        ("1001", 1000),
        ("2147483647", 1000),
    ],
    ids=lambda value: str(value)[:12],
)
def test_counts(value: str | None, count: int) -> None:
    assert parse_count("max-keys", value) == count


@pytest.mark.parametrize(
    "value", ["-1", "-01", "x", "1.5", " 5", "+5", "1_0", "0x1", "٣", "2147483648", "9" * 5000]
)
def test_what_is_no_count_is_refused_by_name_and_value(value: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_count("max-parts", value)
    assert caught.value.details == {"ArgumentName": "max-parts", "ArgumentValue": value}
    assert "max-parts" in caught.value.message


def test_a_count_has_the_maximum_it_is_given() -> None:
    assert parse_count("part-number-marker", "9999", 10_000) == 9999


@given(st.integers(-(2**33), 2**33), st.integers(1, 2**31))
def test_counts_are_clipped_or_refused(number: int, maximum: int) -> None:
    if 0 <= number < 2**31:
        assert parse_count("n", str(number), maximum) == min(number, maximum)
    else:
        with pytest.raises(InvalidArgument):
            parse_count("n", str(number), maximum)


def test_encoding_types() -> None:
    assert not encoding_type(Query(""))
    assert encoding_type(Query("encoding-type=url"))
    assert encoding_type(Query("encoding-type=URL"))


@pytest.mark.parametrize("value", ["", "xml", "url "])
def test_other_encoding_types_are_refused(value: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid Encoding Method specified") as caught:
        encoding_type(Query(f"encoding-type={quote(value)}"))
    assert caught.value.details == {"ArgumentName": "encoding-type", "ArgumentValue": value}
