"""The data directory: whose it is, and whether Swift can live in it."""

import errno
import os
from pathlib import Path

import pytest

from s3gw.standalone.directory import Layout, check_writable, claim, has_user_xattrs, write_private
from s3gw.standalone.exits import Exit, StandaloneError


def _refuse(number: int) -> object:
    def setxattr(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return setxattr


def test_the_kernel_itself_says_that_proc_has_no_user_xattrs() -> None:
    assert not has_user_xattrs(Path("/proc/self/comm"))


def test_another_error_than_unsupported_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "setxattr", _refuse(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        has_user_xattrs(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EPERM])
def test_a_file_system_without_user_xattrs_is_refused_by_name(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "setxattr", _refuse(number))
    with pytest.raises(StandaloneError, match="no user extended attributes") as caught:
        claim(tmp_path / "data").__enter__()
    assert caught.value.code is Exit.XATTRS
    assert str(tmp_path / "data") in str(caught.value)
    assert {entry.name for entry in (tmp_path / "data").iterdir()} == {"lock"}


def test_a_claimed_directory_is_private_and_knows_its_owner(tmp_path: Path) -> None:
    with claim(tmp_path / "data") as layout:
        assert layout.root.stat().st_mode & 0o777 == 0o700
        assert layout.lock.read_text(encoding="ascii") == f"{os.getpid()}\n"


def test_a_directory_is_claimed_once_at_a_time(tmp_path: Path) -> None:
    with (
        claim(tmp_path),
        pytest.raises(StandaloneError, match=rf"in use .* \(pid {os.getpid()}\)") as caught,
    ):
        claim(tmp_path).__enter__()
    assert caught.value.code is Exit.RUNNING
    with claim(tmp_path) as layout:
        assert layout.root == tmp_path


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("", encoding="ascii")
    with pytest.raises(StandaloneError, match="cannot be used as data directory") as caught:
        claim(tmp_path / "data").__enter__()
    assert caught.value.code is Exit.UNWRITABLE


def test_clear_leaves_the_lock_and_the_logs(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.make()
    layout.lock.touch()
    layout.state.touch()
    (layout.root / "link").symlink_to(layout.logs)
    assert not layout.is_empty()
    layout.clear()
    assert {entry.name for entry in tmp_path.iterdir()} == {"lock", "log"}
    assert layout.is_empty()


def test_whether_a_file_can_be_written_is_found_out_without_its_being_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who polls for a ready file would take an empty one for it."""
    path = tmp_path / "ready"
    seen = []
    unlink = Path.unlink

    def look_and_unlink(gone: Path) -> None:
        seen.append(path.exists())
        unlink(gone)

    monkeypatch.setattr(Path, "unlink", look_and_unlink)
    check_writable(path)
    assert (True not in seen, seen != [], list(tmp_path.iterdir())) == (True, True, [])
    with pytest.raises(OSError, match="No such file"):
        check_writable(tmp_path / "never" / "ready")


def test_a_private_file_is_replaced_whole_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old", encoding="ascii")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text(encoding="ascii") == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
