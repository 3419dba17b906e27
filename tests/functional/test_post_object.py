"""Forms that browsers upload: what is stored, what the page is told, and what is refused.

Boto signs; the forms go over bare sockets, cut at every place.
"""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
import swiftclient
from keystoneauth1.adapter import Adapter

from tests.functional.browser import VERSIONS, Browser, Post, allowing, signed
from tests.functional.fixtures import MakeUser
from tests.functional.gateway import Running, running, s3_client, settings_for
from tests.functional.parties import Parties, parties
from tests.functional.payloads import BUFFER_SIZE, FRAMINGS, Framing, checksum, some_bytes, stored
from tests.functional.rawclient import Keys, Reply, keys_of, linked, sign
from tests.functional.sealing import s3_parties
from tests.functional.server import served
from tests.functional.stack import Stack
from tests.functional.versions import ids, switch
from tests.unit.s3.forms import BOUNDARY, form_of, part, uploading

SMALL, LARGE = 3000, BUFFER_SIZE + 70_000
SITE = "https://shop.example"
OLD = b"the older object"


@pytest.fixture(scope="module")
def gate(stack: Stack) -> Iterator[Running]:
    """A gateway whose pages are at another origin, and which buckets have hosts of their own."""
    cors = {"allowed_origins": [SITE]}
    s3 = {"region": stack.region, "domains": ["gw.example"]}
    with running(settings_for(stack, cors=cors, s3=s3)) as found:
        yield found


@pytest.fixture(scope="module")
def own(gate: Running, stack: Stack) -> Any:
    return s3_client(gate.endpoint, stack)


@pytest.fixture
def browser(gate: Running, stack: Stack, own: Any) -> Browser:
    """The user's browser at a new bucket."""
    name = f"forms-{uuid4().hex[:20]}"
    own.create_bucket(Bucket=name)
    return Browser(gate.endpoint, keys_of(stack), name)


def etag(content: bytes) -> str:
    return f'"{md5(content).hexdigest()}"'


def names(swift: swiftclient.Connection, bucket: str) -> list[str]:
    return [entry["name"] for entry in swift.get_container(bucket)[1]]


# --- what is stored ---


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_post_of_boto_is_stored(
    gate: Running, stack: Stack, browser: Browser, version: str, swift: swiftclient.Connection
) -> None:
    s3 = s3_client(gate.endpoint, stack, signature_version=version)
    made = s3.generate_presigned_post(
        browser.bucket,
        "user/${filename}",
        Fields={"acl": "private", "Content-Type": "image/jpeg"},
        Conditions=[
            {"acl": "private"},
            ["starts-with", "$Content-Type", "image/"],
            ["content-length-range", 1, 10],
        ],
    )
    assert made["url"] == f"{gate.endpoint}/{browser.bucket}"
    reply = browser.post(made["fields"], b"content", filename="C:\\pictures\\é a.jpg")
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["etag"] == etag(b"content")
    key = quote("user/é a.jpg", safe="")
    assert reply.headers["location"] == f"{gate.endpoint}/{browser.bucket}/{key}"
    headers, body = swift.get_object(browser.bucket, "user/é a.jpg")
    assert (body, headers["content-type"]) == (b"content", "image/jpeg")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("size", [0, SMALL, LARGE])
def test_a_file_of_any_size_in_any_pieces_is_stored_with_one_put(
    gate: Running,
    browser: Browser,
    swift: swiftclient.Connection,
    version: str,
    framing: Framing,
    size: int,
) -> None:
    content = some_bytes(size)
    browser.upload({"key": "warm"}, b"")
    with gate.watched() as wire:
        reply = browser.upload({"key": "k"}, content, version=version, framing=framing)
        assert reply.status == 204
        assert [str(sent) for sent in wire.sent] == [f"PUT /{browser.bucket}/k"]
    assert stored(swift, browser.bucket, "k") == content
    assert reply.headers["etag"] == etag(content)


def test_what_looks_like_the_end_of_the_form_is_content(
    browser: Browser, swift: swiftclient.Connection
) -> None:
    nasty = f"\r\n--{BOUNDARY}x\r\n--{BOUNDARY[:-1]}--\r\n\r\n--\r\n".encode()
    for content in (nasty, nasty * 5000):
        assert browser.upload({"key": "k"}, content).status == 204
        assert stored(swift, browser.bucket, "k") == content


