"""Swift, or the client, fails in the middle of a multipart upload: what was said stays true."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
import swiftclient

from s3gw import patience
from tests.functional.gates import Failing, Gate, Which, answered, every
from tests.functional.gateway import Running, s3_client
from tests.functional.rawclient import UNSIGNED, Signed, keys_of, sign
from tests.functional.stack import Stack
from tests.functional.uploads import (
    Refusal,
    Upload,
    begin,
    etag_of,
    held,
    no_such_upload,
    refusal,
    segments,
)

WHOLE = etag_of(b"one", b"two")
FLAG = 30_000


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


def unavailable(refused: Refusal) -> bool:
    """What clients repeat."""
    return (refused.status, refused.code) == (503, "ServiceUnavailable")


def parts(upload: Upload) -> list[str]:
    """The names of the upload's parts in Swift."""
    return [f"k/{upload.upload_id}/{number}" for number in (1, 2)]


# --- Complete ---

COMPLETE = {
    "the marker": ("HEAD", "+segments/k/"),
    "the parts": ("GET", "+segments$"),
    "the manifest": ("PUT", "/k$"),
    "the end": ("DELETE", "+segments/k/"),
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", COMPLETE)
def test_a_complete_that_failed_can_be_repeated(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, step: str, when: str
) -> None:
    method, path = COMPLETE[step]
    hook = Failing(Which(method, f"/{upload.bucket}{path}"))
    with tiny.watched() as wire:
        setattr(wire, when, hook)
        assert unavailable(refusal(upload.complete))
        assert hook.seen == 1
    if (step, when) != ("the manifest", "after"):  # then Swift may still be at work
        assert held(swift, upload.bucket) == (["k"] if step == "the end" else [])
    assert set(parts(upload)) <= set(segments(swift, upload.bucket))

    assert upload.complete()["ETag"] == WHOLE
    assert upload.read() == b"onetwo"
    assert segments(swift, upload.bucket) == parts(upload)
    assert refusal(upload.abort) == no_such_upload(upload.upload_id)
    assert upload.complete()["ETag"] == WHOLE


@pytest.mark.parametrize("step", ["the manifest", "the end"])
def test_an_upload_whose_complete_failed_can_be_aborted_without_harm(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, step: str
) -> None:
    method, path = COMPLETE[step]
    with tiny.watched() as wire:
        wire.before = Failing(Which(method, f"/{upload.bucket}{path}"))
        assert unavailable(refusal(upload.complete))
    if step == "the manifest":
        upload.abort()
        assert (held(swift, upload.bucket), segments(swift, upload.bucket)) == ([], [])
    else:  # the object is there, so the abort comes too late
        assert refusal(upload.abort) == no_such_upload(upload.upload_id)
        assert upload.read() == b"onetwo"
        assert segments(swift, upload.bucket) == parts(upload)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 507, 498, 429])
def test_a_manifest_that_swift_cannot_store_is_repeated(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, status: int
) -> None:
    with tiny.watched() as wire:
        put = Which("PUT", f"/{upload.bucket}/k$")
        wire.before = Failing(put, answered(status))
        assert refusal(upload.complete).status == 503
    assert held(swift, upload.bucket) == []
    assert upload.complete()["ETag"] == WHOLE


@pytest.mark.parametrize(
    "reason", ["503 Service Unavailable", "404 Not Found", "401 Unauthorized", "Etag Mismatch"]
)
def test_a_part_that_swift_cannot_read_just_now_is_not_said_to_be_wrong(
    tiny: Running, upload: Upload, reason: str
) -> None:
    problem = [f"/{upload.bucket}%2Bsegments/k/{upload.upload_id}/2", reason]
    report = {"Response Status": "400 Bad Request", "Errors": [problem]}
    with tiny.watched() as wire:
        put = Which("PUT", f"/{upload.bucket}/k$")
        wire.before = Failing(put, answered(400, json.dumps(report).encode()))
        assert unavailable(refusal(upload.complete))
    assert upload.complete()["ETag"] == WHOLE


