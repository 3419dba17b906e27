"""Policies of forms: what they say, and which forms keep to them."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.browser_errors import InvalidPolicyDocument
from s3gw.s3.errors import AccessDenied, S3Error
from s3gw.s3.post_policy import Policy, parse_policy

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = "2026-01-02T03:04:06Z"
BUCKET = {"bucket": "b"}


def encoded(document: object) -> str:
    """A policy as it stands in a form."""
    return base64.b64encode(json.dumps(document).encode()).decode()


def policy(*conditions: Any, expiration: str = LATER) -> Policy:
    """A policy for the bucket b."""
    return parse_policy(encoded({"expiration": expiration, "conditions": [BUCKET, *conditions]}))


def refusal(call: Callable[[], Any]) -> str:
    """The message with which a form is refused."""
    with pytest.raises(AccessDenied) as refused:
        call()
    return refused.value.message


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        ({"acl": "private"}, {"acl": "private"}),
        (["eq", "$acl", "private"], {"acl": "private"}),
        (["EQ", "$Acl", "private"], {"acl": "private"}),
        (["starts-with", "$key", "user/"], {"key": "user/a"}),
        (["starts-with", "$key", ""], {"key": "anything"}),
        (["StArTs-WiTh", "$KeY", "user/"], {"key": "user/"}),
        (["starts-with", "$Content-Type", "image/"], {"content-type": "image/png, image/gif"}),
        ({"x-amz-meta-a": "ü"}, {"x-amz-meta-a": "ü"}),
        (["starts-with", "$success_action_redirect", ""], {"success_action_redirect": "x"}),
        (["content-length-range", 1, 2], {}),
        (["content-length-range", "1", "2"], {}),
    ],
)
def test_a_form_that_keeps_to_its_policy_passes(condition: Any, fields: Mapping[str, str]) -> None:
    policy(condition).check(fields, "b", NOW)


@pytest.mark.parametrize(
    ("condition", "fields", "named"),
    [
        ({"acl": "private"}, {"acl": "public-read"}, '["eq", "$acl", "private"]'),
        ({"acl": "private"}, {"acl": "Private"}, '["eq", "$acl", "private"]'),
        ({"acl": "private"}, {}, '["eq", "$acl", "private"]'),
        (["starts-with", "$key", "u/"], {"key": "v/u/"}, '["starts-with", "$key", "u/"]'),
        (["starts-with", "$key", ""], {}, '["starts-with", "$key", ""]'),
        (
            ["starts-with", "$Content-Type", "image/"],
            {"content-type": "image/png,text/html"},
            '["starts-with", "$Content-Type", "image/"]',
        ),
        (["eq", "$x-ignore-me", "a"], {"x-ignore-me": "b"}, '["eq", "$x-ignore-me", "a"]'),
        (["eq", "$bucket", "c"], {"bucket": "c"}, '["eq", "$bucket", "c"]'),
    ],
)
def test_a_condition_that_does_not_hold_is_named(
    condition: Any, fields: Mapping[str, str], named: str
) -> None:
    found = refusal(lambda: policy(condition).check(fields, "b", NOW))
    assert found == f"Invalid according to Policy: Policy Condition failed: {named}"


def test_every_field_needs_a_condition_but_those_that_sign() -> None:
    signing = dict.fromkeys(
        ("awsaccesskeyid", "signature", "x-amz-signature", "policy", "file", "x-ignore-a"), "1"
    )
    policy({"key": "k"}).check({**signing, "key": "k"}, "b", NOW)
    for name in ("acl", "x-amz-meta-a", "submit", "x-amz-date", "x-amz-credential", "xignore-a"):
        fields = {**signing, "key": "k", name: ""}
        found = refusal(partial(policy({"key": "k"}).check, fields, "b", NOW))
        assert found == f"Invalid according to Policy: Extra input fields: {name}"


def test_the_bucket_is_the_one_that_the_form_is_sent_to() -> None:
    failed = refusal(lambda: policy().check({"bucket": "b"}, "other", NOW))
    assert failed.endswith('["eq", "$bucket", "b"]')
    unnamed = parse_policy(encoded({"expiration": LATER, "conditions": []}))
    extra = refusal(lambda: unnamed.check({}, "b", NOW))
    assert extra == "Invalid according to Policy: Extra input fields: bucket"


@pytest.mark.parametrize("fraction", ["", ".0", ".000", ".123456", ".123456789"])
def test_a_policy_ends(fraction: str) -> None:
    found = policy(expiration=f"2026-01-02T03:04:05{fraction}Z")
    found.check({}, "b", NOW - timedelta(seconds=1))
    end = NOW + timedelta(seconds=1)
    assert refusal(lambda: found.check({}, "b", end)) == (
        "Invalid according to Policy: Policy expired."
    )


def test_at_its_end_it_is_over() -> None:
    assert "expired" in refusal(
        lambda: policy(expiration="2026-01-02T03:04:05Z").check({}, "b", NOW)
    )


def test_sizes_are_for_the_file_and_of_several_the_closest_count() -> None:
    assert policy().sizes is None
    assert policy(["content-length-range", 0, 9]).sizes == (0, 9)
    assert policy(["Content-Length-Range", 1, 9], ["content-length-range", 0, 5]).sizes == (1, 5)


@pytest.mark.parametrize("text", ["", "x", "%", "e30", "e30=\x00", "W10=", "bnVsbA==", "/w=="])
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(InvalidPolicyDocument):
        parse_policy(text)


def _with(**members: Any) -> dict[str, Any]:
    return {"expiration": LATER, "conditions": [], **members}


@pytest.mark.parametrize(
    "document",
    [
        {"conditions": []},
        {"expiration": LATER},
        {"EXPIRATION": LATER, "conditions": []},
        {"expiration": LATER, "CONDITIONS": []},
        _with(version=1),
        _with(expiration="tomorrow"),
        _with(expiration="2026-01-02 03:04:05"),
        _with(expiration="2026-13-02T03:04:05Z"),
        _with(expiration=5),
        _with(conditions={}),
        _with(conditions=[{}]),
        _with(conditions=[{"a": "1", "b": "2"}]),
        _with(conditions=[{"a": 1}]),
        _with(conditions=["eq"]),
        _with(conditions=[[]]),
        _with(conditions=[["eq", "$a"]]),
        _with(conditions=[["eq", "a", "b"]]),
        _with(conditions=[["eq", "$a", 1]]),
        _with(conditions=[["ends-with", "$a", "b"]]),
        _with(conditions=[["content-length-range", 0]]),
        _with(conditions=[["content-length-range", -1, 0]]),
        _with(conditions=[["content-length-range", True, 5]]),
    ],
)
def test_what_a_policy_cannot_say_is_refused(document: object) -> None:
    with pytest.raises(InvalidPolicyDocument) as refused:
        parse_policy(encoded(document))
    assert refused.value.message.startswith("Invalid Policy: ")


def test_a_member_that_stands_there_twice_is_refused() -> None:
    text = '{"expiration": "%s", "conditions": [], "conditions": []}' % LATER  # noqa: UP031
    with pytest.raises(InvalidPolicyDocument):
        parse_policy(base64.b64encode(text.encode()).decode())


def test_sizes_that_are_no_numbers_can_be_kept_by_nobody() -> None:
    named = '["content-length-range", "test", "10"]'
    found = refusal(lambda: policy(["content-length-range", "test", 10]))
    assert found == f"Invalid according to Policy: Policy Condition failed: {named}"


_WORDS = st.sampled_from(["eq", "$key", "starts-with", "content-length-range", "bucket"])
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | _WORDS


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=2)


@given(st.recursive(_SCALARS, _nested, max_leaves=20))
def test_no_document_is_more_than_a_refusal(conditions: object) -> None:
    try:
        found = parse_policy(encoded({"expiration": LATER, "conditions": conditions}))
    except S3Error as error:
        status = error.status
    else:
        assert {condition.operator for condition in found.conditions} <= {"eq", "starts-with"}
        return
    assert status in {400, 403}


@given(st.text(max_size=200))
def test_nor_is_any_text(text: str) -> None:
    with pytest.raises((InvalidPolicyDocument, AccessDenied)):
        parse_policy(text)


def test_nor_is_a_deep_one() -> None:
    deep = b"[" * 15_000
    with pytest.raises(InvalidPolicyDocument):
        parse_policy(base64.b64encode(deep).decode())


_VALUES = st.text(alphabet="ab/é", max_size=4)


@given(_VALUES, _VALUES, st.booleans())
def test_conditions_are_equality_and_prefix(wanted: str, found: str, is_prefix: bool) -> None:  # noqa: FBT001
    operator = "starts-with" if is_prefix else "eq"
    checked = policy([operator, "$key", wanted])
    holds = found.startswith(wanted) if is_prefix else found == wanted
    try:
        checked.check({"key": found}, "b", NOW)
    except AccessDenied:
        assert not holds
    else:
        assert holds
