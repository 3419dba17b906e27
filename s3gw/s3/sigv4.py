"""Signature Version 4, in the Authorization header or in a presigned URL.

The rule: what is signed is the request as it stood on the wire.  Path and query are decoded and
encoded anew, for clients differ in what they escape; nothing else about them is changed.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from urllib.parse import unquote_to_bytes

from s3gw.s3.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    InvalidArgument,
    InvalidRequest,
    S3Error,
)
from s3gw.s3.payload import CONTENT_SHA256, PayloadKind, PayloadMode, signed_payload
from s3gw.s3.request import Query, Request
from s3gw.s3.signing import (
    ALGORITHM,
    MAX_SKEW,
    DerivedKey,
    Signing,
    amz_parameters,
    basic,
    iso,
    mismatch,
    origin_path,
    parse_basic,
    request_time,
    same,
    signing_key,
)

PARAMETERS = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)
"""Query parameters that make a URL presigned, in lower case; all of them are needed."""

_SIGNATURE = "x-amz-signature"
_UNSIGNED = PayloadKind.UNSIGNED.value
_COMPONENTS = {"Credential", "SignedHeaders", "Signature"}
_WEEK = 604800

_PLAIN = re.compile(r"[A-Za-z0-9\-._~]*")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9\-._~/]*")
_ESCAPED_IN_PATH = re.compile(rb"[^A-Za-z0-9\-._~/]")
_ESCAPED_IN_QUERY = re.compile(rb"[^A-Za-z0-9\-._~]")
_DATE = re.compile(r"[0-9]{8}")
_INTEGER = re.compile(r"-?[0-9]{1,100}")
_BLANKS = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a signature stands."""

    error: type[S3Error]
    credential: str
    """How that error's texts about the credential begin."""
    may_be_unsigned: str | None
    """The x-amz-* header that AWS lets go unsigned there."""


_IN_HEADER = _Place(
    AuthorizationHeaderMalformed,
    credential="The authorization header is malformed; ",
    may_be_unsigned=None,
)
_IN_QUERY = _Place(
    AuthorizationQueryParametersError,
    credential="Error parsing the X-Amz-Credential parameter; ",
    may_be_unsigned=CONTENT_SHA256,
)
IN_FORM = _Place(InvalidArgument, _IN_QUERY.credential, may_be_unsigned=None)


@dataclass(frozen=True, slots=True)
class Credential:
    """Whose key signed, for which day and region."""

    access_key: str
    date: str
    region: str

    @property
    def scope(self) -> str:
        """date/region/s3/aws4_request."""
        return f"{self.date}/{self.region}/s3/aws4_request"


@dataclass(frozen=True, slots=True)
class V4Claim:
    """A V4 signature that is well-formed and in time, not yet verified."""

    credential: Credential
    presigned: bool
    payload: PayloadMode
    timestamp: str
    """yyyyMMdd'T'HHmmss'Z'."""
    signed_headers: tuple[str, ...]
    """Lower-case names, in the client's order."""
    signature: str = field(repr=False)
    payload_hashes: tuple[str, ...]
    """What may stand for the payload in the canonical request: the likeliest first."""
    request: Request = field(repr=False)
    ordinary_in_query: frozenset[str] = frozenset()

    @property
    def access_key(self) -> str:
        """The access key id."""
        return self.credential.access_key

    def covers(self, subresource: str) -> bool:
        """V4 signs the whole query."""
        del subresource
        return True

    def verify(self, secret: str, derived: DerivedKey | None = None) -> Signing:
        """See Claim.verify."""
        credential = self.credential
        key = signing_key(secret, credential.date, credential.region, derived)
        signing = Signing(key, self.timestamp, credential.scope, self.signature)
        for canonical in self._canonical_requests():
            if same(signing.sign(self._string_to_sign(canonical)), self.signature):
                if derived is not None:
                    derived.keep(credential.date, credential.region, key)
                return signing
        canonical = next(self._canonical_requests())
        raise mismatch(
            self.signature,
            self._string_to_sign(canonical).encode(),
            access_key=self.access_key,
            canonical_request=canonical,
        )

    def _canonical_requests(self) -> Iterator[bytes]:
        """The canonical requests that the client may have signed, the likeliest first."""
        request = self.request
        method, path = request.method.upper(), canonical_path(request.raw_path)
        query = canonical_query(request.raw_query)
        values = self._signed_values()
        names = ";".join(self.signed_headers)
        for host, payload_hash in product(self._hosts(), self.payload_hashes):
            values["host"] = values[":authority"] = host
            headers = [f"{name}:{values[name]}" for name in self.signed_headers]
            lines = (method, path, query, *headers, "", names, payload_hash)
            yield "\n".join(lines).encode("latin-1", "backslashreplace")

    def _string_to_sign(self, canonical_request: bytes) -> str:
        digest = hashlib.sha256(canonical_request).hexdigest()
        return f"{ALGORITHM}\n{self.timestamp}\n{self.credential.scope}\n{digest}"

    def _hosts(self) -> Iterator[str]:
        """The Host as it was sent, then those that the client may have meant.

        Some clients sign a port they do not send, or the other way round, and proxies rewrite
        it; the port tells nothing that a signature must protect.
        """
        host = self.request.headers.get("host") or ""
        yield host
        name, colon, port = host.rpartition(":")
        if colon and port.isdigit():
            yield name
        else:
            yield f"{host}:{443 if self.request.scheme == 'https' else 80}"

    def _signed_values(self) -> dict[str, str]:
        """The signed headers' values; a presigned URL may carry x-amz-* in its query instead."""
        headers = self.request.headers
        in_query = amz_parameters(self.request.query) if self.presigned else {}
        values = {}
        for name in self.signed_headers:
            value = headers.get(name)
            if value is None:
                value = in_query.get(name, "")
            blanks = "  " in value or "\t" in value
            values[name] = _BLANKS.sub(" ", value) if blanks else value
        return values


