"""botocore as the client: requests that its own signers have signed, at a fixed time."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import HmacV1Auth, HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode, percent_encode_sequence
from hypothesis import strategies as st

from s3gw.s3.errors import S3Error, SignatureDoesNotMatch
from s3gw.s3.request import Headers, Request, Target
from s3gw.s3.signature import Claim, SignatureRules, read_claim

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ACCESS_KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HOST = "gateway.example.com:8333"
RULES = SignatureRules(region="RegionOne")
TARGET = Target("bucket", "key")

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
CREDENTIAL = f"{ACCESS_KEY}/20260304/RegionOne/s3/aws4_request"
BASIC = "20260304T050607Z"
PRESIGNED = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": CREDENTIAL,
    "X-Amz-Date": BASIC,
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "ab" * 32,
}

Pairs = Iterable[tuple[str, str]]

_OF_V2 = {"AWSAccessKeyId", "Signature", "Expires"}
_CREDENTIALS = Credentials(ACCESS_KEY, SECRET)

# What a key, a query or a header value may be.
keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
plain_words = st.from_regex(r"[a-z][a-z0-9\-]{0,8}", fullmatch=True)
queries = st.dictionaries(words.filter(lambda word: not is_of_signature(word)), keys, max_size=4)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
meta = st.lists(st.tuples(plain_words.map("x-amz-meta-{}".format), values), max_size=4)
methods = st.sampled_from(["GET", "PUT", "HEAD", "POST", "DELETE"])


def is_of_signature(word: str) -> bool:
    """The query parameter would be one of a signature's own, or act as a header."""
    return word.lower().startswith(("x-amz-", "content-")) or word in _OF_V2


class _V2(HmacV1Auth):  # type: ignore[misc]  # botocore has no types
    def _get_date(self) -> str:
        return "Wed, 04 Mar 2026 05:06:07 GMT"


class _V2Query(HmacV1QueryAuth):  # type: ignore[misc]  # botocore has no types
    def _get_date(self) -> str:
        return str(int(NOW.timestamp()) + int(self._expires))


def v4(
    method: str = "GET",
    key: str = "key",
    query: dict[str, str] | str = "",
    headers: Pairs = (),
    *,
    region: str = "RegionOne",
    body: bytes = b"",
) -> Request:
    """A request with a V4 Authorization header."""
    signer = S3SigV4Auth(_CREDENTIALS, "s3", region)
    return _sign(signer, _build(method, key, query, headers, body))


def v4_presigned(
    method: str = "GET",
    key: str = "key",
    query: dict[str, str] | str = "",
    headers: Pairs = (),
    *,
    region: str = "RegionOne",
    expires: int = 3600,
) -> Request:
    """A request to a V4 presigned URL; the headers are signed and sent."""
    signer = S3SigV4QueryAuth(_CREDENTIALS, "s3", region, expires)
    return _sign(signer, _build(method, key, query, headers))


def v2(
    method: str = "GET",
    key: str = "key",
    query: dict[str, str] | str = "",
    headers: Pairs = (),
) -> Request:
    """A request with a V2 Authorization header."""
    return _sign(_V2(_CREDENTIALS), _build(method, key, query, headers))


def v2_presigned(
    method: str = "GET",
    key: str = "key",
    query: dict[str, str] | str = "",
    headers: Pairs = (),
    *,
    expires: int = 3600,
) -> Request:
    """A request to a V2 presigned URL: botocore puts the headers into its query."""
    signed = _sign(_V2Query(_CREDENTIALS, expires), _build(method, key, query, headers))
    return Request(method, signed.raw_path, signed.raw_query, Headers([("Host", HOST)]))


def with_authorization(
    *,
    credential: str = CREDENTIAL,
    signed_headers: str = "host;x-amz-content-sha256;x-amz-date",
    date: str = BASIC,
) -> Request:
    """A well-formed request with some V4 Authorization header."""
    value = (
        f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed_headers}, "
        f"Signature={'ab' * 32}"
    )
    pairs = [("x-amz-date", date), ("x-amz-content-sha256", EMPTY_SHA256), ("Authorization", value)]
    return Request("GET", "/bucket/key", "", Headers([("Host", HOST), *pairs]))


def presigned(*, drop: str | None = None, **parameters: str) -> Request:
    """A well-formed request to some V4 presigned URL; parameters without `X-Amz-`."""
    query = PRESIGNED | {f"X-Amz-{name}": value for name, value in parameters.items()}
    pairs = [(name, value) for name, value in query.items() if name != drop]
    return Request("GET", "/bucket/key", urlencode(pairs), Headers([("Host", HOST)]))


def claim_of(request: Request, *, rules: SignatureRules = RULES, now: datetime = NOW) -> Claim:
    """The claim of a request that is well-formed and not anonymous."""
    claim = read_claim(request, TARGET, rules, now)
    assert claim is not None
    return claim


def verifies(
    request: Request,
    *,
    rules: SignatureRules = RULES,
    now: datetime = NOW,
    secret: str = SECRET,
) -> bool:
    """Whether a well-formed signature is that of the secret."""
    try:
        claim_of(request, rules=rules, now=now).verify(secret)
    except SignatureDoesNotMatch:
        return False
    return True


def refused(
    error: type[S3Error], request: Request, *, rules: SignatureRules = RULES, now: datetime = NOW
) -> S3Error:
    """The refusal before anybody knows the secret."""
    with pytest.raises(error) as refusal:
        read_claim(request, TARGET, rules, now)
    return refusal.value


def changed(
    request: Request,
    *,
    method: str | None = None,
    path: str | None = None,
    query: str | None = None,
    add: Pairs = (),
    drop: Iterable[str] = (),
) -> Request:
    """The request as somebody else may have changed it on its way."""
    kept = [pair for pair in request.headers if pair[0] not in set(drop)]
    return Request(
        request.method if method is None else method,
        request.raw_path if path is None else path,
        request.raw_query if query is None else query,
        Headers([*kept, *add]),
    )


def _build(
    method: str, key: str, query: dict[str, str] | str, headers: Pairs, body: bytes = b""
) -> Any:
    url = f"http://{HOST}/bucket/{percent_encode(key, safe='/~')}"
    if query:
        url += "?" + (query if isinstance(query, str) else percent_encode_sequence(query))
    request = AWSRequest(method=method, url=url, data=body)
    for name, value in headers:
        request.headers.add_header(name, value)
    return request


def _sign(signer: Any, request: Any) -> Request:
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        signer.add_auth(request)
    url = urlsplit(request.url)
    headers = Headers([("Host", HOST), *request.headers.items()])
    return Request(request.method, url.path, url.query, headers)