def test_fields_say_what_headers_of_a_put_say(browser: Browser, own: Any) -> None:
    tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1+2 é</Value></Tag></TagSet></Tagging>"
    fields = {
        "key": "k",
        "acl": "private",
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "max-age=5",
        "Content-Disposition": 'attachment; filename="x"',
        "Content-Encoding": "gzip",
        "Expires": "Wed, 01 Jan 2031 00:00:00 GMT",
        "x-amz-meta-a_b": "é ü",
        "X-Amz-Meta-Name": "${filename}",
        "x-amz-storage-class": "STANDARD",
        "tagging": tags,
    }
    for content in (some_bytes(SMALL), some_bytes(LARGE)):
        value = checksum("sha256", content)
        given = {**fields, "x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": value}
        reply = browser.upload(given, content)
        assert reply.status == 204
        assert reply.headers["x-amz-checksum-sha256"] == value
        found = own.get_object(Bucket=browser.bucket, Key="k", ChecksumMode="ENABLED")
        assert found["Body"].read() == content
        assert found["ChecksumSHA256"] == value
        assert found["ContentType"] == "text/html; charset=utf-8"
        assert found["CacheControl"] == "max-age=5"
        assert found["ContentDisposition"] == 'attachment; filename="x"'
        assert found["ContentEncoding"] == "gzip"
        assert found["ResponseMetadata"]["HTTPHeaders"]["expires"] == fields["Expires"]
        assert found["Metadata"] == {"a_b": "=?UTF-8?B?w6kgw7w=?=", "name": "pic.jpg"}
        tagged = own.get_object_tagging(Bucket=browser.bucket, Key="k")
        assert tagged["TagSet"] == [{"Key": "a b", "Value": "1+2 é"}]


def test_a_form_without_a_content_type_gets_s3s_own_not_the_parts(
    browser: Browser, swift: swiftclient.Connection
) -> None:
    assert browser.upload({"key": "k.html"}, b"<p>").status == 204
    headers = swift.head_object(browser.bucket, "k.html")
    assert headers["content-type"] == "binary/octet-stream"


def test_names_of_fields_and_conditions_have_no_case(
    browser: Browser, swift: swiftclient.Connection
) -> None:
    policy = [{"bUcKeT": browser.bucket}, ["StArTs-WiTh", "$KeY", "f"], {"AcL": "private"}]
    made = signed(browser.keys, policy, {"kEy": "file", "ACL": "private"}, version="v2")
    spelled = {{"policy": "pOLICy", "signature": "SIGNATURE"}.get(n, n): v for n, v in made.items()}
    assert browser.post(spelled, b"1").status == 204
    assert stored(swift, browser.bucket, "file") == b"1"


def test_what_stands_behind_the_file_does_not_count(
    browser: Browser, swift: swiftclient.Connection
) -> None:
    fields = signed(browser.keys, allowing(browser.bucket, ["key"]), {"key": "k"})
    behind = [("key", "other"), ("x-amz-meta-a", "1"), ("file", "second"), ("file", "third")]
    wire = uploading(fields.items(), b"first", behind=behind)
    reply = Post(browser.endpoint, f"/{browser.bucket}", wire).send()
    assert reply.status == 204
    assert names(swift, browser.bucket) == ["k"]
    assert stored(swift, browser.bucket, "k") == b"first"


def test_a_form_to_a_host_is_for_its_bucket(gate: Running, browser: Browser, own: Any) -> None:
    host = f"{browser.bucket}.gw.example"
    policy = allowing(browser.bucket, ["key"])
    wire = uploading(signed(browser.keys, policy, {"key": "a/b"}).items(), b"1")
    reply = Post(gate.endpoint, "/", wire, headers=[("Host", host)]).send()
    assert (reply.status, reply.headers["location"]) == (204, f"http://{host}/a%2Fb")
    assert own.get_object(Bucket=browser.bucket, Key="a/b")["Body"].read() == b"1"


