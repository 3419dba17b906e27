"""What stands in for parts of Swift: the cache, and extended attributes of any size."""

import errno
import os
from pathlib import Path

import pytest

from s3gw.standalone import swift_cache
from s3gw.standalone.swift_cache import LocalCache, filter_factory
from s3gw.standalone.swift_xattr import SpillingXattr

KEY = b"user.swift.metadata"


@pytest.fixture
def small_attributes(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, bytes], bytes]:
    """A file system whose attributes hold 100 bytes."""
    attributes: dict[tuple[str, bytes], bytes] = {}

    def path_of(place: str | int) -> str:
        return place if isinstance(place, str) else str(Path(f"/proc/self/fd/{place}").readlink())

    def setxattr(place: str | int, key: bytes, value: bytes) -> None:
        if len(value) > 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        attributes[path_of(place), key] = value

    def getxattr(place: str | int, key: bytes) -> bytes:
        try:
            return attributes[path_of(place), key]
        except KeyError:
            raise OSError(errno.ENODATA, os.strerror(errno.ENODATA)) from None

    monkeypatch.setattr(os, "setxattr", setxattr)
    monkeypatch.setattr(os, "getxattr", getxattr)
    return attributes


@pytest.mark.parametrize("fsync", [True, False])
@pytest.mark.parametrize("size", [0, 100, 101, 65_536])
def test_an_attribute_of_any_size_is_read_back(
    size: int,
    fsync: bool,  # noqa: FBT001 - a parameter of the test
    tmp_path: Path,
    small_attributes: dict[tuple[str, bytes], bytes],
) -> None:
    xattr = SpillingXattr(tmp_path / "spill", fsync=fsync)
    value = os.urandom(size)
    with (tmp_path / "object").open("wb") as file:
        xattr.setxattr(file.fileno(), KEY, value)
        assert xattr.getxattr(file, KEY) == value  # Swift passes a file now, a descriptor then
        assert xattr.getxattr(file.name, KEY) == value
    assert len(small_attributes) == 1
    assert len(list((tmp_path / "spill").iterdir())) == (size > 100)


def test_an_absent_attribute_is_the_error_that_swift_knows(
    tmp_path: Path, small_attributes: dict[tuple[str, bytes], bytes]
) -> None:
    xattr = SpillingXattr(tmp_path / "spill", fsync=False)
    with pytest.raises(OSError, match="No data available") as caught:
        xattr.getxattr(str(tmp_path), KEY)
    assert caught.value.errno == errno.ENODATA
    assert small_attributes == {}


def test_an_error_that_is_not_about_size_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def setxattr(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "setxattr", setxattr)
    with pytest.raises(OSError, match="Input/output"):
        SpillingXattr(tmp_path / "spill", fsync=False).setxattr("file", KEY, b"value")


def test_a_cached_value_is_nobodys_to_change() -> None:
    cache = LocalCache()
    value = {"status": 200}
    cache.set("key", value)
    value["status"] = 404
    cache.get("key")["status"] = 500
    assert cache.get("key") == {"status": 200}


def test_a_cached_value_lives_as_long_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(swift_cache, "monotonic", lambda: now)
    cache = LocalCache()
    cache.set("short", 1, time=10)
    cache.set("long", b"text")
    now = 1010.0
    assert cache.get("short") == 1
    now = 1010.1
    assert cache.get("short") is None
    assert cache.get("long") == "text"


def test_numbers_are_counted_and_never_fall_below_zero() -> None:
    cache = LocalCache()
    assert cache.incr("n") == 1
    assert cache.incr("n", 4) == 5
    assert cache.decr("n", 2) == 3
    assert cache.decr("n", 9) == 0


def test_several_values_are_set_read_and_deleted() -> None:
    cache = LocalCache()
    cache.set_multi({"a": 1, "b": [2]}, "server", time=5)
    cache.delete("a")
    assert cache.get_multi(["a", "b", "c"], "server") == [None, [2], None]


def test_the_oldest_values_go_first_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swift_cache, "_LIMIT", 2)
    cache = LocalCache()
    for key in "abac":
        cache.set(key, key)
    assert cache.get_multi("abc", "server") == ["a", None, "c"]


def test_all_pipelines_of_a_process_share_one_cache() -> None:
    seen = []

    def app(environ: dict[str, object], start_response: object) -> list[bytes]:
        del start_response
        seen.append(environ["swift.cache"])
        return []

    for _ in range(2):
        filter_factory({})(app)({}, print)
    assert seen[0] is seen[1]
