"""What `s3gw standalone` is asked to do, as one value."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StandaloneOptions:
    """The options of a stand-alone gateway."""

    data: Path
    """Directory that keeps everything between runs; made when it is absent."""
    host: str = "127.0.0.1"
    """Address the gateway listens on; Keystone and Swift are always on loopback."""
    port: int = 8333
    """TCP port of the gateway; 0: a free one."""
    ready_file: Path | None = None
    """File (mode 0600, JSON) that appears when everything answers and goes when it stops."""
    with_s3api: bool = False
    """Also start a Swift proxy with Swift's own s3api and s3token, on a port of its own."""
    fsync: bool = True
    """Whether Swift syncs to disk; without it acknowledged data survive kill -9 but not power
    loss."""
    gateway: bool = True
    """Whether to start the gateway; without it there is only its backend."""
    token_expiration: int = 3600
    """Seconds that a Keystone token lives."""
