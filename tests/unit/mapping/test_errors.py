"""Whatever Swift answers is an S3 error that tells the client whose trouble it is."""

import pytest
from hypothesis import given, strategies as st

from s3gw.mapping.errors import as_s3_error, from_status, from_swift
from s3gw.s3.errors import NoSuchKey, S3Error
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable


def swift_says(status: int, body: bytes = b"") -> SwiftStatus:
    return SwiftStatus(status, "PUT", "/b/k", headers={}, body=body)


def code_of(error: S3Error) -> tuple[int, str]:
    return error.status, error.code


TABLE = [
    (400, (400, "InvalidRequest")),
    (401, (403, "AccessDenied")),
    (403, (403, "AccessDenied")),
    (405, (405, "MethodNotAllowed")),
    (409, (409, "OperationAborted")),
    (411, (411, "MissingContentLength")),
    (412, (412, "PreconditionFailed")),
    (413, (400, "EntityTooLarge")),
    (416, (416, "InvalidRange")),
    (422, (400, "BadDigest")),
    (429, (503, "SlowDown")),
    (498, (503, "SlowDown")),
    (500, (503, "ServiceUnavailable")),
    (503, (503, "ServiceUnavailable")),
    (507, (503, "ServiceUnavailable")),
]


@pytest.mark.parametrize(("status", "answer"), TABLE)
def test_a_status_of_swift_has_its_s3_error(status: int, answer: tuple[int, str]) -> None:
    assert code_of(from_swift(swift_says(status))) == answer
    assert code_of(from_status(status)) == answer


@given(st.integers(100, 599), st.binary(max_size=40))
def test_no_status_of_swift_looks_like_a_fault_of_the_gateway(status: int, body: bytes) -> None:
    error = from_swift(swift_says(status, body))
    assert 400 <= error.status < 500 or error.status == 503
    assert error.code != "InternalError"


@pytest.mark.parametrize("status", [500, 502, 504, 507, 599])
def test_swifts_own_trouble_is_worth_a_retry(status: int) -> None:
    assert from_swift(swift_says(status)).status == 503


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("status", [411, 413, 422])
def test_what_is_said_of_a_body_is_swifts_own_trouble_where_there_was_none(
    status: int, method: str
) -> None:
    error = from_swift(SwiftStatus(status, method, "/b/k", headers={}))
    assert code_of(error) == (503, "ServiceUnavailable")


def test_a_quota_is_told_from_a_size() -> None:
    assert code_of(from_swift(swift_says(413, b"Upload exceeds quota."))) == (403, "QuotaExceeded")
    assert code_of(from_swift(swift_says(413, b"Your request is too large."))) == (
        400,
        "EntityTooLarge",
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"Metadata value longer than 256\nmore", "Metadata value longer than 256"),
        (b"", "-"),
        (b" \n", "-"),
        (b"a\x00\x1bb", "a??b"),
        (b"\xff", "?" if not "\ufffd".isprintable() else "\ufffd"),
        (b"x" * 4096, "x" * 200),
    ],
)
def test_swifts_reason_is_told_in_a_short_printable_line(body: bytes, text: str) -> None:
    assert from_swift(swift_says(400, body)).message == f"Swift refused the request: {text}"


@given(st.binary(max_size=300))
def test_a_reason_is_always_printable(body: bytes) -> None:
    message = from_swift(swift_says(400, body)).message
    assert message.isprintable()
    assert len(message) <= 230


def test_what_went_wrong_is_an_s3_error_unless_it_is_a_fault_of_our_own() -> None:
    own = NoSuchKey(Key="k")
    assert as_s3_error(own) is own
    for error, answer in (
        (swift_says(403), (403, "AccessDenied")),
        (SwiftUnreachable("refused"), (503, "ServiceUnavailable")),
    ):
        found = as_s3_error(error)
        assert found is not None
        assert code_of(found) == answer
    for fault in (ValueError("x"), KeyError("x"), OSError("x"), KeyboardInterrupt()):
        assert as_s3_error(fault) is None
