"""Signature Version 2 against botocore's signers, and everything it is refused for."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.errors import (
    AccessDenied,
    InvalidArgument,
    InvalidRequest,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from s3gw.s3.payload import UNSIGNED, PayloadKind
from s3gw.s3.request import Headers, Request, Target
from s3gw.s3.signature import SignatureRules, read_claim
from s3gw.s3.sigv2 import SUBRESOURCES
from tests.unit.s3 import signed
from tests.unit.s3.signed import (
    ACCESS_KEY,
    HOST,
    NOW,
    RULES,
    SECRET,
    changed,
    claim_of,
    refused,
    verifies,
)

subresources = st.dictionaries(st.sampled_from(sorted(SUBRESOURCES)), signed.keys, max_size=4)
meta = st.dictionaries(signed.plain_words.map("x-amz-meta-{}".format), signed.values, max_size=3)
PARAMETERS = {"AWSAccessKeyId": ACCESS_KEY, "Expires": "1772604427", "Signature": "AAAA"}
MISSING = (
    "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
)


def presigned(parameters: dict[str, str]) -> Request:
    return Request("GET", "/bucket/key", urlencode(parameters), Headers([("Host", HOST)]))


def with_authorization(value: str, date: str | None = "Wed, 04 Mar 2026 05:06:07 GMT") -> Request:
    dated = [] if date is None else [("Date", date)]
    return Request("GET", "/bucket/key", "", Headers([*dated, ("Authorization", value)]))


# What botocore signs.


@given(
    method=signed.methods,
    key=signed.keys,
    query=signed.queries,
    more=subresources,
    meta=meta,
)
def test_what_botocore_signs_in_a_header_verifies(
    method: str,
    key: str,
    query: dict[str, str],
    more: dict[str, str],
    meta: dict[str, str],
) -> None:
    headers = [("Content-Type", "text/plain"), ("Content-MD5", "abc="), *meta.items()]
    request = signed.v2(method, key, query | more, headers)
    claim = claim_of(request)
    assert (claim.access_key, claim.presigned) == (ACCESS_KEY, False)
    assert claim.verify(SECRET) is None
    assert not verifies(request, secret=SECRET + "x")


@given(
    method=signed.methods,
    key=signed.keys,
    query=signed.queries,
    more=subresources,
    meta=meta,
)
def test_what_botocore_presigns_verifies(
    method: str,
    key: str,
    query: dict[str, str],
    more: dict[str, str],
    meta: dict[str, str],
) -> None:
    headers = [("Content-Type", "text/plain; a=b"), *meta.items()]
    request = signed.v2_presigned(method, key, query | more, headers)
    claim = claim_of(request)
    assert (claim.access_key, claim.presigned) == (ACCESS_KEY, True)
    assert claim.verify(SECRET) is None
    assert not verifies(request, secret=SECRET + "x")


def test_nothing_signed_in_a_header_can_be_changed() -> None:
    headers = [("x-amz-meta-a", "1"), ("Content-Type", "a/b"), ("Content-MD5", "abc=")]
    request = signed.v2("PUT", "a b", {"acl": ""}, headers)
    assert verifies(request)
    for bad in (
        changed(request, method="GET"),
        changed(request, path="/bucket/a%20c"),
        changed(request, query="cors="),
        changed(request, query="acl=&versionId=1"),
        changed(request, drop=["x-amz-meta-a"]),
        changed(request, add=[("x-amz-acl", "public-read")]),
        changed(request, drop=["content-type"], add=[("content-type", "a/c")]),
        changed(request, drop=["content-md5"]),
        changed(request, drop=["date"], add=[("date", "Wed, 04 Mar 2026 05:06:08 GMT")]),
    ):
        assert not verifies(bad)


def test_nothing_presigned_can_be_changed() -> None:
    headers = [("x-amz-acl", "private"), ("Content-Type", "a/b")]
    request = signed.v2_presigned("PUT", "key", {"partNumber": "1"}, headers)
    assert verifies(request)
    for bad in (
        changed(request, method="GET"),
        changed(request, path="/bucket/other"),
        changed(request, query=request.raw_query.replace("partNumber=1", "partNumber=2")),
        changed(request, query=request.raw_query.replace("private", "public-read")),
        changed(request, query=request.raw_query.replace("a%2Fb", "a%2Fc")),
        changed(request, query=request.raw_query.replace("Expires=177", "Expires=277")),
        changed(request, add=[("content-type", "a/c")]),
        changed(request, add=[("x-amz-acl", "public-read")]),
        changed(request, add=[("x-amz-meta-a", "1")]),
    ):
        assert not verifies(bad)


def test_a_header_that_says_what_the_url_says_changes_nothing() -> None:
    headers = [("x-amz-acl", "private"), ("Content-Type", "a/b")]
    assert verifies(changed(signed.v2_presigned("PUT", headers=headers), add=headers))


def test_x_amz_date_takes_the_place_of_date() -> None:
    date = "Wed, 04 Mar 2026 05:06:07 GMT"
    request = signed.v2(headers=[("x-amz-date", date)])
    with pytest.raises(SignatureDoesNotMatch) as refusal:
        claim_of(request).verify(SECRET)  # botocore signs Date too, which no server counts
    assert refusal.value.details["StringToSign"] == f"GET\n\n\n\nx-amz-date:{date}\n/bucket/key"


def test_a_subresource_without_a_value_may_be_signed_as_sent_or_bare() -> None:
    as_sent = signed.v2("POST", query={"uploads": ""})
    assert as_sent.raw_query == "uploads="
    assert verifies(as_sent)
    assert not verifies(changed(as_sent, query="uploads"))
    # minio-go signs `uploads` and sends `uploads=`; botocore signs what stands in the URL.
    bare = signed.v2("POST", query="uploads")
    assert verifies(bare)
    assert verifies(changed(bare, query="uploads="))


def test_the_bucket_of_a_virtual_host_is_part_of_what_is_signed() -> None:
    request = signed.v2(key="key")
    virtual = changed(request, path="/key")
    claim = read_claim(virtual, Target("bucket", "key", virtual_host=True), RULES, NOW)
    assert claim is not None
    assert claim.verify(SECRET) is None
    assert not verifies(virtual)


def test_a_plus_in_the_signature_may_be_sent_unescaped() -> None:
    for number in range(100):
        request = signed.v2_presigned(key=f"key{number}")
        if "%2B" in request.raw_query:
            assert verifies(changed(request, query=request.raw_query.replace("%2B", "+")))
            return
    pytest.fail("no signature with a plus among a hundred")


# What it is refused for.


@pytest.mark.parametrize("missing", PARAMETERS)
def test_all_three_parameters_are_needed_once(missing: str) -> None:
    rest = {name: value for name, value in PARAMETERS.items() if name != missing}
    twice = changed(presigned(PARAMETERS), query=urlencode([*PARAMETERS.items(), (missing, "1")]))
    for request in (presigned(rest), presigned(PARAMETERS | {missing: ""}), twice):
        error = refused(AccessDenied, request)
        assert (error.status, error.message) == (403, MISSING)


def test_a_presigned_url_is_refused_after_its_time() -> None:
    request = signed.v2_presigned(expires=60)
    assert verifies(request, now=NOW + timedelta(seconds=60))
    error = refused(AccessDenied, request, now=NOW + timedelta(seconds=61))
    assert error.message == "Request has expired"
    assert error.details == {
        "Expires": "2026-03-04T05:07:07Z",
        "ServerTime": "2026-03-04T05:07:08Z",
    }


def test_a_presigned_url_may_live_for_years() -> None:
    request = signed.v2_presigned(expires=10**9)
    assert verifies(request, now=NOW + timedelta(days=10_000))
    assert claim_of(presigned(PARAMETERS | {"Expires": "9" * 18})).presigned


@pytest.mark.parametrize("expires", ["soon", "-1", "1.5", "٣", "9" * 40])
def test_an_expiry_that_is_no_epoch_time_is_refused(expires: str) -> None:
    error = refused(AccessDenied, presigned(PARAMETERS | {"Expires": expires}))
    assert error.message == f"Invalid date (should be seconds since epoch): {expires}"


@pytest.mark.parametrize("value", ["AWS ", "AWS HAHAHA", "AWS :sig", "AWS AK:", "AWS"])
def test_a_malformed_header_is_an_invalid_argument(value: str) -> None:
    error = refused(InvalidArgument, with_authorization(value))
    assert error.status == 400
    assert error.message == (
        "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"
    )
    assert error.details == {"ArgumentName": "Authorization"}


def test_a_request_without_a_date_or_of_another_time_is_refused() -> None:
    for date in (None, "", "yesterday"):
        error = refused(AccessDenied, with_authorization("AWS AK:sig", date))
        assert error.message == "AWS authentication requires a valid Date or x-amz-date header"
    refused(RequestTimeTooSkewed, signed.v2(), now=NOW + timedelta(seconds=901))
    assert verifies(signed.v2(), now=NOW + timedelta(seconds=900))


def test_v2_can_be_turned_off() -> None:
    rules = SignatureRules(region="RegionOne", signature_v2=False)
    for request in (signed.v2(), signed.v2_presigned()):
        error = refused(InvalidRequest, request, rules=rules)
        assert error.status == 400
        assert error.message == (
            "The authorization mechanism you have provided is not supported. Please use "
            "AWS4-HMAC-SHA256."
        )
    assert verifies(signed.v4(), rules=rules)


def test_a_wrong_signature_is_told_with_what_was_signed() -> None:
    request = changed(signed.v2(), path="/bucket/other")
    with pytest.raises(SignatureDoesNotMatch) as refusal:
        claim_of(request).verify(SECRET)
    text = "GET\n\n\nWed, 04 Mar 2026 05:06:07 GMT\n/bucket/other"
    assert refusal.value.details == {
        "AWSAccessKeyId": ACCESS_KEY,
        "StringToSign": text,
        "SignatureProvided": str(request.headers.get("authorization")).partition(":")[2],
        "StringToSignBytes": text.encode().hex(" "),
    }
    assert "CanonicalRequest" not in refusal.value.details


def test_a_claim_shows_no_signature() -> None:
    request = signed.v2_presigned()
    signature = request.query.get("Signature")
    assert signature is not None
    assert signature not in repr(claim_of(request))


def test_the_body_is_raw_unless_the_header_names_a_form_that_needs_no_v4() -> None:
    assert claim_of(signed.v2("PUT")).payload == UNSIGNED
    streaming = [("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")]
    for request in (signed.v2("PUT", headers=streaming), signed.v2_presigned(headers=streaming)):
        assert claim_of(request).payload.kind is PayloadKind.CHUNKED_UNSIGNED
        assert verifies(request)
    chunks = [("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")]
    assert refused(InvalidArgument, signed.v2("PUT", headers=chunks)).status == 400
