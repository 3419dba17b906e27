"""A process of Swift: `python -m s3gw.standalone.swift_role DIR SYNC NAME=SOCKET …`.

The names are servers (account, container, object, proxy, s3api); SYNC is fsync or no-fsync.
The rule: this module points Swift at the data directory before those of its modules are
imported that read /etc/swift while they are; the rest is in swift_servers.
"""

import importlib
import sys
import warnings

from swift.common import utils

from s3gw.standalone.directory import enter


def main(root: str, sync: str, *sockets: str) -> None:
    """Serve on inherited listening sockets."""
    warnings.simplefilter("ignore")
    layout = enter(root)
    utils.SWIFT_CONF_FILE = str(layout.swift / "swift.conf")
    descriptors = {name: int(number) for name, _, number in (s.partition("=") for s in sockets)}
    servers = importlib.import_module("s3gw.standalone.swift_servers")
    servers.serve(layout, descriptors, fsync=sync == "fsync")


if __name__ == "__main__":
    main(*sys.argv[1:])