def read_header(request: Request, components: str, region: str | None, now: datetime) -> V4Claim:
    """The claim of an Authorization header, given what follows its algorithm.

    `region`: the only one that is accepted; None: any.
    Raises AuthorizationHeaderMalformed, AccessDenied, RequestTimeTooSkewed, InvalidRequest,
    InvalidArgument, NotImplemented.
    """
    parts = [part.strip().partition("=") for part in components.split(",")]
    values = {name: value for name, _, value in parts}
    if values.keys() != _COMPONENTS or len(parts) != len(values) or not all(values.values()):
        raise AuthorizationHeaderMalformed
    headers = request.headers
    credential = read_credential(values["Credential"], _IN_HEADER, region)
    timestamp = basic(request_time(headers.get("x-amz-date"), headers.get("date"), now))
    check_date(credential, timestamp, _IN_HEADER)
    signed_headers = _read_signed_headers(request, values["SignedHeaders"], _IN_HEADER)
    payload_hash = headers.get(CONTENT_SHA256)
    if payload_hash is None:
        raise InvalidRequest(f"Missing required header for this request: {CONTENT_SHA256}")
    return V4Claim(
        credential=credential,
        presigned=False,
        payload=signed_payload(payload_hash),
        timestamp=timestamp,
        signed_headers=signed_headers,
        signature=values["Signature"],
        payload_hashes=(payload_hash,),
        request=request,
    )


