"""What a request says of its body, and the body that checks itself against it.

The rule: whatever the headers alone show to be wrong is refused before a byte is read; while the
body streams its newest piece is held back, and goes on only once every length, digest, checksum
and signature has agreed, so that nobody downstream can have the whole body of a wrong upload.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum

from s3gw.s3 import checksums, errors
from s3gw.s3.checksums import Checksum
from s3gw.s3.chunked import ChunkDecoder
from s3gw.s3.errors import (
    BadDigest,
    EntityTooLarge,
    IncompleteBody,
    InvalidArgument,
    InvalidDigest,
    InvalidRequest,
    MalformedTrailerError,
    MissingContentLength,
    SignatureDoesNotMatch,
    XAmzContentSHA256Mismatch,
)
from s3gw.s3.request import Headers
from s3gw.s3.signing import Signing

CONTENT_SHA256 = "x-amz-content-sha256"

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_NUMBER = re.compile(r"[0-9]{1,18}")


class PayloadKind(StrEnum):
    """How the body is sent and vouched for; the value is that of x-amz-content-sha256."""

    SIGNED = "sha256"
    """As it is; its SHA-256 is in the header, in hex."""
    UNSIGNED = "UNSIGNED-PAYLOAD"
    """As it is."""
    CHUNKED_UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    """aws-chunked, with trailers."""
    CHUNKED_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    """aws-chunked, every chunk signed."""
    CHUNKED_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    """aws-chunked, every chunk signed, with signed trailers."""


_LITERAL = {kind.value: kind for kind in PayloadKind if kind is not PayloadKind.SIGNED}
_CHUNKED = frozenset(_LITERAL.values()) - {PayloadKind.UNSIGNED}
_WITH_TRAILERS = frozenset({PayloadKind.CHUNKED_UNSIGNED, PayloadKind.CHUNKED_SIGNED_TRAILER})
_SIGNED_CHUNKS = frozenset({PayloadKind.CHUNKED_SIGNED, PayloadKind.CHUNKED_SIGNED_TRAILER})


@dataclass(frozen=True, slots=True)
class PayloadMode:
    """The payload mode; `sha256` (64 hex digits) stands with SIGNED only."""

    kind: PayloadKind
    sha256: str | None = None

    @property
    def chunked(self) -> bool:
        """The body is aws-chunked, whatever Content-Encoding says."""
        return self.kind in _CHUNKED

    @property
    def trailers(self) -> bool:
        """Trailers may follow the body."""
        return self.kind in _WITH_TRAILERS

    @property
    def signed_chunks(self) -> bool:
        """Every chunk carries a signature."""
        return self.kind in _SIGNED_CHUNKS


UNSIGNED = PayloadMode(PayloadKind.UNSIGNED)


def signed_payload(value: str) -> PayloadMode:
    """The mode that x-amz-content-sha256 names in a request with a V4 signature.

    Raises InvalidArgument for any other value, NotImplemented for the ECDSA variants.
    """
    kind = _LITERAL.get(value)
    if kind is not None:
        return PayloadMode(kind)
    if _SHA256.fullmatch(value):
        return PayloadMode(PayloadKind.SIGNED, value)
    _refuse_ecdsa(value)
    choice = ", ".join(_LITERAL)
    raise InvalidArgument(
        f"{CONTENT_SHA256} must be {choice}, or a valid sha256 value.",
        ArgumentName=CONTENT_SHA256,
        ArgumentValue=value,
    )


def unsigned_payload(value: str | None) -> PayloadMode:
    """The mode of an anonymous or V2-signed request: no V4 signature speaks for its body.

    A SHA-256 and the unsigned chunked form count, anything else is a raw body; signed chunks
    cannot be verified, so they raise InvalidArgument (NotImplemented for the ECDSA variants).
    """
    if value is None:
        return UNSIGNED
    kind = _LITERAL.get(value)
    if kind in _SIGNED_CHUNKS:
        raise InvalidArgument(
            f"{CONTENT_SHA256}: signed chunks need a Signature Version 4 request.",
            ArgumentName=CONTENT_SHA256,
            ArgumentValue=value,
        )
    if kind is not None:
        return PayloadMode(kind)
    _refuse_ecdsa(value)
    return PayloadMode(PayloadKind.SIGNED, value) if _SHA256.fullmatch(value) else UNSIGNED


def _refuse_ecdsa(value: str) -> None:
    if value.startswith("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"):
        raise errors.NotImplemented(Header=CONTENT_SHA256)


@dataclass(frozen=True, slots=True)
class BodyExpectation:
    """What the headers promise of the body."""

    payload: PayloadMode
    content_length: int | None
    """Bytes on the wire, encoded; None: HTTP-chunked."""
    decoded_length: int | None
    """x-amz-decoded-content-length; None unless the body is aws-chunked."""
    content_md5: bytes | None
    """The 16 bytes of Content-MD5."""
    checksum: Checksum | None
    """The one x-amz-checksum-* header; its algorithm may be one that is not computed."""
    trailer: str | None
    """The checksum algorithm that x-amz-trailer announces."""
    max_size: int
    """Bytes the decoded body may have at most."""

    @property
    def length(self) -> int | None:
        """Bytes of the decoded body, None if nobody said."""
        return self.decoded_length if self.payload.chunked else self.content_length

    @property
    def vouched(self) -> bool:
        """The client has sent, or announced, some digest of the body."""
        digests = (self.content_md5, self.checksum, self.trailer, self.payload.sha256)
        return any(digest is not None for digest in digests)


def read_expectation(
    headers: Headers,
    payload: PayloadMode,
    *,
    content_length: int | None,
    max_size: int,
    require_length: bool = False,
    object_checksum: bool = False,
) -> BodyExpectation:
    """What the headers promise of the body; for presigned requests pass the hoisted headers.

    `require_length`: as for object data, Content-Length or Transfer-Encoding must be there.
    `object_checksum`: x-amz-checksum-* speak of the object, not of this body
    (CompleteMultipartUpload), and are left alone.

    Raises MissingContentLength, IncompleteBody, EntityTooLarge, InvalidDigest, InvalidRequest,
    MalformedTrailerError.
    """
    decoded_length = _read_decoded_length(headers) if payload.chunked else None
    unframed = content_length is None and "transfer-encoding" not in headers
    if require_length and unframed:
        raise MissingContentLength
    checksum, trailer = (None, None) if object_checksum else checksums.read_headers(headers)
    if trailer is not None and not payload.trailers:
        raise MalformedTrailerError
    expectation = BodyExpectation(
        payload,
        content_length,
        decoded_length,
        _read_content_md5(headers),
        checksum,
        trailer,
        max_size,
    )
    _check_lengths(expectation)
    return expectation


def _read_decoded_length(headers: Headers) -> int:
    text = headers.get("x-amz-decoded-content-length")
    if text is None or not _NUMBER.fullmatch(text):
        raise MissingContentLength
    return int(text)


def _check_lengths(expectation: BodyExpectation) -> None:
    length, wire = expectation.length, expectation.content_length
    if length is not None and length > expectation.max_size:
        raise EntityTooLarge(ProposedSize=length, MaxSizeAllowed=expectation.max_size)
    if length is not None and wire is not None and wire < length:
        raise IncompleteBody(NumberBytesExpected=length, NumberBytesProvided=wire)


def _read_content_md5(headers: Headers) -> bytes | None:
    text = headers.get("content-md5")
    if text is None:
        return None
    digest = checksums.decode_base64(text, 16)
    if digest is None:
        raise InvalidDigest(Content_MD5=text)
    return digest


class BodyCheck:
    """One request's body on its way through: feed() as it arrives, finish() at its end.

    `signing` is what the request's verified signature gave (None: anonymous or V2).
    `check_md5`: compare Content-MD5 here; not needed where Swift gets it as the ETag to verify.
    """

    __slots__ = (
        "_decoder",
        "_expectation",
        "_hasher",
        "_held",
        "_md5",
        "_sha256",
        "checksum",
        "received",
    )

    def __init__(
        self, expectation: BodyExpectation, signing: Signing | None, *, check_md5: bool
    ) -> None:
        payload = expectation.payload
        if payload.signed_chunks and signing is None:
            raise SignatureDoesNotMatch
        self._expectation = expectation
        self._decoder = _decoder(expectation, signing)
        self._sha256 = None if payload.sha256 is None else hashlib.sha256()
        self._md5 = hashlib.md5() if check_md5 and expectation.content_md5 else None
        named = expectation.checksum.algorithm if expectation.checksum else expectation.trailer
        self._hasher = checksums.new_hasher(named) if named in checksums.COMPUTED else None
        self._held = b""
        self.received = 0
        """Decoded bytes so far."""
        self.checksum: Checksum | None = None
        """After finish(): the verified checksum; None also for an algorithm not computed."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the wire in; returns decoded ones that may go on, perhaps none.

        What ends the body stays here; the newest bytes, if no length tells which do that.

        Raises IncompleteBody, EntityTooLarge, MalformedTrailerError, SignatureDoesNotMatch.
        """
        if not data:
            return b""
        pieces = [data] if self._decoder is None else self._decoder.feed(data)
        for piece in pieces:
            self._take(piece)
        length = self._expectation.length
        if not pieces or (length is not None and self.received < length):
            return b"".join(pieces)  # of a single one no copy
        newest = bytes(pieces.pop())
        free = b"".join((self._held, *pieces)) if pieces else self._held
        self._held = newest
        return free

    def finish(self) -> bytes:
        """The wire body has ended: verify all of it, and let go of the last piece.

        Raises IncompleteBody, MalformedTrailerError, SignatureDoesNotMatch, BadDigest,
        InvalidRequest, XAmzContentSHA256Mismatch.
        """
        trailer = None if self._decoder is None else self._decoder.finish()
        length = self._expectation.length
        if length is not None and self.received != length:
            raise IncompleteBody(NumberBytesExpected=length, NumberBytesProvided=self.received)
        self._verify_sha256()
        self._verify_md5()
        self._verify_checksum(trailer)
        held, self._held = self._held, b""
        return held

    def _take(self, piece: bytes | memoryview) -> None:
        self.received += len(piece)
        length, most = self._expectation.length, self._expectation.max_size
        if length is not None and self.received > length:
            raise IncompleteBody(NumberBytesExpected=length, NumberBytesProvided=self.received)
        if self.received > most:
            raise EntityTooLarge(ProposedSize=self.received, MaxSizeAllowed=most)
        for digest in (self._sha256, self._md5, self._hasher):
            if digest is not None:
                digest.update(piece)

    def _verify_sha256(self) -> None:
        promised = self._expectation.payload.sha256
        if self._sha256 is None or promised is None:
            return
        computed = self._sha256.hexdigest()
        if not hmac.compare_digest(computed, promised.lower()):
            raise XAmzContentSHA256Mismatch(
                ClientComputedContentSHA256=promised, S3ComputedContentSHA256=computed
            )

    def _verify_md5(self) -> None:
        promised = self._expectation.content_md5
        if self._md5 is None or promised is None:
            return
        computed = self._md5.digest()
        if computed != promised:
            raise BadDigest(
                CalculatedDigest=base64.b64encode(computed).decode("ascii"),
                ExpectedDigest=promised.hex(),
            )

    def _verify_checksum(self, trailer: str | None) -> None:
        promised = self._expectation.checksum
        if trailer is not None and self._expectation.trailer is not None:
            promised = checksums.parse(self._expectation.trailer, trailer)
            if promised is None:
                name = checksums.PREFIX + self._expectation.trailer
                raise InvalidRequest(f"Value for {name} trailing header is invalid.")
        if promised is None or self._hasher is None:
            return
        if checksums.of_digest(promised.algorithm, self._hasher.digest()) != promised:
            name = promised.algorithm.upper()
            raise BadDigest(f"The {name} you specified did not match the calculated checksum.")
        self.checksum = promised


def _decoder(expectation: BodyExpectation, signing: Signing | None) -> ChunkDecoder | None:
    payload = expectation.payload
    if not payload.chunked:
        return None
    algorithm = expectation.trailer
    return ChunkDecoder(
        signing if payload.signed_chunks else None,
        trailers=payload.trailers,
        announced=None if algorithm is None else checksums.PREFIX + algorithm,
    )
