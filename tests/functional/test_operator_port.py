"""The operator's port: health, readiness and metrics, of one worker and of several."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.functional.gateway import new_bucket, settings_for
from tests.functional.payloads import BUFFER_SIZE, UNSIGNED, Body, prepared, put
from tests.functional.rawclient import Keys, ask, linked, sign
from tests.functional.server import Server, free_port, run, served, settings_file
from tests.functional.stack import Stack

SOON = 60.0  # seconds


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for all tests."""
    name = new_bucket(s3)
    s3.put_object(Bucket=name, Key="key", Body=b"data")
    return name


@pytest.fixture(scope="module")
def server(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = settings_for(stack, s3={"domains": ["s3.example"], "region": stack.region})
    with served(tmp_path_factory.mktemp("port"), settings) as found:
        yield found


def get(server: Server, path: str) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{server.operator_port}{path}", timeout=10)


def totals(server: Server, name: str, **labels: str) -> dict[str, float]:
    """The samples of that name and those labels, added up for each worker."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(get(server, "/-/metrics").text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                worker = sample.labels["worker"]
                found[worker] = found.get(worker, 0) + sample.value
    return found


def total(server: Server, name: str, **labels: str) -> float:
    return sum(totals(server, name, **labels).values())


def test_a_worker_is_alive_and_ready(server: Server) -> None:
    answer = get(server, "/-/health")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    answer = get(server, "/-/ready")
    ready = {"ready": True, "keystone": "answers", "swift": "answers"}
    assert (answer.status_code, answer.json()) == (200, ready)
    assert get(server, "/").status_code == 404
    assert requests.post(answer.url, timeout=10).status_code == 405


def test_a_request_shows_in_the_metrics(server: Server, bucket: str, keys: Keys) -> None:
    answer = get(server, "/-/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["server"] == "s3gw"
    data = bytes(BUFFER_SIZE + 1)
    upload = prepared(keys, f"{server.endpoint}/{bucket}/sent", Body(mode=UNSIGNED, data=data))
    put(server.endpoint, upload)
    get_it = {"operation": "GetObject", "status": "200"}
    before = total(server, "s3gw_requests_total", **get_it)
    for _ in range(3):
        assert ask(server.endpoint, sign(keys, "GET", f"{server.endpoint}/{bucket}/sent")).body
    assert total(server, "s3gw_requests_total", **get_it) == before + 3
    bytes_of = {"operation": "GetObject", "direction": "out"}
    assert total(server, "s3gw_body_bytes_total", **bytes_of) == 3 * len(data)
    bytes_of = {"operation": "PutObject", "direction": "in"}
    assert total(server, "s3gw_body_bytes_total", **bytes_of) == len(data)
    times = {"operation": "GetObject", "part": "swift"}
    assert total(server, "s3gw_request_part_seconds_count", **times) == 3
    assert total(server, "s3gw_request_part_seconds_sum", **times) > 0
    assert total(server, "s3gw_tokens_minted_total") == 1
    assert total(server, "s3gw_cache_lookups_total", cache="secrets", result="miss") == 1
    assert total(server, "s3gw_cache_lookups_total", cache="secrets", result="hit") >= 3
    assert total(server, "s3gw_swift_answers_total", method="GET", status="200") >= 3
    assert total(server, "process_cpu_seconds_total") > 0


def test_an_upload_that_breaks_off_is_counted(server: Server, bucket: str, keys: Keys) -> None:
    body = Body(mode=UNSIGNED, data=bytes(BUFFER_SIZE + 1))
    pieces = prepared(keys, f"{server.endpoint}/{bucket}/cut", body).pieces()
    with linked(server.endpoint) as link:
        link.send(b"".join(pieces)[:-1])
        end = time.monotonic() + SOON
        while not total(server, "s3gw_requests_in_flight"):
            assert time.monotonic() < end
    while not total(server, "s3gw_aborted_uploads_total"):
        assert time.monotonic() < end
    assert total(server, "s3gw_requests_in_flight") == 0


def test_no_secret_nor_name_of_a_clients_is_in_the_metrics(
    server: Server, bucket: str, keys: Keys
) -> None:
    ask(server.endpoint, sign(keys, "GET", f"{server.endpoint}/{bucket}/key"))
    ask(server.endpoint, sign(keys, "BREW", f"{server.endpoint}/{bucket}/key"))
    text = get(server, "/-/metrics").text
    for told in (keys.secret_key, keys.access_key, bucket, "BREW", "127.0.0.1"):
        assert told not in text


def test_the_operators_paths_are_not_on_the_s3_port(server: Server, keys: Keys) -> None:
    for path in ("/-/ready", "/-/metrics"):
        assert ask(server.endpoint, sign(keys, "GET", server.endpoint + path)).code in {
            "NoSuchBucket",
            "InvalidBucketName",
        }
    with linked(server.endpoint) as link:
        link.send(b"GET /-/health HTTP/1.1\r\nHost: whatever\r\n\r\n")
        assert link.reply().body == b"ok\n"


def test_health_hides_no_object_of_a_bucket_in_the_host(
    server: Server, s3: Any, bucket: str, keys: Keys
) -> None:
    s3.put_object(Bucket=bucket, Key="-/health", Body=b"mine")
    for host in (f"{bucket}.s3.example", f"{bucket}.s3.example:80"):
        signed = sign(keys, "GET", f"{server.endpoint}/-/health", [("Host", host)])
        assert ask(server.endpoint, signed).body == b"mine"
    signed = sign(keys, "GET", f"{server.endpoint}/-/health", [("Host", "s3.example")])
    assert ask(server.endpoint, signed).body == b"ok\n"


def test_several_workers_are_one_port_and_told_apart(
    stack: Stack, bucket: str, keys: Keys, tmp_path: Any
) -> None:
    with served(tmp_path, settings_for(stack), "--workers=2") as server:
        end = time.monotonic() + SOON
        while len(totals(server, "s3gw_build_info")) < 2:  # both are up
            assert time.monotonic() < end
            time.sleep(0.05)
        sent = 0
        get_it = {"operation": "GetObject", "status": "200"}
        while min(totals(server, "s3gw_requests_total", **get_it).values(), default=0) < 1 or (
            len(totals(server, "s3gw_requests_total", **get_it)) < 2
        ):
            assert time.monotonic() < end, "one worker gets nothing"
            with linked(server.endpoint) as link:
                for _ in range(5):
                    link.send(sign(keys, "GET", f"{server.endpoint}/{bucket}/key").head())
                    assert link.reply().body == b"data"
                    sent += 1
        # Whichever worker answers, it tells of all.
        for _ in range(10):
            assert total(server, "s3gw_requests_total", **get_it) == sent
        assert get(server, "/-/ready").status_code == 200
        # A worker that dies takes its numbers with it, and the next one begins anew.
        dead, alive = totals(server, "s3gw_build_info")
        os.kill(int(dead), signal.SIGKILL)
        while dead in (workers := totals_or_none(server)) or len(workers) < 2:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert alive in workers


def totals_or_none(server: Server) -> dict[str, float]:
    """The workers; none while a worker dies in its answer."""
    try:
        return totals(server, "s3gw_build_info")
    except requests.ConnectionError:
        return {}


def test_a_worker_without_backends_is_alive_but_not_ready(stack: Stack, tmp_path: Any) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    identity = {"auth_url": f"{nowhere}/v3"}
    swift = {"storage_url_template": f"{nowhere}/v1/AUTH_{{project_id}}"}
    with served(tmp_path, settings_for(stack, identity=identity, swift=swift)) as server:
        assert get(server, "/-/health").status_code == 200
        answer = get(server, "/-/ready")
        silent = {"ready": False, "keystone": "does not answer", "swift": "does not answer"}
        assert (answer.status_code, answer.json()) == (503, silent)


def test_the_port_can_be_turned_off(stack: Stack, tmp_path: Any) -> None:
    settings = settings_for(stack)
    with served(tmp_path, settings, S3GW_METRICS__PORT="") as server:
        with pytest.raises(requests.ConnectionError):
            get(server, "/-/health")
        with linked(server.endpoint) as link:
            link.send(b"GET /-/health HTTP/1.1\r\nHost: h\r\n\r\n")
            assert link.reply().status == 200


def test_a_port_that_is_taken_is_one_line(stack: Stack, tmp_path: Any) -> None:
    config = settings_file(tmp_path / "s3gw.toml", settings_for(stack))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run(f"--config={config}", "--port=0", S3GW_METRICS__PORT=port)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"s3gw: metrics.host, metrics.port: cannot listen on 127.0.0.1:{port}")


def test_the_log_tells_the_port(server: Server) -> None:
    line = json.loads(server.logged("operator port").splitlines()[0])
    assert (line["host"], line["port"]) == ("127.0.0.1", server.operator_port)
