"""Logs: one line an event in either form, without local variables, quiet about libraries."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from s3gw.config import Log
from s3gw.observe import configure_logging, new_request_id


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def _fail() -> None:
    token = "unspeakable"
    raise LookupError(f"{len(token)} letters")


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_has_no_local_variables(form: Any, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Log(format=form))
    try:
        _fail()
    except LookupError:
        structlog.get_logger().exception("internal error", request_id="1")
    written = capsys.readouterr().err
    assert "LookupError" in written
    assert "11 letters" in written
    assert "_fail" in written
    assert "unspeakable" not in written


def test_an_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Log())
    structlog.get_logger().info("request", bucket="a\nb", status=200)
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["event"], event["bucket"], event["status"]) == ("request", "a\nb", 200)
    assert (event["level"], event["timestamp"][-1]) == ("info", "Z")


def test_an_event_is_one_line_of_text_whatever_a_client_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(Log(format="text"))
    structlog.get_logger().info("request", bucket="a\n2026-01-01 [info] forged")
    (line,) = capsys.readouterr().err.splitlines()
    assert "bucket='a\\n2026-01-01 [info] forged'" in line


@pytest.mark.parametrize(
    ("level", "written"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)]
)
def test_only_what_is_severe_enough_is_written(
    level: Any, written: int, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Log(level=level))
    log = structlog.get_logger()
    for severity in ("debug", "info", "warning", "error"):
        getattr(log, severity)("event")
    assert len(capsys.readouterr().err.splitlines()) == written


def test_libraries_write_warnings_in_the_same_form_and_never_their_requests(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(Log(level="debug"))
    library = logging.getLogger("keystoneauth.session")
    library.debug("REQ: curl -H 'X-Auth-Token: unspeakable'")
    library.warning("a %s", "warning")
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["event"], event["level"]) == ("a warning", "warning")


def test_request_ids_look_like_those_of_aws_and_differ() -> None:
    ids = {new_request_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(one) == 16 and set(one) <= set("0123456789ABCDEF") for one in ids)
