"""Signature Version 2, in the Authorization header or in a presigned URL.

The rule: what V2 signs of the query is a closed list of sub-resources; boto3 still presigns with
it against custom endpoints.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
"""

import base64
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from s3gw.s3.errors import AccessDenied, InvalidArgument
from s3gw.s3.payload import CONTENT_SHA256, PayloadMode, unsigned_payload
from s3gw.s3.request import Request, Target
from s3gw.s3.signing import (
    DerivedKey,
    amz_parameters,
    as_wire,
    iso,
    mismatch,
    origin_path,
    request_time,
    same,
    secret_bytes,
)

PARAMETERS = frozenset({"AWSAccessKeyId", "Expires", "Signature"})
"""Query parameters that make a URL presigned; all of them are needed."""

SUBRESOURCES = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "defaultObjectAcl",
        "delete",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "partNumber",
        "policy",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "select",
        "select-type",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)
"""Query parameters that V2 signs; the rest of the query it leaves open."""

_ORDINARY = frozenset({"content-md5", "content-type"})
_EPOCH_SECONDS = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class V2Claim:
    """A V2 signature that is well-formed and in time, not yet verified."""

    access_key: str
    presigned: bool
    payload: PayloadMode
    expires: str | None
    """The Expires parameter of a presigned URL."""
    signature: str = field(repr=False)
    request: Request = field(repr=False)
    target: Target = field(repr=False)
    ordinary_in_query: frozenset[str] = _ORDINARY

    def covers(self, subresource: str) -> bool:
        """Who holds a presigned URL must not reach another operation by adding to its query."""
        return not self.presigned or not subresource or subresource in SUBRESOURCES

    def verify(self, secret: str, derived: DerivedKey | None = None) -> None:
        """See Claim.verify; no key is derived here."""
        del derived
        texts = [
            self.string_to_sign(path, bare=bare) for path in self._paths() for bare in (True, False)
        ]
        for text in texts:
            digest = hmac.digest(secret_bytes(secret), text, "sha1")
            if same(base64.b64encode(digest).decode("ascii"), self.signature):
                return
        raise mismatch(self.signature, texts[0], access_key=self.access_key)

    def _paths(self) -> Iterator[str]:
        """The path as it was sent; botocore signs a bucket's with a slash that it does not send."""
        path = origin_path(self.request.raw_path)
        yield path
        if self.target.bucket and not self.target.key and not path.endswith("/"):
            yield f"{path}/"

    def string_to_sign(self, path: str, *, bare: bool) -> bytes:
        """The string to sign; `bare`: a sub-resource with an empty value has no `=`.

        minio-go signs `uploads` where it sends `uploads=`, botocore what it sends.
        """
        amz = self._amz_headers()
        date = "" if "x-amz-date" in amz else self.request.headers.get("date") or ""
        lines = [
            self.request.method.upper(),
            self._ordinary("content-md5"),
            self._ordinary("content-type"),
            date if self.expires is None else self.expires,
            *(f"{name}:{value}" for name, value in sorted(amz.items())),
            self._resource(path, bare=bare),
        ]
        return "\n".join(lines).encode("latin-1", "backslashreplace")

    def _ordinary(self, name: str) -> str:
        value = self.request.headers.get(name)
        if value is None and self.presigned:
            value = next((v for key, v in self._query_pairs() if key.lower() == name), None)
        return (value or "").strip()

    def _amz_headers(self) -> dict[str, str]:
        headers = self.request.headers
        amz = amz_parameters(self.request.query) if self.presigned else {}
        return amz | {
            name: headers.get(name) or "" for name in headers.names() if name.startswith("x-amz-")
        }

    def _resource(self, path: str, *, bare: bool) -> str:
        bucket = f"/{self.target.bucket}" if self.target.virtual_host else ""
        pairs = [pair for pair in self._query_pairs() if pair[0] in SUBRESOURCES]
        pairs.sort(key=lambda pair: pair[0])
        assigned = set() if bare else set(self.request.raw_query.split("&"))
        words = [
            f"{name}={value}" if value or f"{name}=" in assigned else name for name, value in pairs
        ]
        return bucket + path + ("?" if words else "") + "&".join(words)

    def _query_pairs(self) -> list[tuple[str, str]]:
        """The decoded query, its UTF-8 bytes read as those of headers are."""
        return [(as_wire(name), as_wire(value)) for name, value in self.request.query.pairs]


def read_header(request: Request, target: Target, credential: str, now: datetime) -> V2Claim:
    """The claim of an Authorization header, given what follows `AWS `.

    Raises InvalidArgument, AccessDenied, RequestTimeTooSkewed, NotImplemented.
    """
    access_key, _, signature = credential.strip().rpartition(":")
    if not access_key or not signature:
        raise InvalidArgument(
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
            ArgumentName="Authorization",
        )
    headers = request.headers
    request_time(headers.get("x-amz-date"), headers.get("date"), now)
    return V2Claim(
        access_key=access_key,
        presigned=False,
        payload=unsigned_payload(headers.get(CONTENT_SHA256)),
        expires=None,
        signature=signature,
        request=request,
        target=target,
    )


def read_query(request: Request, target: Target, now: datetime) -> V2Claim:
    """The claim of a presigned URL.

    Raises AccessDenied, InvalidArgument, NotImplemented.
    """
    found = [(name, value) for name, value in request.query.pairs if name in PARAMETERS and value]
    values = dict(found)
    if len(values) != len(PARAMETERS) or len(found) != len(values):
        raise AccessDenied(
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
            "parameters"
        )
    _check_expiry(values["Expires"], now)
    payload_hash = request.headers.get(CONTENT_SHA256) or request.query.get(CONTENT_SHA256)
    return V2Claim(
        access_key=values["AWSAccessKeyId"],
        presigned=True,
        payload=unsigned_payload(payload_hash),
        expires=values["Expires"],
        # A base64 `+` that was not escaped has been read as a space.
        signature=values["Signature"].replace(" ", "+"),
        request=request,
        target=target,
    )


def _check_expiry(expires: str, now: datetime) -> None:
    if not _EPOCH_SECONDS.fullmatch(expires):
        raise AccessDenied(f"Invalid date (should be seconds since epoch): {expires}")
    if now.timestamp() > int(expires):
        end = datetime.fromtimestamp(int(expires), UTC)
        raise AccessDenied("Request has expired", Expires=iso(end), ServerTime=iso(now))
