"""What races, leaks or lies between S3 and Swift, each forced: nothing acknowledged is lost."""

import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
import swiftclient
from structlog.testing import CapturingLogger

from s3gw.handlers import complete as complete_handler, multipart as multipart_handler
from s3gw.swift.account import Account, Entry
from s3gw.swift.info import ClusterInfo, InfoCache
from tests.functional.gates import Failing, Gate, Which, every
from tests.functional.gateway import Running, s3_client
from tests.functional.rawclient import UNSIGNED, keys_of, sign
from tests.functional.stack import Stack
from tests.functional.uploads import (
    Upload,
    begin,
    etag_of,
    held,
    no_such_upload,
    refusal,
    segments,
)

FLAG = "30000"


@pytest.fixture(scope="module")
def s3(tiny: Running, stack: Stack) -> Iterator[Any]:
    """A client of that gateway."""
    with closing(s3_client(tiny.endpoint, stack)) as client:
        yield client


@pytest.fixture
def upload(s3: Any, bucket: str) -> Upload:
    """An open upload of two parts."""
    begun = begin(s3, bucket)
    begun.put(1, b"one")
    begun.put(2, b"two")
    return begun


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Clients beside the test's own."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


def manifest_put(upload: Upload) -> Which:
    """The request with which Complete makes the object."""
    return Which("PUT", f"/{upload.bucket}/{upload.key}$")


def marker_delete(upload: Upload) -> Which:
    """The request with which an upload ends."""
    return Which("DELETE", f"{upload.marker}$")


def is_whole(upload: Upload, swift: swiftclient.Connection) -> None:
    """The object is there, and nothing but its parts beside it."""
    assert upload.read() == b"onetwo"
    assert segments(swift, upload.bucket) == [f"k/{upload.upload_id}/{n}" for n in (1, 2)]


def is_gone(upload: Upload, swift: swiftclient.Connection) -> None:
    """Neither the object nor anything of the upload is there."""
    assert held(swift, upload.bucket) == []
    assert segments(swift, upload.bucket) == []


# --- an abort beside a Complete (hazard 3) ---


