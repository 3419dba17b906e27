"""Requirements 1.1 and 1.2: `s3gw standalone` starts, tells, refuses and stops.

A start takes 2 to 5 s, so that several tests look at one first life, which is lived once,
and later ones go on in its directory; what needs no start is in tests/unit/standalone.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import swiftclient
from keystoneauth1 import session
from keystoneauth1.identity import v3

from tests.functional.fixtures import MakeUser
from tests.functional.stack import Launch, Stack, alive, launched, wait_until_gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A stack's first life, from the start on an absent directory to Ctrl-C."""

    data: Path
    seconds: float
    mode: int
    document: dict[str, Any]
    stack: Stack
    refused: tuple[int, str]
    ready_file_kept: bool
    stopped: tuple[int, str]
    ready_file_left: bool


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def first_life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    data = tmp_path_factory.mktemp("first") / "data, with 100% of $odd #characters"
    began = time.monotonic()
    # The gateway would refuse both to start and to listen there.
    foreign = {"S3GW_SERVER__PORT": "1", "S3GW_NO_SUCH_SETTING": "1"}
    with launched(data, "--with-s3api", environment=foreign) as launch:
        stack = launch.wait_until_ready()
        seconds = time.monotonic() - began
        mode = launch.ready_file.stat().st_mode
        document = json.loads(launch.ready_file.read_text(encoding="utf-8"))
        with _account(stack) as account:
            account.put_container("kept")
            account.put_object("kept", "key", b"content")
        with launched(data, f"--ready-file={launch.ready_file}") as second:
            output = second.output()
            refused = (second.process.returncode, output)
        ready_file_kept = launch.ready_file.exists()
        stopped = launch.stop(signal.SIGINT)
    return Life(
        data=data,
        seconds=seconds,
        mode=mode & 0o777,
        document=document,
        stack=stack,
        refused=refused,
        ready_file_kept=ready_file_kept,
        stopped=stopped,
        ready_file_left=launch.ready_file.exists(),
    )


def test_a_stack_is_ready_within_20_seconds(first_life: Life) -> None:
    assert first_life.seconds < 20


def test_the_ready_file_is_private_and_says_all(first_life: Life) -> None:
    assert first_life.mode == 0o600
    fields = "endpoint region access_key secret_key project user service_user keystone swift"
    assert set(first_life.document) == {*fields.split(), "pids", "s3api_url"}
    assert set(first_life.document["project"]) == {"id", "name"}
    assert set(first_life.document["user"]) == {"id", "name", "password"}
    assert {"launcher", "keystone", "storage", "proxies", "gateway"} == set(first_life.stack.pids)


def test_a_start_while_one_runs_is_refused_in_one_line_and_harms_nothing(first_life: Life) -> None:
    code, output = first_life.refused
    owner = first_life.stack.pids["launcher"]
    assert code == 4
    assert output == (
        f"s3gw standalone: {first_life.data}: is in use by another s3gw standalone (pid {owner})\n"
    )
    assert first_life.ready_file_kept


def test_ctrl_c_stops_every_process_and_takes_the_ready_file_away(first_life: Life) -> None:
    code, _ = first_life.stopped
    assert code == 0
    assert alive(list(first_life.stack.pids.values())) == []
    assert not first_life.ready_file_left


def test_the_page_shows_the_keys_and_no_colours_to_what_is_no_terminal(first_life: Life) -> None:
    _, page = first_life.stopped
    assert first_life.stack.access_key in page
    assert first_life.stack.secret_key in page
    assert "\x1b[" not in page


def test_a_later_start_finds_the_data_even_on_other_ports_and_kill_9_leaves_no_orphan(
    first_life: Life,
) -> None:
    state = json.loads((first_life.data / "state.json").read_text(encoding="utf-8"))
    with ExitStack() as squatters:
        for name in ("keystone", "object", "proxy"):
            address = ("127.0.0.1", state["ports"][name])
            squatters.enter_context(socket.create_server(address))
        with launched(first_life.data) as launch:
            stack = launch.wait_until_ready()
            assert stack.access_key == first_life.stack.access_key
            assert stack.user == first_life.stack.user
            assert stack.swift.proxy_url != first_life.stack.swift.proxy_url
            with _account(stack) as account:
                assert account.url == stack.swift.storage_url
                assert account.get_object("kept", "key")[1] == b"content"
            launch.process.kill()
            assert wait_until_gone(list(stack.pids.values())) == []