def read_query(request: Request, region: str | None, now: datetime) -> V4Claim:
    """The claim of a presigned URL.

    `region`: the only one that is accepted; None: any.
    Raises AuthorizationQueryParametersError, AccessDenied, InvalidArgument, NotImplemented.
    """
    values = _read_parameters(request.query)
    if values["x-amz-algorithm"] != ALGORITHM:
        raise AuthorizationQueryParametersError(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    credential = read_credential(values["x-amz-credential"], _IN_QUERY, region)
    timestamp = values["x-amz-date"]
    time = parse_basic(timestamp)
    if time is None:
        raise AuthorizationQueryParametersError(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        )
    check_date(credential, timestamp, _IN_QUERY)
    _check_lifetime(time, values["x-amz-expires"], now)
    signed_headers = _read_signed_headers(request, values["x-amz-signedheaders"], _IN_QUERY)
    payload_hashes = _presigned_payload_hashes(request, signed_headers)
    return V4Claim(
        credential=credential,
        presigned=True,
        payload=signed_payload(payload_hashes[0]),
        timestamp=timestamp,
        signed_headers=signed_headers,
        signature=values[_SIGNATURE],
        payload_hashes=payload_hashes,
        request=request,
    )


def canonical_path(raw_path: str) -> str:
    """The path decoded once and encoded anew; slashes and dot segments stay as they are."""
    path = origin_path(raw_path)
    return path if _PLAIN_PATH.fullmatch(path) else _encode(path, _ESCAPED_IN_PATH)


def canonical_query(raw_query: str) -> str:
    """The query's pieces encoded anew and sorted, without the signature."""
    pairs = []
    for piece in raw_query.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            pairs.append((_encode_word(name), _encode_word(value)))
    pairs.sort()
    return "&".join(f"{name}={value}" for name, value in pairs if name.lower() != _SIGNATURE)


def _encode_word(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return _encode(text.replace("+", " "), _ESCAPED_IN_QUERY)


def _encode(text: str, escaped: re.Pattern[bytes]) -> str:
    octets = unquote_to_bytes(text.encode("latin-1", "backslashreplace"))
    return escaped.sub(lambda match: b"%%%02X" % match[0][0], octets).decode("ascii")


def _read_parameters(query: Query) -> Mapping[str, str]:
    """The presigning parameters by lower-case name, each exactly once and not empty."""
    pairs = [(name.lower(), value) for name, value in query.pairs]
    found = [(name, value) for name, value in pairs if name in PARAMETERS and value]
    values = dict(found)
    if len(values) != len(PARAMETERS) or len(found) != len(values):
        raise AuthorizationQueryParametersError
    return values


def read_credential(text: str, place: _Place, region: str | None) -> Credential:
    """The parts of an X-Amz-Credential; raises the place's error."""
    parts = text.split("/")
    if len(parts) != 5 or not all(parts) or not text.isascii():
        raise place.error(
            f"{place.credential}the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    access_key, date, claimed_region, service, terminal = parts
    fault = _fault_in_scope(date, service, terminal)
    if fault is not None:
        raise place.error(place.credential + fault)
    # .NET's SDK writes region names in lower case, whatever it was given.
    if region is not None and claimed_region not in {region, region.lower()}:
        error = place.error(
            f"{place.credential}the region '{claimed_region}' is wrong; expecting '{region}'",
            Region=region,
        )
        # botocore and minio-go sign anew with the region that this header names.
        error.headers.append(("x-amz-bucket-region", region))
        raise error
    return Credential(access_key, date, claimed_region)


def _fault_in_scope(date: str, service: str, terminal: str) -> str | None:
    if not _DATE.fullmatch(date):
        return (
            f'incorrect date format "{date}". This date in the credential must be in the format '
            '"yyyyMMdd".'
        )
    if service != "s3":
        return f'incorrect service "{service}". This endpoint belongs to "s3".'
    if terminal != "aws4_request":
        return f'incorrect terminal "{terminal}". This endpoint uses "aws4_request".'
    return None


def check_date(credential: Credential, timestamp: str, place: _Place) -> None:
    """Raise the place's error unless the credential is for the day of the timestamp."""
    day = timestamp[:8]
    if credential.date != day:
        raise place.error(
            f'Invalid credential date "{credential.date}". '
            f'This date is not the same as X-Amz-Date: "{day}".'
        )


def _check_lifetime(time: datetime, expires: str, now: datetime) -> None:
    if not _INTEGER.fullmatch(expires):
        raise AuthorizationQueryParametersError("X-Amz-Expires should be a number")
    seconds = int(expires)
    if seconds < 0:
        raise AuthorizationQueryParametersError("X-Amz-Expires must be non-negative")
    if seconds > _WEEK:
        raise AuthorizationQueryParametersError(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given "
            f"X-Amz-Expires must be less than {_WEEK} seconds"
        )
    if time - now > MAX_SKEW:
        raise AccessDenied("Request is not valid yet")
    end = time + timedelta(seconds=seconds)
    if now > end:
        raise AccessDenied(
            "Request has expired",
            X_Amz_Expires=seconds,
            Expires=iso(end),
            ServerTime=iso(now),
        )


def _read_signed_headers(request: Request, text: str, place: _Place) -> tuple[str, ...]:
    """The signed names; the host and every x-amz-* header sent must be among them."""
    names = tuple(text.lower().split(";"))
    known = set(names)
    if len(known) != len(names):
        raise place.error("The list of signed headers names a header twice.")
    missing = [
        name
        for name in request.headers.names()
        if name.startswith("x-amz-") and name not in known and name != place.may_be_unsigned
    ]
    if not known & {"host", ":authority"}:
        missing.insert(0, "host")
    if missing:
        raise AccessDenied(
            "There were headers present in the request which were not signed",
            HeadersNotSigned=", ".join(missing),
        )
    return names


def _presigned_payload_hashes(request: Request, signed: tuple[str, ...]) -> tuple[str, ...]:
    """The query's x-amz-content-sha256 is signed; the header's need not be."""
    in_query = amz_parameters(request.query).get(CONTENT_SHA256)
    if in_query is not None:
        return (in_query,)
    in_header = request.headers.get(CONTENT_SHA256)
    if in_header is None:
        return (_UNSIGNED,)
    if CONTENT_SHA256 in signed or in_header == _UNSIGNED:
        return (in_header,)
    return (in_header, _UNSIGNED)
