"""Which conditions of a read Swift can judge, and the times they are judged by."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from s3gw.s3.dates import http_date, parse_http_date
from s3gw.s3.headers import Conditions

AHEAD = 1.0
"""Seconds that an object's time may be ahead of the clock, since Swift rounds it up."""

# Quotes in pairs, commas between tags, `*` alone: all else Swift reads differently.
_TAG = r'(?:"[0-9A-Za-z]+"|[0-9A-Za-z]+)'
_PLAIN = re.compile(rf"\*|{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")


def for_swift(conditions: Conditions) -> dict[str, str]:
    """The conditions that Swift may judge beforehand: where it says no, S3 does too.

    ETags with a `-` are S3's own, which Swift does not know, and weak ones it takes for others.
    Swift judges the four conditions one by one; S3 drops a time beside an ETag.
    """
    passed = {}
    if conditions.if_match is not None:
        if _PLAIN.fullmatch(conditions.if_match):
            passed["If-Match"] = conditions.if_match
    elif conditions.if_unmodified_since is not None:
        passed["If-Unmodified-Since"] = http_date(conditions.if_unmodified_since)
    if conditions.if_none_match is not None:
        if _PLAIN.fullmatch(conditions.if_none_match):
            passed["If-None-Match"] = conditions.if_none_match
    elif conditions.if_modified_since is not None:
        passed["If-Modified-Since"] = http_date(conditions.if_modified_since)
    return passed


def last_modified(headers: Mapping[str, str]) -> datetime:
    """An object's time, to the second; Swift has rounded it up."""
    return parse_http_date(headers.get("Last-Modified", "")) or datetime.fromtimestamp(0, UTC)
