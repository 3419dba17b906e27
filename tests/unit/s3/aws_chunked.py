"""An aws-chunked encoder for the tests, written from the specification and apart from the decoder.

It signs with HMACs of its own, so that a mistake in the gateway's chain cannot hide in both.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from s3gw.s3.signing import Signing

TIMESTAMP = "20130524T000000Z"
SCOPE = "20130524/us-east-1/s3/aws4_request"
KEY = b"a derived signing key, 32 bytes."
SEED = "5e" * 32
SIGNING = Signing(key=KEY, timestamp=TIMESTAMP, scope=SCOPE, signature=SEED)

Trailers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Form:
    """How a client writes the end of its body."""

    name: str
    trailers: Callable[[Trailers], bytes]
    before_signature: bytes = b""
    end: bytes = b"\r\n"


def _crlf(trailers: Trailers) -> bytes:
    return b"".join(f"{name}:{value}\r\n".encode() for name, value in trailers)


def _minio(trailers: Trailers) -> bytes:
    return b"".join(f"{name}:{value}\n".encode() for name, value in trailers)


AWS = Form("aws", _crlf)
MINIO = Form("minio-go", _minio, before_signature=b"\r\n")
NO_END = Form("no last line end", _crlf, end=b"")
BLANK_FIRST = Form("blank line before the trailers", lambda trailers: b"\r\n" + _crlf(trailers))
FORMS = (AWS, MINIO, NO_END, BLANK_FIRST)


def encode(
    chunks: Sequence[bytes],
    *,
    signed: bool,
    trailers: Trailers | None = None,
    form: Form = AWS,
    signing: Signing = SIGNING,
) -> bytes:
    """The encoded body; `trailers` is None where the payload mode knows none."""
    wire = bytearray()
    previous = signing.signature
    for chunk in [*chunks, b""]:
        wire += f"{len(chunk):x}".encode()
        if signed:
            previous = _sign(signing, previous, "PAYLOAD", [_sha256(b""), _sha256(chunk)])
            wire += f";chunk-signature={previous}".encode()
        wire += b"\r\n" + chunk + (b"\r\n" if chunk else b"")
    if trailers is not None:
        wire += form.trailers(trailers)
        if signed:
            lines = "".join(f"{name.lower()}:{value}\n" for name, value in sorted(trailers))
            signature = _sign(signing, previous, "TRAILER", [_sha256(lines.encode())])
            wire += form.before_signature + f"x-amz-trailer-signature:{signature}\r\n".encode()
    return bytes(wire + form.end)


def _sign(signing: Signing, previous: str, kind: str, hashes: Sequence[str]) -> str:
    origin = [signing.timestamp, signing.scope, previous]
    text = "\n".join([f"AWS4-HMAC-SHA256-{kind}", *origin, *hashes])
    return hmac.new(signing.key, text.encode(), hashlib.sha256).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
