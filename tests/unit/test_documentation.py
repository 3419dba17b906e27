"""What the documentation names is there: files, headings, settings, commands, client lines."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest

from s3gw.cli import main
from s3gw.config import Settings
from s3gw.identity.static import read_keys
from s3gw.s3.errors import S3Error
from s3gw.standalone.page import Running, page
from s3gw.standalone.state import Tenant, fresh
from tests.unit.test_metrics import told

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = sorted([*_ROOT.glob("*.md"), *(_ROOT / "docs").glob("*.md")])
_SECTIONS = {name: field.annotation for name, field in Settings.model_fields.items()}
_PLACEHOLDER = "S3GW_SECTION__FIELD"

every_page = pytest.mark.parametrize("path", _PAGES, ids=lambda path: path.name)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _blocks(path: Path, language: str) -> list[str]:
    """The code blocks of a language; indentation (in a list) is taken off."""
    pattern = rf"^( *)```{language}\n(.*?)^\1```$"
    found = re.findall(pattern, _text(path), re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def _anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _anchors(path: Path) -> set[str]:
    return {_anchor(heading) for heading in re.findall(r"^#+ (.*)$", _text(path), re.MULTILINE)}


def _links(path: Path) -> Iterator[str]:
    for link in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", _text(path)):
        if not re.match(r"[a-z]+:", link):
            yield link


@every_page
def test_every_relative_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    for link in _links(path):
        name, _, anchor = link.partition("#")
        target = path if not name else path.parent / name
        assert target.resolve().is_relative_to(_ROOT), link
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


def _has_setting(section: str, key: str) -> bool:
    model = _SECTIONS.get(section)
    return model is not None and key in model.model_fields


@every_page
def test_every_variable_that_is_named_is_a_setting(path: Path) -> None:
    for name in re.findall(r"(?<![A-Z_])S3GW_[A-Z0-9_]+(?![A-Z0-9_*])", _text(path)):
        section, _, key = name.removeprefix("S3GW_").lower().partition("__")
        option = key.partition("__")[0]
        assert name == _PLACEHOLDER or _has_setting(section, option), name


@every_page
def test_every_setting_that_is_named_is_one(path: Path) -> None:
    sections = "|".join(_SECTIONS)
    named = re.findall(rf"`({sections})\.(\w+)(?: = [^`]*)?`", _text(path))
    for section, key in named:
        assert _has_setting(section, key), f"{section}.{key}"


@every_page
def test_every_sample_of_settings_can_be_used(path: Path, tmp_path: Path) -> None:
    for block in _blocks(path, "toml"):
        document = tomllib.loads(block)
        assert document
        if "keys" in document:
            keys = re.sub(r'^(\w+)_file = "[^"]*"', r'\1 = "s"', block, flags=re.MULTILINE)
            (tmp_path / "keys.toml").write_text(keys, encoding="utf-8")
            assert read_keys(tmp_path / "keys.toml").keys() == document["keys"].keys()
        else:
            Settings.model_validate(document)  # raises for what is not a setting


def _commands(path: Path) -> Iterator[list[str]]:
    """Every `s3gw …` in a line of its own or in backticks."""
    fenced = "\n".join(_blocks(path, r"\w*")).splitlines()
    inline = re.findall(r"`(s3gw [^`\n]*)`", _text(path))
    for line in [*fenced, *inline]:
        words = line.split()
        if len(words) > 1 and words[0] == "s3gw" and not words[1].startswith("is"):
            yield shlex.split(line, comments=True)


@every_page
def test_every_command_that_is_named_has_its_options(path: Path) -> None:
    for _, name, *words in _commands(path):
        command: click.Command | None = main.commands.get(name)
        if isinstance(command, click.Group):
            command = command.commands.get(words[0])
        assert command is not None, name
        known = {
            option
            for parameter in command.params
            if isinstance(parameter, click.Option)
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= known, name


@every_page
def test_every_module_that_is_named_is_there(path: Path) -> None:
    for name in re.findall(r"`(s3gw/[\w/.]*)`", _text(path)):
        assert (_ROOT / name).exists(), name


@every_page
def test_every_make_target_that_is_named_is_one(path: Path) -> None:
    targets = set(re.findall(r"^(\w+):", _text(_ROOT / "Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", _text(path), re.MULTILINE)) <= targets


@every_page
def test_every_name_kept_in_swift_that_is_named_is_one(path: Path) -> None:
    layout = _text(_ROOT / "s3gw" / "mapping" / "layout.py")
    for name in re.findall(r"X-Object-Meta-S3gw-[A-Za-z]+", _text(path)):
        assert name in layout, name


@every_page
def test_every_metric_that_is_named_is_one(path: Path) -> None:
    known = {re.sub(r"_(bucket|sum|count)$", "", name) for name in told()}
    named = set(re.findall(r"`((?:s3gw|process)_[a-z_]+)[`{]", _text(path)))
    assert named <= known


def _column(path: Path, heading: str) -> list[str]:
    """What stands in backticks in the first column of the table with that heading."""
    table = _text(path).partition(f"| {heading} |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert len(cells) > 5
    return [text for cell in cells for text in re.findall(r"`([^`]+)`", cell)]


_GUIDE = _ROOT / "docs" / "operations.md"


def test_every_error_that_the_operators_guide_explains_is_one_of_ours() -> None:
    known = {error.__name__ for error in S3Error.__subclasses__()}
    assert set(_column(_GUIDE, "a client is told")) <= known


def test_every_line_that_the_operators_guide_explains_can_be_logged() -> None:
    source = "".join(_text(path) for path in (_ROOT / "s3gw").rglob("*.py"))
    for line in _column(_GUIDE, "the log says"):
        assert f'"{line}' in source, line


def test_every_item_of_owasps_list_has_tests_that_are_there() -> None:
    rows = re.findall(r"^\| API(\d+) .*\|(.*)\|$", _text(_ROOT / "docs/security.md"), re.MULTILINE)
    assert [number for number, _ in rows] == [str(number) for number in range(1, 11)]
    source = "".join(_text(path) for path in (_ROOT / "tests/functional").glob("test_*.py"))
    for number, cell in rows:
        names = re.findall(r"`(\w+)`", cell)
        assert names
        for name in names:
            assert name.startswith(f"test_owasp_api{number}_")
            assert f"def {name}(" in source, name


@every_page
def test_no_page_names_a_machine(path: Path) -> None:
    assert not re.findall(r"(?<![\w.])/(?:work|tmp|root|home)/", _text(path))


def test_the_readme_has_the_lines_for_clients_that_standalone_prints() -> None:
    state = replace(
        fresh(),
        ports={"proxy": 2, "keystone": 1},
        tenant=Tenant("project", "user", "ACCESS_KEY", "SECRET_KEY"),
        published={"identity": "http://127.0.0.1:1/v3"},
    )
    running = Running(
        data=Path("data"),
        endpoint="http://127.0.0.1:8333",
        state=state,
        storage_url="http://127.0.0.1:2/v1/AUTH_project",
        pids={},
        with_s3api=False,
        seconds=1,
    )
    printed = page(running, colour=False).partition("for the commands below")[2].splitlines()
    lines = [line.strip() for line in printed if line.startswith("  ")]
    assert len(lines) > 5
    given = _blocks(_ROOT / "README.md", "sh")[0].splitlines()
    assert [line for line in given if line in lines] == lines
