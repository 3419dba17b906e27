"""Which signature a request carries, and what its query adds to its headers.

Bad input ends in an S3 error and in nothing else.
"""

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.errors import AccessDenied, InvalidArgument, S3Error
from s3gw.s3.request import Headers, Request
from s3gw.s3.signature import hoisted, read_claim
from tests.unit.s3 import signed
from tests.unit.s3.signed import (
    BASIC,
    CREDENTIAL,
    EMPTY_SHA256,
    HOST,
    NOW,
    PRESIGNED,
    RULES,
    SECRET,
    TARGET,
    changed,
    claim_of,
    presigned,
    refused,
    verifies,
)

ONE_MECHANISM = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query "
    "string parameter or the Authorization header should be specified"
)


def request(query: str = "", *pairs: tuple[str, str]) -> Request:
    return Request("GET", "/bucket/key", query, Headers([("Host", HOST), *pairs]))


@pytest.mark.parametrize("query", ["", "acl", "x-amz-acl=private", "Expires=1", "X-Amz-Expires=1"])
def test_a_request_without_a_signature_is_anonymous(query: str) -> None:
    assert read_claim(request(query), TARGET, RULES, NOW) is None
    assert hoisted(request(query), None).get("x-amz-acl") is None


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Credential=a",
        "x-amz-signature=a",
        "Signature=a",
        "AWSAccessKeyId=a",
        "Signature",
    ],
)
def test_half_a_signature_in_the_query_is_not_anonymous(query: str) -> None:
    assert refused(S3Error, request(query)).status in {400, 403}


def test_only_one_mechanism_is_allowed() -> None:
    v4, v2 = signed.v4(), signed.v2()
    for both in (
        changed(v4, query=presigned().raw_query),
        changed(v4, query="Signature=a"),
        changed(v2, query="X-Amz-Algorithm=AWS4-HMAC-SHA256"),
        changed(v4, add=[("Authorization", "AWS a:b")]),
        request("X-Amz-Signature=a&Signature=a"),
    ):
        error = refused(InvalidArgument, both)
        assert (error.status, error.message) == (400, ONE_MECHANISM)
        assert error.details == {"ArgumentName": "Authorization"}


@pytest.mark.parametrize(
    "value",
    [
        "Basic dXNlcjpwYXNzd29yZA==",
        "Bearer token",
        "aws a:b",
        "AWS4-HMAC-SHA512 x",
        "AWS4-ECDSA-P256-SHA256 Credential=a",
    ],
)
def test_another_scheme_is_refused_and_not_repeated(value: str) -> None:
    error = refused(InvalidArgument, request("", ("Authorization", value)))
    assert (error.status, error.message) == (400, "Unsupported Authorization Type")
    assert value.rpartition(" ")[2] not in str(error.details)


def test_an_empty_authorization_is_refused() -> None:
    error = refused(AccessDenied, request("", ("Authorization", " ")))
    assert (error.status, error.message) == (403, "Access Denied")


# The query's headers.


def test_x_amz_parameters_of_a_presigned_v4_request_act_as_headers() -> None:
    query = {
        "x-amz-acl": "public-read",
        "X-Amz-Meta-Name": "é",
        "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD",
        "x-amz-checksum-crc32": "AAAAAA==",
        "x-amz-sdk-checksum-algorithm": "CRC32",
        "x-amz-checksum-mode": "ENABLED",
        "content-type": "text/html",
        "x-id": "PutObject",
    }
    made = signed.v4_presigned("PUT", query=query)
    assert verifies(made)
    headers = hoisted(made, claim_of(made))
    assert set(headers.names()) == {"host", "x-amz-acl", "x-amz-meta-name"}
    assert headers.get("x-amz-acl") == "public-read"
    assert headers.get("x-amz-meta-name") == "é".encode().decode("latin-1")


def test_a_presigned_v2_request_brings_its_content_type_too() -> None:
    made = signed.v2_presigned(
        "PUT",
        headers=[("Content-Type", "text/plain"), ("Content-MD5", "abc="), ("x-amz-meta-a", "b")],
    )
    headers = hoisted(made, claim_of(made))
    assert dict(headers) == {
        "host": HOST,
        "content-type": "text/plain",
        "content-md5": "abc=",
        "x-amz-meta-a": "b",
    }


