"""Tags are understood in a header and in a document, and bound by S3's rules."""

import unicodedata
from contextlib import suppress
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.errors import BadRequest, InvalidArgument, InvalidTag, MalformedXML
from s3gw.s3.tags import (
    Tag,
    Tags,
    check_bucket_tags,
    check_object_tags,
    parse_header,
    parse_tagging,
    tagging,
)
from s3gw.s3.xml import render
from tests.unit.s3.wire import read_answer, written_body

LEGAL = st.characters(categories=["L", "Z", "N"], include_characters="+-=._:/@")


def legal(longest: int, shortest: int = 0) -> st.SearchStrategy[str]:
    return st.text(LEGAL, min_size=shortest, max_size=longest // 2)


TAGS = st.lists(
    st.builds(Tag, legal(128, 1).filter(lambda key: not key.startswith("aws:")), legal(256)),
    max_size=10,
    unique_by=lambda tag: tag.key,
).map(tuple)


@given(TAGS)
def test_a_header_says_what_was_put_into_it(tags: Tags) -> None:
    pairs = [(tag.key, tag.value) for tag in tags]
    assert parse_header(urlencode(pairs)) == tags
    assert parse_header(urlencode(pairs, quote_via=quote)) == tags
    raw = "&".join(f"{quote(key)}={quote(value)}" for key, value in pairs)
    assert parse_header(raw) == tags


@given(TAGS)
def test_a_document_says_what_was_put_into_it_and_so_does_the_answer(tags: Tags) -> None:
    members = [{"Key": tag.key, "Value": tag.value} for tag in tags]
    body = written_body("PutObjectTagging", Bucket="b", Key="k", Tagging={"TagSet": members})
    assert check_object_tags(parse_tagging(body)) == tags
    assert read_answer("GetObjectTagging", render(tagging(tags))) == {"TagSet": members}


@pytest.mark.parametrize(
    ("header", "pairs"),
    [
        (None, []),
        ("", []),
        ("&", []),
        ("a=1&b=2", [("a", "1"), ("b", "2")]),
        ("b=2&a=1", [("b", "2"), ("a", "1")]),
        ("foo=bar&bar", [("foo", "bar"), ("bar", "")]),
        ("a=", [("a", "")]),
        ("a+b=c%20d", [("a b", "c d")]),
        ("%C3%A9=%E2%82%AC1", None),
        ("%C3%A9=%C3%A0", [("é", "à")]),
        ("é=à".encode().decode("latin-1"), [("é", "à")]),
        ("a%3Db=c%3Dd", [("a=b", "c=d")]),
        ("a%2Bb=1", [("a+b", "1")]),
    ],
)
def test_a_header_is_a_query(header: str | None, pairs: list[tuple[str, str]] | None) -> None:
    if pairs is None:  # the euro sign is no letter
        with pytest.raises(InvalidTag):
            parse_header(header)
    else:
        assert parse_header(header) == tuple(Tag(*pair) for pair in pairs)


@pytest.mark.parametrize(
    "header",
    ["a=1&a=2", "a=1&%61=2", "a=b=c", "TagSet=[{Key=a,Value=b}]", "a=%", "a=%4", "a%zz=1", "a=%ff"],
)
def test_a_header_that_is_no_query_is_refused(header: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse_header(header)
    assert refused.value.details == {"ArgumentName": "x-amz-tagging", "ArgumentValue": header}


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_any_header_is_taken_or_refused(header: str) -> None:
    with suppress(BadRequest, InvalidArgument, InvalidTag):
        tags = parse_header(header)
        assert check_object_tags(tags) == tags


@pytest.mark.parametrize(
    "body",
    [
        "<Other/>",
        "<Tagging/>",
        "<Tagging><TagSet/><TagSet/></Tagging>",
        "<Tagging><TagSet/><Other/></Tagging>",
        "<Tagging><Tag><Key>a</Key><Value>1</Value></Tag></Tagging>",
        "<Tagging><TagSet><Key>a</Key><Value>1</Value></TagSet></Tagging>",
        "<Tagging><TagSet><Tag/></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Value>a</Value></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value><Other/></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>a</Key><Key>b</Key><Value>1</Value></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tog><Key>a</Key><Value>1</Value></Tog></TagSet></Tagging>",
        "",
        "no xml",
    ],
)
def test_another_document_is_malformed(body: str) -> None:
    with pytest.raises(MalformedXML):
        parse_tagging(body.encode())


def test_an_object_has_ten_tags_at_most_and_a_bucket_fifty() -> None:
    tags = tuple(Tag(f"k{n}", "v") for n in range(51))
    assert check_object_tags(tags[:10]) == tags[:10]
    assert check_bucket_tags(tags[:50]) == tags[:50]
    with pytest.raises(BadRequest, match=r"^Object tags cannot be greater than 10$"):
        check_object_tags(tags[:11])
    with pytest.raises(BadRequest, match=r"^Bucket tags cannot be greater than 50$"):
        check_bucket_tags(tags)
    with pytest.raises(BadRequest):
        parse_header("&".join(f"{tag.key}=v" for tag in tags[:11]))


@pytest.mark.parametrize("longest", ["k", "é", "文"])
def test_a_key_has_128_characters_and_a_value_256(longest: str) -> None:
    check_object_tags([Tag(longest * 128, longest * 256)])
    with pytest.raises(InvalidTag, match="TagKey") as refused:
        check_object_tags([Tag(longest * 129, "v")])
    assert refused.value.details == {"TagKey": longest * 129}
    with pytest.raises(InvalidTag, match="TagValue") as refused:
        check_object_tags([Tag("k", longest * 257)])
    assert refused.value.details == {"TagKey": "k", "TagValue": longest * 257}


def test_a_character_beyond_the_first_plane_counts_twice() -> None:
    check_object_tags([Tag("𐐀" * 64, "𐐀" * 128)])
    with pytest.raises(InvalidTag, match="TagKey"):
        check_object_tags([Tag("𐐀" * 65, "")])
    with pytest.raises(InvalidTag, match="TagValue"):
        check_object_tags([Tag("k", "𐐀" * 129)])


def test_an_empty_key_is_none() -> None:
    with pytest.raises(InvalidTag, match="The TagKey you have provided is invalid"):
        check_object_tags([Tag("", "v")])


@given(st.characters(exclude_categories=["Cs"]))
def test_letters_numbers_and_blanks_are_legal_and_few_marks(char: str) -> None:
    is_legal = char in "+-=._:/@" or unicodedata.category(char)[0] in "LZN"
    for tag in (Tag(f"k{char}", "v"), Tag("k", char)):
        if is_legal:
            check_object_tags([tag])
        else:
            with pytest.raises(InvalidTag):
                check_object_tags([tag])


def test_a_key_is_there_once() -> None:
    with pytest.raises(InvalidTag, match="Cannot provide multiple Tags with the same key") as one:
        check_object_tags([Tag("a", "1"), Tag("b", "2"), Tag("a", "1")])
    assert one.value.details == {"TagKey": "a"}
    check_object_tags([Tag("a", "1"), Tag("A", "1")])


def test_the_systems_prefix_is_reserved() -> None:
    with pytest.raises(InvalidTag, match=r"^Your TagKey cannot be prefixed with aws:$"):
        check_object_tags([Tag("aws:a", "1")])
    with pytest.raises(InvalidTag, match=r"^System tags cannot be added/updated by requester$"):
        check_bucket_tags([Tag("aws:a", "1")])
    check_object_tags([Tag("a:aws:", "aws:")])