def test_in_a_versioned_bucket_the_version_is_told(
    browser: Browser, swift: swiftclient.Connection
) -> None:
    switch(swift, browser.bucket, on=True)
    replies = [browser.upload({"key": "k"}, body) for body in (b"1", b"2")]
    told = [reply.headers["x-amz-version-id"] for reply in replies]
    assert ids(swift, browser.bucket, "k") == told[::-1]


# --- what the page is told ---


@pytest.mark.parametrize(("wanted", "status"), [("200", 200), ("204", 204), ("404", 204)])
def test_success_has_the_status_that_the_form_wants(
    browser: Browser, wanted: str, status: int
) -> None:
    reply = browser.upload({"key": "k", "success_action_status": wanted}, b"1")
    assert (reply.status, reply.body) == (status, b"")


def test_201_comes_with_a_document(browser: Browser) -> None:
    reply = browser.upload({"key": "a/<&>", "success_action_status": "201"}, b"1")
    assert (reply.status, reply.headers["content-type"]) == (201, "application/xml")
    root = ET.fromstring(reply.body)  # noqa: S314 - our own gateway's answer
    assert root.tag == "PostResponse"
    assert {element.tag: element.text for element in root} == {
        "Location": f"{browser.endpoint}/{browser.bucket}/a%2F%3C%26%3E",
        "Bucket": browser.bucket,
        "Key": "a/<&>",
        "ETag": etag(b"1"),
    }
    assert reply.headers["location"] == root.findtext("Location")


@pytest.mark.parametrize("field", ["success_action_redirect", "redirect"])
def test_a_redirect_tells_the_page_what_was_stored(browser: Browser, field: str) -> None:
    fields = {"key": "a/b c", field: f"{SITE}/done?x=1", "success_action_status": "201"}
    reply = browser.upload(fields, b"1")
    stored_as = f"bucket={browser.bucket}&key=a%2Fb%20c&etag={quote(etag(b'1'))}"
    assert (reply.status, reply.body) == (303, b"")
    assert reply.headers["location"] == f"{SITE}/done?x=1&{stored_as}"
    assert reply.headers["etag"] == etag(b"1")


def test_a_page_of_another_origin_sees_answers_and_errors(browser: Browser) -> None:
    origin = [("Origin", SITE)]
    done = browser.upload({"key": "k"}, b"1", headers=origin)
    refused = browser.upload({"key": "k"}, b"1", {"acl": "private"}, headers=origin)
    assert (done.status, refused.status) == (204, 403)
    for reply in (done, refused):
        assert reply.headers["access-control-allow-origin"] == SITE
        assert "ETag" in reply.headers["access-control-expose-headers"]
    stranger = browser.upload({"key": "k"}, b"1", headers=[("Origin", "https://evil.example")])
    assert (stranger.status, "access-control-allow-origin" in stranger.headers) == (204, False)


# --- what is refused, and leaves what was there ---


@pytest.fixture
def taken(browser: Browser, swift: swiftclient.Connection) -> Iterator[Browser]:
    """A bucket in which every key of these tests is taken, and stays as it is."""
    swift.put_object(browser.bucket, "k", OLD)
    yield browser
    assert names(swift, browser.bucket) == ["k"]
    assert stored(swift, browser.bucket, "k") == OLD


