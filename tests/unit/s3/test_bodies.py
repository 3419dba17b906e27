"""What boto3 and less careful clients send is understood; the rest is refused."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings, strategies as st

from s3gw.s3.bodies import (
    CompletedPart,
    CompleteMultipartUpload,
    Delete,
    ObjectIdentifier,
    parse_complete_multipart_upload,
    parse_create_bucket_configuration,
    parse_delete,
)
from s3gw.s3.conditions import DeleteConditions
from s3gw.s3.errors import (
    InvalidArgument,
    InvalidPartOrder,
    InvalidRequest,
    MalformedXML,
    NotImplemented as S3NotImplemented,
    S3Error,
)
from tests.unit.s3.test_xml import XML_CHARACTERS
from tests.unit.s3.wire import written_body

ETAG = "d41d8cd98f00b204e9800998ecf8427e"
KEYS = st.text(XML_CHARACTERS, min_size=1)


# CompleteMultipartUpload


def complete(*parts: str) -> CompleteMultipartUpload:
    inner = "".join(f"<Part>{part}</Part>" for part in parts)
    body = f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>"
    return parse_complete_multipart_upload(body.encode(), "upload")


@settings(deadline=None)
@given(st.sets(st.integers(1, 10_000), min_size=1, max_size=20).map(sorted))
def test_the_parts_of_boto3_are_read(numbers: list[int]) -> None:
    parts = [{"ETag": f'"{ETAG}"', "PartNumber": n, "ChecksumCRC32": "AAAAAA=="} for n in numbers]
    body = written_body(
        "CompleteMultipartUpload",
        Bucket="b",
        Key="k",
        UploadId="u",
        MultipartUpload={"Parts": parts},
    )
    assert parse_complete_multipart_upload(body, "u") == CompleteMultipartUpload(
        tuple(CompletedPart(n, ETAG, {"crc32": "AAAAAA=="}) for n in numbers)
    )


@pytest.mark.parametrize(
    "etag", [f'"{ETAG}"', f"&quot;{ETAG}&quot;", f"&#34;{ETAG}&#34;", ETAG, f" {ETAG}\n"]
)
def test_every_way_to_quote_an_etag_is_read(etag: str) -> None:
    found = complete(f"<ETag>{etag}</ETag><PartNumber> 1\n</PartNumber>")
    assert found.parts == (CompletedPart(1, ETAG, {}),)


def test_checksums_go_by_algorithm_and_empty_ones_are_absent() -> None:
    found = complete(
        "<PartNumber>1</PartNumber><ETag>x</ETag><ChecksumCRC64NVME>YQ==</ChecksumCRC64NVME>"
        "<ChecksumSHA256> Yg== </ChecksumSHA256><ChecksumCRC32/><Size>5</Size>"
    )
    assert found.parts[0].checksums == {"crc64nvme": "YQ==", "sha256": "Yg=="}


def test_an_upload_needs_a_part() -> None:
    with pytest.raises(InvalidRequest, match="You must specify at least one part"):
        complete()


@pytest.mark.parametrize("numbers", [(2, 1), (1, 1), (1, 3, 2)])
def test_parts_must_ascend(numbers: tuple[int, ...]) -> None:
    with pytest.raises(InvalidPartOrder) as caught:
        complete(*(f"<ETag>x</ETag><PartNumber>{n}</PartNumber>" for n in numbers))
    assert caught.value.details == {"UploadId": "upload"}


@pytest.mark.parametrize("number", ["0", "-1", "10001"])
def test_part_numbers_have_bounds(number: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        complete(f"<ETag>x</ETag><PartNumber>{number}</PartNumber>")
    assert caught.value.details == {"ArgumentName": "PartNumber", "ArgumentValue": number}


@pytest.mark.parametrize(
    "part",
    [
        "",
        "<ETag>x</ETag>",
        "<PartNumber>1</PartNumber>",
        "<ETag>x</ETag><PartNumber/>",
        "<ETag>x</ETag><PartNumber>one</PartNumber>",
        "<ETag>x</ETag><PartNumber>1.0</PartNumber>",
        "<ETag>x</ETag><PartNumber>٣</PartNumber>",
        f"<ETag>x</ETag><PartNumber>{'9' * 5000}</PartNumber>",
        "<ETag>x</ETag><ETag>y</ETag><PartNumber>1</PartNumber>",
        "<ETag>x</ETag><PartNumber>1</PartNumber><PartNumber>2</PartNumber>",
    ],
)
def test_what_is_no_part_is_malformed(part: str) -> None:
    with pytest.raises(MalformedXML):
        complete(part)


@pytest.mark.parametrize("body", [b"", b"<Other/>", b"<CompleteMultipartUpload>"])
def test_what_is_no_list_of_parts_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedXML):
        parse_complete_multipart_upload(body, "u")


# DeleteObjects


def delete(inner: str) -> Delete:
    return parse_delete(f"<Delete>{inner}</Delete>".encode())


@settings(deadline=None)
@given(keys=st.lists(KEYS, min_size=1, max_size=20), quiet=st.booleans())
def test_the_keys_of_boto3_are_read(*, keys: list[str], quiet: bool) -> None:
    wanted = {"Objects": [{"Key": key} for key in keys], "Quiet": quiet}
    body = written_body("DeleteObjects", Bucket="b", Delete=wanted)
    assert parse_delete(body) == Delete(tuple(map(ObjectIdentifier, keys)), quiet)


def test_the_conditions_of_boto3_are_kept() -> None:
    conditions = {"ETag": f'"{ETAG}"', "LastModifiedTime": datetime(2024, 1, 2, tzinfo=UTC)}
    one = {"Key": "k", "VersionId": "v", "Size": 5, **conditions}
    body = written_body("DeleteObjects", Bucket="b", Delete={"Objects": [one]})
    assert parse_delete(body).objects == (
        ObjectIdentifier("k", "v", DeleteConditions(ETAG, 5, datetime(2024, 1, 2, tzinfo=UTC))),
    )


def test_an_empty_version_is_none_and_an_empty_etag_is_kept() -> None:
    found = delete("<Object><Key>k</Key><VersionId></VersionId><ETag/></Object>")
    assert found == Delete((ObjectIdentifier("k", conditions=DeleteConditions("")),), quiet=False)


@pytest.mark.parametrize(
    "condition",
    [
        "<Size/>",
        "<Size>-1</Size>",
        "<Size>1.0</Size>",
        "<Size>1</Size><Size>1</Size>",
        "<LastModifiedTime/>",
        "<LastModifiedTime>yesterday</LastModifiedTime>",
    ],
)
def test_a_condition_that_cannot_be_read_is_malformed(condition: str) -> None:
    with pytest.raises(MalformedXML):
        delete(f"<Object><Key>k</Key>{condition}</Object>")


def test_keys_are_taken_to_the_letter() -> None:
    keys = ["a%2Fb", " a ", "a&#13;b", "a&#xA;", "&lt;&amp;", "..", "+"]
    found = delete("".join(f"<Object><Key>{key}</Key></Object>" for key in keys))
    assert [one.key for one in found.objects] == [
        "a%2Fb",
        " a ",
        "a\rb",
        "a\n",
        "<&",
        "..",
        "+",
    ]


@pytest.mark.parametrize(
    ("text", "quiet"),
    [("true", True), ("True", True), ("1", True), ("false", False), ("0", False), ("", False)],
)
def test_quiet_is_a_truth(text: str, *, quiet: bool) -> None:
    found = delete(f"<Quiet>{text}</Quiet><Object><Key>k</Key></Object>")
    assert found.quiet is quiet


def test_a_thousand_objects_are_the_most() -> None:
    assert len(delete("<Object><Key>k</Key></Object>" * 1000).objects) == 1000
    with pytest.raises(MalformedXML):
        delete("<Object><Key>k</Key></Object>" * 1001)


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<Quiet>true</Quiet>",
        "<Object/>",
        "<Object><Key/></Object>",
        "<Object><Key>a</Key><Key>b</Key></Object>",
        "<Object><Key>a<b/></Key></Object>",
        "<Object><VersionId>v</VersionId></Object>",
        "<Object><Key>&#x1;</Key></Object>",
        "<Object><Key>a</Key><IfNewerThan>1</IfNewerThan></Object>",
        "<DryRun>true</DryRun><Object><Key>a</Key></Object>",
        "<Quiet>perhaps</Quiet><Object><Key>a</Key></Object>",
    ],
)
def test_what_is_no_deletion_is_malformed(inner: str) -> None:
    with pytest.raises(MalformedXML):
        delete(inner)


# CreateBucket


def test_the_location_of_boto3_is_read() -> None:
    wanted = {"LocationConstraint": "RegionOne"}
    body = written_body("CreateBucket", Bucket="b", CreateBucketConfiguration=wanted)
    assert parse_create_bucket_configuration(body) == "RegionOne"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<CreateBucketConfiguration/>",
        b"<CreateBucketConfiguration><LocationConstraint/></CreateBucketConfiguration>",
    ],
)
def test_a_bucket_may_have_no_location(body: bytes) -> None:
    assert parse_create_bucket_configuration(body) is None


@pytest.mark.parametrize(
    "wanted",
    [
        {"Tags": [{"Key": "k", "Value": "v"}]},
        {"Bucket": {"Type": "Directory"}},
        {"Location": {"Type": "AvailabilityZone"}, "LocationConstraint": "RegionOne"},
    ],
    ids=str,
)
def test_what_else_a_bucket_should_have_is_not_implemented(wanted: dict[str, object]) -> None:
    body = written_body("CreateBucket", Bucket="b", CreateBucketConfiguration=wanted)
    with pytest.raises(S3NotImplemented, match=f"The element {next(iter(wanted))} of"):
        parse_create_bucket_configuration(body)


@pytest.mark.parametrize("body", [b" ", b"<Other/>", b"<CreateBucketConfiguration>"])
def test_what_is_no_configuration_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedXML):
        parse_create_bucket_configuration(body)


TAGS = st.sampled_from(
    ["Delete", "Object", "Key", "Quiet", "CompleteMultipartUpload", "Part", "ETag", "PartNumber"]
)
TREES = st.recursive(
    st.sampled_from(["", "1", "x", "true"]),
    lambda inner: st.lists(st.tuples(TAGS, inner), max_size=4).map(
        lambda nodes: "".join(f"<{tag}>{content}</{tag}>" for tag, content in nodes)
    ),
)


@given(TAGS, TREES)
def test_no_document_raises_anything_but_an_s3_error(tag: str, content: str) -> None:
    body = f"<{tag}>{content}</{tag}>".encode()
    for parse in (
        parse_delete,
        parse_create_bucket_configuration,
        lambda body: parse_complete_multipart_upload(body, "u"),
    ):
        with suppress(S3Error):
            parse(body)
