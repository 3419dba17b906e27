"""Multipart uploads, operation by operation, as clients see them and as Swift holds them."""

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import md5, sha256
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.gateway import Running, running, s3_client, settings_for
from tests.functional.rawclient import ask, keys_of, sign
from tests.functional.stack import Stack
from tests.functional.uploads import (
    Refusal,
    Upload,
    begin,
    etag_of,
    held,
    no_such_upload,
    refusal,
    segments,
)

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def small(stack: Stack) -> Iterator[Any]:
    """A client of a gateway that lets parts be small."""
    with (
        running(settings_for(stack, limits={"min_part_size": 1})) as gateway,
        closing(s3_client(gateway.endpoint, stack)) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def shelf(small: Any) -> str:
    """A bucket that several tests share, each with keys of its own."""
    name = f"shelf-{uuid4().hex[:20]}"
    small.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def idle(small: Any, shelf: str) -> Upload:
    """An upload of two parts that nobody may end."""
    upload = begin(small, shelf, "idle")
    upload.put(1, b"small")
    upload.put(2, b"last")
    return upload


def _text(body: str) -> bytes:
    return f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>".encode()


def _part(number: object, etag: str = "0" * 32) -> str:
    return f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"


# --- the straight road ---


def test_an_object_shows_one_etag_wherever_it_is_asked_for(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    bodies = [b"a" * 5 * MIB, b"b"]
    upload = begin(s3, bucket)
    for number, body in enumerate(bodies, start=1):
        assert upload.put(number, body) == f'"{md5(body).hexdigest()}"'
    etag = etag_of(*bodies)

    assert upload.complete()["ETag"] == etag
    assert upload.read() == b"".join(bodies)
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"] == etag
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag, Range="bytes=0-0")["ETag"] == etag
    for listing in (s3.list_objects, s3.list_objects_v2):
        (entry,) = listing(Bucket=bucket)["Contents"]
        assert (entry["ETag"], entry["Size"]) == (etag, 5 * MIB + 1)
    assert s3.list_object_versions(Bucket=bucket)["Versions"][0]["ETag"] == etag

    _, body = swift.get_object(bucket, "k", query_string="multipart-manifest=get&format=raw")
    assert [(entry["path"], entry["etag"], entry["size_bytes"]) for entry in json.loads(body)] == [
        (upload.part(number), md5(body).hexdigest(), len(body))
        for number, body in enumerate(bodies, start=1)
    ]
    assert segments(swift, bucket) == [f"k/{upload.upload_id}/1", f"k/{upload.upload_id}/2"]


def test_an_upload_is_a_marker_and_parts_until_it_is_complete(
    small: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    answer = small.create_multipart_upload(
        Bucket=bucket, Key="dir/k", ContentType="text/plain; charset=utf-8", Metadata={"a": "b"}
    )
    assert (answer["Bucket"], answer["Key"]) == (bucket, "dir/k")
    upload = Upload(small, bucket, "dir/k", answer["UploadId"])
    upload.put(10)
    upload.put(9)

    names = [f"dir/k/{upload.upload_id}{end}" for end in ("", "/10", "/9")]
    assert segments(swift, bucket) == names
    marker = swift.head_object(f"{bucket}+segments", names[0])
    assert marker["content-length"] == "0"
    assert marker["content-type"] == "text/plain; charset=utf-8"
    assert marker["x-object-meta-a"] == "b"
    assert refusal(upload.read).code == "NoSuchKey"
    assert held(swift, bucket) == []

    upload.complete()
    assert segments(swift, bucket) == names[1:]
    assert held(swift, bucket) == ["dir/k"]


def test_the_segments_container_has_the_policy_and_the_acl_of_its_bucket(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    s3.list_objects(Bucket=bucket)  # the bucket's facts are cached now
    s3.get_bucket_location(Bucket=bucket)
    swift.post_container(bucket, {"X-Container-Read": ".r:*"})
    begin(s3, bucket)
    container, found = (swift.head_container(bucket), swift.head_container(f"{bucket}+segments"))
    assert found["x-container-read"] == ".r:*"
    assert found["x-storage-policy"] == container["x-storage-policy"]


@pytest.mark.parametrize(
    "key",
    ["a b+c%2F?&#", "ключ/é", "/leading//double/", "dir/", ".", "../..", "new\nline", "k" * 969],
    ids=["reserved", "utf-8", "slashes", "directory", "dot", "dots", "newline", "longest"],
)
def test_any_key_can_be_uploaded_in_parts(
    small: Any, shelf: str, swift: swiftclient.Connection, key: str
) -> None:
    upload = begin(small, shelf, key)
    upload.put(1, b"one")
    upload.put(2, b"two")
    assert upload.numbers() == [1, 2]
    listed = small.list_multipart_uploads(Bucket=shelf, EncodingType="url")["Uploads"]
    assert key in [unquote(entry["Key"]) for entry in listed]
    assert upload.complete()["Key"] == key
    assert upload.read() == b"onetwo"
    small.delete_object(Bucket=shelf, Key=key)
    assert key not in held(swift, shelf)
    assert not [name for name in segments(swift, shelf) if name.startswith(f"{key}/")]


def test_a_key_too_long_for_its_parts_is_refused_before_any_part(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    assert refusal(lambda: begin(s3, bucket, "k" * 970)) == Refusal(
        400, "KeyTooLongError", {"Size": "970", "MaxSizeAllowed": "969"}, message=""
    )
    assert f"{bucket}+segments" not in [entry["name"] for entry in swift.get_account()[1]]


def test_a_part_number_may_be_padded(small: Any, bucket: str, raw: Raw) -> None:
    upload = begin(small, bucket)
    target = f"/{bucket}/k?partNumber=007&uploadId={upload.upload_id}"
    assert raw("PUT", target, body=b"1").status == 200
    assert upload.numbers() == [7]


def test_a_part_replaces_the_one_before_it(small: Any, bucket: str) -> None:
    upload = begin(small, bucket)
    old = upload.put(1, b"old")
    upload.put(1, b"new")
    stale = {"Parts": [{"PartNumber": 1, "ETag": old}]}
    refused = refusal(
        lambda: small.complete_multipart_upload(**upload.names, MultipartUpload=stale)
    )
    assert refused.code == "InvalidPart"
    assert upload.complete()["ETag"] == etag_of(b"new")
    assert upload.read() == b"new"


def test_parts_may_leave_gaps_and_only_those_named_are_used(small: Any, bucket: str) -> None:
    upload = begin(small, bucket)
    for number in (10_000, 2, 777, 30):
        upload.put(number, str(number).encode())
    assert upload.complete(2, 777, 10_000)["ETag"] == etag_of(b"2", b"777", b"10000")
    assert upload.read() == b"277710000"


def test_a_streamed_part_is_stored_whole(small: Any, bucket: str) -> None:
    body = bytes(range(256)) * 4096
    upload = begin(small, bucket)
    assert upload.put(1, body) == f'"{md5(body).hexdigest()}"'
    upload.complete()
    assert upload.read() == body


@pytest.mark.parametrize(
    "bodies", [[b""], [b"one", b""]], ids=["the only part", "the last of two parts"]
)
def test_a_part_may_be_empty(small: Any, bucket: str, bodies: list[bytes]) -> None:
    upload = begin(small, bucket)
    for number, body in enumerate(bodies, start=1):
        upload.put(number, body)
    assert upload.complete()["ETag"] == etag_of(*bodies)
    assert upload.read() == b"".join(bodies)
    head = small.head_object(Bucket=bucket, Key="k")
    assert (head["ETag"], head["ContentLength"]) == (etag_of(*bodies), len(b"".join(bodies)))
    assert small.list_objects(Bucket=bucket)["Contents"][0]["ETag"] == etag_of(*bodies)


def test_an_object_is_replaced_when_the_upload_is_complete_and_not_before(
    small: Any, bucket: str
) -> None:
    small.put_object(Bucket=bucket, Key="k", Body=b"before", Metadata={"old": "1"})
    upload = begin(small, bucket, Metadata={"new": "1"})
    upload.put(1, b"after")
    assert upload.read() == b"before"
    upload.complete()
    assert upload.read() == b"after"
    assert small.head_object(Bucket=bucket, Key="k")["Metadata"] == {"new": "1"}


# --- what is carried from the beginning to the object ---


def _shown(s3: Any, bucket: str, key: str) -> dict[str, str]:
    headers = s3.head_object(Bucket=bucket, Key=key)["ResponseMetadata"]["HTTPHeaders"]
    volatile = ("x-amz-request-id", "x-amz-id-2", "date", "etag", "last-modified")
    return {name: value for name, value in headers.items() if name not in volatile}


CARRIED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a content type": {"ContentType": "text/plain"},
    "a quoted parameter": {"ContentType": 'multipart/mixed; boundary="a; b=c"'},
    "an empty parameter": {"ContentType": "text/plain;"},
    "no media type": {"ContentType": "x"},
    "s3api's own type": {"ContentType": "application/directory"},
    "an encoding": {"ContentType": "a/b", "ContentEncoding": "gzip", "CacheControl": "max-age=1"},
    "headers": {
        "ContentDisposition": 'attachment; filename="a;b.txt"',
        "ContentLanguage": "de, en",
        "Expires": "Thu, 01 Jan 2037 00:00:00 GMT",
    },
    "odd names": {"Metadata": {"plain": "v", "under_score": "x", "per%cent": "50%", "empty": ""}},
    "long values": {"Metadata": {"long": "v" * 1500, "long_too": " inner  spaces " * 30}},
    "no ascii": {"Metadata": {"name": "=?UTF-8?B?R3LDvMOfZQ==?="}},
    "many names": {"Metadata": {f"n{n}": "v" for n in range(80)}},
}


@pytest.mark.parametrize("given", CARRIED.values(), ids=list(CARRIED))
def test_headers_given_at_the_beginning_are_those_of_a_plain_put(
    small: Any, shelf: str, given: dict[str, Any]
) -> None:
    small.put_object(Bucket=shelf, Key="plain", Body=b"data", **given)
    upload = begin(small, shelf, "in parts", **given)
    upload.put(1, b"data")
    upload.complete()
    shown = _shown(small, shelf, "in parts")
    assert shown == _shown(small, shelf, "plain")
    assert shown["content-type"] == given.get("ContentType", "binary/octet-stream")


def test_metadata_over_the_limit_is_refused_at_the_beginning(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    refused = refusal(lambda: begin(s3, bucket, Metadata={"a": "v" * 2048}))
    assert (refused.status, refused.code) == (400, "MetadataTooLarge")
    assert segments(swift, bucket) == []


# --- parts that are refused ---


@pytest.mark.parametrize("number", ["0", "10001", "abc", "-1", "", "1.5", "%EF%BC%91", "1e3"])
def test_a_part_has_a_number_from_1_to_10000(
    idle: Upload, swift: swiftclient.Connection, raw: Raw, number: str
) -> None:
    before = segments(swift, idle.bucket)
    target = f"/{idle.bucket}/idle?partNumber={number}&uploadId={idle.upload_id}"
    reply = raw("PUT", target, body=b"1")
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert reply.error["ArgumentName"] == "partNumber"
    assert reply.error["Message"] == (
        "Part number must be an integer between 1 and 10000, inclusive"
    )
    assert segments(swift, idle.bucket) == before


def test_a_part_with_a_wrong_digest_leaves_the_one_before_it(small: Any, bucket: str) -> None:
    upload = begin(small, bucket)
    upload.put(1, b"right")
    wrong = {**upload.names, "PartNumber": 1, "Body": b"wrong"}
    assert (
        refusal(lambda: small.upload_part(**wrong, ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")).code
        == "BadDigest"
    )
    assert refusal(lambda: small.upload_part(**wrong, ChecksumCRC32="AAAAAA==")).code == "BadDigest"
    upload.complete()
    assert upload.read() == b"right"


def test_the_checksum_of_a_part_is_verified_and_echoed(small: Any, bucket: str) -> None:
    upload = begin(small, bucket, ChecksumAlgorithm="SHA256")
    answer = small.upload_part(
        **upload.names, PartNumber=1, Body=b"data", ChecksumAlgorithm="SHA256"
    )
    assert answer["ChecksumSHA256"] == b64encode(sha256(b"data").digest()).decode()
    part = {"PartNumber": 1, "ETag": answer["ETag"], "ChecksumSHA256": answer["ChecksumSHA256"]}
    small.complete_multipart_upload(**upload.names, MultipartUpload={"Parts": [part]})
    assert upload.read() == b"data"


# --- uploads that are not open ---


def _aborted(upload: Upload) -> Upload:
    upload.abort()
    return upload


def _completed(upload: Upload) -> Upload:
    upload.complete(1)
    return upload


def _named(upload_id: str) -> Callable[[Upload], Upload]:
    return lambda upload: Upload(upload.s3, upload.bucket, upload.key, upload_id, upload.etags)


def _keyed(key: str) -> Callable[[Upload], Upload]:
    return lambda upload: Upload(upload.s3, upload.bucket, key, upload.upload_id, upload.etags)


GONE: dict[str, Callable[[Upload], Upload]] = {
    "aborted": _aborted,
    "completed": _completed,
    "unknown": _named("A" * 48),
    "digits": _named("1" * 48),
    "a path": _named("a/b"),
    "too long": _named("A" * 2000),
    "of another key": _keyed("other"),
    "of a key that is too long": _keyed("k" * 1024),
    "of a key above": _keyed("k/1"),
}


@pytest.mark.parametrize("gone", GONE.values(), ids=list(GONE))
def test_no_operation_knows_an_upload_that_is_not_open(
    small: Any, bucket: str, swift: swiftclient.Connection, gone: Callable[[Upload], Upload]
) -> None:
    upload = begin(small, bucket)
    upload.put(1, b"one")
    upload.put(2, b"two")
    upload = gone(upload)
    before = held(swift, bucket), segments(swift, bucket)
    expected = no_such_upload(upload.upload_id)
    assert refusal(lambda: upload.put(3)) == expected
    assert refusal(upload.numbers) == expected
    assert refusal(lambda: upload.complete(2)) == expected
    assert refusal(upload.abort) == expected
    assert (held(swift, bucket), segments(swift, bucket)) == before


def test_an_empty_upload_id_is_no_upload(bucket: str, raw: Raw) -> None:
    reply = raw("GET", f"/{bucket}/k?uploadId=")
    assert (reply.status, reply.code) == (404, "NoSuchUpload")
    assert reply.error["UploadId"] == ""


def test_every_operation_names_the_bucket_that_is_missing(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    upload.put(1)
    elsewhere = Upload(s3, f"{bucket}-gone", "k", upload.upload_id, upload.etags)
    for call in (
        lambda: begin(s3, elsewhere.bucket),
        lambda: elsewhere.put(2),
        elsewhere.numbers,
        elsewhere.complete,
        elsewhere.abort,
        lambda: s3.list_multipart_uploads(Bucket=elsewhere.bucket),
    ):
        assert refusal(call) == Refusal(
            404, "NoSuchBucket", {"BucketName": elsewhere.bucket}, message=""
        )


# --- abort ---


def test_an_abort_frees_everything_and_only_once(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    other = begin(s3, bucket)
    other.put(1)
    upload = begin(s3, bucket)
    for number in (1, 2, 10_000):
        upload.put(number)
    answer = upload.abort()["ResponseMetadata"]
    assert answer["HTTPStatusCode"] == 204
    assert segments(swift, bucket) == [f"k/{other.upload_id}", f"k/{other.upload_id}/1"]
    assert refusal(upload.abort) == no_such_upload(upload.upload_id)
    assert other.numbers() == [1]


def test_an_abort_leaves_the_object_of_another_upload(small: Any, bucket: str) -> None:
    first, second = begin(small, bucket), begin(small, bucket)
    first.put(1, b"first")
    second.put(1, b"second")
    first.complete()
    second.abort()
    assert first.read() == b"first"


# --- completions that are refused ---


@pytest.fixture
def two_parts(s3: Any, bucket: str) -> Upload:
    """An upload of which the first part is too small by default."""
    upload = begin(s3, bucket)
    upload.put(1, b"small")
    upload.put(2, b"last")
    return upload


def _stays_open(upload: Upload, swift: swiftclient.Connection) -> None:
    assert held(swift, upload.bucket) == []
    assert upload.numbers() == [1, 2]
    upload.complete(2)
    assert upload.read() == b"last"


def test_a_part_before_the_last_has_5_mib(two_parts: Upload, swift: swiftclient.Connection) -> None:
    refused = refusal(two_parts.complete)
    assert refused == Refusal(
        400,
        "EntityTooSmall",
        {
            "ETag": two_parts.etags[1].strip('"'),
            "MinSizeAllowed": str(5 * MIB),
            "PartNumber": "1",
            "ProposedSize": "5",
        },
        message="",
    )
    assert refused.message == "Your proposed upload is smaller than the minimum allowed size"
    _stays_open(two_parts, swift)


def test_an_empty_part_before_the_last_is_too_small(small: Any, bucket: str) -> None:
    upload = begin(small, bucket)
    for number, body in enumerate([b"one", b"", b"three"], start=1):
        upload.put(number, body)
    refused = refusal(upload.complete)
    assert (refused.code, refused.details["PartNumber"]) == ("EntityTooSmall", "2")


@pytest.mark.parametrize(
    ("number", "etag"),
    [(3, md5(b"last").hexdigest()), (2, "0" * 32), (2, "not-an-etag")],
    ids=["unknown", "another etag", "no etag"],
)
def test_a_part_that_is_not_there_is_named(
    two_parts: Upload, swift: swiftclient.Connection, number: int, etag: str
) -> None:
    parts = {"Parts": [{"PartNumber": number, "ETag": f'"{etag}"'}]}
    refused = refusal(
        lambda: two_parts.s3.complete_multipart_upload(**two_parts.names, MultipartUpload=parts)
    )
    details = {"UploadId": two_parts.upload_id, "PartNumber": str(number), "ETag": etag}
    assert refused == Refusal(400, "InvalidPart", details, message="")
    _stays_open(two_parts, swift)


@pytest.mark.parametrize("numbers", [(2, 1), (1, 1), (1, 2, 2)])
def test_parts_are_named_in_ascending_order(
    two_parts: Upload, swift: swiftclient.Connection, numbers: tuple[int, ...]
) -> None:
    assert refusal(lambda: two_parts.complete(*numbers)) == Refusal(
        400, "InvalidPartOrder", {"UploadId": two_parts.upload_id}, message=""
    )
    _stays_open(two_parts, swift)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (_text(""), "InvalidRequest"),
        (b"", "MalformedXML"),
        (b"<CompleteMultipartUpload>", "MalformedXML"),
        (b"<Other/>", "MalformedXML"),
        (_text(_part("one")), "MalformedXML"),
        (_text("<Part><PartNumber>1</PartNumber></Part>"), "MalformedXML"),
        (_text("<Part><ETag>x</ETag></Part>"), "MalformedXML"),
        (_text(_part(0)), "InvalidArgument"),
        (_text(_part(10_001)), "InvalidArgument"),
        (_text(_part(-1)), "InvalidArgument"),
    ],
)
def test_a_body_that_names_no_parts_is_refused(
    idle: Upload, swift: swiftclient.Connection, raw: Raw, body: bytes, code: str
) -> None:
    reply = raw("POST", f"/{idle.bucket}/idle?uploadId={idle.upload_id}", body=body)
    assert (reply.status, reply.code) == (400, code)
    if code == "InvalidRequest":
        assert reply.error["Message"] == "You must specify at least one part"
    assert "idle" not in held(swift, idle.bucket)
    assert idle.numbers() == [1, 2]


def test_an_announced_size_must_be_that_of_the_object(
    two_parts: Upload, swift: swiftclient.Connection
) -> None:
    refused = refusal(lambda: two_parts.complete(2, MpuObjectSize=5))
    assert (refused.status, refused.code) == (400, "InvalidRequest")
    assert "x-amz-mp-object-size" in refused.message
    assert held(swift, two_parts.bucket) == []
    two_parts.complete(2, MpuObjectSize=4)
    assert two_parts.read() == b"last"


def test_another_if_none_match_is_not_implemented(
    two_parts: Upload, swift: swiftclient.Connection
) -> None:
    assert refusal(lambda: two_parts.complete(2, IfNoneMatch='"x"')) == Refusal(
        501, "NotImplemented", {"Header": "If-None-Match"}, message=""
    )
    _stays_open(two_parts, swift)


def test_if_none_match_star_completes_a_new_object_only(small: Any, bucket: str) -> None:
    first, second = begin(small, bucket), begin(small, bucket)
    first.put(1, b"first")
    second.put(1, b"second")
    first.complete(IfNoneMatch="*")
    assert refusal(lambda: second.complete(IfNoneMatch="*")) == Refusal(
        412, "PreconditionFailed", {"Condition": "If-None-Match"}, message=""
    )
    assert first.read() == b"first"
    assert second.numbers() == [1]
    second.complete()
    assert second.read() == b"second"


# --- completing again ---


def test_a_repeated_complete_gives_the_same_answer(
    small: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    upload = begin(small, bucket)
    upload.put(1, b"one")
    upload.put(2, b"two")
    first = upload.complete(IfNoneMatch="*")
    before = swift.head_object(bucket, "k")["x-timestamp"]
    for condition in ({}, {"IfNoneMatch": "*"}):
        again = upload.complete(**condition)
        for element in ("Location", "Bucket", "Key", "ETag"):
            assert again[element] == first[element]
    assert swift.head_object(bucket, "k")["x-timestamp"] == before


def test_a_repeated_complete_does_not_bring_an_overwritten_object_back(
    small: Any, bucket: str
) -> None:
    upload = begin(small, bucket)
    upload.put(1, b"first")
    upload.complete()
    small.put_object(Bucket=bucket, Key="k", Body=b"first")
    assert refusal(upload.complete) == no_such_upload(upload.upload_id)
    small.delete_object(Bucket=bucket, Key="k")
    assert refusal(upload.complete) == no_such_upload(upload.upload_id)


def test_an_object_of_the_same_parts_from_another_upload_is_no_repeat(
    small: Any, bucket: str
) -> None:
    first, second = begin(small, bucket), begin(small, bucket)
    for upload in (first, second):
        upload.put(1, b"same")
    first.complete()
    second.complete()
    assert refusal(first.complete) == no_such_upload(first.upload_id)
    assert second.read() == b"same"


def test_clients_that_complete_at_once_get_the_same_answer(
    small: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    upload = begin(small, bucket)
    for number in (1, 2, 3):
        upload.put(number, b"%d" % number)
    together = threading.Barrier(4)

    def complete() -> str:
        together.wait()
        etag: str = upload.complete()["ETag"]
        return etag

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(complete) for _ in range(4)]
    assert {future.result() for future in futures} == {etag_of(b"1", b"2", b"3")}
    assert upload.read() == b"123"
    assert segments(swift, bucket) == [f"k/{upload.upload_id}/{n}" for n in (1, 2, 3)]


# --- where the object is ---


def test_the_location_is_a_url_of_the_object(gateway: Running, s3: Any, bucket: str) -> None:
    key = "a b/ü+%"
    upload = begin(s3, bucket, key)
    upload.put(1)
    assert upload.complete()["Location"] == f"{gateway.endpoint}/{bucket}/{quote(key)}"


def test_the_location_names_the_endpoint_that_clients_reach(stack: Stack, bucket: str) -> None:
    public = {"public_endpoint": "https://s3.example.com/", "domains": ["s3.example.com"]}
    with (
        running(settings_for(stack, s3={"region": stack.region, **public})) as gateway,
        closing(s3_client(gateway.endpoint, stack)) as client,
    ):
        upload = begin(client, bucket)
        upload.put(1)
        assert upload.complete()["Location"] == f"https://s3.example.com/{bucket}/k"


def test_the_location_has_the_style_of_the_request(stack: Stack, bucket: str) -> None:
    host = f"{bucket}.s3.example.com:8443"
    with (
        running(
            settings_for(stack, s3={"region": stack.region, "domains": ["s3.example.com"]})
        ) as gateway,
        closing(s3_client(gateway.endpoint, stack)) as client,
    ):
        upload = begin(client, bucket, "a b")
        body = _text(_part(1, upload.put(1).strip('"')))
        url = f"{gateway.endpoint}/a%20b?uploadId={upload.upload_id}"
        signed = sign(keys_of(stack), "POST", url, [("Host", host)], payload="UNSIGNED-PAYLOAD")
        reply = ask(gateway.endpoint, signed, body, more=[("Content-Length", str(len(body)))])
    assert reply.status == 200
    assert f"<Location>http://{host}/a%20b</Location>".encode() in reply.body


def test_parts_are_out_of_reach_for_all_but_their_own_bucket(
    s3: Any, bucket: str, raw: Raw
) -> None:
    other = f"{bucket}-2"
    s3.create_bucket(Bucket=other)
    upload = begin(s3, bucket)
    upload.put(1)
    elsewhere = Upload(s3, other, "k", upload.upload_id, upload.etags)
    assert refusal(elsewhere.complete) == no_such_upload(upload.upload_id)
    for target in (f"/{bucket}%2Bsegments", f"/{bucket}%2Bsegments/k/{upload.upload_id}/1"):
        assert raw("GET", target).code == "NoSuchBucket"
