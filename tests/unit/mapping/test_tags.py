"""Tags come back from Swift's metadata as they went in, or do not go in."""

import pytest
from hypothesis import example, given, strategies as st

from s3gw.mapping.tags import from_swift, is_of_tags, to_swift
from s3gw.s3.errors import InvalidTag
from s3gw.s3.tags import Tag, Tags
from s3gw.swift.info import ClusterInfo
from tests.unit.mapping.test_metadata import as_swift_returns
from tests.unit.s3.test_tags import TAGS

LIMITS = ClusterInfo()
ROOMY = ClusterInfo(max_meta_count=1000, max_meta_overall_size=100_000)
LONGEST = tuple(Tag(f"{n}" + "k" * 127, "v" * 256) for n in range(10))


@given(TAGS)
@example(LONGEST)
@example((Tag("a", " "), Tag("b", "\u3000"), Tag(" ", "&="), Tag("%", "%25"), Tag("+", "a=b&c")))
def test_tags_come_back_as_they_went_in(tags: Tags) -> None:
    sent = to_swift(tags, {}, ROOMY)
    assert all(is_of_tags(name) and value.isascii() for name, value in sent.items())
    assert from_swift(as_swift_returns(sent, ROOMY)) == tags
    assert bool(sent) == bool(tags)


@given(TAGS, st.integers(0, 40))
def test_what_is_more_than_swift_can_keep_is_refused(tags: Tags, others: int) -> None:
    beside = {f"X-Object-Meta-{n}": "v" * 100 for n in range(others)}
    beside |= {"Content-Type": "t" * 9000}
    roomy = to_swift(tags, beside, ROOMY)
    together = sum(len(f"{n}{v}") - len("X-Object-Meta-") for n, v in (beside | roomy).items())
    size = together - len("Content-Type" + "t" * 9000) + len("X-Object-Meta-") + 192
    if roomy and size > LIMITS.max_meta_overall_size:
        with pytest.raises(InvalidTag) as refused:
            to_swift(tags, beside, LIMITS)
        assert refused.value.details == {"Size": str(size), "MaxSizeAllowed": "4096"}
    else:
        assert to_swift(tags, beside, LIMITS) == roomy


def test_an_object_that_is_complete_needs_no_room_for_more() -> None:
    limits = ClusterInfo(max_meta_overall_size=len("s3gw-tags-0") + len("a=1"))
    assert to_swift([Tag("a", "1")], {}, limits, is_complete=True)
    with pytest.raises(InvalidTag):
        to_swift([Tag("a", "1")], {}, limits)
    with pytest.raises(InvalidTag):
        to_swift([Tag("a", "12")], {}, limits, is_complete=True)


def test_nine_tags_of_full_length_fit_beside_a_checksum() -> None:
    assert to_swift(LONGEST[:9], {}, LIMITS)


@pytest.mark.parametrize(
    ("headers", "pairs"),
    [
        ({}, []),
        ({"X-Object-Meta-S3gw-Tags-": "a=b"}, []),
        ({"X-Object-Meta-S3gw-Tags-x": "a=b"}, []),
        ({"X-Object-Meta-S3gw-Tags-\u0665": "a=b"}, []),
        ({"X-Object-Meta-Tags-0": "a=b"}, []),
        ({"x-object-meta-s3GW-tAGS-7": "a=b"}, [("a", "b")]),
        ({f"X-Object-Meta-S3gw-Tags-{n}": "x" for n in (10, 2)}, [("xx", "")]),
        ({"X-Object-Meta-S3gw-Tags-0": "%ff=%"}, [("\ufffd", "%")]),
    ],
)
def test_what_others_wrote_harms_nobody(
    headers: dict[str, str], pairs: list[tuple[str, str]]
) -> None:
    assert from_swift(headers) == tuple(Tag(*pair) for pair in pairs)