def test_a_part_that_is_gone_is_named(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, pool: ThreadPoolExecutor
) -> None:
    with tiny.watched() as wire, Gate(Which("PUT", f"/{upload.bucket}/k$")) as gate:
        wire.before = gate
        completing = pool.submit(lambda: refusal(upload.complete))
        gate.wait()
        swift.delete_object(f"{upload.bucket}+segments", parts(upload)[1])
        gate.open()
        details = {
            "UploadId": upload.upload_id, "PartNumber": "2", "ETag": upload.etags[2].strip('"'),
        }  # fmt: skip
        assert completing.result() == Refusal(400, "InvalidPart", details, message="")
    assert held(swift, upload.bucket) == []
    upload.put(2, b"two")
    assert upload.complete()["ETag"] == WHOLE


# --- Abort ---

ABORT = {
    "the marker": ("HEAD", "+segments/k/", 1),
    "the bucket": ("HEAD", "$", 1),
    "the manifest": ("GET", "/k$", 1),
    "the end": ("DELETE", "+segments/k/", 1),
    "the flag": ("PUT", "+segments/k/", 1),
    "the bucket again": ("HEAD", "$", 2),
    "the manifest again": ("GET", "/k$", 2),
    "the parts": ("GET", "+segments$", 1),
    "a part": ("DELETE", "+segments/k/", 2),
    "another part": ("DELETE", "+segments/k/", 3),
    "the flag's end": ("DELETE", "+segments/k/", 4),
}
UNRESUMED = {("the end", "after"), ("the flag", "before")}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ABORT)
def test_an_abort_that_failed_can_be_repeated(
    tiny: Running, upload: Upload, swift: swiftclient.Connection, step: str, when: str
) -> None:
    method, path, nth = ABORT[step]
    hook = Failing(Which(method, f"/{upload.bucket}{path}", nth=nth))
    with tiny.watched() as wire:
        setattr(wire, when, hook)
        assert unavailable(refusal(upload.abort))
        assert hook.seen >= nth
    again = refusal(upload.abort) if (step, when) in UNRESUMED else None
    if again is not None:
        # The marker is gone and nothing says that it was an abort: the parts are left for the job.
        assert again == no_such_upload(upload.upload_id)
        assert segments(swift, upload.bucket) == parts(upload)
    elif (step, when) == ("the flag's end", "after"):
        assert refusal(upload.abort) == no_such_upload(upload.upload_id)
        assert segments(swift, upload.bucket) == []
    else:
        upload.abort()
        assert segments(swift, upload.bucket) == []
    assert refusal(upload.numbers) == no_such_upload(upload.upload_id)
    assert refusal(upload.complete) == no_such_upload(upload.upload_id)
    assert "Uploads" not in upload.s3.list_multipart_uploads(Bucket=upload.bucket)
    assert held(swift, upload.bucket) == []


def test_a_part_that_cannot_be_deleted_keeps_none_of_the_others(
    tiny: Running, upload: Upload, swift: swiftclient.Connection
) -> None:
    for number in range(3, 13):
        upload.put(number)
    with tiny.watched() as wire:
        wire.before = Failing(Which("DELETE", f"{upload.part(7)}$"), answered(503))
        assert unavailable(refusal(upload.abort))
    left = [f"k/{upload.upload_id}/{number}" for number in (FLAG, 7)]
    assert segments(swift, upload.bucket) == left
    upload.abort()
    assert segments(swift, upload.bucket) == []


# --- Create and UploadPart ---


def test_an_upload_that_swift_did_not_note_is_not_begun(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    begin(s3, bucket).abort()
    with tiny.watched() as wire:
        wire.before = Failing(Which("PUT", f"/{bucket}+segments/k/"))
        assert unavailable(refusal(lambda: begin(s3, bucket)))
    assert segments(swift, bucket) == []


@pytest.mark.parametrize("step", ["HEAD", "PUT"])
def test_a_part_that_swift_did_not_store_is_not_acknowledged(
    tiny: Running, upload: Upload, step: str
) -> None:
    with tiny.watched() as wire:
        which = Which(step, upload.marker if step == "HEAD" else upload.part(1))
        wire.before = Failing(which)
        assert unavailable(refusal(lambda: upload.put(1, b"new")))
    assert upload.complete()["ETag"] == WHOLE


# --- answers that take long ---


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that finds everything long."""
    monkeypatch.setattr(patience, "_QUICK", 0.02)
    monkeypatch.setattr(patience, "_BEAT", 0.02)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Clients beside the test's own."""
    with ThreadPoolExecutor(2) as threads:
        yield threads


def _request(tiny: Running, stack: Stack, upload: Upload) -> tuple[Signed, bytes]:
    """A Complete on the wire."""
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in upload.etags.items()
    )
    url = f"{tiny.endpoint}/{upload.bucket}/k?uploadId={upload.upload_id}"
    body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    return sign(keys_of(stack), "POST", url, payload=UNSIGNED), body


