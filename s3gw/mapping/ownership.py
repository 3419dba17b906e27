"""Object Ownership in a container's headers.

The rule: only the container's owner can write them; what the gateway does not know counts for
nothing having been said.
"""

from collections.abc import Mapping

from s3gw.mapping.layout import META_OWNERSHIP
from s3gw.s3.ownership import Ownership


def ownership_in(headers: Mapping[str, str]) -> Ownership | None:
    """What the container's headers say of it."""
    value = headers.get(META_OWNERSHIP, "")
    return Ownership(value) if value in set(Ownership) else None


def to_container(ownership: Ownership) -> dict[str, str]:
    """The headers that say it."""
    return {META_OWNERSHIP: ownership}
