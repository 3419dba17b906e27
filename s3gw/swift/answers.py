"""What Swift's JSON answers say: listings, manifests, and reports of what took long."""

import json
from typing import Any

from s3gw.swift.errors import SwiftStatus, SwiftUnreachable
from s3gw.swift.transport import SwiftResponse


async def entries(response: SwiftResponse) -> list[dict[str, Any]]:
    """The entries of a listing or a manifest, none if the answer is no list."""
    found = await json_of(response)
    return found if isinstance(found, list) else []


async def json_of(response: SwiftResponse) -> object:
    """The answer's JSON, None for an empty body; raises SwiftUnreachable for what is none."""
    body = await response.read()
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except ValueError as error:
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
