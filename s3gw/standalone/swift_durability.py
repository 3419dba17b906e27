"""Swift without syncing to disk, for tests: `--no-fsync`.

The rule: what was acknowledged survives the end of any process, but not of the machine.
"""

from typing import Any

import swift.account.backend
import swift.common.db
import swift.container.backend
from swift.common import utils
from swift.obj import diskfile

_SYNCS = ("fsync", "fdatasync", "fsync_dir", "drop_buffer_cache")


def drop() -> None:
    """Make the syncs of this process do nothing."""
    for module in (utils, diskfile):
        for name in _SYNCS:
            if hasattr(module, name):
                setattr(module, name, _do_nothing)
    diskfile.tpool = _Inline
    connect = swift.common.db.get_db_connection

    def connect_without_sync(*arguments: Any, **options: Any) -> Any:
        connection = connect(*arguments, **options)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    for module in (swift.common.db, swift.container.backend, swift.account.backend):
        if hasattr(module, "get_db_connection"):
            module.get_db_connection = connect_without_sync


class _Inline:
    """Stands in for eventlet.tpool: without syncs nothing blocks long enough for a thread."""

    @staticmethod
    def execute(function: Any, *arguments: Any, **options: Any) -> Any:
        """Call it here and now."""
        return function(*arguments, **options)


def _do_nothing(*_: Any, **__: Any) -> None:
    """Stands in for a sync."""
