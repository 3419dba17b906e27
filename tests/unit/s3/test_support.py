"""A header that could change a meaning, and is not understood, is refused."""

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.errors import AccessDenied, InvalidStorageClass, NotImplemented
from s3gw.s3.request import Headers
from s3gw.s3.support import check_expected_owner, check_headers, check_source_owner

ACCOUNT = "9f1c0e2d"
WRITES = ["PUT", "POST", "DELETE", "PATCH"]
READS = ["GET", "HEAD", "OPTIONS"]


def check(
    method: str, *pairs: tuple[str, str], sse_s3: bool = False, operation: str = "UploadPart"
) -> None:
    check_headers(operation, method, Headers(pairs), sse_s3=sse_s3)


tails = st.from_regex(r"[a-z][a-z-]{0,20}", fullmatch=True)
known = (
    "x-amz-meta-", "x-amz-checksum-", "x-amz-date", "x-amz-content-sha256", "x-amz-decoded-content",
    "x-amz-trailer", "x-amz-sdk-", "x-amz-user-agent", "x-amz-api-version", "x-amz-te", "x-amz-acl",
    "x-amz-request-", "x-amz-mp-object-size", "x-amz-cf-id", "x-amz-id-2", "x-amz-algorithm",
    "x-amz-credential", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature", "x-amz-tagging",
    "x-amz-storage-class", "x-amz-bucket-object-lock-enabled", "x-amz-object-ownership",
    "x-amz-expected-", "x-amz-source-expected-", "x-amz-server-side-encryption",
)  # fmt: skip
strange = tails.map("x-amz-".__add__).filter(lambda name: not name.startswith(known))


@given(st.sampled_from(WRITES), strange, st.text("abc"))
def test_a_write_with_a_header_of_tomorrow_is_refused_by_name(
    method: str, name: str, value: str
) -> None:
    with pytest.raises(NotImplemented) as refused:
        check(method, (name.title(), value))
    assert refused.value.details == {"Header": name}


@given(st.sampled_from(READS), strange, st.text("abc"))
def test_a_read_ignores_headers_of_tomorrow(method: str, name: str, value: str) -> None:
    check(method, (name, value))


@given(st.sampled_from(WRITES + READS), tails.filter(lambda name: not name.startswith("x-amz-")))
def test_headers_of_http_are_nobodys_concern_here(method: str, name: str) -> None:
    check(method, (name, "v"))


@given(tails, st.text())
def test_metadata_and_checksums_may_have_any_name(tail: str, value: str) -> None:
    check("PUT", (f"x-amz-meta-{tail}", value), (f"x-amz-checksum-{tail}", value))


