"""Swift's rings, with the one device of the data directory.

The rule: a ring follows from the port alone, byte for byte, so that every process of Swift
may write the rings before it reads them.
"""

from swift.common.ring import RingBuilder

from s3gw.standalone.directory import Layout
from s3gw.standalone.sockets import LOOPBACK
from s3gw.standalone.state import State
from s3gw.standalone.swift_conf import STORAGE

_PARTITION_POWER = 6
_REPLICAS = 1
_MINIMUM_HOURS = 0


def write(layout: Layout, state: State) -> None:
    """Write the rings for the ports of the storage servers."""
    for name in STORAGE:
        builder = RingBuilder(_PARTITION_POWER, _REPLICAS, _MINIMUM_HOURS)
        port = state.ports[name]
        builder.add_dev(
            {
                "id": 0,
                "region": 1,
                "zone": 1,
                "ip": LOOPBACK,
                "port": port,
                "replication_ip": LOOPBACK,
                "replication_port": port,
                "device": layout.device.name,
                "weight": 1.0,
                "meta": "",
            }
        )
        builder.rebalance()
        ring = builder.get_ring()
        ring.save(str(layout.swift / f"{name}.ring.gz"))
        if name == "object":  # the second policy's, by its number
            ring.save(str(layout.swift / "object-1.ring.gz"))
