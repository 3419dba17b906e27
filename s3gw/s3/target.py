"""What a request names, read from its raw path and its Host.

The rule: the path is percent-decoded once and never normalised.  Only a literal `/` ends the
bucket; every other slash, dot and empty segment belongs to the key.
"""

import re
from collections.abc import Iterable
from functools import cache
from urllib.parse import unquote_to_bytes

from s3gw.s3.errors import InvalidBucketName, InvalidURI
from s3gw.s3.request import Request, Target

_ABSOLUTE_FORM = re.compile(r"\Ahttps?://[^/]*", re.IGNORECASE)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PORT = re.compile(r":[0-9]*\Z")


def resolve_target(request: Request, domains: Iterable[str]) -> Target:
    """The target of a request; `domains` are those under which hosts name buckets.

    Raises InvalidURI if the path is not percent-encoded UTF-8, InvalidBucketName if the bucket
    is empty or holds a slash.
    """
    # The authority of an absolute-form target is dropped: what is signed is the Host header.
    path = request.raw_path
    if not path.startswith("/"):
        path = _ABSOLUTE_FORM.sub("", path)
        if path and not path.startswith("/"):
            raise InvalidURI
    path = path.removeprefix("/")
    bucket = _bucket_of_host(request.headers.get("host") or "", domains)
    if bucket is not None:
        return Target(_checked(bucket), _decoded(path) or None, virtual_host=True)
    if not path:
        return Target()
    name, _, key = path.partition("/")
    return Target(_checked(_decoded(name)), _decoded(key) or None)


def _bucket_of_host(host: str, domains: Iterable[str]) -> str | None:
    """The labels before the longest matching domain; None if the host names no bucket."""
    labels = _PORT.sub("", host).rstrip(".").lower().split(".")
    for pattern in _patterns(tuple(domains)):
        before = len(labels) - len(pattern)
        if before >= 0 and _matches(labels[before:], pattern):
            return ".".join(labels[:before]) if before else None
    return None


@cache
def _patterns(domains: tuple[str, ...]) -> list[list[str]]:
    """The labels of the domains, which are settings; the longest first."""
    return sorted((domain.lower().split(".") for domain in domains), key=len, reverse=True)


def _matches(labels: list[str], pattern: list[str]) -> bool:
    return all(wanted in ("*", label) for label, wanted in zip(labels, pattern, strict=True))


def _checked(bucket: str) -> str:
    if not bucket or "/" in bucket or "\x00" in bucket:  # which no container's name has
        raise InvalidBucketName(BucketName=bucket)
    return bucket


def _decoded(text: str) -> str:
    if "%" not in text and text.isascii():
        return text
    if _BAD_ESCAPE.search(text):
        raise InvalidURI
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode("utf-8")
    except UnicodeError as error:
        raise InvalidURI from error
