"""The reference texts stand in the files as the code writes them, and are true."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from s3gw import reference
from s3gw.cli import main
from s3gw.config import Settings
from s3gw.operations import OPERATIONS

_ROOT = Path(__file__).resolve().parents[2]
_SAMPLE = _ROOT / "config" / "s3gw.toml"


def _marked(path: Path, name: str) -> str:
    """What stands between the markers of that name."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(
        rf"<!-- {name}: written by `[^`]*` -->\n(.*?)<!-- /{name} -->", text, re.DOTALL
    )
    assert len(found) == 1, f"{path} needs one pair of markers {name}"
    return str(found[0])


def test_the_readme_has_the_table_of_operations() -> None:
    assert _marked(_ROOT / "README.md", "operations") == reference.operations_table(), (
        "stale: put what `s3gw operations` prints between the markers"
    )


def test_the_settings_file_is_the_sample() -> None:
    assert _SAMPLE.read_text(encoding="utf-8") == reference.settings_sample(), (
        "stale: s3gw settings > config/s3gw.toml"
    )


def test_the_documentation_has_the_tables_of_settings() -> None:
    path = _ROOT / "docs" / "configuration.md"
    assert _marked(path, "settings") == reference.settings_tables(), (
        "stale: put what `s3gw settings --tables` prints between the markers"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["operations"], reference.operations_table()),
        (["settings"], reference.settings_sample()),
        (["settings", "--tables"], reference.settings_tables()),
    ],
)
def test_the_command_prints_the_text_and_nothing_else(arguments: list[str], text: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (0, text, "")


def test_every_operation_is_in_the_table_with_its_request() -> None:
    lines = reference.operations_table().splitlines()[2:]
    assert len(lines) == len(OPERATIONS)
    assert "| ListBuckets | `GET /` |  |" in lines
    assert any(line.startswith("| ListObjectsV2 | `GET /bucket?list-type=2` |") for line in lines)
    assert any(
        line.startswith("| UploadPartCopy | `PUT /bucket/key?uploadId&partNumber + x-amz-copy")
        for line in lines
    )


def _settings() -> dict[str, dict[str, Any]]:
    """Every setting's field by section and key."""
    return {
        name: dict(field.annotation.model_fields)
        for name, field in Settings.model_fields.items()
        if field.annotation is not None
    }


def test_the_sample_as_it_is_sets_nothing() -> None:
    document = tomllib.loads(_SAMPLE.read_text(encoding="utf-8"))
    assert document == {section: {} for section in _settings()}


def test_the_sample_without_its_comment_signs_sets_every_default() -> None:
    text = _SAMPLE.read_text(encoding="utf-8")
    document = tomllib.loads(re.sub(r"^# (?=\w+ = |\[)", "", text, flags=re.MULTILINE))
    assert {section: set(keys) for section, keys in document.items()} == {
        section: set(fields) for section, fields in _settings().items()
    }
    # Examples, since these have no default that works.
    examples = {name: document["identity"][name] for name in ("auth_url", "service")}
    assert examples["service"]["system_scope"] == "all"
    access = {"service": document["access"]["service"]}
    s3 = {"storage_classes": document["s3"]["storage_classes"]}
    assert s3["storage_classes"]
    tracing = {"endpoint": document["tracing"]["endpoint"]}
    assert tracing["endpoint"].endswith("/v1/traces")
    given = {"identity": examples, "access": access, "s3": s3, "tracing": tracing}
    plain = Settings.model_validate(given)
    assert Settings.model_validate(document) == plain


def test_the_tables_tell_key_variable_type_default_and_meaning() -> None:
    rows = {
        cells[1].strip("`"): cells[2:-1]
        for line in reference.settings_tables().splitlines()
        if line.startswith("| `")
        for cells in [[cell.strip() for cell in line.split("|")]]
    }
    assert set(rows) == {
        f"{section}.{key}" for section, fields in _settings().items() for key in fields
    }
    tables = (".service", ".storage_classes")  # with a name behind
    assert all(variable == f"`S3GW_{key.upper().replace('.', '__')}`"
               for key, (variable, *_) in rows.items() if not key.endswith(tables))  # fmt: skip
    assert rows["server.port"][1:3] == ["integer, ≥ 0, ≤ 65535", "`8333`"]
    assert rows["swift.region"][1:3] == ["text", ""]
    assert rows["identity.secret_ttl"][1:3] == ["number, > 0", "`60`"]
    assert rows["identity.secret_ttl"][3].startswith("Seconds a secret read from Keystone is")
    assert rows["log.format"][1:3] == ['`"json"` or `"text"`', '`"json"`']
    assert rows["identity.service"][0] == "`S3GW_IDENTITY__SERVICE__<OPTION>`"
