"""config/prometheus and config/grafana: they parse, and ask only for what a worker tells."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from s3gw.operations import OPERATIONS
from s3gw.operator_settings import Metrics as Settings
from s3gw.s3.errors import S3Error
from tests.unit.test_metrics import told

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "config" / "prometheus" / "alerts.yml"
SCRAPE = ROOT / "config" / "prometheus" / "scrape.yml"
DASHBOARD = ROOT / "config" / "grafana" / "s3gw.json"
GUIDE = ROOT / "docs" / "operations.md"

_TARGET = {"job", "instance"}
_WORDS = set(
    "sum max min avg count by without on ignoring rate increase histogram_quantile scalar and or "
    "unless changes label_values".split()
)


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """The labels of each metric; `up` is what Prometheus itself adds to a scrape."""
    return {"up": set(), **told()}


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    for panel in panels():
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in json.loads(DASHBOARD.read_text(encoding="utf-8"))["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric that an expression names, and the labels that it picks it by."""
    grouping = r"\b(?:by|without)\s*\([^)]*\)"
    for name, matchers in re.findall(
        r"([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?", re.sub(grouping, "", expression)
    ):
        if name not in _WORDS and (matchers or "_" in name or name == "up"):
            yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))


def without_texts(expression: str) -> str:
    """The expression with empty texts and without Grafana's variables."""
    return re.sub(r"\$\w+", "1m", re.sub(r'"[^"]*"', '""', expression))


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_an_expression_names_only_what_a_worker_tells(
    expression: str, known: dict[str, set[str]]
) -> None:
    found = list(selectors(re.sub(r"label_values\((\w+), \w+\)", r"\1", without_texts(expression))))
    assert found
    for name, labels in found:
        assert name in known, name
        assert labels <= known[name] | _TARGET, f"{name}: {labels}"
    grouped = re.findall(r"\bby\s*\(([^)]*)\)", expression)
    names = {label.strip() for group in grouped for label in group.split(",")}
    assert names <= _TARGET | set().union(*(known[name] for name, _ in found))


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_prometheus_can_parse_an_expression(expression: str) -> None:
    if expression.startswith("label_values("):  # Grafana's own
        return
    promql_parser.parse(re.sub(r"\$\w+", "1m", expression))  # raises ValueError


def test_what_a_worker_tells_is_on_the_dashboard(known: dict[str, set[str]]) -> None:
    shown = {name for text in expressions() for name, _ in selectors(without_texts(text))}
    parts = re.compile(r"_(bucket|sum|count)$")
    families = {parts.sub("", name) for name in known if name.startswith("s3gw_")}
    assert families <= {parts.sub("", name) for name in shown}


def test_a_label_that_is_picked_by_its_value_has_that_value() -> None:
    values = {
        "operation": {row.name for row in OPERATIONS},
        "code": {error.__name__ for error in S3Error.__subclasses__()},
        "limit": {"worker", "key"},
        "part": {"gateway", "keystone", "swift", "client"},
        "result": {"hit", "miss"},
        "job": {yaml.safe_load(SCRAPE.read_text(encoding="utf-8"))[0]["job_name"]},
    }
    for expression in expressions():
        for label, value in re.findall(r'(\w+)=~?"([^"$]*)"', expression):
            if label != "status":
                assert set(value.split("|")) <= values[label], f"{label}={value}"


def test_an_alert_says_what_it_is_about_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) >= 10
    guide = GUIDE.read_text(encoding="utf-8")
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert f"`{rule['alert']}`" in guide, rule["alert"]


def test_the_scrape_is_of_the_port_that_the_settings_have() -> None:
    (job,) = yaml.safe_load(SCRAPE.read_text(encoding="utf-8"))
    (target,) = job["static_configs"][0]["targets"]
    assert target == f"{Settings().host}:{Settings().port}"
    assert job["metrics_path"] == "/-/metrics"


def test_the_dashboard_is_one_that_grafana_can_load() -> None:
    document = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(document)
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids)) > 20
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            letters = [target["refId"] for target in panel["targets"]]
            assert letters == sorted(set(letters))
