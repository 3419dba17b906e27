"""What a client sent, as the proxy before the gateway tells it.

The rule: only the word of a trusted proxy counts (`is_trusted`), and of what it says only what has
the form of a host, a port or a scheme.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from s3gw.s3.request import Headers

Network = IPv4Network | IPv6Network

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PORT = re.compile(r"[0-9]{1,5}")


def is_trusted(address: str, trusted: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks; what is no address is not."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in trusted)


def as_sent(headers: Headers, scheme: str) -> tuple[Headers, str]:
    """The headers with the Host that the client sent to the proxy, and the scheme of its URL.

    From X-Forwarded-Host, -Port and -Proto: of several values the first, which is the outermost
    proxy's.  What is absent, or has no such form, changes nothing.
    """
    proto = _first(headers, "x-forwarded-proto").lower()
    if proto in _DEFAULT_PORTS:
        scheme = proto
    host = _first(headers, "x-forwarded-host")
    if not _HOST.fullmatch(host):
        return headers, scheme
    port = _first(headers, "x-forwarded-port")
    has_port = ":" in host.rpartition("]")[2]
    if not has_port and _PORT.fullmatch(port) and port != _DEFAULT_PORTS.get(scheme):
        host = f"{host}:{port}"
    others = [(name, value) for name, value in headers if name != "host"]
    return Headers([("host", host), *others]), scheme


def client_of(headers: Headers, peer: str, trusted: Iterable[Network]) -> str:
    """The address of who sent the request to the outermost trusted proxy.

    X-Forwarded-For grows at its end, and who is not trusted may have begun it with anything: so
    it is read from the end, as long as the address so far is a trusted one's.
    """
    client = peer
    for told in reversed((headers.get("x-forwarded-for") or "").split(",")):
        if not is_trusted(client, trusted):
            break
        try:
            client = str(ip_address(told.strip()))
        except ValueError:
            break
    return client


def _first(headers: Headers, name: str) -> str:
    return (headers.get(name) or "").partition(",")[0].strip()
