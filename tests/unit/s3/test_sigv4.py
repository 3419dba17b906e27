"""Signature Version 4 verifies what botocore and AWS' published examples have signed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.errors import SignatureDoesNotMatch
from s3gw.s3.payload import PayloadKind
from s3gw.s3.request import Headers, Request
from s3gw.s3.signature import SignatureRules
from s3gw.s3.signing import DerivedKey, signing_key
from s3gw.s3.sigv4 import canonical_path, canonical_query
from tests.unit.s3 import signed
from tests.unit.s3.signed import (
    BASIC,
    EMPTY_SHA256,
    NOW,
    SECRET,
    changed,
    claim_of,
    presigned,
    verifies,
    with_authorization,
)

AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
AWS_DAY = datetime(2013, 5, 24, tzinfo=UTC)
AWS_CREDENTIAL = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"


# What botocore signs.


@given(
    method=signed.methods,
    key=signed.keys,
    query=signed.queries,
    meta=signed.meta,
    body=st.binary(max_size=20),
)
def test_what_botocore_signs_in_a_header_verifies(
    method: str, key: str, query: dict[str, str], meta: list[tuple[str, str]], body: bytes
) -> None:
    request = signed.v4(method, key, query, meta, body=body)
    claim = claim_of(request)
    assert (claim.access_key, claim.presigned) == (signed.ACCESS_KEY, False)
    signing = claim.verify(SECRET)
    assert signing is not None
    assert (signing.timestamp, signing.scope) == (BASIC, "20260304/RegionOne/s3/aws4_request")
    assert str(request.headers.get("authorization")).endswith(signing.signature)


@given(
    method=signed.methods,
    key=signed.keys,
    query=signed.queries,
    meta=signed.meta,
    expires=st.integers(min_value=0, max_value=604800),
)
def test_what_botocore_presigns_verifies(
    method: str, key: str, query: dict[str, str], meta: list[tuple[str, str]], expires: int
) -> None:
    request = signed.v4_presigned(method, key, query, meta, expires=expires)
    claim = claim_of(request)
    assert (claim.access_key, claim.presigned) == (signed.ACCESS_KEY, True)
    signing = claim.verify(SECRET)
    assert signing is not None
    assert request.raw_query.endswith(signing.signature)


@given(key=signed.keys, query=signed.queries, meta=signed.meta)
def test_another_secret_verifies_nothing(
    key: str, query: dict[str, str], meta: list[tuple[str, str]]
) -> None:
    assert not verifies(signed.v4("GET", key, query, meta), secret=SECRET + "x")
    assert not verifies(signed.v4_presigned("GET", key, query, meta), secret=SECRET + "x")


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(make("PUT", "a b", {"uploads": ""}, [("x-amz-meta-a", "1")]), id=make.__name__)
        for make in (signed.v4, signed.v4_presigned)
    ],
)
def test_nothing_signed_can_be_changed(request_: Request) -> None:
    assert verifies(request_)
    for bad in (
        changed(request_, method="POST"),
        changed(request_, path="/bucket/a%20c"),
        changed(request_, query=request_.raw_query + "&acl"),
        changed(request_, query=request_.raw_query.replace("uploads", "uploadz")),
        changed(request_, drop=["x-amz-meta-a"]),
        changed(request_, drop=["x-amz-meta-a"], add=[("x-amz-meta-a", "2")]),
        changed(request_, add=[("x-amz-meta-a", "2")]),
        changed(request_, drop=["host"], add=[("host", "elsewhere.example.com:8333")]),
    ):
        assert not verifies(bad)


# What is derived from a secret is kept with it.


@pytest.mark.parametrize("make", [signed.v4, signed.v4_presigned])
def test_a_kept_key_verifies_what_the_secret_does_and_nothing_else(
    make: Callable[..., Request],
) -> None:
    request = make("PUT", "k", {"uploads": ""}, [])
    derived = DerivedKey()
    first = claim_of(request).verify(SECRET, derived)
    assert first is not None
    assert (derived.date, derived.region, derived.key) == ("20260304", "RegionOne", first.key)
    assert claim_of(request).verify("not even looked at", derived) == first
    with pytest.raises(SignatureDoesNotMatch):
        claim_of(changed(request, method="POST")).verify(SECRET, derived)
    assert derived.key.hex() not in repr(derived)
    assert repr(derived.key) not in repr(derived)


@pytest.mark.parametrize(
    "place", [("20260303", "RegionOne"), ("20260304", "RegionTwo"), ("20260304", "")]
)
def test_a_key_of_another_day_or_region_is_not_used(place: tuple[str, str]) -> None:
    derived = DerivedKey(*place, signing_key(SECRET, *place))
    assert claim_of(signed.v4("GET", "k", {}, [])).verify(SECRET, derived) is not None
    assert (derived.date, derived.region) == ("20260304", "RegionOne")


def test_of_a_signature_that_is_wrong_nothing_is_kept() -> None:
    derived = DerivedKey()
    with pytest.raises(SignatureDoesNotMatch):
        claim_of(signed.v4("GET", "k", {}, [])).verify(SECRET + "x", derived)
    assert derived == DerivedKey()


# What AWS has published.


def test_the_published_get_object_verifies() -> None:
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={AWS_CREDENTIAL},"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )
    pairs = [
        ("Host", "examplebucket.s3.amazonaws.com"),
        ("Authorization", authorization),
        ("Range", "bytes=0-9"),
        ("x-amz-content-sha256", EMPTY_SHA256),
        ("x-amz-date", "20130524T000000Z"),
    ]
    request = Request("GET", "/test.txt", "", Headers(pairs))
    assert verifies(request, now=AWS_DAY, secret=AWS_SECRET)


def test_the_published_presigned_url_verifies() -> None:
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": AWS_CREDENTIAL,
        "X-Amz-Date": "20130524T000000Z",
        "X-Amz-Expires": "86400",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    }
    headers = Headers([("Host", "examplebucket.s3.amazonaws.com")])
    request = Request("GET", "/test.txt", urlencode(query), headers)
    assert verifies(request, now=AWS_DAY, secret=AWS_SECRET)


# The canonical form.


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("", "/"),
        ("/", "/"),
        ("//b//k", "//b//k"),
        ("/b/./a/../k", "/b/./a/../k"),
        ("/b/a b", "/b/a%20b"),
        ("/b/a+b", "/b/a%2Bb"),
        ("/b/%7e%41%2a", "/b/~A%2A"),
        ("/%2Ftest", "//test"),
        ("/b/%c3%a9%ff", "/b/%C3%A9%FF"),
        ("/b/100%", "/b/100%25"),
        ("http://other.example.com/b/k", "/b/k"),
        ("http://other.example.com", "/"),
    ],
)
def test_the_canonical_path_is_decoded_once_and_encoded_anew(raw: str, canonical: str) -> None:
    assert canonical_path(raw) == canonical


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("", ""),
        ("uploads", "uploads="),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1&a", "a=&a=1&a=2"),
        ("&&a=1&", "a=1"),
        ("prefix=d/b%20c/", "prefix=d%2Fb%20c%2F"),
        ("a=b+c", "a=b%20c"),
        ("a=b=c", "a=b%3Dc"),
        ("x-id=GetObject&X-Amz-Signature=1&x-amz-signature=2", "x-id=GetObject"),
        ("%C3%A9=%7E", "%C3%A9=~"),
        ("a%20=1&a=2", "a=2&a%20=1"),
    ],
)
def test_the_canonical_query_is_encoded_anew_and_sorted(raw: str, canonical: str) -> None:
    assert canonical_query(raw) == canonical


@given(st.text(st.characters(max_codepoint=255)))
def test_the_canonical_forms_are_their_own_canonical_forms(text: str) -> None:
    path = canonical_path("/" + text)
    assert canonical_path(path) == path
    query = canonical_query(text)
    assert canonical_query(query) == query


def test_header_values_are_trimmed_collapsed_and_joined() -> None:
    request = signed.v4(headers=[("x-amz-meta-a", "1 2"), ("x-amz-meta-a", "3")])
    spread = [("x-amz-meta-a", "  1   2 "), ("X-Amz-Meta-A", "\t3")]
    swapped = [("x-amz-meta-a", "3"), ("x-amz-meta-a", "1 2")]
    assert verifies(changed(request, drop=["x-amz-meta-a"], add=spread))
    assert not verifies(changed(request, drop=["x-amz-meta-a"], add=swapped))


def test_header_bytes_beyond_ascii_are_signed_as_they_are() -> None:
    request = signed.v4(headers=[("x-amz-meta-a", "é")])  # botocore signs the UTF-8 bytes
    wire = "é".encode().decode("latin-1")
    assert verifies(changed(request, drop=["x-amz-meta-a"], add=[("x-amz-meta-a", wire)]))


def test_an_empty_signed_header_may_be_sent_or_lost() -> None:
    request = signed.v4(headers=[("x-amz-user-agent", "")])
    assert "x-amz-user-agent" in request.headers
    assert verifies(request)
    assert verifies(changed(request, drop=["x-amz-user-agent"]))


def test_ordinary_headers_need_not_be_signed() -> None:
    ordinary = [
        ("Content-Type", "text/plain"),
        ("Content-MD5", "x"),
        ("Range", "bytes=0-1"),
        ("Expect", "100-continue"),
        ("Transfer-Encoding", "chunked"),
        ("amz-sdk-request", "attempt=1"),
        ("x-amzn-trace-id", "Root=1"),
    ]
    assert verifies(changed(signed.v4(), add=ordinary))
    assert verifies(changed(signed.v4_presigned(), add=ordinary))


@pytest.mark.parametrize(
    ("sent", "signed_host"),
    [
        ("gw.example.com:8333", "gw.example.com"),
        ("gw.example.com", "gw.example.com:80"),
        ("[::1]:8333", "[::1]"),
    ],
)
def test_a_host_may_be_signed_with_or_without_its_port(sent: str, signed_host: str) -> None:
    request = signed.v4(headers=[("Host", signed_host)])
    resent = changed(request, drop=["host"], add=[("Host", sent)])
    assert verifies(resent)
    for other in ("other.example.com", "gw.example.com.:8333"):
        assert not verifies(changed(resent, drop=["host"], add=[("Host", other)]))


def test_the_scheme_tells_the_port_that_a_client_may_have_signed() -> None:
    request = signed.v4(headers=[("Host", "gw.example.com:443")])
    resent = changed(request, drop=["host"], add=[("Host", "gw.example.com")])
    assert verifies(replace(resent, scheme="https"))
    assert not verifies(resent)


def test_http2s_authority_stands_for_the_host() -> None:
    request = with_authorization(signed_headers=":authority;x-amz-content-sha256;x-amz-date")
    with pytest.raises(SignatureDoesNotMatch) as refusal:
        claim_of(request).verify(SECRET)
    assert f"\n:authority:{signed.HOST}\n" in refusal.value.details["CanonicalRequest"]


def test_commas_need_no_spaces_and_components_no_order() -> None:
    request = signed.v4()
    scheme, _, components = str(request.headers.get("authorization")).partition(" ")
    parts = components.split(", ")
    for text in (",".join(parts), ", ".join(reversed(parts)), " ,  ".join(parts)):
        again = [("Authorization", f"{scheme} {text}")]
        assert verifies(changed(request, drop=["authorization"], add=again))


@pytest.mark.parametrize("region", ["US", "us-east-1", "auto", "RegionOne", "a b"])
def test_any_region_is_accepted(region: str) -> None:
    assert verifies(signed.v4(region=region))
    assert verifies(signed.v4_presigned(region=region))


def test_a_strict_region_may_be_written_in_lower_case() -> None:
    strict = SignatureRules(region="RegionOne", strict_region=True)
    for region in ("RegionOne", "regionone"):
        assert verifies(signed.v4(region=region), rules=strict)
        assert verifies(signed.v4_presigned(region=region), rules=strict)


# Time.


def test_the_date_header_counts_where_x_amz_date_is_absent() -> None:
    request = signed.v4(headers=[("Date", "botocore writes its own")])
    assert "x-amz-date" not in request.headers
    assert verifies(request)
    unsigned = with_authorization(signed_headers="host;x-amz-content-sha256")
    for date in (BASIC, "Wed, 04 Mar 2026 05:06:07 GMT", "Wed, 04 Mar 2026 05:06:07 -0000"):
        dated = changed(unsigned, drop=["x-amz-date"], add=[("Date", date)])
        with pytest.raises(SignatureDoesNotMatch) as refusal:
            claim_of(dated).verify(SECRET)
        assert f"\n{BASIC}\n" in refusal.value.details["StringToSign"]


def test_x_amz_date_wins_over_date() -> None:
    assert verifies(changed(signed.v4(), add=[("Date", "Thu, 01 Jan 1970 00:00:00 GMT")]))


def test_a_clock_may_be_a_quarter_of_an_hour_off() -> None:
    for seconds in (-900, 900):
        assert verifies(signed.v4(), now=NOW + timedelta(seconds=seconds))


def test_a_presigned_url_lives_from_a_quarter_before_its_date_to_its_expiry() -> None:
    for seconds in (-900, 0, 604800):
        request = signed.v4_presigned(expires=604800)
        assert verifies(request, now=NOW + timedelta(seconds=seconds))


# The query of a presigned request.


def test_parameter_names_match_in_any_case_and_are_signed_as_sent() -> None:
    request = presigned()
    lower = changed(request, query=request.raw_query.replace("X-Amz-Date", "x-amz-date"))
    with pytest.raises(SignatureDoesNotMatch) as refusal:
        claim_of(lower).verify(SECRET)
    assert f"&x-amz-date={BASIC}\n" in refusal.value.details["CanonicalRequest"]


def test_a_signed_header_that_was_not_sent_is_taken_from_the_query() -> None:
    request = presigned(SignedHeaders="host;x-amz-meta-a")
    query = request.raw_query + "&X-Amz-Meta-A=%C3%A9+1"
    with pytest.raises(SignatureDoesNotMatch) as refusal:
        claim_of(changed(request, query=query)).verify(SECRET)
    assert "\nx-amz-meta-a:é 1\n" in refusal.value.details["CanonicalRequest"]


# Payload modes.


def test_the_payload_mode_is_that_of_the_header() -> None:
    assert claim_of(signed.v4(body=b"hello")).payload.kind is PayloadKind.SIGNED
    assert claim_of(with_authorization()).payload.sha256 == EMPTY_SHA256


@pytest.mark.parametrize(
    ("in_query", "in_header", "kind"),
    [
        (None, None, PayloadKind.UNSIGNED),
        ("UNSIGNED-PAYLOAD", None, PayloadKind.UNSIGNED),
        ("UNSIGNED-PAYLOAD", "UNSIGNED-PAYLOAD", PayloadKind.UNSIGNED),
        (EMPTY_SHA256, "UNSIGNED-PAYLOAD", PayloadKind.SIGNED),
        (None, "UNSIGNED-PAYLOAD", PayloadKind.UNSIGNED),
        (None, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", PayloadKind.CHUNKED_UNSIGNED),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", None, PayloadKind.CHUNKED_SIGNED),
    ],
)
def test_the_payload_mode_of_a_presigned_request_is_the_signed_one(
    in_query: str | None, in_header: str | None, kind: PayloadKind
) -> None:
    request = presigned(**({} if in_query is None else {"Content-Sha256": in_query}))
    added = [] if in_header is None else [("x-amz-content-sha256", in_header)]
    assert claim_of(changed(request, add=added)).payload.kind is kind


def test_a_payload_hash_that_a_presigned_request_signs_is_the_only_one() -> None:
    request = signed.v4_presigned("PUT", headers=[("x-amz-content-sha256", EMPTY_SHA256)])
    other = [("x-amz-content-sha256", "ab" * 32)]
    assert claim_of(request).payload.sha256 == EMPTY_SHA256
    assert verifies(request)
    assert not verifies(changed(request, drop=["x-amz-content-sha256"], add=other))


def test_a_payload_hash_may_be_added_to_a_presigned_request_unsigned() -> None:
    request = changed(signed.v4_presigned("PUT"), add=[("x-amz-content-sha256", EMPTY_SHA256)])
    assert claim_of(request).payload.sha256 == EMPTY_SHA256
    assert verifies(request)
