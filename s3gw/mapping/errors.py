"""Swift statuses as S3 errors: one table."""

from s3gw.s3.errors import (
    AccessDenied,
    BadDigest,
    EntityTooLarge,
    InvalidRange,
    InvalidRequest,
    InvalidURI,
    MethodNotAllowed,
    MissingContentLength,
    OperationAborted,
    PreconditionFailed,
    QuotaExceeded,
    RequestHeaderSectionTooLarge,
    S3Error,
    ServiceUnavailable,
    SlowDown,
)
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

_BY_STATUS: dict[int, type[S3Error]] = {
    400: InvalidRequest,
    # The token was renewed and is still refused: the user has lost the right to the account.
    401: AccessDenied,
    403: AccessDenied,
    405: MethodNotAllowed,
    409: OperationAborted,
    411: MissingContentLength,
    412: PreconditionFailed,
    413: EntityTooLarge,
    414: InvalidURI,
    416: InvalidRange,
    422: BadDigest,
    429: SlowDown,
    431: RequestHeaderSectionTooLarge,
    498: SlowDown,
}

# What only a body can be blamed for, and requests that have none.
_OF_A_BODY = frozenset({411, 413, 422})
_BODILESS = frozenset({"GET", "HEAD", "DELETE"})


def from_swift(error: SwiftStatus) -> S3Error:
    """The S3 error for an answer of Swift that its handler had no better word for.

    404 never comes here: only a handler knows what it did not find.  What is not in the table is
    Swift's trouble, not the client's: 503, which clients retry.
    """
    if is_quota(error):
        return QuotaExceeded()
    if error.status in _OF_A_BODY and error.method in _BODILESS:
        return ServiceUnavailable()
    if error.status == 400:
        return InvalidRequest(f"Swift refused the request: {_text(error.body)}")
    return from_status(error.status)


def is_quota(error: SwiftStatus) -> bool:
    """Whether Swift refuses because a quota is exhausted."""
    return error.status == 413 and b"quota" in error.body


def from_status(status: int) -> S3Error:
    """The S3 error for a bare status, as in a bulk report."""
    return _BY_STATUS.get(status, ServiceUnavailable)()


def as_s3_error(error: BaseException) -> S3Error | None:
    """Whatever went wrong as an S3 error; None for what can only be a fault of our own."""
    if isinstance(error, S3Error):
        return error
    if isinstance(error, SwiftStatus):
        return from_swift(error)
    return ServiceUnavailable() if isinstance(error, SwiftUnreachable) else None


def _text(body: bytes) -> str:
    """The first line of Swift's explanation, printable and short."""
    line = body.decode("utf-8", "replace").strip().partition("\n")[0][:200]
    return "".join(character if character.isprintable() else "?" for character in line) or "-"