def refused(reply: Reply) -> tuple[int, str, str]:
    return reply.status, reply.code, reply.error["Message"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_form_that_breaks_its_policy_is_refused(taken: Browser, version: str, size: int) -> None:
    policy = [{"bucket": taken.bucket}, {"key": "k"}, ["starts-with", "$acl", "public"]]
    good = {"key": "k", "acl": "public-read"}
    for fields, why in (
        ({"acl": "private"}, 'Policy Condition failed: ["starts-with", "$acl", "public"]'),
        ({"key": "j"}, 'Policy Condition failed: ["eq", "$key", "k"]'),
        ({"x-amz-meta-a": "1"}, "Extra input fields: x-amz-meta-a"),
    ):
        form = signed(taken.keys, policy, {**good, **fields}, version=version)
        reply = taken.post(form, some_bytes(size))
        assert refused(reply) == (403, "AccessDenied", f"Invalid according to Policy: {why}")


def test_a_policy_is_for_one_bucket(taken: Browser) -> None:
    form = {"key": "k", "bucket": "another-bucket"}
    for policy in (allowing("another-bucket", ["key"]), [["starts-with", "$key", ""]]):
        reply = taken.post(signed(taken.keys, policy, form), b"1")
        assert (reply.status, reply.code) == (403, "AccessDenied")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_policy_that_has_expired_is_refused(taken: Browser, version: str) -> None:
    policy = allowing(taken.bucket, ["key"])
    end = "2020-01-01T00:00:00Z"
    fields = signed(taken.keys, policy, {"key": "k"}, version=version, expiration=end)
    why = "Invalid according to Policy: Policy expired."
    assert refused(taken.post(fields, b"1")) == (403, "AccessDenied", why)


def test_a_policy_that_makes_no_sense_is_refused(taken: Browser) -> None:
    wrong: list[Any] = [{}, ["eq", "$key"], ["content-length-range", -1, 0]]
    for condition in wrong:
        reply = taken.post(signed(taken.keys, [condition], {"key": "k"}), b"1")
        assert (reply.status, reply.code) == (400, "InvalidPolicyDocument")


@pytest.mark.parametrize("version", VERSIONS)
def test_nobody_gets_in_without_the_secret(taken: Browser, version: str) -> None:
    policy = allowing(taken.bucket, ["key"])
    wrong = Keys(taken.keys.access_key, "wrong", taken.keys.region)
    unknown = Keys("nobody", "wrong", taken.keys.region)
    for keys, code in ((wrong, "SignatureDoesNotMatch"), (unknown, "InvalidAccessKeyId")):
        reply = taken.post(signed(keys, policy, {"key": "k"}, version=version), b"1")
        assert (reply.status, reply.code) == (403, code)
    fields = signed(taken.keys, policy, {"key": "k"}, version=version)
    other = signed(taken.keys, allowing(taken.bucket, ["key", "acl"]), {}, version=version)
    reply = taken.post({**fields, "policy": other["policy"]}, b"1")
    assert (reply.status, reply.code) == (403, "SignatureDoesNotMatch")
    name = "x-amz-signature" if version == "v4" else "signature"
    reply = taken.post({field: fields[field] for field in fields if field != name}, b"1")
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert reply.error["ArgumentName"].lower() == name


def test_a_form_that_nobody_signed_is_refused(taken: Browser, own: Any) -> None:
    own.put_bucket_acl(Bucket=taken.bucket, ACL="public-read")
    for size in (SMALL, LARGE):
        reply = taken.post({"key": "k"}, some_bytes(size))
        assert (reply.status, reply.code) == (403, "AccessDenied")


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_file_has_the_sizes_that_its_policy_allows(
    taken: Browser, size: int, framing: Framing
) -> None:
    content = some_bytes(size)
    for least, most, code in (
        (0, size - 1, "EntityTooLarge"),
        (0, 0, "EntityTooLarge"),
        (size + 1, size + 2, "EntityTooSmall"),
    ):
        sizes = ["content-length-range", least, most]
        reply = taken.upload({"key": "k"}, content, sizes, framing=framing)
        assert (reply.status, reply.code) == (400, code)
        bound = "MaxSizeAllowed" if code == "EntityTooLarge" else "MinSizeAllowed"
        assert reply.error[bound] == str(most if code == "EntityTooLarge" else least)


def test_the_bounds_themselves_are_allowed(browser: Browser) -> None:
    for size in (0, SMALL, LARGE):
        sizes = ["content-length-range", size, size]
        assert browser.upload({"key": "k"}, some_bytes(size), sizes).status == 204


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_file_that_is_not_what_its_digests_say_is_refused(taken: Browser, size: int) -> None:
    content = some_bytes(size)
    wrong_md5 = b64encode(md5(b"other").digest()).decode()
    for field, value in (
        ("x-amz-checksum-crc32", checksum("crc32", b"other")),
        ("Content-MD5", wrong_md5),
    ):
        reply = taken.upload({"key": "k", field: value}, content)
        assert (reply.status, reply.code) == (400, "BadDigest")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"x-amz-storage-class": "GLACIER"}, 400, "InvalidStorageClass"),
        ({"x-amz-website-redirect-location": "/"}, 501, "NotImplemented"),
        ({"x-amz-object-lock-mode": "GOVERNANCE"}, 501, "NotImplemented"),
        ({"x-amz-server-side-encryption": "aws:kms"}, 501, "NotImplemented"),
        ({"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, 501, "NotImplemented"),
        ({"x-amz-copy-source": "b/k"}, 501, "NotImplemented"),
        ({"x-amz-of-tomorrow": "1"}, 501, "NotImplemented"),
        ({"acl": "public"}, 400, "InvalidArgument"),
        ({"tagging": "a=b"}, 400, "MalformedXML"),
        ({"x-amz-meta-a": "b\nc"}, 400, "InvalidArgument"),
        ({"x-amz-meta-a": "x" * 3000}, 400, "MetadataTooLarge"),
        ({"If-None-Match": "*"}, 412, "PreconditionFailed"),
        ({"x-amz-expected-bucket-owner": "somebody"}, 403, "AccessDenied"),
    ],
)
def test_a_field_that_nobody_can_follow_is_refused(
    taken: Browser, fields: dict[str, str], status: int, code: str
) -> None:
    reply = taken.upload({"key": "k", **fields}, b"1")
    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize(
    ("name", "value", "status", "code"),
    [
        ("x-amz-acl", "public-read", 501, "NotImplemented"),
        ("x-amz-meta-a", "1", 501, "NotImplemented"),
        ("Content-MD5", "CY9rzUYh03PK3k6DJie09g==", 501, "NotImplemented"),
        ("If-None-Match", "*", 501, "NotImplemented"),
        ("x-amz-expected-bucket-owner", "somebody", 403, "AccessDenied"),
        ("Authorization", "AWS a:b", 400, "InvalidArgument"),
    ],
)
def test_a_header_beside_the_form_that_says_something_of_the_object_is_refused(
    taken: Browser, name: str, value: str, status: int, code: str
) -> None:
    reply = taken.upload({"key": "k"}, b"1", headers=[(name, value)])
    assert (reply.status, reply.code) == (status, code)


