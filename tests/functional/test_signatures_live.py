"""Signatures as people use them: boto3 makes them, plain HTTP clients carry them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from unittest import mock
from urllib.parse import urlsplit
from urllib.request import urlopen
from uuid import uuid4

import pytest
import swiftclient
from botocore.exceptions import ClientError

from tests.functional.fixtures import MakeUser
from tests.functional.gateway import Running, new_bucket, running, s3_client, settings_for
from tests.functional.payloads import stored
from tests.functional.rawclient import Keys, Reply, ask, linked, sign
from tests.functional.stack import Stack

V4, V2 = "s3v4", "s3"
both_versions = pytest.mark.parametrize("version", [V4, V2])


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """A bucket with one object, `key`."""
    name = new_bucket(s3)
    s3.put_object(Bucket=name, Key="key", Body=b"data")
    return name


@pytest.fixture(scope="module")
def strict(stack: Stack) -> Iterator[Running]:
    """A gateway that takes V4 signatures for its own region only."""
    s3 = {"region": stack.region, "strict_region": True, "signature_v2": False}
    with running(settings_for(stack, s3=s3)) as found:
        yield found


@contextmanager
def client_of(gateway: Running, stack: Stack, version: str, **config: Any) -> Iterator[Any]:
    """A boto3 client that signs in one way."""
    client = s3_client(gateway.endpoint, stack, signature_version=version, **config)
    with closing(client):
        yield client


def presigned(
    gateway: Running, stack: Stack, version: str, operation: str, expires: int = 60, **given: Any
) -> str:
    """A URL that boto3 has presigned."""
    with client_of(gateway, stack, version) as client:
        url: str = client.generate_presigned_url(operation, Params=given, ExpiresIn=expires)
    marks = {V4: "X-Amz-Signature=", V2: "Signature="}
    assert marks[version] in url
    return url


def fetch(method: str, url: str, body: bytes | None = None, **headers: str) -> Reply:
    """What Python's own HTTP client gets there."""
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.netloc, timeout=20)) as connection:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"{parts.path}?{parts.query}", body, named)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read(), went_on=False)


@both_versions
def test_a_presigned_url_opens_what_it_names(
    gateway: Running, stack: Stack, bucket: str, version: str
) -> None:
    url = presigned(gateway, stack, version, "get_object", Bucket=bucket, Key="key")
    with urlopen(url, timeout=20) as answer:  # noqa: S310 - our own gateway
        assert (answer.status, answer.read()) == (200, b"data")
    assert fetch("HEAD", url).code == ""


@both_versions
@pytest.mark.parametrize("size", [4, 300_000])
def test_a_presigned_upload_stores_what_was_sent(
    gateway: Running,
    stack: Stack,
    swift: swiftclient.Connection,
    bucket: str,
    version: str,
    size: int,
) -> None:
    name = f"é {uuid4().hex}"
    url = presigned(gateway, stack, version, "put_object", Bucket=bucket, Key=name)
    assert fetch("PUT", url, bytes(size)).status == 200
    assert stored(swift, bucket, name) == bytes(size)


def test_a_v2_url_carries_its_headers_in_the_query(
    gateway: Running, stack: Stack, swift: swiftclient.Connection, bucket: str
) -> None:
    name = uuid4().hex
    url = presigned(
        gateway, stack, V2, "put_object", Bucket=bucket, Key=name, ContentType="text/odd",
        Metadata={"colour": "blue"},
    )  # fmt: skip
    assert "x-amz-meta-colour=blue" in url
    assert fetch("PUT", url, b"data").status == 200
    headers = swift.head_object(bucket, name)
    assert (headers["content-type"], headers["x-object-meta-colour"]) == ("text/odd", "blue")


def test_a_v4_url_that_signs_headers_wants_them(
    gateway: Running, stack: Stack, swift: swiftclient.Connection, bucket: str
) -> None:
    name = uuid4().hex
    url = presigned(
        gateway, stack, V4, "put_object", Bucket=bucket, Key=name, ContentType="text/odd"
    )
    assert fetch("PUT", url, b"data").code == "SignatureDoesNotMatch"
    assert stored(swift, bucket, name) is None
    assert fetch("PUT", url, b"data", Content_Type="text/odd").status == 200
    assert swift.head_object(bucket, name)["content-type"] == "text/odd"


