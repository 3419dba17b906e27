"""Random requests from the table of operations: a valid signature, and wild everything else.

The rule: what is sent is made from a seed and a number, and from what the gateway has answered
so far (upload ids, version ids, ETags), so that requests get behind the first check.
"""

import hashlib
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from urllib.parse import quote

from s3gw.operations import OPERATIONS, Operation
from s3gw.s3.request import Headers, Request
from s3gw.s3.signing import Signing, basic, signing_key
from s3gw.s3.sigv4 import Credential, V4Claim
from tests.functional.rawclient import Keys
from tests.unit.s3.aws_chunked import encode

Pair = tuple[str, str]

STREAMED = 300_000  # bytes, more than limits.buffer_size
_ODD = (
    "", "0", "-1", "1", "3", "1000", "10001", "99999999999999999999", "1e9", " ", "true", "null",
    "a" * 300, "é", "日本", "\ud7ff", "\U0010ffff", "%", "%00", "../..", "a/../b", "//", "<x>&\"'",
    "\x7f", "\t", "*", "bytes=0-0", "bytes=-1", "bytes=5-2", "bytes=0-,3-4", "bytes=0-999999999",
    "Thu, 01 Jan 1970 00:00:00 GMT", "Wed, 21 Oct 2099 07:28:00 GMT", "2026-01-01T00:00:00Z",
    "yesterday", "AES256", "aws:kms", "STANDARD", "GLACIER", "private", "public-read", "COPY",
    "REPLACE", "url", "CRC32", "SHA256", "COMPOSITE", "FULL_OBJECT", "ENABLED", "Enabled",
    'id="abc"', "a=b&c=d", "=?UTF-8?B?w6k=?=", "d41d8cd98f00b204e9800998ecf8427e", "AAAAAA==",
)  # fmt: skip
_PARAMETERS = (
    "versionId", "uploadId", "partNumber", "prefix", "delimiter", "marker", "start-after",
    "max-keys", "continuation-token", "encoding-type", "fetch-owner", "list-type", "key-marker",
    "version-id-marker", "upload-id-marker", "max-uploads", "max-parts", "part-number-marker",
    "max-buckets", "bucket-region", "response-content-type", "response-cache-control",
    "response-expires", "x-id", "acl", "tagging", "cors", "versioning", "lifecycle", "policy",
    "torrent", "restore", "select", "website", "attributes", "uploads", "delete", "nonsense",
    "X-Amz-Security-Token", "AWSAccessKeyId", "Signature", "Expires",
)  # fmt: skip
_HEADERS = (
    "Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range",
    "Content-Type", "Content-MD5", "Content-Encoding", "Content-Disposition", "Cache-Control",
    "Content-Language", "Expires", "Origin", "Access-Control-Request-Method", "Accept-Encoding",
    "Access-Control-Request-Headers", "X-Forwarded-Host", "X-Auth-Token", "X-Object-Manifest",
    "X-Copy-From", "X-Delete-At", "X-Object-Meta-S3gw-Etag", "X-Newest", "Destination", "Referer",
    "x-amz-copy-source", "x-amz-copy-source-range", "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-none-match", "x-amz-metadata-directive", "x-amz-tagging-directive",
    "x-amz-tagging", "x-amz-acl", "x-amz-grant-read", "x-amz-grant-full-control",
    "x-amz-storage-class", "x-amz-meta-a", "x-amz-meta-a_b", "x-amz-meta-%00", "x-amz-meta-",
    "x-amz-meta-s3gw-etag", "x-amz-checksum-crc32", "x-amz-checksum-sha256",
    "x-amz-checksum-algorithm", "x-amz-sdk-checksum-algorithm", "x-amz-checksum-type",
    "x-amz-checksum-mode", "x-amz-trailer", "x-amz-decoded-content-length",
    "x-amz-server-side-encryption", "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner", "x-amz-mfa",
    "x-amz-bypass-governance-retention", "x-amz-object-lock-mode", "x-amz-if-match-size",
    "x-amz-website-redirect-location", "x-amz-mp-object-size", "x-amz-max-parts",
    "x-amz-part-number-marker", "x-amz-object-attributes", "x-amz-request-payer",
    "x-amz-bucket-object-lock-enabled", "x-amz-object-ownership", "x-amz-security-token",
    "x-amz-write-offset-bytes", "x-amz-nonsense",
)  # fmt: skip
_GRANTEE = (
    '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">'
    "<ID>{id}</ID></Grantee>"
)
_DOCUMENTS = {
    "CreateBucket": "<CreateBucketConfiguration><LocationConstraint>{word}</LocationConstraint>"
    "</CreateBucketConfiguration>",
    "DeleteObjects": "<Delete><Quiet>{word}</Quiet><Object><Key>{key}</Key></Object><Object>"
    "<Key>{key}</Key><VersionId>{version}</VersionId></Object><Object><Key>{word}</Key>"
    "<ETag>{etag}</ETag></Object></Delete>",
    "PutBucketVersioning": "<VersioningConfiguration><Status>Enabled</Status>"
    "</VersioningConfiguration>",
    "PutBucketAcl": "<AccessControlPolicy><Owner><ID>{id}</ID></Owner><AccessControlList><Grant>"
    + _GRANTEE
    + "<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
    "PutBucketCors": "<CORSConfiguration><CORSRule><AllowedOrigin>{word}</AllowedOrigin>"
    "<AllowedMethod>GET</AllowedMethod><MaxAgeSeconds>{number}</MaxAgeSeconds></CORSRule>"
    "</CORSConfiguration>",
    "PutBucketTagging": "<Tagging><TagSet><Tag><Key>{word}</Key><Value>{word}</Value></Tag>"
    "</TagSet></Tagging>",
    "CompleteMultipartUpload": "<CompleteMultipartUpload><Part><PartNumber>{number}</PartNumber>"
    "<ETag>{etag}</ETag></Part><Part><PartNumber>2</PartNumber><ETag>{etag}</ETag>"
    "<ChecksumCRC32>{word}</ChecksumCRC32></Part></CompleteMultipartUpload>",
    "a bomb": '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><Delete><Object><Key>&c;'
    "</Key></Object></Delete>",
    "a file": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&b;'
    "</Key></Object></Delete>",
}
_ALIKE = {"PutObjectAcl": "PutBucketAcl", "PutObjectTagging": "PutBucketTagging"}
_FORM = (
    '--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n{key}\r\n--x\r\n'
    'Content-Disposition: form-data; name="{word}"\r\n\r\n{word}\r\n--x\r\n'
    'Content-Disposition: form-data; name="file"; filename="{word}"\r\n\r\ndata\r\n--x--\r\n'
)


