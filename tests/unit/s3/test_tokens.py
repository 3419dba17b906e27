"""Continuation tokens come back as they went, and nothing else is one."""

import re

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.errors import InvalidArgument
from s3gw.s3.tokens import decode_token, encode_token

MARKERS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(MARKERS)
def test_a_marker_comes_back_from_its_token(marker: str) -> None:
    token = encode_token(marker)
    assert re.fullmatch("[A-Za-z0-9_-]+", token)
    assert decode_token(token) == marker


@given(st.text())
def test_a_text_is_the_token_of_one_marker_or_refused(text: str) -> None:
    try:
        marker = decode_token(text)
    except InvalidArgument:
        return
    assert encode_token(marker) == text


@pytest.mark.parametrize("token", ["", "=", "a", "YQ==", "YR", "Y Q", "_w", "é", "\ud800"])
def test_only_our_own_tokens_are_taken(token: str) -> None:
    with pytest.raises(InvalidArgument, match="The continuation token provided is incorrect") as e:
        decode_token(token)
    assert e.value.details == {"ArgumentName": "continuation-token"}
