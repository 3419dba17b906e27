"""The settings file and the environment, read once, at start-up.

The rule: whatever is wrong is one line that names the key and where it stands.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from s3gw.config import PREFIX, ConfigError, Settings
from s3gw.setting_types import Section


def load(path: Path | None) -> Settings:
    """Read the settings file, if one is named, and the environment.

    Raises ConfigError, one line that names the key.
    """
    document: dict[str, Any] = {}
    if path is not None:
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: is not TOML: {error}") from error
    _refuse_unknown_variables(os.environ)
    for name in document:
        if name not in Settings.model_fields:
            raise ConfigError(f"{path}: {name}: is not a setting")
    # So that its own validator tells what is required.
    document.setdefault("identity", {})
    try:
        return Settings(**document)
    except ValidationError as error:
        raise ConfigError(_one_line(error, path)) from error


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    for name in environment:
        if not name.upper().startswith(PREFIX):
            continue
        section, _, field = name[len(PREFIX) :].lower().partition("__")
        known = Settings.model_fields.get(section)
        if known is None or not _has_field(known.annotation, field):
            raise ConfigError(f"environment: {name} is not a setting")


def _has_field(section: Any, field: str) -> bool:
    first = field.partition("__")[0]
    return (
        isinstance(section, type)
        and issubclass(section, Section)
        and (first in section.model_fields)
    )


def _one_line(error: ValidationError, path: Path | None) -> str:
    """The first fault as `where: section.key: what is wrong`."""
    fault = error.errors(include_url=False)[0]
    names = [str(part) for part in fault["loc"]]
    variable = PREFIX + "__".join(names).upper()
    where = "environment" if path is None or _is_set(variable) else str(path)
    key = ".".join(names)
    if fault["type"] == "extra_forbidden":
        return f"{where}: {key}: is not a setting"
    message = fault["msg"].removeprefix("Value error, ")
    # What concerns several settings names them by itself.
    names_itself = not key or message.startswith(f"{key}.")
    return f"{where}: {message}" if names_itself else f"{where}: {key}: {message}"


def _is_set(variable: str) -> bool:
    return any(name.upper() == variable for name in os.environ)
