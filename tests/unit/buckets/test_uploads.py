"""Uploads in Swift: pages of listings, versions, and deletes that go on."""

import pytest

from s3gw.buckets import uploads
from s3gw.swift.account import Entry
from s3gw.swift.errors import SwiftStatus
from tests.unit.buckets.scripted import Swift

ID = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdEfGhIj"
OTHER = "a" * 48
TIME = "2024-05-06T07:08:09.000001"


def entry(name: str, time: str = TIME) -> Entry:
    return {"name": name, "hash": "0" * 32, "bytes": 1, "last_modified": time}


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listings that end after two entries."""
    monkeypatch.setattr(uploads, "_PAGE", 2)


@pytest.mark.parametrize(
    ("key", "upload_id"),
    [("k", ""), ("k", "1" * 48), ("k", "a/b"), ("k" * 1000, ID), ("a\x00", ID)],
)
async def test_what_cannot_be_an_upload_is_not_asked_for(key: str, upload_id: str) -> None:
    swift = Swift()
    assert await uploads.read_marker(swift.account, "b", key, upload_id) is None
    assert not await uploads.is_aborting(swift.account, "b", key, upload_id, 0)
    assert swift.asked == []


@pytest.mark.usefixtures("pages_of_two")
async def test_parts_come_from_every_page() -> None:
    swift = Swift()
    numbers = ["1", "10", "2", "20000", "30000", "x"]
    for start in range(0, 7, 2):
        page = [entry(f"k/{ID}/{number}") for number in numbers[start : start + 2]]
        swift.says("GET /b+segments", body=page)
    assert sorted(await uploads.list_parts(swift.account, "b", "k", ID)) == [1, 2, 10]
    assert len(swift.asked) == 4


async def test_uploads_are_sorted_by_key_and_the_whole_of_their_time() -> None:
    times = {"k/" + OTHER: "2024-05-06T07:08:09.000002", f"k/{ID}": TIME, f"a/{OTHER}": TIME}
    swift = Swift().says("GET /b+segments", body=[entry(*pair) for pair in times.items()])
    found = await uploads.list_uploads(swift.account, "b", "")
    assert [(one.key, one.upload_id) for one in found] == [("a", OTHER), ("k", ID), ("k", OTHER)]
    assert {one.initiated.isoformat() for one in found} == {"2024-05-06T07:08:10+00:00"}


@pytest.mark.usefixtures("pages_of_two")
async def test_every_version_of_the_key_is_looked_at_and_no_other_key() -> None:
    def versions(*names: str) -> list[Entry]:
        rest = {"version_id": "1", "hash": "", "bytes": 0, "last_modified": ""}
        return [{"name": name, **rest} for name in names]

    ours = {"path": f"/b+segments/k/{ID}/1"}
    swift = Swift().says("GET /b", body=versions("k", "k")).says("GET /b", body=versions("k", "k1"))
    swift.says("GET /b/k", status=404)  # the newest is a delete marker
    swift.manifest("/b/k", {"path": f"/b+segments/k/{OTHER}/1"})
    swift.manifest("/b/k").manifest("/b/k", ours)
    assert await uploads.any_version_names(swift.account, "b", "k", ID)
    assert swift.asked.count("GET /b/k") == 4
    assert swift.asked.count("GET /b") == 2

    swift = Swift().says("GET /b", body=versions("k", "k1")).manifest("/b/k")
    swift.manifest("/b/k1", ours)
    assert not await uploads.any_version_names(swift.account, "b", "k", ID)
    assert "GET /b/k1" not in swift.asked


async def test_a_version_that_cannot_be_read_is_no_answer() -> None:
    swift = Swift().says("GET /b/k", status=503)
    with pytest.raises(SwiftStatus, match="503"):
        await uploads.any_version_names(swift.account, "b", "k", ID)


@pytest.mark.parametrize(
    ("now", "aborting"), [(1_000_000_100, True), (1_000_003_599, True), (1_000_003_600, False)]
)
async def test_an_abort_that_never_ended_is_forgotten_after_an_hour(
    now: float,
    aborting: bool,  # noqa: FBT001 - a table
) -> None:
    flag = f"HEAD /b+segments/k/{ID}/30000"
    swift = Swift().says(flag, {"Last-Modified": "Sun, 09 Sep 2001 01:46:40 GMT"})
    assert await uploads.is_aborting(swift.account, "b", "k", ID, now) is aborting
    assert not await uploads.is_aborting(Swift().account, "b", "k", ID, now)


async def test_what_fails_to_be_deleted_is_told_after_all_others_are() -> None:
    swift = Swift()
    for number in range(60):
        swift.says(f"DELETE /c/{number}", status=503 if number == 7 else 204)
    with pytest.raises(SwiftStatus, match="/c/7: 503"):
        await uploads.delete_objects(swift.account, "c", [str(number) for number in range(70)])
    assert len(swift.asked) == 70  # ten were gone already


async def test_a_swift_that_deletes_nothing_is_not_asked_for_ever() -> None:
    swift = Swift()
    for number in range(1000):
        swift.says(f"DELETE /c/{number}", status=503)
    with pytest.raises(SwiftStatus, match="503"):
        await uploads.delete_objects(swift.account, "c", [str(number) for number in range(1000)])
    assert 100 <= len(swift.asked) < 140


async def test_an_upload_is_deleted_without_its_flag_and_without_others() -> None:
    ours = [f"k/{ID}/{number}" for number in ("1", "10000", "20000")]
    others = [f"k/{ID}/30000", f"k/{ID}/x", f"k/{ID}/1/{OTHER}", f"k/{ID}/{OTHER}"]
    swift = Swift().says("GET /b+segments", body=[entry(name) for name in ours + others])
    await uploads.delete_upload(swift.account, "b", "k", ID)
    assert swift.asked[1:] == [f"DELETE /b+segments/{name}" for name in ours]


async def test_the_parts_of_a_bucket_made_anew_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_BATCH", 2)
    swift = Swift().says("GET /b+segments", body=[entry(name) for name in "abc"])
    swift.says("HEAD /b", status=404).says("HEAD /b")
    await uploads.delete_segments(swift.account, "b")
    deleted = [request for request in swift.asked if request.startswith("DELETE")]
    assert deleted == ["DELETE /b+segments/a", "DELETE /b+segments/b"]


@pytest.mark.parametrize("status", [204, 404, 409])
async def test_a_container_that_fills_again_stays(status: int) -> None:
    swift = Swift().says("GET /b+segments", body=[]).says("DELETE /b+segments", status=status)
    await uploads.delete_segments(swift.account, "b")
    assert swift.asked[-1] == "DELETE /b+segments"


async def test_a_container_that_cannot_be_deleted_is_told() -> None:
    swift = Swift().says("DELETE /b+segments", status=503)
    with pytest.raises(SwiftStatus, match="503"):
        await uploads.delete_segments(swift.account, "b")
