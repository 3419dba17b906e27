"""Where Swift says no to a read, S3 says no."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, strategies as st

from s3gw.mapping.conditions import for_swift, last_modified
from s3gw.s3.dates import http_date, parse_http_date
from s3gw.s3.errors import PreconditionFailed
from s3gw.s3.headers import Conditions, Outcome
from s3gw.s3.request import Headers

ETAG = "d41d8cd98f00b204e9800998ecf8427e"
OTHER = "0cc175b9c0f1b6a831c399e269772661"
CHANGED = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW = (CHANGED + timedelta(days=1)).timestamp()


def swift_says(passed: Mapping[str, str], etag: str) -> int:
    """How Swift's object server judges the headers: swift.common.swob, Response."""

    def tags(header: str) -> set[str]:
        found = {tag.strip() for tag in passed.get(header, "").split(",")} - {""}
        return {t[1:-1] if t != '"' and t[0] == t[-1] == '"' else t for t in found}

    def since(header: str) -> datetime | None:
        return parse_http_date(passed[header]) if header in passed else None

    changed, unchanged = since("If-Modified-Since"), since("If-Unmodified-Since")
    if {"*", etag} & tags("If-None-Match"):
        return 304
    if "If-Match" in passed and not {"*", etag} & tags("If-Match"):
        return 412
    if changed is not None and changed >= CHANGED:
        return 304
    return 412 if unchanged is not None and unchanged < CHANGED else 200


def s3_says(conditions: Conditions, etag: str) -> int:
    try:
        outcome = conditions.evaluate(etag, CHANGED)
    except PreconditionFailed:
        return 412
    return 304 if outcome is Outcome.NOT_MODIFIED else 200


def conditions_of(headers: dict[str, str]) -> Conditions:
    return Conditions.from_headers(Headers(headers.items()), NOW)


pieces = st.sampled_from(
    [ETAG, f'"{ETAG}"', f'W/"{ETAG}"', f'"{OTHER}"', OTHER, f'"{ETAG}-2"', f"{ETAG}-2", "*", '"*"',
     '"', ",", " ", ", ", '""', "W/", "\\", "&quot;", "\xe9", ETAG.upper(), f'"{ETAG},{OTHER}"',
     f'"a,{ETAG},b"', "\t"]
)  # fmt: skip
etag_conditions = st.lists(pieces, max_size=4).map("".join)
dates = st.one_of(
    st.integers(-2, 2).map(lambda n: http_date(CHANGED + timedelta(seconds=n))),
    st.sampled_from(["", "yesterday", "Sun, 06 Nov 1994 08:49:37 GMT", http_date(NOW + 60)]),
)
headers_of_requests = st.fixed_dictionaries(
    {},
    optional={
        "If-Match": etag_conditions,
        "If-None-Match": etag_conditions,
        "If-Modified-Since": dates,
        "If-Unmodified-Since": dates,
    },
)


@given(headers_of_requests, st.sampled_from([ETAG, f"{ETAG}-2"]))
@example({"If-None-Match": '"*"'}, ETAG)
@example({"If-None-Match": f"*, {OTHER}"}, ETAG)
@example({"If-None-Match": f'"a,{ETAG},b"'}, ETAG)
@example({"If-Match": f'"{ETAG}'}, ETAG)
@example({"If-Match": f"{ETAG} {OTHER}"}, ETAG)
@example({"If-Match": f'W/"{ETAG}"'}, ETAG)
@example({"If-Match": f'"{ETAG}-2"'}, f"{ETAG}-2")
@example({"If-Match": ETAG, "If-Unmodified-Since": http_date(0)}, ETAG)
@example({"If-None-Match": OTHER, "If-Modified-Since": http_date(NOW)}, ETAG)
def test_where_swift_says_no_s3_does_too(headers: dict[str, str], etag: str) -> None:
    """Of a large object Swift has an ETag of its own, which no client of S3 was told."""
    conditions = conditions_of(headers)
    swifts = etag if "-" not in etag else "5f4dcc3b5aa765d61d8327deb882cf99"
    if swift_says(for_swift(conditions), swifts) != 200:
        assert s3_says(conditions, etag) != 200


@pytest.mark.parametrize(
    "value", [ETAG, f'"{ETAG}"', "*", f'"{OTHER}", "{ETAG}"', f"{OTHER},{ETAG}"]
)
@pytest.mark.parametrize(("name", "kept"), [("If-Match", 200), ("If-None-Match", 304)])
def test_swift_judges_the_conditions_it_understands(name: str, kept: int, value: str) -> None:
    conditions = conditions_of({name: value})
    assert for_swift(conditions) == {name: value}
    assert swift_says(for_swift(conditions), ETAG) == s3_says(conditions, ETAG) == kept


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("value", [f'"{ETAG}-2"', f'W/"{ETAG}"', "\xe9", f'"{ETAG}"\xe9'])
def test_what_swift_would_take_for_another_etag_is_not_passed(name: str, value: str) -> None:
    assert for_swift(conditions_of({name: value})) == {}


def test_a_time_beside_an_etag_is_not_passed_even_where_the_etag_is_not() -> None:
    dated = {"If-Modified-Since": http_date(CHANGED), "If-Unmodified-Since": http_date(CHANGED)}
    assert for_swift(conditions_of(dated)) == dated
    for etag in (ETAG, f"{ETAG}-2"):
        passed = for_swift(conditions_of({**dated, "If-Match": etag, "If-None-Match": etag}))
        assert passed.keys() <= {"If-Match", "If-None-Match"}


def test_no_conditions_pass_none() -> None:
    assert for_swift(Conditions()) == {}


@pytest.mark.parametrize(
    ("headers", "moment"),
    [
        ({"Last-Modified": "Tue, 02 Jan 2024 03:04:05 GMT"}, CHANGED),
        ({"Last-Modified": "never"}, datetime(1970, 1, 1, tzinfo=UTC)),
        ({}, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_objects_time_is_what_swift_says(headers: dict[str, str], moment: datetime) -> None:
    assert last_modified(headers) == moment
