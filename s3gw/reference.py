"""What README.md, docs/configuration.md and config/s3gw.toml say of operations and settings.

The rule: those texts are written from the code alone.  They stand in the files word by word,
and a test fails where they do not.
"""

import json
import types
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from s3gw.config import Settings
from s3gw.operations import OPERATIONS, Operation, Scope

_WIDTH = 96
_PATHS = {Scope.SERVICE: "/", Scope.BUCKET: "/bucket", Scope.OBJECT: "/bucket/key"}
_HEAD = """\
# Settings of s3gw.  A line that begins with `# name =` shows the setting's default, or an
# example where the text above it says so.  An environment variable S3GW_SECTION__FIELD
# overrides the file: S3GW_SERVER__PORT=8333.
#
# Written by `s3gw settings`.
"""
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "text", Path: "file"}
_SIGNS = {"gt": ">", "ge": "≥", "le": "≤", "min_length": "characters ≥"}


def operations_table() -> str:
    """Every operation that has a row of its own, as a Markdown table."""
    lines = ["| Operation | Request | Notes |", "|---|---|---|"]
    lines += [
        f"| {row.name} | `{_request(row)}` | {row.note} |"
        for row in sorted(OPERATIONS, key=lambda row: row.name)
    ]
    return "\n".join(lines) + "\n"


def settings_sample() -> str:
    """The commented settings file (TOML)."""
    return _HEAD + "".join(
        f"\n# {_summary(section)}\n[{name}]\n{''.join(_commented(name, section))}"
        for name, section in _sections()
    )


def settings_tables() -> str:
    """A Markdown heading and table for each section of the settings."""
    return "\n".join(
        f"### `[{name}]`\n\n{_summary(section)}\n\n"
        "| Key | Environment variable | Type | Default | Meaning |\n|---|---|---|---|---|\n"
        + "".join(_row(name, key, field) for key, field in section.model_fields.items())
        for name, section in _sections()
    )


def _request(row: Operation) -> str:
    headers = [demand for demand in row.demands if demand.startswith("header:")]
    query = [part for part in (row.subresource, *row.demands) if part and part not in headers]
    path = "?".join(filter(None, (_PATHS[row.scope], "&".join(query))))
    return " + ".join(
        [f"{row.method} {path}", *(header.removeprefix("header:") for header in headers)]
    )


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield name, section


def _summary(section: type[BaseModel]) -> str:
    return (section.__doc__ or "").strip()


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _commented(section: str, model: type[BaseModel]) -> Iterator[str]:
    """The lines of a section; tables within it come last, as TOML wants them."""
    fields = sorted(model.model_fields.items(), key=lambda item: isinstance(_shown(item[1]), dict))
    for name, field in fields:
        meaning = _meaning(field) + (" Example:" if field.examples else "")
        yield "\n" + "".join(f"# {line}\n" for line in wrap(meaning, _WIDTH))
        shown = _shown(field)
        if isinstance(shown, dict):
            yield f"# [{section}.{name}]\n"
            yield from (f"# {key} = {_toml(value)}\n" for key, value in shown.items())
        else:
            yield f"# {name} = {_toml(shown)}\n"


def _shown(field: FieldInfo) -> Any:
    return field.examples[0] if field.examples else field.default


def _row(section: str, name: str, field: FieldInfo) -> str:
    variable = f"S3GW_{section}__{name}".upper()
    is_table = isinstance(field.default, dict)
    if is_table:
        variable += "__<OPTION>"
    default = "" if field.default is None or is_table else f"`{_toml(field.default)}`"
    cells = [f"`{section}.{name}`", f"`{variable}`", _type(field), default, _meaning(field)]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |\n"


def _type(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    if get_origin(annotation) in {Union, types.UnionType}:
        annotation = next(kind for kind in get_args(annotation) if kind is not type(None))
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{_toml(value)}`" for value in get_args(annotation))
    if get_origin(annotation) is tuple:
        return "list of texts; in the environment one text, with commas"
    if get_origin(annotation) is dict:
        return "table"
    return _TYPES[annotation] + "".join(_bounds(field))


def _bounds(field: FieldInfo) -> Iterator[str]:
    for bound in field.metadata:
        for name, sign in _SIGNS.items():
            if hasattr(bound, name):
                yield f", {sign} {getattr(bound, name)}"


def _toml(value: Any) -> str:
    """A default as TOML; what is not set is an empty text."""
    if value is None:
        return '""'
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:_}" if value >= 100_000 else str(value)
    return json.dumps(list(value) if isinstance(value, tuple) else value)
