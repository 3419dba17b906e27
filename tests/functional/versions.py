"""Buckets with versions, as Swift itself makes and shows them."""

from typing import Any

import swiftclient

MARKER = "application/x-deleted;swift_versions_deleted=1"


def switch(swift: swiftclient.Connection, bucket: str, *, on: bool) -> None:
    """Switch versioning natively, behind the gateway's back."""
    swift.post_container(bucket, {"X-Versions-Enabled": str(on).lower()})


def put(swift: swiftclient.Connection, bucket: str, key: str, body: bytes = b"1") -> str:
    """Store an object natively; the id of its version, `null` without versioning."""
    answer: dict[str, Any] = {}
    swift.put_object(bucket, key, body, response_dict=answer)
    version_id: str = answer["headers"].get("x-object-version-id", "null")
    return version_id


def delete(swift: swiftclient.Connection, bucket: str, key: str) -> str:
    """Delete an object natively; the id of its delete marker, `null` if Swift made none."""
    answer: dict[str, Any] = {}
    swift.delete_object(bucket, key, response_dict=answer)
    version_id: str = answer["headers"].get("x-object-version-id", "null")
    return version_id


def versions(swift: swiftclient.Connection, bucket: str, key: str = "") -> list[dict[str, Any]]:
    """What Swift lists of all versions, of one key if it is given."""
    _, entries = swift.get_container(bucket, query_string="versions=", full_listing=False)
    return [entry for entry in entries if not key or entry["name"] == key]


def ids(swift: swiftclient.Connection, bucket: str, key: str = "") -> list[str]:
    """The ids of what Swift lists, newest first."""
    return [entry["version_id"] for entry in versions(swift, bucket, key)]
