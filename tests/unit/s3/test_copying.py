"""What a copy's headers say: its source, its directives, its conditions, its range."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.copying import (
    CopySource,
    Directive,
    SourceConditions,
    metadata_directive,
    parse_copy_range,
    parse_copy_source,
    tagging_directive,
)
from s3gw.s3.dates import http_date
from s3gw.s3.errors import InvalidArgument, InvalidRequest, PreconditionFailed, S3Error
from s3gw.s3.request import Headers

ETAG = "d41d8cd98f00b204e9800998ecf8427e"
CHANGED = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW = CHANGED + timedelta(days=1)
EARLIER, SAME, LATER = (http_date(CHANGED + timedelta(seconds=n)) for n in (-1, 0, 1))
TOMORROW = http_date(NOW + timedelta(days=1))


def wire(text: str) -> str:
    """Text as the server reads its UTF-8."""
    return text.encode().decode("latin-1")


# Sources


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("b/k", [CopySource("b", "k")]),
        ("/b/k", [CopySource("b", "k")]),
        ("b/k/l//m/", [CopySource("b", "k/l//m/")]),
        ("b//k", [CopySource("b", "/k")]),
        ("b%2Fk", [CopySource("b", "k")]),
        ("%2Fb%2Fk", [CopySource("b", "k")]),
        ("b/a%20b%2Bc", [CopySource("b", "a b+c")]),
        ("b/a b", [CopySource("b", "a b")]),
        ("b/a+b", [CopySource("b", "a b"), CopySource("b", "a+b")]),
        ("b+c/k", [CopySource("b c", "k"), CopySource("b+c", "k")]),
        ("b/a%2520b", [CopySource("b", "a%20b")]),
        ("b/100% sure", [CopySource("b", "100% sure")]),
        ("b/k%3Fx", [CopySource("b", "k?x")]),
        ("b/k#x", [CopySource("b", "k#x")]),
        (wire("b/é"), [CopySource("b", "é")]),
        ("b/%C3%A9", [CopySource("b", "é")]),
        ("b/k?versionId=1234567890.12345", [CopySource("b", "k", "1234567890.12345")]),
        ("b/k?versionId=null", [CopySource("b", "k", "null")]),
        ("b/k?versionId=", [CopySource("b", "k", "")]),
        ("b/a+b?versionId=n%2B1", [CopySource("b", "a b", "n+1"), CopySource("b", "a+b", "n+1")]),
        ("b/..", [CopySource("b", "..")]),
    ],
)
def test_a_source_is_read_as_aws_reads_it_and_a_plus_also_as_it_is(
    value: str, names: list[CopySource]
) -> None:
    assert list(parse_copy_source(value)) == names


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "Invalid copy source bucket name"),
        ("/", "Invalid copy source bucket name"),
        ("//k", "Invalid copy source bucket name"),
        ("b", "Invalid copy source object key"),
        ("b/", "Invalid copy source object key"),
        ("/b", "Invalid copy source object key"),
        ("/b/?versionId=1", "Invalid copy source object key"),
        ("b/k?", "Unsupported copy source parameter."),
        ("b/k?x=1", "Unsupported copy source parameter."),
        ("b/k?versionid=1", "Unsupported copy source parameter."),
        ("b/%FF", "Invalid copy source encoding."),
        ("b/\xff", "Invalid copy source encoding."),
    ],
)
def test_a_source_that_names_no_object_is_refused(value: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_copy_source(value)
    assert caught.value.message == message
    assert caught.value.details == {
        "ArgumentName": "x-amz-copy-source",
        "ArgumentValue": "x-amz-copy-source",
    }


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)
BUCKETS = NAMES.filter(lambda text: "/" not in text)


@given(BUCKETS, NAMES, st.none() | NAMES, st.sampled_from(["", "/", "%2F"]))
def test_what_a_client_encodes_is_what_is_read(
    bucket: str, key: str, version: str | None, slash: str
) -> None:
    query = "" if version is None else f"?versionId={quote(version, safe='')}"
    wanted = CopySource(bucket, key, version)
    for encode in (quote, quote_plus):
        for separator in ("/", "%2F"):
            value = f"{slash}{encode(bucket)}{separator}{encode(key)}{query}"
            assert parse_copy_source(value)[0] == wanted


@given(BUCKETS, NAMES)
def test_a_raw_source_without_escapes_is_among_what_is_read(bucket: str, key: str) -> None:
    value = f"/{bucket}/{key}"
    if "%" in value or "?" in value:
        return
    assert CopySource(bucket, key) in parse_copy_source(wire(value))


@given(st.text(st.characters(max_codepoint=255)))
def test_whatever_a_source_says_it_is_read_or_refused(value: str) -> None:
    try:
        names = parse_copy_source(value)
    except S3Error:
        return
    assert 1 <= len(names) <= 2
    assert all(name.bucket and name.key and "/" not in name.bucket for name in names)


# Directives


def test_without_a_directive_it_is_a_copy() -> None:
    assert metadata_directive(Headers([])) is Directive.COPY
    assert tagging_directive(Headers([])) is Directive.COPY


@pytest.mark.parametrize("value", ["COPY", "REPLACE"])
def test_a_directive_says_where_things_come_from(value: str) -> None:
    assert metadata_directive(Headers([("x-amz-metadata-directive", value)])).value == value
    assert tagging_directive(Headers([("x-amz-tagging-directive", value)])).value == value


@pytest.mark.parametrize("value", ["", "copy", "MERGE", "COPY,REPLACE"])
def test_an_unknown_directive_is_refused(value: str) -> None:
    for read, kind in ((metadata_directive, "metadata"), (tagging_directive, "tagging")):
        name = f"x-amz-{kind}-directive"
        with pytest.raises(InvalidArgument, match=f"Unknown {kind} directive.") as caught:
            read(Headers([(name, value)]))
        assert caught.value.details == {"ArgumentName": name, "ArgumentValue": value}


# Conditions


def failed(**conditions: str) -> str | None:
    """The condition that does not hold of an object, if one does not."""
    pairs = [
        (f"x-amz-copy-source-{name.replace('_', '-')}", value) for name, value in conditions.items()
    ]
    read = SourceConditions.from_headers(Headers(pairs), NOW.timestamp())
    try:
        read.check(ETAG, CHANGED)
    except PreconditionFailed as error:
        return error.details["Condition"]
    return None


@pytest.mark.parametrize(
    ("conditions", "condition"),
    [
        ({}, None),
        ({"if_match": ETAG}, None),
        ({"if_match": f'"{ETAG}"'}, None),
        ({"if_match": '"other"'}, "If-Match"),
        ({"if_none_match": '"other"'}, None),
        ({"if_none_match": ETAG}, "If-None-Match"),
        ({"if_modified_since": EARLIER}, None),
        ({"if_modified_since": SAME}, "If-Modified-Since"),
        ({"if_modified_since": LATER}, "If-Modified-Since"),
        ({"if_modified_since": TOMORROW}, None),
        ({"if_unmodified_since": SAME}, None),
        ({"if_unmodified_since": EARLIER}, "If-Unmodified-Since"),
        # An ETag makes the date beside it void.
        ({"if_match": ETAG, "if_unmodified_since": EARLIER}, None),
        ({"if_match": "other", "if_unmodified_since": LATER}, "If-Match"),
        ({"if_none_match": ETAG, "if_modified_since": EARLIER}, "If-None-Match"),
        ({"if_none_match": "other", "if_modified_since": LATER}, None),
        ({"if_match": ETAG, "if_none_match": ETAG}, "If-None-Match"),
    ],
)
def test_a_source_that_is_not_as_it_must_be_is_a_failed_precondition(
    conditions: dict[str, str], condition: str | None
) -> None:
    assert failed(**conditions) == (condition and f"x-amz-copy-source-{condition}")


@pytest.mark.parametrize("name", ["if_modified_since", "if_unmodified_since"])
def test_a_date_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        failed(**{name: "yesterday"})
    assert caught.value.details["ArgumentValue"] == "yesterday"


def test_the_etag_is_asked_for_only_if_it_matters() -> None:
    def asks(**conditions: str) -> bool:
        pairs = [
            (f"x-amz-copy-source-{name.replace('_', '-')}", v) for name, v in conditions.items()
        ]
        return SourceConditions.from_headers(Headers(pairs), 0).ask_for_etag

    assert asks(if_match="x")
    assert asks(if_none_match="x")
    assert not asks(if_modified_since=SAME, if_unmodified_since=SAME)


# Ranges


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, (0, 9)),
        ("bytes=0-0", (0, 0)),
        ("bytes=0-9", (0, 9)),
        ("bytes=9-9", (9, 9)),
        ("bytes=2-5", (2, 5)),
        ("bytes=002-05", (2, 5)),
    ],
)
def test_a_range_names_its_first_and_its_last_byte(
    value: str | None, found: tuple[int, int]
) -> None:
    assert parse_copy_range(value, 10) == found


INVALID = "Range specified is not valid for source object of size: "
FORM = "The x-amz-copy-source-range value must be of the form bytes=first-last"


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        *(
            (value, InvalidArgument, FORM)
            for value in (
                "", "0-4", "bytes=", "bytes=-", "bytes=0-", "bytes=-4", "bytes=4-2", "bytes=0",
                "bytes=a-b", "bytes=0-2,3-5", "bytes= 0-2", "Bytes=0-2", "bytes=0-" + "9" * 5000,
            )
        ),
        ("bytes=10-10", InvalidRequest, "The specified copy range is invalid for the source"),
        ("bytes=10-20", InvalidRequest, "The specified copy range is invalid for the source"),
        ("bytes=0-10", InvalidArgument, f"{INVALID}10"),
    ],
)  # fmt: skip
def test_a_range_that_the_source_does_not_have_is_refused(
    value: str, error: type[S3Error], message: str
) -> None:
    with pytest.raises(error) as caught:
        parse_copy_range(value, 10)
    assert caught.value.message.startswith(message)
    if error is InvalidArgument:
        assert caught.value.details == {
            "ArgumentName": "x-amz-copy-source-range",
            "ArgumentValue": value,
        }


def test_nothing_has_no_range() -> None:
    assert parse_copy_range(None, 0) == (0, -1)
    with pytest.raises(InvalidRequest):
        parse_copy_range("bytes=0-0", 0)
