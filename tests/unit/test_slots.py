"""Slots: in all and by access key, and always given back."""

import pytest
from hypothesis import given, strategies as st

from s3gw.config import Limits
from s3gw.s3.errors import SlowDown
from s3gw.slots import Slots


def test_nobody_is_refused_for_what_another_key_does() -> None:
    slots = Slots(Limits(concurrent_requests=10, concurrent_requests_per_key=2))
    for key in ("a", "a", "b", ""):
        slots.enter()
        slots.check()
        slots.claim(key)
    slots.enter()
    slots.check()
    with pytest.raises(SlowDown):
        slots.claim("a")
    slots.claim("b")
    assert (slots.refused, slots.refused_by_key) == (0, 1)


def test_a_request_that_was_refused_holds_nothing() -> None:
    slots = Slots(Limits(concurrent_requests=1, concurrent_requests_per_key=1))
    slots.enter()
    slots.claim("a")
    for _ in range(5):
        slots.enter()
        with pytest.raises(SlowDown):
            slots.check()
        slots.leave(None)
    slots.leave("a")
    slots.enter()
    slots.check()
    slots.claim("a")
    assert (slots.active, slots.refused) == (1, 5)


@given(st.lists(st.sampled_from("abc")))
def test_what_all_have_given_back_is_forgotten(keys: list[str]) -> None:
    slots = Slots(Limits(concurrent_requests_per_key=2))
    held = []
    for key in keys:
        slots.enter()
        try:
            slots.claim(key)
        except SlowDown:
            slots.leave(None)
        else:
            held.append(key)
    assert slots.active == len(held)
    for key in held:
        slots.leave(key)
    assert slots.active == 0
    assert not slots._by_key
