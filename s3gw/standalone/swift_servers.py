"""Several of Swift's WSGI servers in one eventlet process.

The rule: Swift's own code runs unchanged; the few names of it that are replaced, because it
expects a process a server and a syslog, are replaced here, each with its reason.
"""

import logging
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import eventlet
from eventlet import hubs
from swift.common import utils, wsgi
from swift.common.utils import logs
from swift.obj import diskfile

from s3gw.standalone import swift_daemons, swift_durability, swift_rings
from s3gw.standalone.directory import Layout
from s3gw.standalone.state import load_any
from s3gw.standalone.swift_xattr import SpillingXattr


class _Log(logging.Handler):
    """Writes to standard error: Swift would log to syslog, or without one to UDP port 514."""

    def __init__(self, address: object = None, facility: object = None) -> None:
        del address, facility  # of the syslog handler that it stands in for
        super().__init__()

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """One write a line needs no lock, and a lock would bind greenlets and threads."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; a log that cannot be written harms nobody."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = f"{stamp}.{int(record.msecs):03d} {self.format(record)}\n"
        try:
            os.write(sys.stderr.fileno(), line.encode(errors="replace"))
        except OSError:
            self.handleError(record)


def serve(layout: Layout, descriptors: Mapping[str, int], *, fsync: bool) -> None:
    """Serve the named servers until SIGTERM, and Swift's daemons beside the object server."""
    logs.ThreadSafeSysLogHandler = _Log
    utils.monkey_patch()
    hubs.use_hub(utils.get_hub())
    _keep_the_hub()
    utils.FALLOCATE_RESERVE, utils.FALLOCATE_IS_PERCENT = 0, False
    diskfile.xattr = SpillingXattr(layout.device / "spill", fsync=fsync)
    if not fsync:
        swift_durability.drop()
    swift_rings.write(layout, load_any(layout))
    for name, descriptor in descriptors.items():
        eventlet.spawn_n(_or_exit, _run, layout, name, descriptor)
    if "object" in descriptors:
        eventlet.spawn_n(_or_exit, swift_daemons.run, layout)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        eventlet.sleep(3600)


def _run(layout: Layout, name: str, descriptor: int) -> None:
    section = "proxy-server" if name in {"proxy", "s3api"} else f"{name}-server"
    conf, logger, log_name = wsgi._initrp(str(layout.swift / f"{name}.conf"), section)  # noqa: SLF001 - the public one also loads the application, a second time
    listener = socket.socket(fileno=descriptor)
    wsgi.run_server(conf, logger, listener, global_conf={"log_name": log_name})


def _or_exit(function: Callable[..., None], *arguments: Any) -> None:
    """Call it; when it fails, end the process: eventlet would drop the exception silently."""
    try:
        function(*arguments)
    except BaseException:  # noqa: BLE001 - whatever it was
        traceback.print_exc()
    os._exit(1)


def _keep_the_hub() -> None:
    """Let run_server() choose a hub only for a thread that has none.

    It chooses one at each call, which strands every greenlet that waits in the hub before
    it: the servers started earlier would never accept.
    """
    use_hub = hubs.use_hub

    def use_hub_once(*arguments: Any) -> None:
        if not hasattr(hubs._threadlocal, "Hub"):  # noqa: SLF001 - there is no public question
            use_hub(*arguments)

    hubs.use_hub = use_hub_once