@both_versions
def test_a_presigned_delete_deletes(
    gateway: Running, stack: Stack, swift: swiftclient.Connection, bucket: str, version: str
) -> None:
    name = uuid4().hex
    swift.put_object(bucket, name, b"data")
    url = presigned(gateway, stack, version, "delete_object", Bucket=bucket, Key=name)
    assert fetch("GET", url).code == "SignatureDoesNotMatch"
    assert fetch("DELETE", url).status == 204
    assert stored(swift, bucket, name) is None


@both_versions
def test_a_presigned_part_is_one(
    gateway: Running, s3: Any, stack: Stack, bucket: str, version: str
) -> None:
    target: dict[str, Any] = {"Bucket": bucket, "Key": uuid4().hex}
    upload = s3.create_multipart_upload(**target)["UploadId"]
    url = presigned(gateway, stack, version, "upload_part", **target, UploadId=upload, PartNumber=1)
    assert fetch("PUT", url, b"data").status == 200
    (part,) = s3.list_parts(**target, UploadId=upload)["Parts"]
    assert part["Size"] == 4


@both_versions
def test_a_presigned_url_may_name_headers_of_its_answer(
    gateway: Running, stack: Stack, bucket: str, version: str
) -> None:
    url = presigned(
        gateway, stack, version, "get_object", Bucket=bucket, Key="key",
        ResponseContentDisposition='attachment; filename="a b"',
    )  # fmt: skip
    reply = fetch("GET", url)
    assert (reply.status, reply.body) == (200, b"data")
    assert reply.headers["content-disposition"] == 'attachment; filename="a b"'


@both_versions
def test_a_presigned_url_that_was_changed_opens_nothing(
    gateway: Running, stack: Stack, bucket: str, version: str
) -> None:
    url = presigned(gateway, stack, version, "get_object", Bucket=bucket, Key="key")
    other = url.replace("/key?", "/key2?")
    for changed in (other, f"{url}&versionId=null", url.replace("Expires=", "Expires=1", 1)):
        reply = fetch("GET", changed)
        assert (reply.status, reply.code) == (403, "SignatureDoesNotMatch")
    assert fetch("PUT", url, b"data").code == "SignatureDoesNotMatch"


def test_a_parameter_added_to_a_v4_url_breaks_it(
    gateway: Running, stack: Stack, bucket: str
) -> None:
    url = presigned(gateway, stack, V4, "get_object", Bucket=bucket, Key="key")
    assert fetch("GET", f"{url}&a=b").code == "SignatureDoesNotMatch"


@both_versions
@pytest.mark.parametrize("size", [4, 300_000])
def test_a_presigned_url_that_has_expired_opens_nothing(
    gateway: Running,
    stack: Stack,
    swift: swiftclient.Connection,
    bucket: str,
    version: str,
    size: int,
) -> None:
    name, past = uuid4().hex, datetime.now(UTC) - timedelta(seconds=120)  # noqa: TID251 - a client
    with _at(past):
        url = presigned(gateway, stack, version, "put_object", Bucket=bucket, Key=name)
    reply = fetch("PUT", url, bytes(size))
    assert (reply.status, reply.code) == (403, "AccessDenied")
    assert reply.error["Message"] == "Request has expired"
    assert reply.error["Expires"] == f"{past + timedelta(seconds=60):%Y-%m-%dT%H:%M:%SZ}"
    assert reply.error["ServerTime"] > reply.error["Expires"]
    assert reply.error.get("X-Amz-Expires") == ("60" if version == V4 else None)
    assert stored(swift, bucket, name) is None


def test_a_presigned_url_of_the_future_opens_nothing(
    gateway: Running, stack: Stack, bucket: str
) -> None:
    with _at(datetime.now(UTC) + timedelta(minutes=16)):  # noqa: TID251 - a client's clock
        url = presigned(gateway, stack, V4, "get_object", Bucket=bucket, Key="key")
    reply = fetch("GET", url)
    assert (reply.code, reply.error["Message"]) == ("AccessDenied", "Request is not valid yet")


def test_a_presigned_url_lives_a_week_at_most(gateway: Running, stack: Stack, bucket: str) -> None:
    week = 7 * 24 * 3600
    url = presigned(gateway, stack, V4, "get_object", week, Bucket=bucket, Key="key")
    assert fetch("GET", url).status == 200
    url = presigned(gateway, stack, V4, "get_object", week + 1, Bucket=bucket, Key="key")
    reply = fetch("GET", url)
    assert (reply.status, reply.code) == (400, "AuthorizationQueryParametersError")


