"""The shape of the tree: small modules, and one door for each library.

Which of our own modules may import which is import-linter's to check (pyproject.toml).
"""

import ast
import builtins
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGE = _ROOT / "s3gw"
_MODULES = sorted(_PACKAGE.rglob("*.py"))

_DOORS = {
    "aiohttp": ("s3gw.endpoints",),
    "awscrt": ("s3gw.s3.checksums",),
    "click": ("s3gw.cli", "s3gw.standalone.__main__"),
    "httptools": ("s3gw.swift.exchange", "s3gw.swift.heads"),
    "keystone": ("s3gw.standalone",),
    "keystoneauth1": ("s3gw.identity",),
    "lxml": ("s3gw.s3.xml",),
    "opentelemetry": ("s3gw.tracing",),
    "prometheus_client": ("s3gw.metrics",),
    "pydantic": (
        "s3gw.config",
        "s3gw.operator_settings",
        "s3gw.setting_types",
        "s3gw.reference",
        "s3gw.settings_file",
    ),
    "pydantic_settings": ("s3gw.config",),
    "python_multipart": ("s3gw.s3.form",),
    "starlette": ("s3gw.app", "s3gw.tracing"),
    "swift": ("s3gw.standalone",),
    "swiftclient": (),
    "uvicorn": ("s3gw.server",),
    "werkzeug": ("s3gw.standalone",),
}
"""Who may import a library: these modules, and those below them; none: no module may."""


def _name(path: Path) -> str:
    parts = path.relative_to(_ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path) -> Iterator[str]:
    """The packages that a module imports, on any line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def _is_within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


@pytest.mark.parametrize("path", _MODULES, ids=_name)
def test_a_module_has_less_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400


@pytest.mark.parametrize("path", _MODULES, ids=_name)
def test_a_library_enters_by_its_own_door(path: Path) -> None:
    for library in set(_imported(path)) & _DOORS.keys():
        assert _is_within(_name(path), _DOORS[library]), library


def test_every_door_is_used() -> None:
    imported = {library for path in _MODULES for library in _imported(path)}
    assert {library for library, doors in _DOORS.items() if doors} <= imported


def _reads_environment(path: Path) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def test_only_settings_and_the_launcher_read_the_environment() -> None:
    readers = {_name(path) for path in _MODULES if _reads_environment(path)}
    assert "s3gw.settings_file" in readers
    assert all(_is_within(name, ("s3gw.settings_file", "s3gw.standalone")) for name in readers)


def test_no_module_is_named_for_what_it_is_made_of() -> None:
    vague = {"utils", "util", "helpers", "helper", "base", "common", "manager", "misc"}
    assert not {path.stem for path in _MODULES} & vague


@pytest.mark.parametrize("path", _MODULES, ids=_name)
def test_no_module_with_dataclasses_hides_a_builtin(path: Path) -> None:
    """Their `__eq__` and `__lt__` answer with the module's NotImplemented, whatever that is."""
    if "@dataclass" in path.read_text(encoding="utf-8"):
        names = {name for name in vars(builtins) if not name.startswith("_")}
        assert not names & vars(importlib.import_module(_name(path))).keys()