def test_one_bad_header_among_good_ones_is_found() -> None:
    with pytest.raises(NotImplemented) as refused:
        check("PUT", ("x-amz-date", "d"), ("X-Amz-Grant-Read", "id=1"), ("x-amz-meta-a", "v"))
    assert refused.value.details == {"Header": "x-amz-grant-read"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-date", "20240102T030405Z"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-amz-decoded-content-length", "1"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
        ("x-amz-mp-object-size", "1"),
        ("x-amz-request-payer", "requester"),
        ("x-amz-signature", "s"),
        ("x-amz-acl", "private"),
        ("x-amz-acl", "bucket-owner-full-control"),
        ("x-amz-acl", ""),
        ("x-amz-tagging", ""),
        ("x-amz-bucket-object-lock-enabled", "False"),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-expected-bucket-owner", ACCOUNT),
    ],
)
def test_what_is_understood_passes(name: str, value: str) -> None:
    check("PUT", (name, value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-acl", "public-read"),
        ("x-amz-acl", "PRIVATE"),
        ("x-amz-acl", "private,public-read"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-bucket-object-lock-enabled", "true"),
        ("x-amz-object-ownership", "BucketOwnerEnforced"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-website-redirect-location", "/"),
    ],
)
def test_a_value_that_is_not_implemented_is_refused_on_writes_alone(name: str, value: str) -> None:
    with pytest.raises(NotImplemented) as refused:
        check("PUT", (name, value))
    assert refused.value.details == {"Header": name}
    check("GET", (name, value))


@pytest.mark.parametrize("operation", ["PutObject", "CopyObject", "CreateMultipartUpload"])
def test_who_makes_an_object_may_tag_it(operation: str) -> None:
    check("PUT", ("x-amz-tagging", "a=b"), operation=operation)


def test_what_owns_objects_is_said_of_a_new_bucket() -> None:
    check("PUT", ("x-amz-object-ownership", "x"), operation="CreateBucket")


ACLS = [("x-amz-acl", "public-read"), ("x-amz-acl", "x"), ("x-amz-grant-write-acp", "id=x")]


@pytest.mark.parametrize(
    "operation",
    ["PutObject", "CopyObject", "CreateMultipartUpload", "CreateBucket", "PutBucketAcl",
     "PutObjectAcl"],
)  # fmt: skip
def test_who_makes_or_sets_an_acl_reads_what_the_headers_say_of_it(operation: str) -> None:
    for header in ACLS:
        check("PUT", header, operation=operation)


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload", "DeleteObject"])
def test_elsewhere_an_acl_that_would_grant_something_is_refused(operation: str) -> None:
    for header in ACLS:
        with pytest.raises(NotImplemented):
            check("PUT", header, operation=operation)
    check("PUT", ("x-amz-acl", "private"), operation=operation)


@pytest.mark.parametrize("value", ["GLACIER", "standard", ""])
def test_other_storage_classes_are_invalid(value: str) -> None:
    with pytest.raises(InvalidStorageClass) as refused:
        check("PUT", ("x-amz-storage-class", value))
    assert refused.value.details == {"StorageClassRequested": value}
    check("GET", ("x-amz-storage-class", value))


OWNER = "x-amz-expected-bucket-owner"
SOURCE_OWNER = "x-amz-source-expected-bucket-owner"
OTHERS = ["other", ACCOUNT.upper(), "", f"{ACCOUNT},{ACCOUNT}"]


@pytest.mark.parametrize("value", OTHERS)
@pytest.mark.parametrize("name", [OWNER, SOURCE_OWNER])
def test_another_owner_than_expected_is_denied(name: str, value: str) -> None:
    check_expected_owner(Headers([(name, ACCOUNT)]), ACCOUNT)
    with pytest.raises(AccessDenied):
        check_expected_owner(Headers([(name, value)]), ACCOUNT)


@pytest.mark.parametrize("value", OTHERS)
def test_the_owner_of_a_copys_source_is_compared_with_the_source(value: str) -> None:
    copy = Headers([("x-amz-copy-source", "b/k"), (SOURCE_OWNER, value), (OWNER, ACCOUNT)])
    check_expected_owner(copy, ACCOUNT)
    check_source_owner(Headers([(SOURCE_OWNER, ACCOUNT)]), ACCOUNT)
    with pytest.raises(AccessDenied):
        check_source_owner(copy, ACCOUNT)


@pytest.mark.parametrize("method", ["PUT", "GET"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "k"),
    ],
)
def test_encryption_is_refused_unless_the_operator_vouches_for_it(
    method: str, name: str, value: str
) -> None:
    with pytest.raises(NotImplemented) as refused:
        check(method, (name, value))
    assert refused.value.details == {"Header": name}
    if (name, value) == ("x-amz-server-side-encryption", "AES256"):
        check(method, (name, value), sse_s3=True)
    else:
        with pytest.raises(NotImplemented):
            check(method, (name, value), sse_s3=True)


@pytest.mark.parametrize(
    "name",
    [
        "x-amz-copy-source",
        "x-amz-copy-source-range",
        *(
            f"x-amz-copy-source-if-{kind}"
            for kind in ("match", "none-match", "modified-since", "unmodified-since")
        ),
        "x-amz-metadata-directive",
        "x-amz-tagging-directive",
    ],
)
def test_what_is_said_of_a_copy_is_for_copies_only(name: str) -> None:
    pairs = [(name, "x")]
    for operation in ("CopyObject", "UploadPartCopy"):
        check_headers(operation, "PUT", Headers(pairs), sse_s3=False)
    for operation in ("PutObject", "UploadPart", "CreateMultipartUpload", "CreateBucket"):
        with pytest.raises(NotImplemented) as caught:
            check_headers(operation, "PUT", Headers(pairs), sse_s3=False)
        assert caught.value.details == {"Header": name}
