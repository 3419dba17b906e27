"""Everything a V4 signature is refused for, with the code, the text and the elements of AWS."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from s3gw.s3.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    InvalidArgument,
    InvalidRequest,
    NotImplemented as S3NotImplemented,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from s3gw.s3.signature import SignatureRules
from tests.unit.s3 import signed
from tests.unit.s3.signed import (
    ACCESS_KEY,
    BASIC,
    CREDENTIAL,
    EMPTY_SHA256,
    HOST,
    NOW,
    PRESIGNED,
    SECRET,
    changed,
    claim_of,
    presigned,
    refused,
    with_authorization,
)

NOT_FIVE_PARTS = (
    'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
)
BAD_DATE = (
    'incorrect date format "2026-3-4". This date in the credential must be in the format '
    '"yyyyMMdd".'
)
TOO_LONG = (
    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must "
    "be less than 604800 seconds"
)
COMPONENTS = (
    "The authorization header is malformed; the authorization header requires three components: "
    "Credential, SignedHeaders, and Signature."
)
PARAMETERS = (
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
    "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
)


@pytest.mark.parametrize(
    ("credential", "fault"),
    [
        ("AK/20260304/RegionOne/s3", NOT_FIVE_PARTS),
        ("a/b/20260304/RegionOne/s3/aws4_request", NOT_FIVE_PARTS),
        ("/20260304/RegionOne/s3/aws4_request", NOT_FIVE_PARTS),
        ("AK/20260304//s3/aws4_request", NOT_FIVE_PARTS),
        ("AK%2F20260304%2FRegionOne%2Fs3%2Faws4_request", NOT_FIVE_PARTS),
        ("é/20260304/RegionOne/s3/aws4_request", NOT_FIVE_PARTS),
        ("AK/2026-3-4/RegionOne/s3/aws4_request", BAD_DATE),
        (
            "AK/20260304/RegionOne/ec2/aws4_request",
            'incorrect service "ec2". This endpoint belongs to "s3".',
        ),
        (
            "AK/20260304/RegionOne/s3/aws3_request",
            'incorrect terminal "aws3_request". This endpoint uses "aws4_request".',
        ),
    ],
)
def test_a_malformed_credential_is_told_what_is_wrong(credential: str, fault: str) -> None:
    error = refused(AuthorizationHeaderMalformed, with_authorization(credential=credential))
    assert error.status == 400
    assert error.message == f"The authorization header is malformed; {fault}"
    error = refused(AuthorizationQueryParametersError, presigned(Credential=credential))
    assert error.status == 400
    assert error.message == f"Error parsing the X-Amz-Credential parameter; {fault}"


def test_the_credentials_day_is_that_of_the_request() -> None:
    credential = f"{ACCESS_KEY}/20260303/RegionOne/s3/aws4_request"
    for error in (
        refused(AuthorizationHeaderMalformed, with_authorization(credential=credential)),
        refused(AuthorizationQueryParametersError, presigned(Credential=credential)),
    ):
        assert error.message == (
            'Invalid credential date "20260303". '
            'This date is not the same as X-Amz-Date: "20260304".'
        )


def test_a_strict_region_is_told_so_that_clients_sign_anew() -> None:
    strict = SignatureRules(region="RegionOne", strict_region=True)
    for error, begin in (
        (
            refused(AuthorizationHeaderMalformed, signed.v4(region="US"), rules=strict),
            "The authorization header is malformed; ",
        ),
        (
            refused(
                AuthorizationQueryParametersError, signed.v4_presigned(region="US"), rules=strict
            ),
            "Error parsing the X-Amz-Credential parameter; ",
        ),
    ):
        assert error.message == f"{begin}the region 'US' is wrong; expecting 'RegionOne'"
        assert error.details == {"Region": "RegionOne"}
        assert error.headers == [("x-amz-bucket-region", "RegionOne")]


@pytest.mark.parametrize(
    "components",
    [
        "",
        "Credential=a/20260304/r/s3/aws4_request",
        "Credential=a/20260304/r/s3/aws4_request, SignedHeaders=host",
        "Credential=a/20260304/r/s3/aws4_request, SignedHeaders=host, Signature=",
        "Credential=a/20260304/r/s3/aws4_request, SignedHeaders=, Signature=ab",
        "Credential=, SignedHeaders=host, Signature=ab",
        "Credential=a, Credential=a, SignedHeaders=host, Signature=ab",
        "Credential, SignedHeaders=host, Signature=ab",
        "credential=a, signedheaders=host, signature=ab",
    ],
)
def test_all_three_components_are_needed_once(components: str) -> None:
    value = ("Authorization", f"AWS4-HMAC-SHA256 {components}")
    request = changed(with_authorization(), drop=["authorization"], add=[value])
    error = refused(AuthorizationHeaderMalformed, request)
    assert (error.status, error.message) == (400, COMPONENTS)


@pytest.mark.parametrize("missing", PRESIGNED)
def test_all_six_parameters_are_needed_once(missing: str) -> None:
    whole = presigned()
    again = urlencode({missing.lower(): PRESIGNED[missing]})
    for request in (
        presigned(drop=missing),
        presigned(**{missing.removeprefix("X-Amz-"): ""}),
        changed(whole, query=f"{whole.raw_query}&{again}"),
    ):
        error = refused(AuthorizationQueryParametersError, request)
        assert (error.status, error.message) == (400, PARAMETERS)


def test_only_one_algorithm_is_supported() -> None:
    request = presigned(Algorithm="AWS4-ECDSA-P256-SHA256")
    error = refused(AuthorizationQueryParametersError, request)
    assert error.message == 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'


# Time.


@pytest.mark.parametrize("date", ["", "yesterday", "20260304", "20261304T050607Z", "2026-03-04"])
def test_a_request_without_a_date_is_refused(date: str) -> None:
    dated = with_authorization(date=date)
    for request in (dated, changed(dated, drop=["x-amz-date"])):
        error = refused(AccessDenied, request)
        assert error.status == 403
        assert error.message == "AWS authentication requires a valid Date or x-amz-date header"


@pytest.mark.parametrize("seconds", [-901, 901, -(10**9), 10**9])
def test_a_clock_more_than_a_quarter_of_an_hour_off_is_refused(seconds: int) -> None:
    now = NOW + timedelta(seconds=seconds)
    error = refused(RequestTimeTooSkewed, signed.v4(), now=now)
    assert error.status == 403
    assert error.message == (
        "The difference between the request time and the current time is too large."
    )
    assert error.details == {
        "RequestTime": BASIC,
        "ServerTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "MaxAllowedSkewMilliseconds": "900000",
    }


def test_a_presigned_url_is_refused_before_its_time() -> None:
    error = refused(AccessDenied, signed.v4_presigned(), now=NOW - timedelta(seconds=901))
    assert (error.status, error.message) == (403, "Request is not valid yet")


def test_a_presigned_url_is_refused_after_its_time() -> None:
    request = signed.v4_presigned(expires=60)
    error = refused(AccessDenied, request, now=NOW + timedelta(seconds=61))
    assert (error.status, error.message) == (403, "Request has expired")
    assert error.details == {
        "X-Amz-Expires": "60",
        "Expires": "2026-03-04T05:07:07Z",
        "ServerTime": "2026-03-04T05:07:08Z",
    }


@pytest.mark.parametrize(
    ("expires", "message"),
    [
        ("soon", "X-Amz-Expires should be a number"),
        ("1.5", "X-Amz-Expires should be a number"),
        ("1_0", "X-Amz-Expires should be a number"),
        ("٣", "X-Amz-Expires should be a number"),
        ("9" * 5000, "X-Amz-Expires should be a number"),
        ("-1", "X-Amz-Expires must be non-negative"),
        ("604801", TOO_LONG),
    ],
)
def test_a_presigned_lifetime_is_a_number_of_up_to_a_week(expires: str, message: str) -> None:
    error = refused(AuthorizationQueryParametersError, presigned(Expires=expires))
    assert (error.status, error.message) == (400, message)


def test_a_presigned_date_is_in_the_basic_format() -> None:
    error = refused(AuthorizationQueryParametersError, presigned(Date="2026-03-04T05:06:07Z"))
    assert error.message == (
        "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
    )


# Headers.


def test_every_x_amz_header_must_be_signed() -> None:
    extra = [("X-Amz-Acl", "public-read"), ("x-amz-user-agent", "")]
    for request in (signed.v4(), signed.v4_presigned()):
        error = refused(AccessDenied, changed(request, add=extra))
        assert error.status == 403
        assert error.message == "There were headers present in the request which were not signed"
        assert error.details == {"HeadersNotSigned": "x-amz-acl, x-amz-user-agent"}


def test_the_host_must_be_signed() -> None:
    for request in (
        with_authorization(signed_headers="x-amz-content-sha256;x-amz-date"),
        presigned(SignedHeaders="range"),
    ):
        assert refused(AccessDenied, request).details == {"HeadersNotSigned": "host"}


def test_no_header_may_be_signed_twice() -> None:
    twice = "host;x-amz-content-sha256;x-amz-date;host"
    for error in (
        refused(AuthorizationHeaderMalformed, with_authorization(signed_headers=twice)),
        refused(AuthorizationQueryParametersError, presigned(SignedHeaders=twice)),
    ):
        assert error.message == "The list of signed headers names a header twice."


def test_the_payload_hash_of_an_authorization_header_must_be_signed() -> None:
    error = refused(AccessDenied, with_authorization(signed_headers="host;x-amz-date"))
    assert error.details == {"HeadersNotSigned": "x-amz-content-sha256"}


def test_a_missing_payload_hash_is_told() -> None:
    error = refused(InvalidRequest, changed(with_authorization(), drop=["x-amz-content-sha256"]))
    assert error.status == 400
    assert error.message == "Missing required header for this request: x-amz-content-sha256"


def test_a_payload_hash_that_is_none_is_told() -> None:
    bad = [("x-amz-content-sha256", "what")]
    for request in (
        changed(with_authorization(), drop=["x-amz-content-sha256"], add=bad),
        changed(presigned(), add=bad),
        presigned(**{"Content-Sha256": "what"}),
    ):
        error = refused(InvalidArgument, request)
        assert error.details == {"ArgumentName": "x-amz-content-sha256", "ArgumentValue": "what"}


def test_an_ecdsa_payload_is_not_implemented() -> None:
    ecdsa = presigned(**{"Content-Sha256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"})
    assert refused(S3NotImplemented, ecdsa).status == 501


# The signature itself.


def test_a_wrong_signature_is_told_with_all_that_was_signed_and_no_secret() -> None:
    request = changed(signed.v4(query={"acl": ""}), path="/bucket/other")
    with pytest.raises(SignatureDoesNotMatch) as refusal:
        claim_of(request).verify(SECRET)
    error = refusal.value
    canonical, text = error.details["CanonicalRequest"], error.details["StringToSign"]
    assert error.status == 403
    assert error.message == (
        "The request signature we calculated does not match the signature you provided. Check "
        "your key and signing method."
    )
    assert canonical.startswith(f"GET\n/bucket/other\nacl=\nhost:{HOST}\n")
    assert canonical.endswith(f"\n\nhost;x-amz-content-sha256;x-amz-date\n{EMPTY_SHA256}")
    assert text.startswith(f"AWS4-HMAC-SHA256\n{BASIC}\n20260304/RegionOne/s3/aws4_request\n")
    assert error.details == {
        "AWSAccessKeyId": ACCESS_KEY,
        "StringToSign": text,
        "SignatureProvided": str(request.headers.get("authorization"))[-64:],
        "StringToSignBytes": text.encode().hex(" "),
        "CanonicalRequest": canonical,
        "CanonicalRequestBytes": canonical.encode().hex(" "),
    }
    assert SECRET not in str(error.details)


def test_a_claim_shows_no_signature_and_a_signing_no_key() -> None:
    claim = claim_of(signed.v4())
    signing = claim.verify(SECRET)
    assert signing is not None
    for text in (repr(claim), repr(signing)):
        assert signing.signature not in text
        assert repr(signing.key) not in text


@pytest.mark.parametrize("secret", ["", "\ud800", "é" * 1000])
@pytest.mark.parametrize("signature", ["\xe9", "x", "0" * 64])
def test_any_secret_and_any_signature_can_be_compared(secret: str, signature: str) -> None:
    value = (
        f"AWS4-HMAC-SHA256 Credential={CREDENTIAL},"
        f"SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature={signature}"
    )
    request = changed(with_authorization(), drop=["authorization"], add=[("Authorization", value)])
    with pytest.raises(SignatureDoesNotMatch):
        claim_of(request).verify(secret)
