"""What `s3gw check` finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    ok: bool | None
    """None: a warning, or it could not be seen."""
    title: str
    detail: str = ""
    """What was seen."""
    advice: str = ""
    """What to do about it; empty if all is well."""
