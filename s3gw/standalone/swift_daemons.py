"""Swift's daemons as greenlets beside the storage servers: expirer and updaters.

The rule: each does one sweep after the other and survives its errors; their own
run_forever() would fork.  Without the container updater an account's counts never move.
"""

import time
import traceback
from collections.abc import Callable
from typing import Any

import eventlet
from swift.common import utils
from swift.container.updater import ContainerUpdater
from swift.obj.expirer import ObjectExpirer
from swift.obj.updater import ObjectUpdater

from s3gw.standalone.directory import Layout

_INTERVAL = 5.0  # seconds between two sweeps


def run(layout: Layout) -> None:
    """Sweep for ever."""

    def conf_of(name: str, section: str) -> dict[str, Any]:
        path = str(layout.swift / f"{name}.conf")
        settings: dict[str, Any] = utils.readconf(path, section, log_name=section)
        return settings

    expirer = ObjectExpirer(conf_of("expirer", "object-expirer"))
    containers = ContainerUpdater(conf_of("container", "container-updater"))
    objects = ObjectUpdater(conf_of("object", "object-updater"))

    def sweep_containers() -> None:
        for path in containers.get_paths():
            containers.container_sweep(path)

    def sweep_objects() -> None:
        objects.begin = time.time()  # noqa: TID251 - Swift's daemon reads the wall clock itself
        objects.get_container_ring().get_nodes("")  # loads the ring, as its run_once() does
        objects.object_sweep(str(layout.device))

    for sweep in (expirer.run_once, sweep_containers):
        eventlet.spawn_n(_repeat, sweep)
    _repeat(sweep_objects)


def _repeat(sweep: Callable[[], None]) -> None:
    while True:
        eventlet.sleep(_INTERVAL)
        try:
            sweep()
        except (Exception, eventlet.Timeout):  # noqa: BLE001 - the next sweep may do better
            traceback.print_exc()
