"""What Swift's JSON answers say: listings, manifests, and reports of what took long."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from multidict import CIMultiDict

from s3gw.swift.errors import SwiftStatus, SwiftUnreachable
from s3gw.swift.transport import SwiftResponse

Fields = Mapping[str, type]
"""What every entry has, and of which type."""

_ANY: Fields = MappingProxyType({})
_CONTAINER: Fields = MappingProxyType({"name": str, "last_modified": str})
_OBJECT: Fields = MappingProxyType({**_CONTAINER, "hash": str, "bytes": int})
_VERSION: Fields = MappingProxyType({**_OBJECT, "version_id": str})

_HALF = re.compile(r"\\u[dD][89a-fA-F]")


async def containers(response: SwiftResponse) -> list[dict[str, Any]]:
    """The entries of an account's listing; as `entries`."""
    return await entries(response, _CONTAINER)


async def objects(response: SwiftResponse, query: Collection[str]) -> list[dict[str, Any]]:
    """The entries of a container's listing, of objects or versions; as `entries`.

    `query`: what was asked for, by name.
    """
    fields = _VERSION if "versions" in query else _OBJECT
    return await entries(response, fields, divided="delimiter" in query)


async def entries(
    response: SwiftResponse, fields: Fields = _ANY, *, divided: bool = False
) -> list[dict[str, Any]]:
    """The entries of a listing or a manifest; 204 has none.

    Each has these fields, of these types; of a listing that is `divided` by a delimiter, or a
    `subdir`.

    Raises SwiftUnreachable for anything else: nobody is told that nothing is there on the word
    of an answer that is no listing.
    """
    found = await json_of(response)
    if response.status == 204:
        return []
    if not isinstance(found, list) or not _is_listing(found, fields, divided=divided):
        raise SwiftUnreachable("answer is not a listing")
    return found


def _is_listing(found: list[Any], fields: Fields, *, divided: bool) -> bool:
    # Field by field, and not entry by entry, since a page has a thousand of these.
    if not _are_all(dict, found):
        return False
    objects = found
    if divided:
        objects = [entry for entry in found if "subdir" not in entry]
        if not _are_all(str, [entry["subdir"] for entry in found if "subdir" in entry]):
            return False
    try:
        return all(_are_all(kind, map(itemgetter(name), objects)) for name, kind in fields.items())
    except KeyError:
        return False


def _are_all(kind: type, values: Iterable[object]) -> bool:
    return set(map(type, values)) <= {kind}


def moment_of(entry: Mapping[str, Any]) -> datetime:
    """An entry's `last_modified`: UTC, but naive, as Swift writes it.

    Raises SwiftUnreachable for what is no time.
    """
    try:
        return datetime.fromisoformat(entry["last_modified"])
    except (KeyError, TypeError, ValueError) as error:
        raise SwiftUnreachable("answer is not a listing: a time is none") from error


async def segments_of(response: SwiftResponse) -> list[dict[str, Any]]:
    """What Account.open_manifest answered as segments; empty, and closed, if it is no manifest."""
    if "X-Static-Large-Object" not in response.headers:
        response.close()
        return []
    return await entries(response)


async def json_of(response: SwiftResponse) -> object:
    """The answer's JSON, None for an empty body; raises SwiftUnreachable for what is none."""
    body = await response.read()
    if not body.strip():
        return None
    try:
        text = body.decode("utf-8")
        found = json.loads(text)
        if _HALF.search(text):  # of a character: without the other one nobody could write it
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise SwiftUnreachable(f"answer is not JSON: {body[:80]!r}") from error
    return found


def check_report(response: SwiftResponse, report: object, method: str, path: str) -> dict[str, Any]:
    """Bulk answers carry their true status in the body, `Response Status: "400 Bad Request"`."""
    known = report if isinstance(report, dict) else {}
    status = str(known.get("Response Status", ""))
    if not status.startswith("2"):
        code = int(status[:3]) if status[:3].isdigit() else 500
        body = json.dumps(report).encode("utf-8")
        raise SwiftStatus(code, method, path, headers=response.headers, body=body)
    return known


def replaced(headers: Mapping[str, str], changes: Mapping[str, str]) -> Mapping[str, str]:
    """An answer's headers with some of them changed; as case-insensitive as before."""
    found = CIMultiDict(headers)
    found.update(changes)
    return found