@dataclass(slots=True)
class Known:
    """What the gateway has answered: requests that name it get further."""

    buckets: list[str]
    keys: list[str]
    uploads: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    versions: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    etags: deque[str] = field(default_factory=lambda: deque(maxlen=20))


@dataclass(frozen=True, slots=True)
class WildRequest:
    """A request, as its bytes."""

    operation: str
    """Which row it was made from; it need not be the one that serves it."""
    method: str
    head: bytes = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def raw(self) -> bytes:
        """All of it."""
        return self.head + self.body


class Wild:
    """Makes the n-th request of a seed."""

    def __init__(self, seed: int, number: int, known: Known, keys: Keys, host: str) -> None:
        self._random = Random(f"{seed}-{number}")  # noqa: S311 - not for secrets
        self._known = known
        self._keys = keys
        self._host = host
        self._wildness = self._random.choice([0.1, 0.3, 0.5])

    def request(self) -> WildRequest:
        """The request."""
        operation = self._random.choice(OPERATIONS)
        method = operation.method
        if self._chance(0.03):
            method = self._random.choice(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "BREW"])
        target = self._path(operation)
        query = self._query(operation)
        headers = self._headers(operation)
        data = self._body(operation, method)
        mode = self._mode(data)
        signed, wire = self._sign(method, target, query, headers, mode, data)
        lines = [f"{method} {target}{'?' if query else ''}{query} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in signed]
        if self._chance(0.1) and wire:
            lines.append("Transfer-Encoding: chunked")
            wire = b"%x\r\n%b\r\n0\r\n\r\n" % (len(wire), wire)
        elif wire or method in {"PUT", "POST"}:
            lines.append(f"Content-Length: {len(wire)}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        return WildRequest(operation.name, method, head, wire)

    def _chance(self, odds: float) -> bool:
        return self._random.random() < odds

    def _word(self) -> str:
        pick = self._random.random()
        if pick < 0.6:
            return self._random.choice(_ODD)
        known = self._known
        pool = [*known.keys, *known.uploads, *known.versions, *known.etags, *known.buckets]
        return self._random.choice(pool) if pick < 0.9 else self._noise(12)

    def _noise(self, most: int) -> str:
        size = self._random.randrange(most)
        return "".join(chr(self._random.choice((9, *range(32, 127), 233))) for _ in range(size))

    def _path(self, operation: Operation) -> str:
        if operation.scope == "service":
            return "/"
        bucket = self._random.choice(self._known.buckets)
        if self._chance(0.05):
            bucket = self._random.choice(["-", ".s3gw", "a+segments", "A_b", "x" * 64, "nobody-s"])
        path = f"/{quote(bucket, safe='+')}"
        if operation.scope == "bucket":
            return path + self._random.choice(["", "", "/"])
        key = self._random.choice(self._known.keys) if self._chance(0.8) else self._word()
        encoded = quote(key, safe=self._random.choice(["/~", "/", "/+:@$"]), errors="surrogatepass")
        return f"{path}/{encoded}"

    def _query(self, operation: Operation) -> str:
        names = [operation.subresource] if operation.subresource else []
        names += [demand for demand in operation.demands if not demand.startswith("header:")]
        while self._chance(self._wildness):
            names.append(self._random.choice([*_PARAMETERS, *operation.parameters]))
        pieces = []
        for name in names:
            plain, equals, value = name.partition("=")
            wild = value if equals else self._value(plain)
            if plain == operation.subresource and plain not in {"uploadId", "versionId"}:
                wild = "" if self._chance(0.9) else wild
            pieces.append(f"{plain}={quote(wild, safe='', errors='surrogatepass')}")
        if self._chance(0.01):
            pieces.append("%ff=%zz")
        return "&".join(pieces)

    def _value(self, name: str) -> str:
        known = self._known
        likely = {
            "uploadId": known.uploads,
            "versionId": known.versions,
            "partNumber": ["1", "2", "3"],
            "delimiter": ["/"],
        }.get(name)
        return self._random.choice(likely) if likely and self._chance(0.8) else self._word()

    def _headers(self, operation: Operation) -> list[Pair]:
        form = [("Content-Type", "multipart/form-data; boundary=x")]
        names = [
            demand.partition(":")[2] for demand in operation.demands if demand.startswith("header:")
        ]
        while self._chance(self._wildness):
            names.append(self._random.choice(_HEADERS))
        pairs = [(name, self._header_value(name)) for name in names]
        return form + pairs if operation.name == "PostObject" else pairs

    def _header_value(self, name: str) -> str:
        value = self._word()
        if name == "x-amz-copy-source" and self._chance(0.9):
            known = self._known
            value = f"/{self._random.choice(known.buckets)}/{self._random.choice(known.keys)}"
            value = quote(value, errors="surrogatepass")
            if known.versions and self._chance(0.2):
                value += f"?versionId={self._random.choice(known.versions)}"
        text = value.encode("utf-8", "surrogatepass").decode("latin-1")
        return "".join(c for c in text if c == "\t" or (c >= " " and c != "\x7f"))

    def _body(self, operation: Operation, method: str) -> bytes:
        if method not in {"PUT", "POST"} and not self._chance(0.02):
            return b""
        name = _ALIKE.get(operation.name, operation.name)
        document = _FORM if name == "PostObject" else _DOCUMENTS.get(name)
        if document is None and operation.subresource not in {"", "uploadId"}:
            document = self._random.choice(list(_DOCUMENTS.values()))
        if self._chance(0.05):
            document = self._random.choice(list(_DOCUMENTS.values()))
        if document is not None:
            return self._spoil(self._fill(document))
        if operation.subresource == "" and self._chance(0.02):
            return self._random.randbytes(STREAMED)
        return self._random.randbytes(self._random.choice([0, 1, 40, 2000]))

    def _fill(self, document: str) -> bytes:
        known = self._known
        words = {
            "word": self._word(),
            "key": self._random.choice(known.keys),
            "version": self._value("versionId"),
            "etag": self._random.choice(known.etags) if known.etags else self._word(),
            "number": self._random.choice(["1", "1", "2", "0", "-1", "10001", "x"]),
            "id": self._word(),
        }
        for name, word in words.items():
            safe = "".join(c for c in word if c >= " ").replace("&", "&amp;").replace("<", "&lt;")
            document = document.replace(f"{{{name}}}", safe)
        return document.encode("utf-8", "replace")

    def _spoil(self, data: bytes) -> bytes:
        if self._chance(0.6) or not data:
            return data
        at = self._random.randrange(len(data))
        ways = [
            data[:at],
            data[:at] + self._random.randbytes(2) + data[at:],
            data[:at] + bytes([self._random.randrange(256)]) + data[at + 1 :],
            data + data,
            data.replace(b"><", b"><x>1</x><", 1),
            b"<a>" * 60 + data,
            b"\xef\xbb\xbf" + data,
            data.decode("utf-8", "replace").encode("utf-16"),
            data[: at // 2] + data[at:],
        ]
        return self._random.choice(ways)

    def _mode(self, data: bytes) -> str:
        if self._chance(0.6):
            return hashlib.sha256(data).hexdigest()
        return self._random.choice(
            [
                "UNSIGNED-PAYLOAD",
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
                hashlib.sha256(data + b"x").hexdigest(),
            ]
        )

    def _sign(
        self, method: str, path: str, query: str, headers: list[Pair], mode: str, data: bytes
    ) -> tuple[list[Pair], bytes]:
        """The headers to send, and the body in the coding that they announce."""
        now = datetime.now(UTC)  # noqa: TID251 - the fuzzer is the client, with its own clock
        sent = [
            ("Host", self._host),
            ("x-amz-date", basic(now)),
            ("x-amz-content-sha256", mode),
            *headers,
        ]
        if mode.startswith("STREAMING-") and self._chance(0.9):
            sent.append(("x-amz-decoded-content-length", str(len(data))))
        if mode.endswith("-TRAILER") and self._chance(0.8):
            sent.append(("x-amz-trailer", "x-amz-checksum-crc32"))
        # A query that is no UTF-8 is refused before anybody looks at the signature.
        request = Request(method, path, "" if "%ff" in query else query, Headers(sent))
        credential = Credential(self._keys.access_key, f"{now:%Y%m%d}", self._keys.region)
        claim = V4Claim(
            credential=credential,
            presigned=False,
            payload=None,  # type: ignore[arg-type]  # nothing asks for it
            timestamp=basic(now),
            signed_headers=tuple(sorted(request.headers.names())),
            signature="",
            payload_hashes=(mode,),
            request=request,
        )
        key = signing_key(self._keys.secret_key, credential.date, credential.region)
        bare = Signing(key, basic(now), credential.scope, "")
        text = claim._string_to_sign(next(claim._canonical_requests()))
        signing = Signing(key, basic(now), credential.scope, bare.sign(text))
        sent.append(("Authorization", self._authorization(claim, signing.signature)))
        wire = self._spoil(self._coded(mode, data, signing)) if "STREAMING" in mode else data
        return sent, wire

    def _authorization(self, claim: V4Claim, signature: str) -> str:
        credential = f"{claim.access_key}/{claim.credential.scope}"
        names = ";".join(claim.signed_headers)
        text = (
            f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, "
            f"Signature={signature}"
        )
        if self._chance(0.98):
            return text
        at = self._random.randrange(len(text))
        return self._random.choice(
            [text[:at], text[:at] + self._noise(9), text.replace("/", "", 1)]
        )

    def _coded(self, mode: str, data: bytes, signing: Signing) -> bytes:
        trailers = [("x-amz-checksum-crc32", "AAAAAA==")] if mode.endswith("-TRAILER") else None
        cuts = [data[:8192], data[8192:]] if len(data) > 8192 else [data]
        chunks = [chunk for chunk in cuts if chunk]
        return encode(chunks, signed="HMAC" in mode, trailers=trailers, signing=signing)
