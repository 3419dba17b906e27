"""Storage classes and storage policies, and how a new bucket's class is named."""

import pytest
from hypothesis import given, strategies as st

from s3gw.mapping.storage_classes import (
    STANDARD,
    class_of,
    policy_for,
    split_constraint,
    wanted_class,
)
from s3gw.s3.errors import InvalidArgument, InvalidStorageClass

TABLE = {"STANDARD_IA": "Silver", "GLACIER_IR": "cold"}
REGION = "eu:one"


@given(st.sampled_from(sorted(TABLE)))
def test_a_bucket_shows_the_class_that_it_was_made_with(storage_class: str) -> None:
    policy = policy_for(storage_class, TABLE)
    assert policy is not None
    assert class_of(policy, TABLE) == class_of(policy.upper(), TABLE) == storage_class


@given(st.text().filter(lambda policy: policy.lower() not in {"silver", "cold"}))
def test_any_other_policy_is_standard(policy: str) -> None:
    assert class_of(policy, TABLE) == class_of(policy, {}) == STANDARD


@pytest.mark.parametrize("storage_class", ["", "standard", "Silver", "GLACIER", "STANDARD_IA "])
def test_what_is_not_in_the_table_is_no_class(storage_class: str) -> None:
    with pytest.raises(InvalidStorageClass) as refused:
        policy_for(storage_class, TABLE)
    assert refused.value.details == {"StorageClassRequested": storage_class}


def test_standard_is_always_one_and_may_have_a_policy() -> None:
    assert policy_for(None, TABLE) is policy_for(STANDARD, {}) is None
    assert (
        policy_for(None, {STANDARD: "gold"}) == policy_for(STANDARD, {STANDARD: "gold"}) == "gold"
    )
    assert class_of("gold", {STANDARD: "gold"}) == STANDARD


@pytest.mark.parametrize(
    ("constraint", "region", "storage_class"),
    [
        (None, None, None),
        (REGION, REGION, None),
        (f"{REGION}:GLACIER_IR", REGION, "GLACIER_IR"),
        (":GLACIER_IR", None, "GLACIER_IR"),
        ("us-east-1", "us-east-1", None),
        ("us-east-1:", "us-east-1", ""),
        ("mars", "mars", None),
    ],
)
def test_a_constraint_may_name_a_class_behind_the_region(
    constraint: str | None, region: str | None, storage_class: str | None
) -> None:
    assert split_constraint(constraint, REGION) == (region, storage_class)


def test_a_class_may_be_named_twice_but_not_two_of_them() -> None:
    assert wanted_class(None, None) is None
    assert wanted_class("A", None) == wanted_class(None, "A") == wanted_class("A", "A") == "A"
    with pytest.raises(InvalidArgument):
        wanted_class("A", "B")
