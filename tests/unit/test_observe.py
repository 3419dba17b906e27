"""Logs: one line an event in either form, without local variables, quiet about libraries; times."""

import json
import logging
from collections.abc import Iterator
from time import perf_counter
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
import structlog

from s3gw.call import Body, Wire
from s3gw.observe import Exchange, configure_logging, new_request_id
from s3gw.operator_settings import Log
from s3gw.swift.account import Account
from s3gw.swift.authority import Nobody


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


def _exchange(**times: float) -> Exchange:
    """An exchange that began a second ago, with waits in seconds."""
    exchange = Exchange("1", "192.0.2.1", started=perf_counter() - 1)
    exchange.keystone.seconds = times.get("keystone", 0.0)
    exchange.delivery.source_seconds = times.get("source", 0.0)
    exchange.delivery.client_seconds = times.get("taking", 0.0)
    if "swift" in times:
        exchange.swift = Account(cast("Any", None), cast("Any", None))
        exchange.swift.seconds = times["swift"]
    if "sending" in times:
        exchange.wire = Wire(cast("Any", None), 1)
        exchange.wire.client_seconds = times["sending"]
        exchange.body = Body(exchange.wire, cast("Any", None), None)
        exchange.body.is_streamed = "streamed" in times
    exchange.begin_sending(200)
    return exchange


@pytest.mark.parametrize(
    ("waits", "parts"),
    [
        ({}, (1.0, 0, 0, 0)),
        ({"keystone": 0.3}, (0.7, 0.3, 0, 0)),
        ({"keystone": 0.3, "swift": 0.5}, (0.2, 0.3, 0.5, 0)),
        # A download: Swift's headers, then its body, which the client takes slowly.
        ({"swift": 0.1, "source": 0.2, "taking": 0.6}, (0.1, 0, 0.3, 0.6)),
        # A body that was read before Swift was asked, and one that was read while it was.
        ({"swift": 0.5, "sending": 0.4}, (0.1, 0, 0.5, 0.4)),
        ({"swift": 0.9, "sending": 0.4, "streamed": 1}, (0.1, 0, 0.5, 0.4)),
        # Many at once can wait longer than the request took.
        ({"keystone": 3.0, "swift": 0.5}, (0, 3.0, 0.5, 0)),
    ],
)
def test_a_requests_time_is_told_by_whom_it_waited_for(
    waits: dict[str, float], parts: tuple[float, ...]
) -> None:
    times = _exchange(**waits).times()
    found = (times.gateway, times.keystone, times.swift, times.client)
    assert found == pytest.approx(parts, abs=0.05)
    assert times.total == pytest.approx(1, abs=0.05)


async def test_requests_to_swift_at_the_same_time_are_one_wait() -> None:
    class Slow:
        async def request(self, *_: object, **_options: object) -> Any:
            await anyio.sleep(0.1)
            return SimpleNamespace(status=204, headers={}, read=self.read)

        async def read(self) -> bytes:
            return b""

    account = Account(cast("Any", Slow()), Nobody("http://swift/v1/a"))
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(account.delete_object, "c", "o")
    assert account.calls == 5
    together = account.seconds
    assert 0.1 <= together < 5 * 0.1
    await account.delete_object("c", "o")
    assert account.seconds >= together + 0.1
