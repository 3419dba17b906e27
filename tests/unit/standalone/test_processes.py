"""Children: what they inherit, and that no stranger is ever signalled."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from s3gw.standalone.processes import (
    Child,
    child_environment,
    end_leftovers,
    record,
    stop,
    wait_for_a_death,
)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Child]:
    """A child that sleeps, in a session of its own."""
    with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as process:
        try:
            yield Child("sleeper", process, tmp_path / "sleeper.log")
        finally:
            process.kill()


def test_what_would_disturb_a_child_is_kept_from_it() -> None:
    given = {
        "S3GW_SERVER__PORT": "1",
        "s3gw_log__level": "debug",
        "OS_DATABASE__CONNECTION": "sqlite://",
        "OS_AUTH_URL": "http://elsewhere.example.com",
        "PYTHONWARNINGS": "error",
        "http_proxy": "http://proxy.example.com",
        "HTTPS_PROXY": "http://proxy.example.com",
        "no_proxy": "*",
        "HOME": "/home/someone",
        "PATH": "/bin",
    }
    kept = child_environment(given)
    added = {"PYTHONPATH", "PYTHONUNBUFFERED", "EVENTLET_NO_GREENDNS"}
    assert set(kept) - added == {"HOME", "PATH"}


def test_a_child_finds_the_same_package_and_the_callers_path() -> None:
    alone, beside = child_environment({}), child_environment({"PYTHONPATH": "/elsewhere"})
    root = str(Path(__file__).resolve().parents[3])
    assert alone["PYTHONPATH"] == root
    assert beside["PYTHONPATH"] == f"{root}{os.pathsep}/elsewhere"


def test_a_recorded_process_that_was_left_behind_is_ended(tmp_path: Path, sleeper: Child) -> None:
    record(tmp_path / "pids.json", [sleeper])
    end_leftovers(tmp_path / "pids.json")
    assert sleeper.process.wait(5) == -signal.SIGKILL


@pytest.mark.parametrize("field", ["start", "boot"])
def test_a_stranger_with_a_recycled_pid_is_left_alone(
    field: str, tmp_path: Path, sleeper: Child
) -> None:
    pids = tmp_path / "pids.json"
    record(pids, [sleeper])
    known = json.loads(pids.read_text(encoding="utf-8"))
    known["sleeper"][field] = 1 if field == "start" else "another boot"
    pids.write_text(json.dumps(known), encoding="utf-8")
    end_leftovers(pids)
    assert sleeper.process.poll() is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": {"pid": 1}}'])
def test_a_record_that_makes_no_sense_is_passed_over(text: str, tmp_path: Path) -> None:
    (tmp_path / "pids.json").write_text(text, encoding="utf-8")
    end_leftovers(tmp_path / "pids.json")
    end_leftovers(tmp_path / "absent.json")


def test_stop_ends_the_living_and_passes_over_the_dead(sleeper: Child) -> None:
    stop([sleeper])
    assert sleeper.process.returncode == -signal.SIGTERM
    stop([sleeper])
    assert sleeper.process.returncode == -signal.SIGTERM


def test_stop_kills_what_ignores_sigterm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3gw.standalone.processes._GRACE", 0.2)
    with subprocess.Popen(
        ["/bin/sh", "-c", "trap '' TERM; echo; sleep 60 & wait"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        stop([Child("stubborn", process, tmp_path / "log")])
    assert process.returncode == -signal.SIGKILL


def test_the_death_of_any_child_is_noticed(sleeper: Child, tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/false"]) as process:
        mortal = Child("mortal", process, tmp_path / "log")
        assert wait_for_a_death([sleeper, mortal]) is mortal
    assert sleeper.process.poll() is None


def test_last_words_are_the_end_of_the_log(sleeper: Child) -> None:
    sleeper.log.write_bytes(b"\n".join(b"line %d \xff" % i for i in range(100)))
    words = sleeper.last_words().splitlines()
    assert len(words) == 20
    assert words[-1] == "  line 99 \N{REPLACEMENT CHARACTER}"
