"""The kinds of values that a setting can have, and what all sections of the settings share."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _unless_empty(value: object) -> object:
    return None if value == "" else value


def _split(value: object) -> object:
    """The environment has no lists: there it is one text, with commas."""
    if not isinstance(value, str):
        return value
    return tuple(item.strip() for item in value.split(",") if item.strip())


_UNLESS_EMPTY = BeforeValidator(_unless_empty)
SPLIT = BeforeValidator(_split)

Name = Annotated[str, Field(min_length=1)]
Text = Annotated[str | None, _UNLESS_EMPTY]
Secret = Annotated[str | None, _UNLESS_EMPTY, Field(repr=False)]
File = Annotated[Path | None, _UNLESS_EMPTY]
Texts = Annotated[tuple[str, ...], SPLIT]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SecondsOrZero = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Bytes = Annotated[int, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65535)]
PortOrNone = Annotated[int | None, Field(ge=0, le=65535), _UNLESS_EMPTY]


def _upper(value: object) -> object:
    """The environment's names of settings, of which a class is the last part, know no case."""
    if not isinstance(value, dict):
        return value
    return {name.upper() if isinstance(name, str) else name: value[name] for name in value}


def _different(classes: dict[str, str]) -> dict[str, str]:
    if len({policy.lower() for policy in classes.values()}) < len(classes):
        raise ValueError("each storage class needs a policy of its own")
    return classes


StorageClasses = Annotated[
    dict[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")], Annotated[str, Field(min_length=1)]],
    BeforeValidator(_upper),
    AfterValidator(_different),
]


class Section(BaseModel):
    """A table of the settings file: unknown keys are errors, values never change."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )
