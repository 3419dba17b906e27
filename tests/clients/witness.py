"""What Swift holds, seen by its own client."""

from collections.abc import Iterable
from typing import Any

import swiftclient


def is_there(swift: swiftclient.Connection, container: str) -> bool:
    """Whether the container exists."""
    try:
        swift.head_container(container)
    except swiftclient.ClientException as error:
        if error.http_status != 404:
            raise
        return False
    return True


def stored(swift: swiftclient.Connection, container: str) -> dict[str, str]:
    """The container's objects: name and hex MD5 (of a large object, that of its manifest)."""
    entries: Iterable[dict[str, Any]] = swift.get_container(container, full_listing=True)[1]
    return {entry["name"]: entry["hash"] for entry in entries}


def remove(swift: swiftclient.Connection, container: str) -> None:
    """Delete the container and all in it, if it exists."""
    if is_there(swift, container):
        for name in stored(swift, container):
            swift.delete_object(container, name)
        swift.delete_container(container)