def test_a_header_that_was_sent_wins_over_the_querys() -> None:
    made = presigned(SignedHeaders="host;x-amz-acl", Acl="public-read")
    made = changed(made, add=[("x-amz-acl", "private")])
    assert hoisted(made, claim_of(made)).get("x-amz-acl") == "private"


def test_the_query_of_a_signed_header_request_brings_no_headers() -> None:
    for made in (
        signed.v4(query={"x-amz-acl": "public-read"}),
        signed.v2(query={"x-amz-acl": "public-read", "content-type": "a/b"}),
    ):
        assert hoisted(made, claim_of(made)) is made.headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-meta-a", "b\r\nx-auth-token: stolen"),
        ("x-amz-meta-a", "b\0"),
        ("x-amz-meta-a\r\nb", "c"),
        ("x-amz-meta-a b", "c"),
        ("x-amz-meta-é", "c"),
    ],
)
def test_what_cannot_be_a_header_does_not_become_one(name: str, value: str) -> None:
    made = signed.v4_presigned(query={name: value})
    assert verifies(made)
    with pytest.raises(InvalidArgument) as refusal:
        hoisted(made, claim_of(made))
    assert refusal.value.details == {"ArgumentName": name}


# Bad input.

latin = st.text(st.characters(max_codepoint=255), max_size=30)
pieces = st.sampled_from(
    [
        "AWS4-HMAC-SHA256 ",
        "AWS ",
        "Credential=",
        "SignedHeaders=",
        "Signature=",
        "host",
        "host;x-amz-content-sha256;x-amz-date",
        CREDENTIAL,
        ",",
        ", ",
        ";",
        ":",
        "/",
        "=",
    ]
)
authorizations = st.one_of(latin, st.lists(st.one_of(pieces, latin), max_size=10).map("".join))
names = st.sampled_from(
    [
        "authorization",
        "date",
        "host",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-meta-a",
    ]
)
headers = st.lists(
    st.one_of(
        st.tuples(names, latin),
        st.tuples(st.just("authorization"), authorizations),
        st.just(("x-amz-date", BASIC)),
        st.just(("x-amz-content-sha256", EMPTY_SHA256)),
    ),
    max_size=6,
)
parameters = st.sampled_from(
    [
        *PRESIGNED,
        "X-Amz-Content-Sha256",
        "x-amz-meta-a",
        "AWSAccessKeyId",
        "Expires",
        "Signature",
        "acl",
    ]
)
given_values = st.sampled_from([*PRESIGNED.values(), "1772604427", "UNSIGNED-PAYLOAD"])
pairs = st.lists(st.tuples(parameters, st.one_of(given_values, latin)), max_size=10)
queries = st.one_of(
    latin,
    pairs.map(urlencode),
    pairs.map(lambda found: urlencode({**PRESIGNED, **dict(found)})),
    pairs.map(lambda found: "&".join(f"{name}={quote(value, '%+')}" for name, value in found)),
)


@given(method=latin, path=latin, query=queries, pairs=headers)
def test_bad_input_raises_nothing_but_s3_errors(
    method: str, path: str, query: str, pairs: list[tuple[str, str]]
) -> None:
    try:
        made = Request(method, path, query, Headers(pairs))
        claim = read_claim(made, TARGET, RULES, NOW)
        hoisted(made, claim)
        if claim is not None:
            claim.verify(SECRET)
    except S3Error as error:
        assert error.status in {400, 403, 501}  # noqa: PT017  # any claim of these is refused
    else:
        assert claim is None


@pytest.mark.parametrize(
    ("subresource", "covered"), [("", True), ("acl", True), ("encryption", False)]
)
def test_a_presigned_v2_url_covers_only_the_sub_resources_that_v2_signs(
    subresource: str,
    covered: bool,  # noqa: FBT001  # a parameter of the table above
) -> None:
    query = f"AWSAccessKeyId=AK&Expires={int(NOW.timestamp()) + 60}&Signature=c2ln"
    assert claim_of(request(query)).covers(subresource) is covered


def test_a_v4_signature_covers_every_sub_resource() -> None:
    assert claim_of(presigned()).covers("encryption")
