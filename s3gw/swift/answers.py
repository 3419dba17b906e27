"""What Swift's JSON answers say: listings, manifests, and reports of what took long."""

import json
from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDict

from s3gw.swift.errors import SwiftStatus, SwiftUnreachable
from s3gw.swift.transport import SwiftResponse


async def entries(response: SwiftResponse, *fields: str) -> list[dict[str, Any]]:
    """The entries of a listing or a manifest, each with these fields or a `subdir`; 204 has none.

    Raises SwiftUnreachable for anything else: nobody is told that nothing is there on the word
    of an answer that is no listing.
    """
    found = await json_of(response)
    if response.status == 204:
        return []
    needed = set(fields)
    if not isinstance(found, list) or not all(
        type(entry) is dict and (entry.keys() >= needed or "subdir" in entry) for entry in found
    ):
        raise SwiftUnreachable("answer is not a listing")
    return found


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
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SwiftUnreachable(f"answer is not JSON: {body[:80]!r}") from error


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