def test_a_url_that_is_signed_beside_the_form_is_refused(taken: Browser) -> None:
    fields = signed(taken.keys, allowing(taken.bucket, ["key"]), {"key": "k"})
    wire = uploading(fields.items(), b"1")
    for query in ("X-Amz-Signature=1", "AWSAccessKeyId=a&Signature=b&Expires=1"):
        reply = Post(taken.endpoint, f"/{taken.bucket}?{query}", wire).send()
        assert (reply.status, reply.code) == (400, "InvalidArgument")


@pytest.mark.parametrize("fields", [{}, {"acl": "private"}, {"key": ""}, {"key": "${filename}"}])
def test_a_form_without_a_key_is_refused(taken: Browser, fields: dict[str, str]) -> None:
    reply = taken.upload(fields, b"1", filename="dir/")
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert reply.error["ArgumentName"] == "key"


def test_a_key_that_swift_cannot_have_is_refused(taken: Browser) -> None:
    for key, code in (("x" * 1025, "KeyTooLongError"), ("a\x00b", "InvalidURI")):
        reply = taken.upload({"key": key}, b"1")
        assert (reply.status, reply.code) == (400, code)


def test_a_form_with_the_file_before_its_fields_has_no_key(taken: Browser) -> None:
    wire = form_of(part("file", b"1", "f"), part("key", b"k"))
    reply = Post(taken.endpoint, f"/{taken.bucket}", wire).send()
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert "check the order of the fields" in reply.error["Message"]


