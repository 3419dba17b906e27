"""Parts of what was overwritten or deleted go, after the answer; parts that anything needs stay."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
import swiftclient

from s3gw.swift.info import ClusterInfo, InfoCache
from tests.functional.gates import Failing, Gate, Which, answered
from tests.functional.gateway import Running, running, s3_client, settings_for
from tests.functional.stack import Stack
from tests.functional.uploads import (
    Upload,
    begin,
    held,
    no_such_upload,
    refusal,
    segments,
)

PARTS = (b"one", b"two")


@pytest.fixture(scope="module")
def tiny(stack: Stack) -> Iterator[Running]:
    """A gateway that lets parts be small, and frees young ones."""
    settings = settings_for(stack, limits={"min_part_size": 1}, jobs={"min_age": 0})
    with running(settings) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def s3(tiny: Running, stack: Stack) -> Iterator[Any]:
    """A client of that gateway."""
    with closing(s3_client(tiny.endpoint, stack)) as client:
        yield client


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look comes soon, and what was written in the same second counts as later."""
    monkeypatch.setattr("s3gw.buckets.release._PAUSE", 0.0)
    monkeypatch.setattr("s3gw.buckets.release._ROUNDING", timedelta(0))


@pytest.fixture
def old(tiny: Running, s3: Any, bucket: str) -> Upload:
    """A multipart object."""
    upload = made(s3, bucket, "k")
    tiny.wait_until_idle()
    return upload


def made(s3: Any, bucket: str, key: str, *more: bytes) -> Upload:
    """A completed upload of the two parts and more."""
    upload = begin(s3, bucket, key)
    for number, body in enumerate((*PARTS, *more), 1):
        upload.put(number, body)
    upload.complete()
    return upload


def parts(upload: Upload) -> list[str]:
    """The names of the upload's parts."""
    return [f"{upload.key}/{upload.upload_id}/{number}" for number in sorted(upload.etags)]


def overwrite(upload: Upload) -> None:
    """Put a plain object over the upload's."""
    upload.s3.put_object(Bucket=upload.bucket, Key=upload.key, Body=b"plain")


def head(bucket: str, nth: int = 1) -> Which:
    """A look at the key: the first is the first look, then come the second's."""
    return Which("HEAD", f"/{bucket}/k$", nth=nth)


# --- they go ---


def test_a_put_frees_what_it_overwrites(
    tiny: Running, old: Upload, swift: swiftclient.Connection
) -> None:
    with tiny.watched() as wire:
        overwrite(old)
        tiny.wait_until_idle()
        assert [str(sent) for sent in wire.sent] == [f"PUT /{old.bucket}/k"]
        assert len(wire.beside) <= 11
    assert old.read() == b"plain"
    assert segments(swift, old.bucket) == []


def test_a_complete_frees_what_it_overwrites(
    tiny: Running, s3: Any, old: Upload, swift: swiftclient.Connection
) -> None:
    new = made(s3, old.bucket, "k", b"three")
    tiny.wait_until_idle()
    assert new.read() == b"onetwothree"
    assert segments(swift, old.bucket) == parts(new)


@pytest.mark.parametrize("how", ["one", "many"])
def test_a_delete_frees_what_earlier_overwrites_left(
    tiny: Running, s3: Any, old: Upload, swift: swiftclient.Connection, how: str
) -> None:
    others = [made(s3, old.bucket, "k0"), made(s3, old.bucket, "j/k")]
    tiny.wait_until_idle()
    swift.put_object(old.bucket, "k", b"native")
    if how == "one":
        s3.delete_object(Bucket=old.bucket, Key="k")
    else:
        s3.put_object(Bucket=old.bucket, Key="a", Body=b"1")
        gone = [{"Key": key} for key in ("k", "a", "z")]
        s3.delete_objects(Bucket=old.bucket, Delete={"Objects": gone})
    tiny.wait_until_idle()
    assert segments(swift, old.bucket) == sorted(parts(others[0]) + parts(others[1]))
    assert [upload.read() for upload in others] == [b"onetwo"] * 2


