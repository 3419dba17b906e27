"""What the one who signed a form allows whoever sends it: the policy of a POST.

The rule: a policy is a closed list.  Each condition must hold, and no field may be there that no
condition speaks of; the bucket counts as one.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from s3gw.s3.browser_errors import InvalidPolicyDocument
from s3gw.s3.errors import AccessDenied

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)
_INTEGER = re.compile(r"[0-9]{1,18}")
_RANGE = "content-length-range"
_LIST_TYPES = "content-type"
# What signs, or is signed, cannot be among what is signed.
_UNCONDITIONAL = frozenset(("awsaccesskeyid", "signature", "x-amz-signature", "policy", "file"))
_IGNORED = "x-ignore-"
_BUCKET = "bucket"


@dataclass(frozen=True, slots=True)
class Condition:
    """`eq` or `starts-with` of a field."""

    operator: str
    field: str
    """Lower case."""
    value: str
    text: str
    """As it is named in errors."""

    def holds(self, found: str | None) -> bool:
        """Whether the field's value is as wanted; None: there is no such field."""
        if found is None:
            return False
        if self.operator == "eq":
            return found == self.value
        if self.field == _LIST_TYPES:
            return all(part.strip().startswith(self.value) for part in found.split(","))
        return found.startswith(self.value)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that makes sense; whether its signature does is another matter."""

    expiration: datetime
    conditions: tuple[Condition, ...]
    sizes: tuple[int, int] | None
    """The least and the most bytes that the file may have."""

    def check(self, fields: Mapping[str, str], bucket: str, now: datetime) -> None:
        """Refuse what the policy does not allow; fields by lower-case name, variables expanded.

        Raises AccessDenied, with AWS's texts.
        """
        if now >= self.expiration:
            raise AccessDenied("Invalid according to Policy: Policy expired.")
        given = {**fields, _BUCKET: bucket}
        for condition in self.conditions:
            if not condition.holds(given.get(condition.field)):
                raise _failed(condition.text)
        covered = {condition.field for condition in self.conditions} | _UNCONDITIONAL
        extra = [name for name in given if name not in covered and not name.startswith(_IGNORED)]
        if extra:
            names = ", ".join(extra)
            raise AccessDenied(f"Invalid according to Policy: Extra input fields: {names}")


def parse_policy(encoded: str) -> Policy:
    """A policy as it stands in a form: base64 of JSON.

    Raises InvalidPolicyDocument, AccessDenied (a size that is no number can be kept by nobody).
    """
    try:
        document = json.loads(
            base64.b64decode("".join(encoded.split()), validate=True).decode("utf-8"),
            object_pairs_hook=_members,
        )
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidPolicyDocument("Invalid Policy: Invalid JSON.") from error
    if not isinstance(document, _Members):
        raise InvalidPolicyDocument("Invalid Policy: Invalid JSON.")
    unknown = [name for name, _ in document.pairs if name not in {"expiration", "conditions"}]
    if unknown:
        raise InvalidPolicyDocument(f"Invalid Policy: Unexpected: '{unknown[0]}'.")
    members = dict(document.pairs)
    if len(members) < len(document.pairs):
        raise InvalidPolicyDocument("Invalid Policy: Invalid JSON.")
    for name in ("expiration", "conditions"):
        if name not in members:
            raise InvalidPolicyDocument(f"Invalid Policy: Policy missing {name}.")
    if not isinstance(members["conditions"], list):
        raise InvalidPolicyDocument("Invalid Policy: Invalid 'conditions' value: must be a List.")
    return _read(_time(members["expiration"]), members["conditions"])


class _Members:
    """A JSON object, with names that stand in it twice."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _members(pairs: list[tuple[str, Any]]) -> _Members:
    return _Members(pairs)


def _time(value: object) -> datetime:
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value.removesuffix("Z")[:26]).replace(tzinfo=UTC)
        except ValueError:
            pass
    raise InvalidPolicyDocument(f"Invalid Policy: Invalid 'expiration' value: '{value}'")


def _read(expiration: datetime, items: list[Any]) -> Policy:
    conditions: list[Condition] = []
    sizes: tuple[int, int] | None = None
    for item in items:
        if isinstance(item, _Members):
            conditions.append(_simple(item))
        elif isinstance(item, list) and item and _is(item[0], _RANGE):
            least, most = _sizes(item)
            if sizes is not None:
                least, most = max(least, sizes[0]), min(most, sizes[1])
            sizes = least, most
        else:
            conditions.append(_listed(item))
    return Policy(expiration, tuple(conditions), sizes)


def _simple(item: _Members) -> Condition:
    if len(item.pairs) != 1:
        raise InvalidPolicyDocument(
            "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one "
            "property specified."
        )
    ((name, value),) = item.pairs
    if not isinstance(value, str):
        raise InvalidPolicyDocument(
            "Invalid Policy: Invalid Simple-Condition: value must be a string."
        )
    return _condition("eq", f"${name}", value)


def _listed(item: object) -> Condition:
    if not isinstance(item, list) or len(item) != 3:
        raise InvalidPolicyDocument("Invalid Policy: Invalid Condition: wrong number of arguments.")
    operator, name, value = item
    if not all(isinstance(text, str) for text in (operator, name, value)):
        raise InvalidPolicyDocument("Invalid Policy: Invalid Condition: not a string.")
    if operator.lower() not in {"eq", "starts-with"}:
        raise InvalidPolicyDocument(f"Invalid Policy: Invalid Condition: unknown '{operator}'.")
    if not name.startswith("$"):
        raise InvalidPolicyDocument(
            f"Invalid Policy: Invalid Condition: the field '{name}' must begin with '$'."
        )
    return _condition(operator.lower(), name, value)


def _condition(operator: str, name: str, value: str) -> Condition:
    text = json.dumps([operator, name, value], ensure_ascii=False)
    return Condition(operator, name.removeprefix("$").lower(), value, text)


def _sizes(item: list[Any]) -> tuple[int, int]:
    if len(item) != 3:
        raise InvalidPolicyDocument(
            "Invalid Policy: Invalid Condition: content-length-range takes two arguments."
        )
    texts = [str(bound) if isinstance(bound, str | int) else "" for bound in item[1:]]
    if any(text.startswith("-") or text in {"True", "False"} for text in texts):
        raise InvalidPolicyDocument(
            "Invalid Policy: Invalid Condition: content-length-range takes sizes."
        )
    if not all(_INTEGER.fullmatch(text) for text in texts):
        raise _failed(json.dumps([_RANGE, *texts], ensure_ascii=False))
    return int(texts[0]), int(texts[1])


def _is(value: object, word: str) -> bool:
    return isinstance(value, str) and value.lower() == word


def _failed(text: str) -> AccessDenied:
    return AccessDenied(f"Invalid according to Policy: Policy Condition failed: {text}")