@contextmanager
def _at(moment: datetime) -> Iterator[None]:
    """Make botocore believe that it is that time."""

    def clock(*, remove_tzinfo: bool = True) -> datetime:
        return moment.replace(tzinfo=None) if remove_tzinfo else moment

    with (
        mock.patch("botocore.auth.get_current_datetime", clock),
        mock.patch("botocore.crt.auth.get_current_datetime", clock),
        mock.patch("botocore.auth.time.time", moment.timestamp),
    ):
        yield


def test_v2_in_the_header_does_all_that_v4_does(
    gateway: Running, stack: Stack, swift: swiftclient.Connection
) -> None:
    name, key = f"bucket-{uuid4().hex[:20]}", "a b/é+"
    with client_of(gateway, stack, V2) as client:
        client.create_bucket(Bucket=name)
        client.put_object(Bucket=name, Key=key, Body=b"data", Metadata={"a": "b"})
        assert client.get_object(Bucket=name, Key=key, Range="bytes=1-2")["Body"].read() == b"at"
        assert [o["Key"] for o in client.list_objects_v2(Bucket=name)["Contents"]] == [key]
        assert client.get_bucket_location(Bucket=name)["LocationConstraint"] == stack.region
        assert swift.head_object(name, key)["x-object-meta-a"] == "b"
        upload = client.create_multipart_upload(Bucket=name, Key=key)["UploadId"]
        client.abort_multipart_upload(Bucket=name, Key=key, UploadId=upload)
        client.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key}]})
        client.delete_bucket(Bucket=name)
    with pytest.raises(swiftclient.ClientException, match="404"):
        swift.head_container(name)


def test_v2_with_a_wrong_secret_is_refused(gateway: Running, stack: Stack) -> None:
    with (
        client_of(gateway, stack, V2, secret_key="wrong") as client,
        pytest.raises(ClientError) as refusal,
    ):
        client.list_buckets()
    assert refusal.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def test_v2_can_be_switched_off(strict: Running, stack: Stack, bucket: str) -> None:
    wanted = (
        "The authorization mechanism you have provided is not supported. "
        "Please use AWS4-HMAC-SHA256."
    )
    url = presigned(strict, stack, V2, "get_object", Bucket=bucket, Key="key")
    reply = fetch("GET", url)
    assert (reply.status, reply.code) == (400, "InvalidRequest")
    assert reply.error["Message"] == wanted
    with client_of(strict, stack, V2) as client, pytest.raises(ClientError) as refusal:
        client.list_buckets()
    assert refusal.value.response["Error"]["Message"] == wanted
    with client_of(strict, stack, V4) as client:
        assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"data"


@pytest.mark.parametrize("region", ["us-east-1", "US", "auto", "x"])
def test_any_region_may_be_signed_for(gateway: Running, keys: Keys, region: str) -> None:
    other = Keys(keys.access_key, keys.secret_key, region)
    assert ask(gateway.endpoint, sign(other, "GET", f"{gateway.endpoint}/")).status == 200


def test_strict_region_takes_its_own_alone_and_says_which(
    strict: Running, stack: Stack, bucket: str, keys: Keys
) -> None:
    other = Keys(keys.access_key, keys.secret_key, "us-east-1")
    for path in ("/", f"/{bucket}", f"/{bucket}/key"):
        url = strict.endpoint + path
        reply = ask(strict.endpoint, sign(other, "GET", url))
        assert (reply.status, reply.code) == (400, "AuthorizationHeaderMalformed")
        assert reply.error["Region"] == stack.region
        assert ask(strict.endpoint, sign(keys, "GET", url)).status == 200
    head = ask(strict.endpoint, sign(other, "HEAD", f"{strict.endpoint}/{bucket}"))
    assert (head.status, head.headers["x-amz-bucket-region"]) == (400, stack.region)


def test_boto3_finds_the_region_of_a_strict_gateway_by_itself(
    strict: Running, stack: Stack, bucket: str
) -> None:
    other = Stack(
        **{name: getattr(stack, name) for name in Stack.__slots__ if name != "region"},
        region="us-east-1",
    )
    client = s3_client(strict.endpoint, other, signature_version=V4)
    with closing(client):
        assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"data"


def test_two_signatures_are_one_too_many(
    gateway: Running, stack: Stack, bucket: str, keys: Keys
) -> None:
    for version in (V4, V2):
        url = presigned(gateway, stack, version, "get_object", Bucket=bucket, Key="key")
        reply = ask(gateway.endpoint, sign(keys, "GET", url))
        assert (reply.status, reply.code) == (400, "InvalidArgument")
        assert reply.error["Message"].startswith("Only one auth mechanism allowed")