def _connected(tiny: Running) -> socket.socket:
    address = ("127.0.0.1", int(tiny.endpoint.rpartition(":")[2]))
    return socket.create_connection(address, timeout=20)


def _until(connection: socket.socket, end: bytes) -> bytes:
    """What comes up to these bytes."""
    found = b""
    while not found.endswith(end):
        piece = connection.recv(1)
        assert piece, f"the connection ended behind {found!r}"
        found += piece
    return found


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("outcome", ["completed", "aborted"])
def test_a_long_complete_keeps_its_client_alive_with_white_space(
    tiny: Running, stack: Stack, upload: Upload, outcome: str
) -> None:
    signed, body = _request(tiny, stack, upload)
    with (
        _connected(tiny) as connection,
        tiny.watched() as wire,
        Gate(Which("PUT", f"/{upload.bucket}/k$")) as gate,
    ):
        wire.before = gate
        connection.sendall(
            signed.head([("Content-Length", str(len(body))), ("Connection", "close")]) + body
        )
        head = _until(connection, b"\r\n\r\n").lower()
        assert head.startswith(b"http/1.1 200 ")
        assert b"content-type: application/xml" in head
        assert b"transfer-encoding: chunked" in head
        # Each piece is a chunk: its size, the piece, the end of the line.
        declaration = b'27\r\n<?xml version="1.0" encoding="UTF-8"?>\n\r\n'
        beat = b"1\r\n \r\n"
        assert _until(connection, beat + beat) == declaration + beat + beat
        if outcome == "aborted":
            upload.abort()
        gate.open()
        rest = _until(connection, b"0\r\n\r\n")
    if outcome == "completed":
        assert b"<CompleteMultipartUploadResult" in rest
        assert f"<ETag>{WHOLE}</ETag>".replace('"', "&quot;").encode() in rest
        assert upload.read() == b"onetwo"
    else:
        assert b"<Error><Code>NoSuchUpload</Code>" in rest
        assert f"<UploadId>{upload.upload_id}</UploadId>".encode() in rest
        assert refusal(upload.read).code == "NoSuchKey"


@pytest.mark.usefixtures("impatient")
def test_an_error_behind_the_white_space_is_an_error_for_the_client(
    tiny: Running, upload: Upload, pool: ThreadPoolExecutor
) -> None:
    with tiny.watched() as wire, Gate(Which("PUT", f"/{upload.bucket}/k$")) as gate:
        wire.before = every(gate, Failing(Which("PUT", f"/{upload.bucket}/k$")))
        completing = pool.submit(lambda: refusal(upload.complete))
        gate.wait()
        gate.open()
        assert completing.result().code == "ServiceUnavailable"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("heard", [0, 1], ids=["before the answer", "in the answer"])
def test_a_complete_goes_on_without_its_client(
    tiny: Running, stack: Stack, upload: Upload, swift: swiftclient.Connection, heard: int
) -> None:
    signed, body = _request(tiny, stack, upload)
    with tiny.watched() as wire:
        with Gate(Which("PUT", f"/{upload.bucket}/k$")) as gate:
            wire.before = gate
            with _connected(tiny) as connection:
                length = ("Content-Length", str(len(body)))
                connection.sendall(signed.head([length]) + body)
                gate.wait()
                if heard:
                    _until(connection, b"?>")
            tiny.wait_until_answered()  # the request itself has ended, not its work
            assert held(swift, upload.bucket) == []
        _wait_until(lambda: segments(swift, upload.bucket) == parts(upload))
    assert upload.read() == b"onetwo"
    assert upload.complete()["ETag"] == WHOLE


def _wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.01)
