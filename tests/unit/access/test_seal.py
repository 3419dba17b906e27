"""The seal on an ACL: only the gateway makes it, and it fits one thing (hazard 9)."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, strategies as st

from s3gw.access.seal import Seals, Subject

OURS, FORMER, THEIRS = (letter * 32 for letter in (b"o", b"f", b"t"))
OBJECT = Subject("p" * 32, "bucket", "a/key")
TEXT = "p=F;*=r"

words = st.text(max_size=12)


def test_what_is_sealed_is_opened() -> None:
    seals = Seals([OURS])
    assert seals.open(OBJECT, seals.close(OBJECT, TEXT)) == TEXT


@given(words, words, words, words)
def test_any_subject_and_text_come_back(project: str, bucket: str, key: str, text: str) -> None:
    seals, of = Seals([OURS]), Subject(project, bucket, key)
    assert seals.open(of, seals.close(of, text)) == text


@pytest.mark.parametrize("field", ["project", "bucket", "key"])
def test_it_fits_nothing_else(field: str) -> None:
    seals = Seals([OURS])
    sealed = seals.close(OBJECT, TEXT)
    assert seals.open(replace(OBJECT, **{field: "other"}), sealed) is None
    assert seals.open(replace(OBJECT, **{field: ""}), sealed) is None


def test_an_objects_seal_is_not_its_buckets() -> None:
    seals = Seals([OURS])
    assert seals.open(Subject("p", "b"), seals.close(Subject("p", "b", "k"), TEXT)) is None


@given(st.tuples(words, words, words), st.tuples(words, words, words))
def test_no_field_runs_into_the_next(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    seals = Seals([OURS])
    if one != other:
        sealed = seals.close(Subject(*one), TEXT)
        assert seals.open(Subject(*other), sealed) is None


def test_names_that_spell_the_same_in_a_row_are_told_apart() -> None:
    seals = Seals([OURS])
    assert seals.open(Subject("p", "ab", "c"), seals.close(Subject("p", "a", "bc"), TEXT)) is None


def test_one_letter_changed_anywhere_opens_nothing() -> None:
    seals = Seals([OURS])
    sealed = seals.close(OBJECT, TEXT)
    for index in range(len(sealed)):
        changed = "A" if sealed[index] != "A" else "B"
        assert seals.open(OBJECT, sealed[:index] + changed + sealed[index + 1 :]) is None
        assert seals.open(OBJECT, sealed[:index]) is None
    assert seals.open(OBJECT, sealed + "x") is None


@given(st.text())
def test_what_others_write_is_worth_nothing(text: str) -> None:
    assert Seals([OURS]).open(OBJECT, text) is None


def test_a_seal_with_another_key_is_worth_nothing() -> None:
    assert Seals([OURS]).open(OBJECT, Seals([THEIRS]).close(OBJECT, TEXT)) is None
    assert Seals([OURS, FORMER]).open(OBJECT, Seals([THEIRS]).close(OBJECT, TEXT)) is None


def test_a_former_key_still_opens_and_no_longer_closes() -> None:
    before, between, after = Seals([FORMER]), Seals([OURS, FORMER]), Seals([OURS])
    assert between.open(OBJECT, before.close(OBJECT, TEXT)) == TEXT
    assert after.open(OBJECT, between.close(OBJECT, TEXT)) == TEXT
    assert after.open(OBJECT, before.close(OBJECT, TEXT)) is None


def test_a_seal_on_a_content_opens_with_that_content_only() -> None:
    """Hazard 5: an ACL that is set later may land on a newer object."""
    seals = Seals([OURS])
    sealed = seals.close(replace(OBJECT, etag="e1"), TEXT)
    assert seals.open(replace(OBJECT, etag="e1"), sealed) == TEXT
    for etag in ("e2", ""):
        assert seals.open(replace(OBJECT, etag=etag), sealed) is None


def test_a_seal_on_no_content_opens_with_any() -> None:
    seals = Seals([OURS])
    assert seals.open(replace(OBJECT, etag="e1"), seals.close(OBJECT, TEXT)) == TEXT


@pytest.mark.parametrize(("etag", "text"), [*product(("", "e"), ("", "a.b", "p=F"))])
def test_the_sign_between_the_fields_may_be_in_the_text(etag: str, text: str) -> None:
    seals, of = Seals([OURS]), replace(OBJECT, etag=etag)
    assert seals.open(of, seals.close(of, text)) == text


def test_a_seal_is_ascii_and_short() -> None:
    sealed = Seals([OURS]).close(Subject("p", "b", "schlüssel \ud800"), TEXT)
    assert sealed.isascii()
    assert len(sealed) == 43 + len("..") + len(TEXT)


def test_keys_are_in_no_repr() -> None:
    assert "o" * 32 not in repr(Seals([OURS]))
