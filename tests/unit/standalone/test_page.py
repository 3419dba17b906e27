"""The page for people and the file for programs."""

import ast
import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from s3gw.standalone.page import Running, page, ready_file
from s3gw.standalone.state import Tenant, fresh


@pytest.fixture
def running() -> Running:
    state = replace(
        fresh(),
        ports={"proxy": 1002, "s3api": 1003, "keystone": 1001},
        tenant=Tenant("project-id", "user-id", "access-key", "secret-key"),
        published={"identity": "http://127.0.0.1:1001/v3"},
    )
    return Running(
        data=Path("data"),
        endpoint="http://127.0.0.1:8333",
        state=state,
        storage_url="http://127.0.0.1:1002/v1/AUTH_project-id",
        pids={"launcher": 1, "keystone": 2},
        with_s3api=False,
        seconds=4.25,
    )


def test_the_page_names_endpoint_region_and_keys(running: Running) -> None:
    text = page(running, colour=False)
    for value in ("http://127.0.0.1:8333", "RegionOne", "access-key", "secret-key", "4.2 s"):
        assert value in text
    assert "\x1b" not in text


def test_colours_are_all_that_a_terminal_gets_more(running: Running) -> None:
    plain, coloured = page(running, colour=False), page(running, colour=True)
    assert "\x1b[1m" in coloured
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[36m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


@pytest.mark.parametrize("client", ["aws-cli", "boto3", "rclone", "restic"])
def test_each_client_has_lines_that_a_shell_understands(client: str, running: Running) -> None:
    section = page(running, colour=False).split(f"\n{client}\n")[1].split("\n\n")[0]
    words = shlex.split(section)
    assert client.removesuffix("-cli") in section
    assert any("http://127.0.0.1:8333" in word for word in words)


def test_the_line_for_boto3_is_python(running: Running) -> None:
    (line,) = [part for part in page(running, colour=False).splitlines() if "python -c" in part]
    python, option, code = shlex.split(line)
    assert (python, option) == ("python", "-c")
    assert "list_buckets" in ast.dump(ast.parse(code))


def test_without_a_gateway_no_client_is_promised_anything(running: Running) -> None:
    text = page(replace(running, endpoint=None), colour=False)
    assert "only the backend" in text
    assert "rclone" not in text


@pytest.mark.parametrize("with_s3api", [True, False])
def test_the_ready_file_has_the_s3api_only_when_it_runs(
    with_s3api: bool,  # noqa: FBT001 - a parameter of the test
    running: Running,
) -> None:
    running = replace(running, with_s3api=with_s3api)
    document = json.loads(ready_file(running))
    assert document.get("s3api_url") == ("http://127.0.0.1:1003" if with_s3api else None)
    assert document["swift"] == {
        "proxy_url": "http://127.0.0.1:1002",
        "storage_url": "http://127.0.0.1:1002/v1/AUTH_project-id",
    }
    assert ("http://127.0.0.1:1003" in page(running, colour=False)) == with_s3api