def test_a_form_without_a_file_is_refused(taken: Browser) -> None:
    wire = form_of(part("key", b"k"))
    reply = Post(taken.endpoint, f"/{taken.bucket}", wire).send()
    why = "POST requires exactly one file upload per request."
    assert refused(reply) == (400, "InvalidArgument", why)


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_what_is_no_form_is_refused_before_it_is_read(taken: Browser, kind: str | None) -> None:
    headers = [("Expect", "100-continue")]
    post = Post(taken.endpoint, f"/{taken.bucket}", b"key=k", headers=headers, content_type=kind)
    with linked(taken.endpoint) as link:
        link.send(post.head())
        reply = link.reply()
    assert (reply.status, reply.code, reply.went_on) == (412, "PreconditionFailed", False)
    wanted = "Bucket POST must be of the enclosure-type multipart/form-data"
    assert reply.error["Condition"] == wanted


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"key=k",
        form_of(part("key", b"k"), boundary="another"),
        form_of(part("key", b"\xff"), part("file", b"1")),
        form_of(b"\r\nno disposition"),
        form_of(part("key", b"k"))[:-10],
    ],
)
def test_a_form_that_cannot_be_read_is_refused(taken: Browser, wire: bytes) -> None:
    reply = Post(taken.endpoint, f"/{taken.bucket}", wire).send()
    assert (reply.status, reply.code) == (400, "MalformedPOSTRequest")