def test_a_plain_delete_of_what_became_large_meanwhile_frees_its_parts(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    with (
        tiny.watched() as wire,
        Gate(Which("DELETE", f"/{bucket}/k$")) as gate,
        ThreadPoolExecutor(1) as pool,
    ):
        wire.before = gate
        deleting = pool.submit(s3.delete_object, Bucket=bucket, Key="k")
        gate.wait()
        made(s3, bucket, "k")
        gate.open()
        deleting.result()
        tiny.wait_until_idle()
    assert (held(swift, bucket), segments(swift, bucket)) == ([], [])


def test_sub_manifests_go_with_their_parts(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async def get(cache: InfoCache, storage_url: str) -> ClusterInfo:
        del cache, storage_url
        return ClusterInfo(max_manifest_segments=2)

    monkeypatch.setattr(InfoCache, "get", get)
    old = made(s3, bucket, "k", b"three", b"four")
    assert f"k/{old.upload_id}/20000" in segments(swift, bucket)
    made(s3, bucket, "k", b"3", b"4")
    tiny.wait_until_idle()
    left = segments(swift, bucket)
    assert left
    assert not [name for name in left if old.upload_id in name]
    assert old.read() == b"onetwo34"


# --- they stay ---


def test_parts_of_an_open_upload_stay(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    upload = begin(s3, bucket)
    upload.put(1, b"data")
    overwrite(upload)
    tiny.wait_until_idle()
    upload.complete()
    assert upload.read() == b"data"
    assert segments(swift, bucket) == parts(upload)


def test_young_parts_stay(stack: Stack, old: Upload, swift: swiftclient.Connection) -> None:
    settings = settings_for(stack, limits={"min_part_size": 1})
    with running(settings) as careful, closing(s3_client(careful.endpoint, stack)) as s3:
        s3.put_object(Bucket=old.bucket, Key="k", Body=b"plain")
        careful.wait_until_idle()
        assert not [sent for sent in careful.wire.beside if sent.method not in {"GET", "HEAD"}]
    assert segments(swift, old.bucket) == parts(old)


def _enable(swift: swiftclient.Connection, bucket: str) -> None:
    swift.post_container(bucket, {"X-Versions-Enabled": "true"})


def _suspend(swift: swiftclient.Connection, bucket: str) -> None:
    _enable(swift, bucket)
    swift.post_container(bucket, {"X-Versions-Enabled": "false"})


def _archive(swift: swiftclient.Connection, bucket: str) -> None:
    swift.put_container(f"{bucket}-old")
    swift.post_container(bucket, {"X-History-Location": f"{bucket}-old"})


@pytest.mark.parametrize("keep", [_enable, _suspend, _archive])
@pytest.mark.parametrize("how", ["put", "delete"])
def test_a_bucket_that_keeps_versions_keeps_all_parts(
    tiny: Running, old: Upload, swift: swiftclient.Connection, how: str,
    keep: Callable[[swiftclient.Connection, str], None],
) -> None:  # fmt: skip
    tiny.wait_until_idle()  # the bucket's facts are cached: no versions
    keep(swift, old.bucket)
    if how == "put":
        overwrite(old)
    else:
        swift.delete_object(old.bucket, "k")
        old.s3.delete_object(Bucket=old.bucket, Key="k")
    tiny.wait_until_idle()
    assert segments(swift, old.bucket) == parts(old)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("status", [403, 503])
def test_any_other_answer_than_200_and_404_keeps_them(
    tiny: Running, old: Upload, swift: swiftclient.Connection, status: int, nth: int
) -> None:
    with tiny.watched() as wire:
        wire.before = Failing(head(old.bucket, nth), answered(status))
        overwrite(old)
        tiny.wait_until_idle()
    assert segments(swift, old.bucket) == parts(old)


def test_a_marker_that_cannot_be_read_keeps_them(
    tiny: Running, old: Upload, swift: swiftclient.Connection
) -> None:
    with tiny.watched() as wire:
        wire.before = Failing(Which("HEAD", f"{old.marker}$", nth=2), answered(503))
        overwrite(old)
        tiny.wait_until_idle()
    assert segments(swift, old.bucket) == parts(old)


@pytest.mark.parametrize("nth", [1, 2])
def test_a_key_that_shows_its_object_again_keeps_the_parts(
    tiny: Running, old: Upload, swift: swiftclient.Connection, nth: int
) -> None:
    """The first answer was an older copy's, or somebody put the manifest back."""
    manifest = swift.get_object(old.bucket, "k", query_string="multipart-manifest=get&format=raw")[
        1
    ]
    swift.delete_object(old.bucket, "k")
    with tiny.watched() as wire, Gate(head(old.bucket, nth + 1)) as gate:
        wire.before = gate
        old.s3.delete_object(Bucket=old.bucket, Key="k")
        gate.wait()
        swift.put_object(old.bucket, "k", manifest, query_string="multipart-manifest=put")
        gate.open()
        tiny.wait_until_idle()
    assert old.read() == b"onetwo"
    assert segments(swift, old.bucket) == parts(old)


def test_an_object_older_than_the_parts_is_no_evidence(
    tiny: Running, old: Upload, swift: swiftclient.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3gw.buckets.release._ROUNDING", timedelta(days=1))
    overwrite(old)
    tiny.wait_until_idle()
    assert segments(swift, old.bucket) == parts(old)


def test_a_manifest_of_foreign_segments_keeps_them(
    tiny: Running, old: Upload, swift: swiftclient.Connection
) -> None:
    """It may name manifests that name the parts."""

    def put_manifest(key: str, path: str) -> None:
        manifest = json.dumps([{"path": path}])
        swift.put_object(old.bucket, key, manifest, query_string="multipart-manifest=put")

    put_manifest("below", f"/{old.bucket}+segments/{parts(old)[0]}")
    with tiny.watched() as wire, Gate(head(old.bucket)) as gate:
        wire.before = gate
        overwrite(old)
        gate.wait()
        put_manifest("k", f"/{old.bucket}/below")
        gate.open()
        tiny.wait_until_idle()
    assert old.read() == b"one"
    assert segments(swift, old.bucket) == parts(old)


def test_parts_that_an_abort_is_at_are_left_to_it(
    tiny: Running, old: Upload, swift: swiftclient.Connection
) -> None:
    flag = f"k/{old.upload_id}/30000"
    swift.put_object(f"{old.bucket}+segments", flag, b"")
    overwrite(old)
    tiny.wait_until_idle()
    assert segments(swift, old.bucket) == [*parts(old), flag]


# --- beside other requests ---


def test_a_complete_that_comes_too_late_is_not_acknowledged(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    upload = begin(s3, bucket)
    for number, body in enumerate(PARTS, 1):
        upload.put(number, body)
    with (
        tiny.watched() as wire,
        Gate(Which("PUT", f"/{bucket}/k$")) as late_gate,
        Gate(Which("POST", "/$", "bulk-delete")) as free_gate,
        ThreadPoolExecutor(1) as pool,
    ):
        wire.before = late_gate
        late = pool.submit(lambda: refusal(upload.complete))
        late_gate.wait()
        upload.complete()
        wire.before = free_gate
        overwrite(upload)
        free_gate.wait()  # the last look has seen the plain object
        late_gate.open()
        while not [sent for sent in wire.sent if sent.path == upload.part(30000)]:
            time.sleep(0.01)
        assert not late.done()
        free_gate.open()
        assert late.result() == no_such_upload(upload.upload_id)
        tiny.wait_until_idle()
    assert (held(swift, bucket), segments(swift, bucket)) == ([], [])


def test_a_shutdown_waits_for_no_second_look(
    stack: Stack, old: Upload, swift: swiftclient.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3gw.buckets.release._PAUSE", 60.0)
    settings = settings_for(stack, jobs={"min_age": 0})
    with running(settings) as gateway, closing(s3_client(gateway.endpoint, stack)) as s3:
        s3.put_object(Bucket=old.bucket, Key="k", Body=b"plain")
        # Only one of two overwrites waits.
        s3.put_object(Bucket=old.bucket, Key="k", Body=b"again")
        while not [sent for sent in gateway.wire.beside if sent.path == f"/{old.bucket}/k"]:
            time.sleep(0.01)
        started = time.monotonic()
    assert time.monotonic() - started < 10
    assert segments(swift, old.bucket) == parts(old)


def test_a_bucket_without_multipart_objects_is_asked_for_them_once(
    tiny: Running, s3: Any, bucket: str
) -> None:
    with tiny.watched() as wire:
        for _ in range(3):
            s3.put_object(Bucket=bucket, Key="k", Body=b"1")
            tiny.wait_until_idle()
        assert [str(sent) for sent in wire.beside] == [f"HEAD /{bucket}+segments"]


def test_an_answer_does_not_wait(tiny: Running, old: Upload) -> None:
    with tiny.watched() as wire, Gate(Which("GET", f"/{old.bucket}+segments$")) as gate:
        wire.before = gate
        overwrite(old)
        gate.wait()
        assert old.read() == b"plain"
