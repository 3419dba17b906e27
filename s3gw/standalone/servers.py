"""Which servers there are, in which order they start, and when each counts as ready.

The rule: what can start side by side does; each is waited for before anything needs it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from s3gw.standalone import gateway_conf, keystone_conf, swift_conf
from s3gw.standalone.directory import Layout
from s3gw.standalone.loopback import wait_until_serving
from s3gw.standalone.options import StandaloneOptions
from s3gw.standalone.processes import Child, end_leftovers, record, spawn, stop
from s3gw.standalone.provisioning import make_registry, provision
from s3gw.standalone.sockets import LOOPBACK, Sockets, listen, ports
from s3gw.standalone.state import State, save

_WILDCARDS = {"0.0.0.0": LOOPBACK, "::": "::1", "": LOOPBACK}  # noqa: S104 - what a client dials


@dataclass(frozen=True, slots=True)
class Servers:
    """The children of one launcher, in the order in which they were started."""

    layout: Layout
    children: list[Child] = field(default_factory=list)

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each."""
        return {child.name: child.process.pid for child in self.children}

    def stop(self) -> None:
        """Stop all, the last one first."""
        stop(reversed(self.children))

    def start(self, name: str, *arguments: str, sockets: Sockets | None = None) -> Child:
        """Start one more, `python -m ARGUMENTS`, which serves the sockets."""
        child = spawn(name, arguments, self.layout, (sockets or {}).values())
        self.children.append(child)
        record(self.layout.pids, self.children)
        return child


@contextmanager
def supervised(layout: Layout) -> Iterator[Servers]:
    """Servers that are all stopped at the end of the block, the last one first."""
    end_leftovers(layout.pids)
    servers = Servers(layout)
    try:
        yield servers
    finally:
        servers.stop()
        layout.pids.unlink(missing_ok=True)


def start_backend(options: StandaloneOptions, servers: Servers, state: State) -> State:
    """Start Keystone and Swift; the state when they answer and know each other.

    Raises StandaloneError (FAILED).
    """
    layout = servers.layout
    proxies = ("proxy", "s3api") if options.with_s3api else ("proxy",)
    sockets = listen(("keystone", *swift_conf.STORAGE, *proxies), state.ports)
    state = replace(state, ports={**state.ports, **ports(sockets)})
    layout.make()
    save(layout, state)
    keystone_conf.write(layout, fsync=options.fsync, token_expiration=options.token_expiration)
    keystone = _start_keystone(servers, {"keystone": sockets["keystone"]})
    swift_conf.write(layout, state, auth_url=keystone_url(state))
    storage = _start_swift(options, servers, "storage", _only(sockets, swift_conf.STORAGE))
    proxy = _start_swift(options, servers, "proxies", _only(sockets, proxies))
    wait_until_serving(keystone, state.ports["keystone"], "/v3")
    state = provision(state, with_s3api=options.with_s3api)
    save(layout, state)
    for name in swift_conf.STORAGE:
        wait_until_serving(storage, state.ports[name], "/healthcheck")
    for name in proxies:
        wait_until_serving(proxy, state.ports[name], "/healthcheck")
    make_registry(state)
    return state


def start_gateway(options: StandaloneOptions, servers: Servers, state: State, port: int) -> str:
    """Start the gateway; its URL when it answers.  Raises StandaloneError (FAILED)."""
    layout = servers.layout
    gateway_conf.write(layout, state, auth_url=keystone_url(state), host=options.host, port=port)
    gateway = servers.start("gateway", "s3gw", "serve", "--config", str(layout.settings))
    host = _WILDCARDS.get(options.host, options.host)
    wait_until_serving(gateway, port, "/-/health", host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def keystone_url(state: State) -> str:
    """Keystone's URL."""
    return f"http://{LOOPBACK}:{state.ports['keystone']}/v3"


def _start_keystone(servers: Servers, sockets: Sockets) -> Child:
    descriptor = str(sockets["keystone"].fileno())
    root = str(servers.layout.root)
    return servers.start(
        "keystone", "s3gw.standalone.keystone_role", root, descriptor, sockets=sockets
    )


def _start_swift(
    options: StandaloneOptions, servers: Servers, name: str, sockets: Sockets
) -> Child:
    sync = "fsync" if options.fsync else "no-fsync"
    descriptors = [f"{server}={bound.fileno()}" for server, bound in sockets.items()]
    root = str(servers.layout.root)
    return servers.start(
        name, "s3gw.standalone.swift_role", root, sync, *descriptors, sockets=sockets
    )


def _only(sockets: Sockets, names: tuple[str, ...]) -> Sockets:
    return {name: sockets[name] for name in names}
