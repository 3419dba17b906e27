"""Containers with very many objects, in seconds: rows of the container's own database.

A listing reads nothing else, so that no 100,000 objects have to be stored for it.
"""

import sys
import time
from pathlib import Path

from swift.common.utils import Timestamp
from swift.container.backend import ContainerBroker

_BATCH = 10_000


def fill(data: Path, container: str, keys: int) -> None:
    """Give an empty container so many objects, in 100 "directories"."""
    for database in data.rglob("containers/**/*.db"):
        broker = ContainerBroker(str(database))
        info = broker.get_info()
        if info["container"] != container:
            continue
        if info["object_count"] >= keys:
            return
        now = time.time()
        rows = [
            {
                "name": f"dir-{n % 100:03d}/object-{n:07d}",
                "created_at": Timestamp(now + n / 1e5).internal,
                "size": 1024,
                "content_type": "binary/octet-stream",
                "etag": f"{n:032x}",
                "deleted": 0,
                "storage_policy_index": 0,
            }
            for n in range(keys)
        ]
        for start in range(0, keys, _BATCH):
            broker.merge_items(rows[start : start + _BATCH])
        return
    sys.exit(f"no database of the container {container} below {data}")
