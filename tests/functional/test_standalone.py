"""Requirements 1.1 and 1.2: `s3gw standalone` starts, tells, refuses and stops.

Whole starts are slow (2 to 5 s), so that a test here follows one life and claims several
things about it; what needs no start is in tests/unit/standalone.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import swiftclient
from keystoneauth1 import session
from keystoneauth1.identity import v3

from tests.functional.conftest import GATEWAY, MakeUser
from tests.functional.stack import Launch, Stack, launched, wait_until_gone


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data with a space, % and $"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def _login(stack: Stack) -> v3.Password:
    return v3.Password(
        auth_url=stack.keystone.auth_url,
        username=stack.user.name,
        password=stack.user.password,
        project_id=stack.project.id,
        user_domain_id="default",
    )


def _account(stack: Stack) -> "closing[swiftclient.Connection]":
    """The user's account as the catalog in the user's token says."""
    with closing(session.Session(auth=_login(stack))) as user:
        url = user.get_endpoint(service_type="object-store", region_name=stack.region)
        token = user.get_token()
    return closing(swiftclient.Connection(preauthurl=url, preauthtoken=token))


def test_a_stack_tells_when_it_is_ready_keeps_others_out_and_stops_clean(data: Path) -> None:
    with launched(data, "--with-s3api", "--token-expiration=7200", *GATEWAY) as first:
        began = time.monotonic()
        stack = first.wait_until_ready()
        assert time.monotonic() - began < 20
        assert first.ready_file.stat().st_mode & 0o777 == 0o600
        document = json.loads(first.ready_file.read_text(encoding="utf-8"))
        expected = {"endpoint", "region", "access_key", "secret_key", "project", "user"}
        expected |= {"service_user", "keystone", "swift", "pids", "s3api_url"}
        assert set(document) == expected
        assert set(stack.pids) >= {"launcher", "keystone", "storage", "proxies"}
        with _account(stack) as account:
            assert account.url == stack.swift.storage_url
        login = _login(stack)
        with closing(session.Session(auth=login)) as user:
            access = login.get_access(user)
            lifetime = access.expires - access.issued
            assert lifetime.total_seconds() == pytest.approx(7200, abs=1)

        with launched(data, f"--ready-file={first.ready_file}", *GATEWAY) as second:
            output = second.output()
            assert second.process.returncode == 4
            assert output.count("\n") == 1
            assert f"in use by another s3gw standalone (pid {stack.pids['launcher']})" in output
        assert first.ready_file.exists()

        code, output = first.stop(signal.SIGINT)
    assert code == 0, output
    assert stack.access_key in output
    assert stack.secret_key in output
    assert "\x1b[" not in output
    assert not first.ready_file.exists()
    assert wait_until_gone(list(stack.pids.values()), 0) == []


def test_a_later_start_finds_the_containers_again_even_on_other_ports(data: Path) -> None:
    with launched(data, *GATEWAY) as launch:
        first = launch.wait_until_ready()
        with _account(first) as account:
            account.put_container("kept")
            account.put_object("kept", "key", b"content")
        launch.stop(signal.SIGTERM)
    ports = json.loads((data / "state.json").read_text(encoding="utf-8"))["ports"]
    squatters = [
        socket.create_server(("127.0.0.1", ports[name])) for name in ("keystone", "object", "proxy")
    ]
    try:
        with launched(data, *GATEWAY) as launch:
            second = launch.wait_until_ready()
            assert second.access_key == first.access_key
            assert second.user == first.user
            assert second.swift.proxy_url != first.swift.proxy_url
            with _account(second) as account:
                assert account.url == second.swift.storage_url
                assert account.get_object("kept", "key")[1] == b"content"

            launch.process.kill()
            left = wait_until_gone(list(second.pids.values()))
            assert left == [], "kill -9 of the launcher left orphans"
    finally:
        for squatter in squatters:
            squatter.close()
    with launched(data, *GATEWAY) as launch, _account(launch.wait_until_ready()) as account:
        assert account.get_object("kept", "key")[1] == b"content"


def test_the_death_of_a_server_stops_everything_and_shows_its_last_words(data: Path) -> None:
    with launched(data, *GATEWAY) as launch:
        stack = launch.wait_until_ready()
        last_words = (data / "log" / "proxies.log").read_text(encoding="utf-8").splitlines()[-1]
        os.kill(stack.pids["proxies"], signal.SIGKILL)
        output = launch.output()
    assert launch.process.returncode == 1
    assert "s3gw standalone: proxies was killed by signal 9" in output
    assert last_words in output
    assert wait_until_gone(list(stack.pids.values()), 0) == []
    assert not launch.ready_file.exists()


def test_a_port_in_use_is_refused_in_one_line(data: Path, taken: int) -> None:
    with launched(data, port=taken) as launch:
        output = launch.output()
    assert launch.process.returncode == 5
    assert output.startswith(f"s3gw standalone: 127.0.0.1:{taken} is in use")
    assert output.count("\n") == 1


def test_a_first_start_that_was_killed_leaves_a_directory_that_is_refused(data: Path) -> None:
    with launched(data, *GATEWAY) as launch:
        _wait_for(data / "state.json", launch)
        launch.process.kill()
        launch.output()
    with launched(data, *GATEWAY) as launch:
        output = launch.output()
    assert launch.process.returncode == 7
    assert output == (
        f"s3gw standalone: {data}: was left by a first start that did not come to its end;"
        " remove the directory, or name another one with --data\n"
    )


def test_a_first_start_that_is_interrupted_takes_everything_back(data: Path) -> None:
    with launched(data, *GATEWAY) as launch:
        _wait_for(data / "keystone" / "keystone.db", launch)
        code, output = launch.stop(signal.SIGINT)
    assert code == 0, output
    assert {entry.name for entry in data.iterdir()} == {"lock", "log"}


def test_a_ready_file_that_cannot_be_written_is_refused_before_anything_starts(
    data: Path, tmp_path: Path
) -> None:
    nowhere = tmp_path / "absent" / "ready.json"
    with launched(data, f"--ready-file={nowhere}", *GATEWAY) as launch:
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
