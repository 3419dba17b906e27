"""What manifests and links name, as sets of part numbers."""

from hypothesis import given, strategies as st

from s3gw.mapping.references import Numbers, References, place_of

ID = "u" * 48
NUMBERS = st.sets(st.integers(1, 30_000))


def path(number: object, key: str = "a/k", bucket: str = "b") -> str:
    return f"/{bucket}+segments/{key}/{ID}/{number}"


@given(NUMBERS, NUMBERS)
def test_numbers_are_a_set(some: set[int], others: set[int]) -> None:
    one, other = Numbers(), Numbers()
    for numbers, found in ((some, one), (others, other)):
        for number in numbers:
            found.add(number)
    left = one.without(other)
    assert {number for number in some | others if number in left} == some - others
    assert bool(left) == bool(some - others)
    assert {number for number in some | others if number in one} == some
    assert -1 not in one


def test_a_segments_path_tells_upload_and_number() -> None:
    assert place_of(path(7)) == (("b", "a/k", ID), 7)
    assert place_of(path(20_001, "é /%2F")) == (("b", "é /%2F", ID), 20_001)


def test_whatever_else_a_manifest_names_is_no_place() -> None:
    for other in (
        "", "/", "/b", "/b+segments", "/b+segments/", f"/b/k/{ID}/1", f"/+segments/k/{ID}/1",
        path("007"), path(""), path(0), path(30_001), path("x"), "/b+segments/k/short/1",
    ):  # fmt: skip
        assert place_of(other) is None


def test_sub_manifests_are_told_once_and_all_numbers_are_kept() -> None:
    upload = ("b", "a/k", ID)
    found = References()
    assert list(found.add([path(1), path(20_000), "/other/x", path(20_001)])) == [
        (upload, 20_000),
        (upload, 20_001),
    ]
    assert list(found.add([path(2), path(20_000)])) == []
    assert all(number in found.of(upload) for number in (1, 2, 20_000, 20_001))
    assert 3 not in found.of(upload)
    assert not found.of(("b", "other", ID))
