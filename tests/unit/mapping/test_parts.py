"""The parts of an object are those that the client uploaded, whatever Swift counts."""

from base64 import b64encode
from itertools import accumulate

import pytest
from hypothesis import given, strategies as st

from s3gw.mapping.manifests import manifests_for
from s3gw.mapping.parts import table_of
from s3gw.swift.account import Entry
from tests.unit.mapping.test_manifests import ID, Part, flat, part


def path(number: int | str, upload_id: str = ID) -> str:
    return f"/b+segments/dir/k/{upload_id}/{number}"


def spans(segments: list[Entry], count: int = 0) -> list[tuple[int, int, int]]:
    return [(one.number, one.offset, one.size) for one in table_of(segments, "b", count)]


@st.composite
def uploads(draw: st.DrawFn) -> list[Part]:
    """Parts as S3 lets them be: any numbers, and only the last one may be empty."""
    numbers = sorted(draw(st.sets(st.integers(1, 9_999), min_size=1, max_size=30)))
    parts = [part(number, draw(st.integers(1, 50))) for number in numbers]
    return [*parts, part(numbers[-1] + 1, 0)] if draw(st.booleans()) else parts


@given(uploads(), st.integers(2, 12))
def test_the_table_of_a_manifest_is_that_of_the_upload(parts: list[Part], limit: int) -> None:
    segments = flat(manifests_for("b", "dir/k", ID, parts, limit))
    offsets = [0, *accumulate(one.size for one in parts)]
    table = table_of(segments, "b", len(parts))
    assert [(one.number, one.offset, one.size) for one in table] == [
        (one.number, offset, one.size) for one, offset in zip(parts, offsets, strict=False)
    ]
    for one, held in zip(parts, table, strict=True):
        is_held = one.size > 0 or len(parts) == 1
        assert held.path == (path(one.number) if is_held else "")
        assert held.etag == (one.etag if is_held else "")


def test_an_upload_of_nothing_has_a_part() -> None:
    segments = flat(manifests_for("b", "dir/k", ID, [part(7, 0)], 10))
    assert spans(segments, 1) == [(7, 0, 0)]


@pytest.mark.parametrize(
    "paths",
    [
        ["/c/x", "/c/y"],
        [path(1), "/c/y"],
        [path(2), path(1)],
        [path(1), path(1)],
        [path(1), path(2, ID[::-1])],
        [path(0), path(1)],
        [path(1), path(10_001)],
        [path("x"), path("y")],
        ["", ""],
    ],
)
def test_segments_that_are_no_parts_of_one_upload_are_counted(paths: list[str]) -> None:
    segments = [{"path": one, "size_bytes": 5} for one in paths]
    assert spans(segments) == [(1, 0, 5), (2, 5, 5)]


@pytest.mark.parametrize(
    ("segment", "size"),
    [
        ({"path": "/c/x", "size_bytes": 10, "range": "2-4"}, 3),
        ({"path": "/c/x", "size_bytes": 10, "range": "2-"}, 8),
        ({"path": "/c/x", "size_bytes": 10, "range": "8-99"}, 2),
        ({"path": "/c/x", "size_bytes": 10, "range": "-4"}, 4),
        ({"path": "/c/x", "size_bytes": 10, "range": "-40"}, 10),
        ({"path": "/c/x", "size_bytes": 10, "range": None}, 10),
        ({"data": b64encode(b"seven77").decode()}, 7),
        ({}, 0),
    ],
)
def test_a_segment_has_the_bytes_that_it_gives(segment: Entry, size: int) -> None:
    assert spans([segment]) == [(1, 0, size)]


def test_a_count_that_is_less_than_the_segments_adds_none() -> None:
    assert spans([{"path": path(3), "size_bytes": 1}, {"path": path(5), "size_bytes": 1}], 1) == [
        (3, 0, 1),
        (5, 1, 1),
    ]