@pytest.mark.parametrize(("minutes", "status"), [(-16, 403), (-14, 200), (14, 200), (16, 403)])
def test_a_clock_may_be_a_quarter_of_an_hour_off(
    gateway: Running, bucket: str, keys: Keys, minutes: int, status: int
) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=minutes)  # noqa: TID251 - the client's clock
    url = f"{gateway.endpoint}/{bucket}/key"
    reply = ask(gateway.endpoint, sign(keys, "GET", url, now=moment))
    assert reply.status == status
    if status == 403:
        assert reply.code == "RequestTimeTooSkewed"
        assert reply.error["RequestTime"] == f"{moment:%Y%m%dT%H%M%SZ}"
        assert reply.error["MaxAllowedSkewMilliseconds"] == "900000"
        assert reply.error["ServerTime"].endswith("Z")


def test_a_key_that_is_unknown_is_named(gateway: Running, bucket: str) -> None:
    signed = sign(Keys("nobody", "x", "RegionOne"), "GET", f"{gateway.endpoint}/{bucket}")
    reply = ask(gateway.endpoint, signed)
    assert (reply.status, reply.code) == (403, "InvalidAccessKeyId")
    assert reply.error["AWSAccessKeyId"] == "nobody"


def test_a_signature_that_does_not_match_is_explained_without_the_secret(
    gateway: Running, bucket: str, keys: Keys
) -> None:
    wrong = Keys(keys.access_key, "wrong", keys.region)
    reply = ask(gateway.endpoint, sign(wrong, "GET", f"{gateway.endpoint}/{bucket}/key"))
    assert (reply.status, reply.code) == (403, "SignatureDoesNotMatch")
    canonical = reply.error["CanonicalRequest"]
    assert canonical.startswith(f"GET\n/{bucket}/key\n\nhost:")
    assert reply.error["StringToSign"].startswith("AWS4-HMAC-SHA256\n")
    assert bytes.fromhex(reply.error["CanonicalRequestBytes"].replace(" ", "")) == (
        canonical.encode()
    )
    assert keys.secret_key not in reply.body.decode()


def test_a_header_that_matters_must_be_signed(
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name = uuid4().hex
    signed = sign(keys, "PUT", f"{gateway.endpoint}/{bucket}/{name}")
    more = [("x-amz-meta-late", "1"), ("x-amz-acl", "private"), ("Content-Length", "0")]
    reply = ask(gateway.endpoint, signed, more=more)
    assert (reply.status, reply.code) == (403, "AccessDenied")
    assert (
        reply.error["Message"] == "There were headers present in the request which were not signed"
    )
    assert reply.error["HeadersNotSigned"] == "x-amz-meta-late, x-amz-acl"
    assert stored(swift, bucket, name) is None


@pytest.mark.parametrize(
    ("drop", "status", "code"),
    [
        ("x-amz-content-sha256", 400, "InvalidRequest"),
        ("x-amz-date", 403, "AccessDenied"),
        ("authorization", 403, "AccessDenied"),
    ],
)
def test_a_part_of_a_signature_that_is_missing_is_asked_for(
    gateway: Running, bucket: str, keys: Keys, drop: str, status: int, code: str
) -> None:
    signed = sign(keys, "GET", f"{gateway.endpoint}/{bucket}/key")
    with linked(gateway.endpoint) as link:
        link.send(signed.head(drop=[drop]))
        reply = link.reply()
    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize("value", ["Basic dXNlcjpzZWNyZXQ=", "Bearer token-of-somebody", "x"])
def test_another_scheme_is_refused_and_not_repeated(
    gateway: Running, bucket: str, value: str
) -> None:
    head = f"GET /{bucket}/key HTTP/1.1\r\nHost: h\r\nAuthorization: {value}\r\n\r\n"
    with linked(gateway.endpoint) as link:
        link.send(head.encode())
        reply = link.reply()
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert reply.error["Message"] == "Unsupported Authorization Type"
    if " " in value:
        assert value.split(" ")[1] not in reply.body.decode()


def test_a_key_of_another_project_opens_its_own_account_alone(
    gateway: Running, stack: Stack, bucket: str, make_user: MakeUser
) -> None:
    other = make_user()
    given = Keys(other.access_key, other.secret_key, stack.region)
    assert ask(gateway.endpoint, sign(given, "GET", f"{gateway.endpoint}/")).status == 200
    reply = ask(gateway.endpoint, sign(given, "GET", f"{gateway.endpoint}/{bucket}/key"))
    assert (reply.status, reply.code) == (404, "NoSuchBucket")