def test_an_abort_behind_the_manifest_leaves_the_parts(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    with tiny.watched() as wire, Gate(marker_delete(upload)) as gate:
        wire.before = gate
        completing = pool.submit(upload.complete)
        gate.wait()
        # The abort deletes the marker itself, so it must not run into the gate.
        assert refusal(upload.abort) == no_such_upload(upload.upload_id)
        gate.open()
        assert completing.result()["ETag"] == etag_of(b"one", b"two")
    is_whole(upload, swift)


def test_an_abort_before_the_manifest_wins(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    with tiny.watched() as wire, Gate(manifest_put(upload)) as gate:
        wire.before = gate
        completing = pool.submit(lambda: refusal(upload.complete))
        gate.wait()
        upload.abort()
        gate.open()
        assert completing.result() == no_such_upload(upload.upload_id)
    is_gone(upload, swift)


def test_a_manifest_behind_the_aborts_last_look_goes_with_the_parts(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    parts_listing = Which("GET", f"/{upload.bucket}+segments$", nth=2)
    with (
        tiny.watched() as wire,
        Gate(manifest_put(upload)) as complete_gate,
        Gate(parts_listing) as abort_gate,
        Gate(Which("HEAD", upload.part(int(FLAG)))) as looks_for_the_flag,
    ):
        looks_for_the_flag.open()
        wire.before = every(complete_gate, abort_gate, looks_for_the_flag)
        completing = pool.submit(lambda: refusal(upload.complete))
        complete_gate.wait()
        aborting = pool.submit(upload.abort)
        abort_gate.wait()  # it has seen that no manifest names the upload
        complete_gate.open()
        looks_for_the_flag.wait()  # the manifest is stored, the marker was gone
        assert not completing.done()
        abort_gate.open()
        aborting.result()
        assert completing.result() == no_such_upload(upload.upload_id)
    is_gone(upload, swift)


def test_a_manifest_before_the_aborts_last_look_keeps_the_parts(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    with (
        tiny.watched() as wire,
        Gate(manifest_put(upload)) as complete_gate,
        Gate(Which("PUT", upload.part(int(FLAG)))) as abort_gate,
    ):
        wire.before = every(complete_gate, abort_gate)
        completing = pool.submit(upload.complete)
        complete_gate.wait()
        aborting = pool.submit(lambda: refusal(upload.abort))
        abort_gate.wait()  # the marker is gone
        complete_gate.open()
        assert completing.result()["ETag"] == etag_of(b"one", b"two")
        abort_gate.open()
        assert aborting.result() == no_such_upload(upload.upload_id)
    is_whole(upload, swift)


def test_a_complete_is_not_acknowledged_while_an_abort_may_take_its_parts(
    tiny: Running,
    upload: Upload,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(complete_handler, "_PAUSES", (0.0, 0.0))
    parts_listing = Which("GET", f"/{upload.bucket}+segments$", nth=2)
    with tiny.watched() as wire, Gate(manifest_put(upload)) as gate:
        wire.before = every(gate, Failing(parts_listing))
        completing = pool.submit(lambda: refusal(upload.complete))
        gate.wait()
        assert refusal(upload.abort).code == "ServiceUnavailable"
        gate.open()
        assert completing.result().code == "ServiceUnavailable"
    for _ in range(2):
        assert refusal(upload.complete).code == "ServiceUnavailable"
    assert upload.read() == b"onetwo"
    # The abort goes on, and finds that the upload is complete.
    assert refusal(upload.abort) == no_such_upload(upload.upload_id)
    assert upload.read() == b"onetwo"
    # An abort that never came back is forgotten in the end.
    monkeypatch.setattr("s3gw.buckets.uploads._ABORT_LIFE", -60.0)
    assert upload.complete()["ETag"] == etag_of(b"one", b"two")


def test_aborts_at_once_free_everything(
    upload: Upload, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    together = threading.Barrier(3)

    def abort() -> int:
        together.wait()
        try:
            status: int = upload.abort()["ResponseMetadata"]["HTTPStatusCode"]
        except upload.s3.exceptions.NoSuchUpload:
            return 404
        return status

    statuses = {future.result() for future in [pool.submit(abort) for _ in range(3)]}
    assert 204 in statuses
    assert statuses <= {204, 404}
    is_gone(upload, swift)


# --- Completes beside each other, and beside other writers ---


@pytest.fixture
def few_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Swift that takes two segments a manifest, as far as the gateway knows."""

    async def get(cache: InfoCache, storage_url: str) -> ClusterInfo:
        del cache, storage_url
        return ClusterInfo(max_manifest_segments=2)

    monkeypatch.setattr(InfoCache, "get", get)


def test_a_complete_that_comes_second_finds_the_marker_gone_and_the_object_whole(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    with tiny.watched() as wire, Gate(marker_delete(upload)) as gate:
        wire.before = gate
        first = pool.submit(upload.complete)
        gate.wait()
        second = upload.complete()
        gate.open()
        assert first.result()["ETag"] == second["ETag"] == etag_of(b"one", b"two")
    is_whole(upload, swift)


def test_an_object_deleted_before_a_second_complete_ends_stays_deleted(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    with tiny.watched() as wire, Gate(manifest_put(upload)) as gate:
        wire.before = gate
        late = pool.submit(lambda: refusal(upload.complete))
        gate.wait()
        upload.complete()
        upload.s3.delete_object(Bucket=upload.bucket, Key="k")
        gate.open()
        assert late.result() == no_such_upload(upload.upload_id)
    is_gone(upload, swift)


@pytest.mark.usefixtures("few_segments")
def test_a_long_complete_does_not_overwrite_what_came_after_the_uploads_end(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    upload.put(3, b"three")
    with tiny.watched() as wire, Gate(Which("PUT", upload.part(20_000))) as gate:
        wire.before = gate
        late = pool.submit(lambda: refusal(upload.complete))
        gate.wait()
        upload.complete()
        upload.s3.put_object(Bucket=upload.bucket, Key="k", Body=b"newer")
        gate.open()
        assert late.result() == no_such_upload(upload.upload_id)
    assert upload.read() == b"newer"
    assert held(swift, upload.bucket) == ["k"]


def test_an_exclusive_complete_meets_only_foreign_objects(
    tiny: Running, upload: Upload, swift: swiftclient.Connection
) -> None:
    with tiny.watched() as wire:
        wire.before = Failing(marker_delete(upload))
        failed = refusal(lambda: upload.complete(IfNoneMatch="*"))
    assert failed.code == "ServiceUnavailable"
    # The object that is there now is this upload's own.
    assert upload.complete(IfNoneMatch="*")["ETag"] == etag_of(b"one", b"two")
    is_whole(upload, swift)


# --- If-None-Match is no lock (hazard 7) ---


def test_overlapping_exclusive_writers_may_both_win_but_one_object_is_whole(
    tiny: Running, s3: Any, stack: Stack, bucket: str
) -> None:
    """Swift looks before it reads the body, so writers that overlap do not see each other."""
    bodies = [bytes([n]) * 1024 * 1024 for n in (1, 2)]
    with ExitStack() as connections:
        writers = [connections.enter_context(_writer(tiny, stack, bucket)) for _ in bodies]
        for writer, body in zip(writers, bodies, strict=True):
            writer.sendall(body)
        assert [writer.recv(12) for writer in writers] == [b"HTTP/1.1 200"] * 2
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() in bodies
    refused = refusal(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfNoneMatch="*"))
    assert (refused.status, refused.code) == (412, "PreconditionFailed")


@contextmanager
def _writer(gateway: Running, stack: Stack, bucket: str) -> Iterator[socket.socket]:
    """A connection on which Swift has said that the body of an exclusive PUT may come."""
    url, size = f"{gateway.endpoint}/{bucket}/k", str(1024 * 1024)
    signed = sign(keys_of(stack), "PUT", url, [("If-None-Match", "*")], payload=UNSIGNED)
    address = ("127.0.0.1", int(gateway.endpoint.rpartition(":")[2]))
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(signed.head([("Content-Length", size), ("Expect", "100-continue")]))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        yield connection


def test_exclusive_completes_leave_the_object_of_one_that_won(
    s3: Any, bucket: str, pool: ThreadPoolExecutor
) -> None:
    uploads = [begin(s3, bucket) for _ in range(4)]
    for n, upload in enumerate(uploads):
        upload.put(1, b"%d" % n)
    together = threading.Barrier(len(uploads))

    def complete(upload: Upload) -> str:
        together.wait()
        try:
            upload.complete(IfNoneMatch="*")
        except upload.s3.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return "completed"

    outcomes = [future.result() for future in [pool.submit(complete, one) for one in uploads]]
    assert set(outcomes) <= {"completed", "PreconditionFailed"}
    assert outcomes[int(uploads[0].read())] == "completed"


# --- a part that comes late (hazard 4) ---


def test_whether_an_upload_is_open_is_asked_each_time(
    upload: Upload, swift: swiftclient.Connection
) -> None:
    swift.delete_object(f"{upload.bucket}+segments", f"k/{upload.upload_id}")
    assert refusal(lambda: upload.put(1, b"new")) == no_such_upload(upload.upload_id)
    assert refusal(upload.numbers) == no_such_upload(upload.upload_id)
    assert swift.get_object(f"{upload.bucket}+segments", f"k/{upload.upload_id}/1")[1] == b"one"


def _late_parts(gateway: Running) -> float:
    (line,) = re.findall(r"^s3gw_late_parts_total (.*)$", gateway.metrics(), re.MULTILINE)
    return float(line)


@pytest.mark.parametrize("ended", ["complete", "abort"])
def test_a_slow_part_is_no_part_of_an_upload_that_has_ended(
    tiny: Running,
    upload: Upload,
    ended: str,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = CapturingLogger()
    monkeypatch.setattr(multipart_handler, "_log", log)
    monkeypatch.setattr(multipart_handler, "_SLOW", 0.0)
    before = _late_parts(tiny)
    with tiny.watched() as wire, Gate(Which("PUT", upload.part(2))) as gate:
        wire.before = gate
        late = pool.submit(lambda: refusal(lambda: upload.put(2, b"two")))
        gate.wait()
        getattr(upload, ended)()
        gate.open()
        assert late.result() == no_such_upload(upload.upload_id)
    assert _late_parts(tiny) == before + 1
    (call,) = log.calls
    assert call.method_name == "error"
    assert (call.kwargs["upload_id"], call.kwargs["part_number"]) == (upload.upload_id, 2)
    if ended == "complete":
        assert upload.read() == b"onetwo"  # the same content: what a client that repeats sends


def test_a_part_behind_an_abort_lingers_without_an_upload(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    with tiny.watched() as wire, Gate(Which("PUT", upload.part(3))) as gate:
        wire.before = gate
        late = pool.submit(upload.put, 3, b"three")
        gate.wait()
        upload.abort()
        gate.open()
        late.result()
    assert "Uploads" not in upload.s3.list_multipart_uploads(Bucket=upload.bucket)
    assert segments(swift, upload.bucket) == [f"k/{upload.upload_id}/3"]
    upload.s3.delete_bucket(Bucket=upload.bucket)  # it does not keep the bucket
    assert segments(swift, upload.bucket) == []


# --- a DELETE beside an overwrite (hazard 1) ---


def _large(s3: Any, bucket: str, body: bytes) -> Upload:
    upload = begin(s3, bucket)
    upload.put(1, body)
    upload.complete()
    return upload


def test_a_delete_that_finds_a_plain_object_in_place_of_a_large_one_deletes_it(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    old = _large(s3, bucket, b"old")
    with tiny.watched() as wire, Gate(Which("DELETE", f"/{bucket}/k$")) as gate:
        wire.before = gate
        deleting = pool.submit(s3.delete_object, Bucket=bucket, Key="k")
        gate.wait()
        s3.put_object(Bucket=bucket, Key="k", Body=b"new")
        gate.open()
        assert deleting.result()["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert held(swift, bucket) == []
    # Overwriting leaves the parts of the older object, for `s3gw jobs`.
    assert segments(swift, bucket) == [f"k/{old.upload_id}/1"]


def test_a_delete_that_finds_another_large_object_deletes_it_with_its_own_parts(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    old = _large(s3, bucket, b"old")
    with tiny.watched() as wire, Gate(Which("DELETE", f"/{bucket}/k$")) as gate:
        wire.before = gate
        deleting = pool.submit(s3.delete_object, Bucket=bucket, Key="k")
        gate.wait()
        _large(s3, bucket, b"new")
        gate.open()
        deleting.result()
    assert held(swift, bucket) == []
    assert segments(swift, bucket) == [f"k/{old.upload_id}/1"]


def test_a_delete_that_takes_a_large_object_for_a_plain_one_leaks_its_parts_only(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    with tiny.watched() as wire, Gate(Which("DELETE", f"/{bucket}/k$")) as gate:
        wire.before = gate
        deleting = pool.submit(s3.delete_object, Bucket=bucket, Key="k")
        gate.wait()
        new = _large(s3, bucket, b"new")
        gate.open()
        deleting.result()
    assert held(swift, bucket) == []
    assert segments(swift, bucket) == [f"k/{new.upload_id}/1"]


# --- containers with versions (hazard 1) ---


def _version(swift: swiftclient.Connection, bucket: str, index: int) -> bytes:
    """The content of the key's index-th newest version, natively."""
    listed = swift.get_container(bucket, query_string="versions")[1]
    body: bytes
    _, body = swift.get_object(
        bucket, "k", query_string=f"version-id={listed[index]['version_id']}"
    )
    return body


@pytest.mark.parametrize("state", ["true", "false"], ids=["enabled", "suspended"])
@pytest.mark.parametrize("how", ["one", "many"])
def test_parts_that_an_old_version_needs_stay(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection, how: str, state: str
) -> None:
    s3.list_objects(Bucket=bucket)
    s3.get_bucket_versioning(Bucket=bucket)  # cached: no versions
    swift.post_container(bucket, {"X-Versions-Enabled": "true"})
    upload = _large(s3, bucket, b"data")
    with tiny.watched() as wire:
        if how == "one":
            s3.delete_object(Bucket=bucket, Key="k")
        else:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
        assert not [sent for sent in wire.sent if "multipart-manifest=delete" in sent.query]
    swift.post_container(bucket, {"X-Versions-Enabled": state})
    assert refusal(upload.read).code == "NoSuchKey"
    assert _version(swift, bucket, 1) == b"data"
    assert segments(swift, bucket) == [f"k/{upload.upload_id}/1"]


def test_an_object_older_than_versioning_is_deleted_plainly(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    upload = _large(s3, bucket, b"data")
    swift.post_container(bucket, {"X-Versions-Enabled": "true"})
    with tiny.watched() as wire:
        s3.delete_object(Bucket=bucket, Key="k")
        assert [str(sent) for sent in wire.sent][-1] == f"DELETE /{bucket}/k"
    assert segments(swift, bucket) == [f"k/{upload.upload_id}/1"]
    assert _version(swift, bucket, 1) == b"data"


def test_an_abort_leaves_what_an_old_version_is_made_of(
    tiny: Running, upload: Upload, swift: swiftclient.Connection
) -> None:
    swift.post_container(upload.bucket, {"X-Versions-Enabled": "true"})
    with tiny.watched() as wire:
        wire.before = Failing(marker_delete(upload))
        assert refusal(upload.complete).code == "ServiceUnavailable"
    upload.s3.put_object(Bucket=upload.bucket, Key="k", Body=b"newer")
    assert refusal(upload.abort) == no_such_upload(upload.upload_id)
    assert _version(swift, upload.bucket, 1) == b"onetwo"
    assert segments(swift, upload.bucket) == [f"k/{upload.upload_id}/{n}" for n in (1, 2)]


def test_an_abort_asks_the_newest_version_itself(
    tiny: Running,
    upload: Upload,
    swift: swiftclient.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swift.post_container(upload.bucket, {"X-Versions-Enabled": "true"})
    with tiny.watched() as wire:
        wire.before = Failing(marker_delete(upload))
        assert refusal(upload.complete).code == "ServiceUnavailable"
    _listings_show(monkeypatch, _nothing)
    assert refusal(upload.abort) == no_such_upload(upload.upload_id)
    assert upload.read() == b"onetwo"


def test_the_listing_of_a_container_with_versions_shows_the_same_etag(
    tiny: Running, s3: Any, upload: Upload, swift: swiftclient.Connection
) -> None:
    swift.post_container(upload.bucket, {"X-Versions-Enabled": "true"})
    etag = upload.complete()["ETag"]
    for listing in (s3.list_objects, s3.list_objects_v2):
        (entry,) = listing(Bucket=upload.bucket)["Contents"]
        assert (entry["ETag"], entry["Size"]) == (etag, 6)
    with tiny.watched() as wire:  # once read, it is known
        s3.list_objects(Bucket=upload.bucket)
        assert wire.methods() == ["GET"]
    assert s3.head_object(Bucket=upload.bucket, Key="k")["ETag"] == etag


# --- listings that lag (hazard 2) ---


def _listings_show(monkeypatch: pytest.MonkeyPatch, shown: Callable[[Entry], Entry | None]) -> None:
    """Change what the gateway sees in container listings; None leaves an entry out."""
    real = Account.list_objects

    async def list_objects(
        account: Account, container: str, query: Mapping[str, str | int], *, newest: bool = False
    ) -> tuple[Mapping[str, str], list[Entry]]:
        headers, entries = await real(account, container, query, newest=newest)
        changed = [shown(entry) for entry in entries]
        return headers, [entry for entry in changed if entry is not None]

    monkeypatch.setattr(Account, "list_objects", list_objects)


def _nothing(entry: Entry) -> None:
    del entry


def test_parts_that_the_listing_does_not_show_are_found(
    upload: Upload, swift: swiftclient.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    _listings_show(monkeypatch, _nothing)
    assert upload.complete()["ETag"] == etag_of(b"one", b"two")
    assert upload.complete()["ETag"] == etag_of(b"one", b"two")
    is_whole(upload, swift)


def test_a_part_that_the_listing_shows_as_it_was_is_used_as_it_is(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {"hash": upload.etags[1].strip('"'), "bytes": 3}
    upload.put(1, b"newer")

    def stale(entry: Entry) -> Entry:
        return {**entry, **old} if entry["name"].endswith("/1") else entry

    _listings_show(monkeypatch, stale)
    assert upload.complete()["ETag"] == etag_of(b"newer", b"two")
    assert upload.read() == b"newertwo"


def test_a_part_that_only_a_listing_still_shows_is_refused(
    upload: Upload, swift: swiftclient.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = upload.etags[1]
    upload.put(1, b"newer")

    def stale(entry: Entry) -> Entry:
        shown = {"hash": old.strip('"'), "bytes": 3}
        return {**entry, **shown} if entry["name"].endswith("/1") else entry

    _listings_show(monkeypatch, stale)
    upload.etags[1] = old
    refused = refusal(upload.complete)
    details = {"UploadId": upload.upload_id, "PartNumber": "1", "ETag": old.strip('"')}
    assert (refused.code, refused.details) == ("InvalidPart", details)
    assert held(swift, upload.bucket) == []
    assert upload.numbers() == [1, 2]


def test_an_abort_that_the_listing_fails_leaves_parts_and_no_upload(
    upload: Upload, swift: swiftclient.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    _listings_show(monkeypatch, _nothing)
    upload.abort()
    assert refusal(upload.numbers) == no_such_upload(upload.upload_id)
    assert segments(swift, upload.bucket) == [f"k/{upload.upload_id}/{n}" for n in (1, 2)]


# --- what happens to a bucket and its uploads (hazard 6) ---


def test_a_bucket_that_is_not_empty_keeps_its_uploads(
    tiny: Running, upload: Upload, swift: swiftclient.Connection
) -> None:
    upload.s3.put_object(Bucket=upload.bucket, Key="other", Body=b"1")
    before = segments(swift, upload.bucket)
    with tiny.watched() as wire:
        refused = refusal(lambda: upload.s3.delete_bucket(Bucket=upload.bucket))
        assert [str(sent) for sent in wire.sent] == [
            f"HEAD /{upload.bucket}",
            f"DELETE /{upload.bucket}",
        ]
    assert (refused.status, refused.code) == (409, "BucketNotEmpty")
    assert segments(swift, upload.bucket) == before
    upload.complete()
    assert upload.read() == b"onetwo"


def test_the_uploads_of_a_bucket_go_after_it(
    tiny: Running, upload: Upload, swift: swiftclient.Connection
) -> None:
    with tiny.watched() as wire:
        upload.s3.delete_bucket(Bucket=upload.bucket)
        deleted = [sent.path for sent in wire.sent if sent.method == "DELETE"]
    container = f"/{upload.bucket}+segments"
    rules = f"/.s3gw+public/{upload.bucket}/cors"
    assert (deleted[0], *deleted[-2:]) == (f"/{upload.bucket}", container, rules)
    assert set(deleted[1:-2]) == {upload.marker, upload.part(1), upload.part(2)}
    assert f"{upload.bucket}+segments" not in [c["name"] for c in swift.get_account()[1]]


def test_a_bucket_made_anew_keeps_what_is_there(
    tiny: Running, upload: Upload, pool: ThreadPoolExecutor
) -> None:
    s3, bucket = upload.s3, upload.bucket
    with tiny.watched() as wire, Gate(Which("GET", f"/{bucket}+segments$")) as gate:
        wire.before = gate
        deleting = pool.submit(s3.delete_bucket, Bucket=bucket)
        gate.wait()
        s3.create_bucket(Bucket=bucket)
        new = begin(s3, bucket)
        new.put(1, b"new")
        new.complete()
        gate.open()
        deleting.result()
    assert new.read() == b"new"


def test_what_is_left_of_an_earlier_bucket_is_not_open_to_others(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    begin(s3, bucket)
    s3.delete_bucket(Bucket=bucket)
    swift.put_container(f"{bucket}+segments", {"X-Container-Read": ".r:*"})
    s3.create_bucket(Bucket=bucket)
    assert "x-container-read" not in swift.head_container(f"{bucket}+segments")
    upload = begin(s3, bucket)
    upload.put(1, b"data")
    upload.complete()
    assert upload.read() == b"data"


@pytest.mark.parametrize("operation", ["put", "complete", "abort", "begin"])
def test_nothing_appears_in_a_bucket_that_is_deleted_meanwhile(
    tiny: Running,
    upload: Upload,
    swift: swiftclient.Connection,
    pool: ThreadPoolExecutor,
    operation: str,
) -> None:
    call, which = {
        "put": (lambda: upload.put(3), Which("PUT", upload.part(3))),
        "complete": (upload.complete, manifest_put(upload)),
        "abort": (upload.abort, marker_delete(upload)),
        "begin": (
            lambda: begin(upload.s3, upload.bucket, "new"),
            Which("PUT", f"/{upload.bucket}+segments/new/"),
        ),
    }[operation]
    with tiny.watched() as wire, Gate(which) as gate:
        wire.before = gate
        late = pool.submit(lambda: refusal(call))
        gate.wait()
        upload.s3.delete_bucket(Bucket=upload.bucket)
        gate.open()
        assert late.result().code in {"NoSuchBucket", "NoSuchUpload"}
    containers = [container["name"] for container in swift.get_account()[1]]
    assert not [name for name in containers if name.startswith(upload.bucket)]