def test_a_boundary_has_to_be_named(taken: Browser) -> None:
    for kind in ("multipart/form-data", f"multipart/form-data; boundary={'x' * 71}"):
        post = Post(taken.endpoint, f"/{taken.bucket}", b"", content_type=kind)
        assert post.send().code == "MalformedPOSTRequest"


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_form_without_its_end_leaves_no_object(
    taken: Browser, size: int, framing: Framing
) -> None:
    fields = signed(taken.keys, allowing(taken.bucket, ["key"]), {"key": "k"})
    whole = uploading(fields.items(), some_bytes(size), behind=[("late", "1")])
    for missing in (3, 4, len(BOUNDARY) + 8, len(BOUNDARY) + 40, 300):
        post = Post(taken.endpoint, f"/{taken.bucket}", whole[:-missing], framing)
        reply = post.send()
        assert (reply.status, reply.code) == (400, "IncompleteBody")


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_browser_that_vanishes_leaves_no_object(gate: Running, taken: Browser, size: int) -> None:
    fields = signed(taken.keys, allowing(taken.bucket, ["key"]), {"key": "k"})
    whole = uploading(fields.items(), some_bytes(size))
    post = Post(taken.endpoint, f"/{taken.bucket}", whole)
    for at in (100, len(whole) - size // 2, len(whole) - 3):
        with linked(taken.endpoint) as link:
            link.send(post.head(), whole[:at])
        gate.wait_until_answered()


def test_fields_have_a_limit(taken: Browser) -> None:
    reply = taken.upload({"key": "k", "x-ignore-much": "x" * 21_000}, b"1")
    assert (reply.status, reply.code) == (400, "MaxPostPreDataLengthExceeded")
    assert reply.error["MaxPostPreDataLengthBytes"] == "20480"


def test_a_field_is_there_once(taken: Browser) -> None:
    fields = signed(taken.keys, allowing(taken.bucket, ["key"]), {"key": "k"})
    wire = uploading([("Key", "other"), *fields.items()], b"1")
    reply = Post(taken.endpoint, f"/{taken.bucket}", wire).send()
    assert (reply.status, reply.code) == (400, "InvalidArgument")


def test_a_bucket_that_is_not_there_is_told(browser: Browser) -> None:
    nowhere = Browser(browser.endpoint, browser.keys, f"never-{uuid4().hex}")
    for size in (SMALL, LARGE):
        reply = nowhere.upload({"key": "k"}, some_bytes(size))
        assert (reply.status, reply.code) == (404, "NoSuchBucket")
    hidden = Browser(browser.endpoint, browser.keys, f"{browser.bucket}+segments")
    assert hidden.upload({"key": "k"}, b"1").code == "NoSuchBucket"


def test_a_form_for_an_object_or_the_service_is_no_operation(taken: Browser) -> None:
    fields = signed(taken.keys, allowing(taken.bucket, ["key"]), {"key": "k"})
    wire = uploading(fields.items(), b"1")
    for path in (f"/{taken.bucket}/k", "/"):
        reply = Post(taken.endpoint, path, wire).send()
        assert (reply.status, reply.code) == (405, "MethodNotAllowed")


# --- the connection ---


def test_after_a_form_the_connection_goes_on_and_after_half_of_one_it_ends(
    taken: Browser,
) -> None:
    fields = signed(taken.keys, allowing(taken.bucket, ["key"]), {"key": "k"})
    denied = uploading({**fields, "acl": "private"}.items(), some_bytes(LARGE))
    whole = uploading({**fields, "acl": "private"}.items(), b"1")
    head = sign(taken.keys, "HEAD", f"{taken.endpoint}/{taken.bucket}/k")
    with linked(taken.endpoint) as link:
        link.send(Post(taken.endpoint, f"/{taken.bucket}", whole).head() + whole)
        assert link.reply().code == "AccessDenied"
        link.send(head.head())
        assert link.reply(head=True).status == 200
    with linked(taken.endpoint) as link:
        link.send(Post(taken.endpoint, f"/{taken.bucket}", denied).head(), denied[:4000])
        reply = link.reply()
        assert (reply.code, reply.headers["connection"]) == ("AccessDenied", "close")
        assert link.is_closed()


def test_a_browser_that_waits_is_told_to_go_on(browser: Browser) -> None:
    fields = signed(browser.keys, allowing(browser.bucket, ["key"]), {"key": "k"})
    wire = uploading(fields.items(), some_bytes(LARGE))
    headers = [("Expect", "100-continue")]
    post = Post(browser.endpoint, f"/{browser.bucket}", wire, headers=headers)
    with linked(browser.endpoint) as link:
        link.send(post.head())
        link.go_on()
        link.send(wire)
        assert link.reply().status == 204


def test_a_browser_that_stalls_is_given_up(
    stack: Stack, taken: Browser, swift: swiftclient.Connection
) -> None:
    fields = signed(taken.keys, allowing(taken.bucket, ["key"]), {"key": "k"})
    wire = uploading(fields.items(), some_bytes(LARGE))
    with running(settings_for(stack, server={"body_timeout": 1})) as hasty:
        for sent in (200, len(wire) - 1000):
            with linked(hasty.endpoint) as link:
                link.send(Post(hasty.endpoint, f"/{taken.bucket}", wire).head(), wire[:sent])
                reply = link.reply()
                assert (reply.status, reply.code) == (400, "RequestTimeout")
                assert link.is_closed()
        assert stored(swift, taken.bucket, "k") == OLD


def _peak(pid: int) -> int:
    """KiB of memory that a process has had at most."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def test_a_large_file_is_never_in_memory(
    stack: Stack, browser: Browser, swift: swiftclient.Connection, tmp_path: Path
) -> None:
    content = bytes(32 * 1024 * 1024)
    with served(tmp_path, settings_for(stack)) as server:
        there = Browser(server.endpoint, browser.keys, browser.bucket)
        assert there.upload({"key": "k"}, bytes(1024 * 1024)).status == 204
        before = _peak(server.process.pid)
        assert there.upload({"key": "k"}, content).status == 204
        assert _peak(server.process.pid) - before < 12 * 1024
    assert swift.head_object(browser.bucket, "k")["content-length"] == str(len(content))


# --- strangers ---


@pytest.fixture(scope="module")
def three(stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
    with parties(stack, identity, make_user()) as found:
        yield found


def test_a_stranger_uploads_where_he_may_write(
    three: Parties, stack: Stack, swift: swiftclient.Connection
) -> None:
    name = f"forms-{uuid4().hex[:20]}"
    three.owner_s3.create_bucket(Bucket=name)
    other = Keys(three.other.access_key, three.other.secret_key, stack.region)
    browser = Browser(three.running.endpoint, other, name)
    reply = browser.upload({"key": "k"}, b"1")
    assert (reply.status, reply.code) == (403, "AccessDenied")
    three.owner_s3.put_bucket_acl(
        Bucket=name,
        GrantFullControl=f"id={stack.project.id}",
        GrantWrite=f"id={three.other.project_id}",
    )
    with three.watched() as sent:
        assert browser.upload({"key": "k"}, b"1").status == 204
    assert ("other", f"PUT /{name}/k") in sent
    assert stored(swift, name, "k") == b"1"
    assert browser.post({"key": "k"}, b"2").code == "AccessDenied"
    assert stored(swift, name, "k") == b"1"


@pytest.fixture(scope="module")
def by_acls(stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
    with s3_parties(stack, identity, make_user()) as found:
        yield found


@pytest.fixture
def open_bucket(by_acls: Parties) -> str:
    """A bucket to which everybody may write, in mode s3."""
    name = f"forms-{uuid4().hex[:20]}"
    by_acls.owner_s3.create_bucket(Bucket=name)
    by_acls.owner_s3.put_bucket_acl(Bucket=name, ACL="public-read-write")
    return name


class TestNobody:
    """Forms that nobody signed, in mode s3."""

    @pytest.fixture
    def page(self, by_acls: Parties, stack: Stack, open_bucket: str) -> Browser:
        return Browser(by_acls.running.endpoint, keys_of(stack), open_bucket)

    @pytest.mark.parametrize("size", [SMALL, LARGE])
    def test_they_are_stored_where_everybody_may_write(
        self, by_acls: Parties, page: Browser, swift: swiftclient.Connection, size: int
    ) -> None:
        content = some_bytes(size)
        fields = {
            "key": "up/${filename}",
            "Content-Type": "image/png",
            "x-amz-meta-a": "1",
            "success_action_status": "201",
            "submit": "Upload",
        }
        with by_acls.watched() as sent:
            reply = page.post(fields, content)
        assert reply.status == 201
        assert stored(swift, page.bucket, "up/pic.jpg") == content
        assert ("service", f"PUT /{page.bucket}/up/pic.jpg") in sent
        found = by_acls.owner_s3.get_object(Bucket=page.bucket, Key="up/pic.jpg")
        assert (found["ContentType"], found["Metadata"]) == ("image/png", {"a": "1"})
        # WRITE on the bucket is no READ on the object.
        assert by_acls.nobody("GET", f"/{page.bucket}/up/pic.jpg").code == "AccessDenied"

    def test_their_objects_have_the_acl_that_they_ask_for(
        self, by_acls: Parties, page: Browser
    ) -> None:
        assert page.post({"key": "k", "acl": "public-read"}, b"1").status == 204
        shown = by_acls.nobody("GET", f"/{page.bucket}/k")
        assert (shown.status, shown.body) == (200, b"1")

    @pytest.mark.parametrize("acl", ["private", "public-read"])
    def test_they_are_refused_where_not_everybody_may_write(
        self, by_acls: Parties, page: Browser, swift: swiftclient.Connection, acl: str
    ) -> None:
        by_acls.owner_s3.put_bucket_acl(Bucket=page.bucket, ACL=acl)
        for size in (SMALL, LARGE):
            reply = page.post({"key": "k"}, some_bytes(size))
            assert (reply.status, reply.code) == (403, "AccessDenied")
        # Nor does a signature of somebody else help.
        other = Keys(by_acls.other.access_key, by_acls.other.secret_key, page.keys.region)
        theirs = Browser(page.endpoint, other, page.bucket)
        assert theirs.upload({"key": "k"}, b"1").code == "AccessDenied"
        assert not names(swift, page.bucket)

    @pytest.mark.parametrize("size", [SMALL, LARGE])
    def test_they_leave_nothing_where_they_break_off(
        self, page: Browser, swift: swiftclient.Connection, size: int
    ) -> None:
        wire = uploading([("key", "k")], some_bytes(size))
        reply = Post(page.endpoint, f"/{page.bucket}", wire[:-20]).send()
        assert (reply.status, reply.code) == (400, "IncompleteBody")
        assert not names(swift, page.bucket)

    def test_they_have_no_tags(self, page: Browser, swift: swiftclient.Connection) -> None:
        """S3's ACLs let nobody but the owner set them."""
        tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
        reply = page.post({"key": "k", "tagging": tags}, b"1")
        assert (reply.status, reply.code) == (403, "AccessDenied")
        assert not names(swift, page.bucket)

    def test_a_policy_that_nobody_signed_opens_no_door(self, page: Browser) -> None:
        made = signed(page.keys, allowing(page.bucket, ["key"]), {"key": "k"})
        unsigned = {name: made[name] for name in ("key", "policy")}
        assert page.post(unsigned, b"1").code == "InvalidArgument"
        assert page.post({**made, "x-amz-signature": "0" * 64}, b"1").code == (
            "SignatureDoesNotMatch"
        )
