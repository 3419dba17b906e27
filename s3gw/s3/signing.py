"""What every signature shares: the key that signs, the time it was made, and the refusal.

The rule: a secret comes in as an argument and leaves only as a derived key, which no repr shows;
signatures are compared in constant time.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from s3gw.s3.dates import parse_http_date
from s3gw.s3.errors import AccessDenied, RequestTimeTooSkewed, SignatureDoesNotMatch
from s3gw.s3.request import Query

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
MAX_SKEW = timedelta(minutes=15)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BASIC = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_ABSOLUTE_FORM = re.compile(r"\Ahttps?://[^/]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signing:
    """A verified V4 signature, from which those of the body's chunks go on."""

    key: bytes = field(repr=False)
    """The derived signing key: good for one day, one region and the service s3."""
    timestamp: str
    """The request's time, as yyyyMMdd'T'HHmmss'Z'."""
    scope: str
    """date/region/s3/aws4_request."""
    signature: str = field(repr=False)
    """The request's own signature in hex: the seed of the chain."""

    def chunk_text(self, previous: str, data_sha256: str) -> str:
        """The string to sign of a chunk whose data have that SHA-256 (hex)."""
        return (
            f"{ALGORITHM}-PAYLOAD\n{self.timestamp}\n{self.scope}\n"
            f"{previous}\n{EMPTY_SHA256}\n{data_sha256}"
        )

    def trailer_text(self, previous: str, lines_sha256: str) -> str:
        """The string to sign of a trailer whose `name:value` lines have that SHA-256 (hex)."""
        return f"{ALGORITHM}-TRAILER\n{self.timestamp}\n{self.scope}\n{previous}\n{lines_sha256}"

    def sign(self, text: str) -> str:
        """The signature of a string to sign, in hex."""
        return hmac.digest(self.key, text.encode(), "sha256").hex()


@dataclass(slots=True)
class DerivedKey:
    """The V4 signing key that a signature by a secret was verified with last.

    Whoever holds the secret holds this beside it, so that it lives no longer; and one is all, so
    that nobody makes more of them by naming days and regions.
    """

    date: str = ""
    region: str = ""
    key: bytes = field(default=b"", repr=False)

    def find(self, date: str, region: str) -> bytes | None:
        """The key, if it is for that day and region."""
        return self.key if self.key and (self.date, self.region) == (date, region) else None

    def keep(self, date: str, region: str, key: bytes) -> None:
        """A signature was verified with this key."""
        self.date, self.region, self.key = date, region, key


def signing_key(secret: str, date: str, region: str, derived: DerivedKey | None = None) -> bytes:
    """The V4 signing key of a secret for a day (yyyyMMdd) and a region.

    `derived`: what is kept with the secret; it may be this one.
    """
    if derived is not None and (known := derived.find(date, region)) is not None:
        return known
    key = b"AWS4" + secret_bytes(secret)
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def secret_bytes(secret: str) -> bytes:
    """The secret's UTF-8 bytes; never raises, for users choose their secrets."""
    return secret.encode("utf-8", "surrogatepass")


def same(calculated: str, provided: str) -> bool:
    """Whether two signatures are equal, in constant time, whatever text was sent."""
    return hmac.compare_digest(calculated.encode(), provided.encode("utf-8", "surrogatepass"))


def mismatch(
    provided: str,
    string_to_sign: bytes,
    *,
    access_key: str | None = None,
    canonical_request: bytes | None = None,
) -> SignatureDoesNotMatch:
    """The refusal, with what the gateway has signed: it holds no secret and helps to debug."""
    details: dict[str, str] = {}
    if access_key is not None:
        details["AWSAccessKeyId"] = access_key
    details["StringToSign"] = string_to_sign.decode("utf-8", "replace")
    # A chunk's is the client's own bytes, of which a document cannot hold all.
    details["SignatureProvided"] = _CONTROL.sub("?", provided)
    details["StringToSignBytes"] = string_to_sign.hex(" ")
    if canonical_request is not None:
        details["CanonicalRequest"] = canonical_request.decode("utf-8", "replace")
        details["CanonicalRequestBytes"] = canonical_request.hex(" ")
    return SignatureDoesNotMatch(**details)


def parse_basic(text: str) -> datetime | None:
    """A time written yyyyMMdd'T'HHmmss'Z', None if the text is not one."""
    if not _BASIC.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def basic(time: datetime) -> str:
    """A time written yyyyMMdd'T'HHmmss'Z'."""
    return (
        f"{time.year:04}{time.month:02}{time.day:02}T"
        f"{time.hour:02}{time.minute:02}{time.second:02}Z"
    )


def parse_time(text: str | None) -> datetime | None:
    """A time written yyyyMMdd'T'HHmmss'Z' or as an HTTP date, None if the text is neither."""
    if not text:
        return None
    return parse_basic(text) or parse_http_date(text)


def request_time(amz_date: str | None, date: str | None, now: datetime) -> datetime:
    """When a request with an Authorization header was signed: x-amz-date wins over Date.

    Raises AccessDenied if neither tells it, RequestTimeTooSkewed if it is not about now.
    """
    text = date if amz_date is None else amz_date
    time = parse_time(text)
    if time is None:
        raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header")
    if abs(now - time) > MAX_SKEW:
        raise RequestTimeTooSkewed(
            RequestTime=text,
            ServerTime=iso(now),
            MaxAllowedSkewMilliseconds=MAX_SKEW // timedelta(milliseconds=1),
        )
    return time


def iso(time: datetime) -> str:
    """A time as it stands in error answers."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def origin_path(raw_path: str) -> str:
    """The path that clients sign: without the authority of an absolute-form target, never empty."""
    return (raw_path if raw_path[:1] == "/" else _ABSOLUTE_FORM.sub("", raw_path)) or "/"


def amz_parameters(query: Query) -> dict[str, str]:
    """The query's x-amz-* by lower-case name, as if they had been headers.

    Their UTF-8 bytes are read as latin-1, as those of headers are; repeated ones are joined.
    """
    values: dict[str, list[str]] = {}
    for name, value in query.pairs:
        lower = name.lower()
        if lower.startswith("x-amz-"):
            values.setdefault(lower, []).append(value.strip(" \t"))
    return {as_wire(name): as_wire(",".join(joined)) for name, joined in values.items()}


def as_wire(text: str) -> str:
    """A decoded parameter's UTF-8 bytes, read as latin-1 as those of headers are."""
    return text.encode().decode("latin-1")