def test_a_backend_alone_stops_whole_when_a_server_dies_and_shows_its_last_words(
    first_life: Life,
) -> None:
    backend = ("--no-gateway", "--token-expiration=7200")
    with launched(first_life.data, *backend, command=["s3gw.standalone"]) as launch:
        stack = launch.wait_until_ready()
        assert stack.endpoint is None
        assert _token_lifetime(stack) == pytest.approx(7200, abs=1)
        log = first_life.data / "log" / "proxies.log"
        last_words = log.read_text(encoding="utf-8").splitlines()[-1]
        os.kill(stack.pids["proxies"], signal.SIGKILL)
        output = launch.output()
    assert launch.process.returncode == 1
    assert "s3gw standalone: proxies was killed by signal 9" in output
    assert last_words in output
    assert alive(list(stack.pids.values())) == []
    assert not launch.ready_file.exists()


def test_a_port_in_use_is_refused_in_one_line(data: Path, taken: int) -> None:
    with launched(data, port=taken) as launch:
        output = launch.output()
    assert launch.process.returncode == 5
    assert output.startswith(f"s3gw standalone: 127.0.0.1:{taken} is in use")
    assert output.count("\n") == 1


def test_a_first_start_that_was_killed_leaves_a_directory_that_is_refused(data: Path) -> None:
    with launched(data) as launch:
        _wait_for(data / "state.json", launch)
        launch.process.kill()
        launch.output()
    with launched(data) as launch:
        output = launch.output()
    assert launch.process.returncode == 7
    assert output == (
        f"s3gw standalone: {data}: was left by a first start that did not come to its end;"
        " remove the directory, or name another one with --data\n"
    )


def test_a_first_start_that_is_interrupted_takes_everything_back(data: Path) -> None:
    with launched(data) as launch:
        _wait_for(data / "keystone" / "keystone.db", launch)
        code, output = launch.stop(signal.SIGINT)
    assert code == 0, output
    assert {entry.name for entry in data.iterdir()} == {"lock", "log"}


def test_a_ready_file_that_cannot_be_written_is_refused_before_anything_starts(
    data: Path, tmp_path: Path
) -> None:
    nowhere = tmp_path / "absent" / "ready.json"
    with launched(data, f"--ready-file={nowhere}") as launch:
        output = launch.output()
    assert launch.process.returncode == 8
    assert output.startswith(f"s3gw standalone: {nowhere}: cannot be written as ready file:")
    assert {entry.name for entry in data.iterdir()} == {"lock"}


def test_swift_keeps_as_much_metadata_as_its_own_limit_allows(
    swift: swiftclient.Connection,
) -> None:
    wanted = {f"x-object-meta-name-{i:02}": f"{i:02}" * 16 for i in range(90)}
    content_type = "text/" + "x" * 4000
    swift.put_container("metadata")
    swift.put_object("metadata", "key", b"content", content_type=content_type, headers=wanted)
    answer, content = swift.get_object("metadata", "key")
    assert content == b"content"
    assert answer["content-type"] == content_type
    assert {name: answer[name] for name in wanted} == wanted


def test_a_made_user_has_a_project_of_their_own(stack: Stack, make_user: MakeUser) -> None:
    person, other = make_user(), make_user("reader", stack.project.id)
    assert person.project_id not in {stack.project.id, other.project_id}
    assert other.project_id == stack.project.id
    assert len({person.access_key, other.access_key, stack.access_key}) == 3


def _wait_for(path: Path, launch: Launch) -> None:
    while not path.exists():
        assert launch.process.poll() is None, launch.output()
        time.sleep(0.01)


def _login(stack: Stack) -> v3.Password:
    return v3.Password(
        auth_url=stack.keystone.auth_url,
        username=stack.user.name,
        password=stack.user.password,
        project_id=stack.project.id,
        user_domain_id="default",
    )


def _token_lifetime(stack: Stack) -> float:
    login = _login(stack)
    with closing(session.Session(auth=login)) as user:
        access = login.get_access(user)
    assert access.expires is not None
    assert access.issued is not None
    return (access.expires - access.issued).total_seconds()


def _account(stack: Stack) -> "closing[swiftclient.Connection]":
    """The user's account as the catalog in the user's token says."""
    with closing(session.Session(auth=_login(stack))) as user:
        url = user.get_endpoint(service_type="object-store", region_name=stack.region)
        token = user.get_token()
    return closing(swiftclient.Connection(preauthurl=url, preauthtoken=token))
