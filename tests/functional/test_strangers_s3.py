"""access.mode = "s3": every operation, by the owner, another project and nobody.

Each test asserts both ends: what the client got, and whose token, if any, Swift saw.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from anyio import to_thread
from keystoneauth1.adapter import Adapter

from s3gw.operations import OPERATIONS
from tests.functional.fixtures import MakeUser
from tests.functional.gateway import s3_client
from tests.functional.parties import Parties, as_person, refusal
from tests.functional.sealing import s3_parties
from tests.functional.stack import Stack
from tests.functional.uploads import Upload, begin
from tests.functional.witness import is_there

_DENIED = (403, "AccessDenied")
_FAKE = "x" * 48
_CORS = {
    "CORSRules": [
        {
            "AllowedOrigins": ["https://a.example"],
            "AllowedMethods": ["GET"],
            "ExposeHeaders": ["ETag"],
        }
    ]
}


@pytest.fixture(scope="module")
def three(stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
    with s3_parties(stack, identity, make_user(), limits={"min_part_size": 1}) as found:
        yield found


@pytest.fixture(scope="module")
def third(three: Parties, stack: Stack, make_user: MakeUser) -> Any:
    """A client of a third project, to which nobody grants anything."""
    person = make_user()
    keys = {"access_key": person.access_key, "secret_key": person.secret_key}
    return s3_client(three.running.endpoint, stack, **keys)


def new_bucket(s3: Any, **acl: str) -> str:
    name = f"all-{uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    if acl:
        s3.put_bucket_acl(Bucket=name, **acl)
    return name


@pytest.fixture
def bucket(three: Parties) -> str:
    """A private bucket of the owner's with the private object `k`."""
    name = new_bucket(three.owner_s3)
    three.owner_s3.put_object(Bucket=name, Key="k", Body=b"content")
    return name


def in_parts(s3: Any, bucket: str, key: str, *bodies: bytes, **options: Any) -> Upload:
    """A completed upload of these parts."""
    upload = begin(s3, bucket, key, **options)
    for number, body in enumerate(bodies, 1):
        upload.put(number, body)
    upload.complete()
    return upload


def writes(sent: list[tuple[Any, str]]) -> list[tuple[Any, str]]:
    """The requests that change something."""
    return [
        (power, request) for power, request in sent if request.split()[0] not in {"GET", "HEAD"}
    ]


@dataclass(frozen=True, slots=True)
class Deed:
    """An operation as anybody may send it."""

    method: str
    target: str
    """Below the bucket, which a signature knows as well as the query."""
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()


_TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
_ACL = (("x-amz-acl", "public-read"),)
_UPLOAD = f"uploadId={_FAKE}"
_FORM = (
    b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n'
    b'--x\r\nContent-Disposition: form-data; name="acl"\r\n\r\npublic-read\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nmine\r\n--x--\r\n'
)
DEEDS: dict[str, Deed] = {
    "HeadBucket": Deed("HEAD", ""),
    "DeleteBucket": Deed("DELETE", ""),
    "GetBucketLocation": Deed("GET", "?location"),
    "ListObjects": Deed("GET", ""),
    "ListObjectsV2": Deed("GET", "?list-type=2"),
    "ListObjectVersions": Deed("GET", "?versions"),
    "ListMultipartUploads": Deed("GET", "?uploads"),
    "DeleteObjects": Deed("POST", "?delete", b"<Delete><Object><Key>k</Key></Object></Delete>"),
    "GetBucketVersioning": Deed("GET", "?versioning"),
    "PutBucketVersioning": Deed("PUT", "?versioning", b"<VersioningConfiguration/>"),
    "GetBucketAcl": Deed("GET", "?acl"),
    "PutBucketAcl": Deed("PUT", "?acl", b"", _ACL),
    "GetBucketOwnershipControls": Deed("GET", "?ownershipControls"),
    "GetBucketCors": Deed("GET", "?cors"),
    "PutBucketCors": Deed("PUT", "?cors", b"<CORSConfiguration/>"),
    "DeleteBucketCors": Deed("DELETE", "?cors"),
    "GetBucketTagging": Deed("GET", "?tagging"),
    "PutBucketTagging": Deed("PUT", "?tagging", _TAGS),
    "DeleteBucketTagging": Deed("DELETE", "?tagging"),
    "GetBucketPolicy": Deed("GET", "?policy"),
    "PutObject": Deed("PUT", "/k", b"mine"),
    "PostObject": Deed("POST", "", _FORM, (("Content-Type", "multipart/form-data; boundary=x"),)),
    "CopyObject": Deed("PUT", "/k", b"", (("x-amz-copy-source", "{bucket}/k"),)),
    "GetObject": Deed("GET", "/k"),
    "HeadObject": Deed("HEAD", "/k"),
    "DeleteObject": Deed("DELETE", "/k"),
    "GetObjectAcl": Deed("GET", "/k?acl"),
    "PutObjectAcl": Deed("PUT", "/k?acl", b"", _ACL),
    "GetObjectTagging": Deed("GET", "/k?tagging"),
    "PutObjectTagging": Deed("PUT", "/k?tagging", _TAGS),
    "DeleteObjectTagging": Deed("DELETE", "/k?tagging"),
    "GetObjectAttributes": Deed(
        "GET", "/k?attributes", None, (("x-amz-object-attributes", "ETag"),)
    ),
    "GetObjectRetention": Deed("GET", "/k?retention"),
    "GetObjectLegalHold": Deed("GET", "/k?legal-hold"),
    "CreateMultipartUpload": Deed("POST", "/k?uploads", b""),
    "UploadPart": Deed("PUT", f"/k?partNumber=1&{_UPLOAD}", b"mine"),
    "UploadPartCopy": Deed(
        "PUT", f"/k?partNumber=1&{_UPLOAD}", b"", (("x-amz-copy-source", "{bucket}/k"),)
    ),
    "CompleteMultipartUpload": Deed("POST", f"/k?{_UPLOAD}", b"<CompleteMultipartUpload/>"),
    "AbortMultipartUpload": Deed("DELETE", f"/k?{_UPLOAD}"),
    "ListParts": Deed("GET", f"/k?{_UPLOAD}"),
}
_OF_CALLERS = {"ListBuckets", "CreateBucket", "Preflight"}


@pytest.fixture(scope="module")
def shut(three: Parties) -> str:
    """A private bucket with a private object, in which nothing ever changes."""
    name = new_bucket(three.owner_s3)
    three.owner_s3.put_object(Bucket=name, Key="k", Body=b"content")
    return name


class TestDefaultDeny:
    """Of a private bucket and a private object nobody else gets anything."""

    def test_every_operation_on_a_bucket_is_here(self) -> None:
        policies = {
            operation.name
            for operation in OPERATIONS
            if operation.note == "answers as if nothing had ever been set"
        }
        assert {op.name for op in OPERATIONS} - _OF_CALLERS - policies <= DEEDS.keys()

    @pytest.mark.parametrize("name", DEEDS)
    def test_nobody_does_anything(self, three: Parties, shut: str, swift: Any, name: str) -> None:
        deed = DEEDS[name]
        headers = {header: value.format(bucket=shut) for header, value in deed.headers}
        with three.watched(of_owner=True) as sent:
            answer = three.nobody(deed.method, f"/{shut}{deed.target}", headers, deed.body)
        assert answer.status == 403
        assert answer.body == b"" if deed.method == "HEAD" else answer.code == "AccessDenied"
        assert b"content" not in answer.body
        assert writes(sent) == []
        assert swift.get_object(shut, "k")[1] == b"content"

    @pytest.mark.parametrize("name", sorted(DEEDS.keys() - {"PostObject"}))
    def test_another_project_does_nothing_with_its_signature(
        self, three: Parties, shut: str, swift: Any, third: Any, name: str
    ) -> None:
        deed = DEEDS[name]
        with three.watched(of_owner=True) as sent:
            status = signed(third, shut, name, deed)
        assert status == 403
        assert writes(sent) == []
        assert swift.get_object(shut, "k")[1] == b"content"

    def test_the_region_of_a_bucket_is_told_to_everybody(self, three: Parties, shut: str) -> None:
        answer = three.nobody("HEAD", f"/{shut}")
        assert (answer.status, answer.headers["x-amz-bucket-region"]) == (403, "RegionOne")


def signed(s3: Any, bucket: str, name: str, deed: Deed) -> int:
    """The status of a deed that a client signed."""
    options: dict[str, Any] = {"Bucket": bucket}
    if deed.target.startswith("/"):
        options["Key"] = "k"
    more: dict[str, dict[str, Any]] = {
        "DeleteObjects": {"Delete": {"Objects": [{"Key": "k"}]}},
        "PutBucketVersioning": {"VersioningConfiguration": {"Status": "Enabled"}},
        "PutBucketAcl": {"ACL": "public-read"},
        "PutBucketCors": {"CORSConfiguration": _CORS},
        "PutBucketTagging": {"Tagging": {"TagSet": []}},
        "PutObject": {"Body": b"mine"},
        "CopyObject": {"CopySource": f"{bucket}/k"},
        "PutObjectAcl": {"ACL": "public-read"},
        "PutObjectTagging": {"Tagging": {"TagSet": []}},
        "GetObjectAttributes": {"ObjectAttributes": ["ETag"]},
        "UploadPart": {"PartNumber": 1, "UploadId": _FAKE, "Body": b"mine"},
        "UploadPartCopy": {"PartNumber": 1, "UploadId": _FAKE, "CopySource": f"{bucket}/k"},
        "CompleteMultipartUpload": {"UploadId": _FAKE, "MultipartUpload": {"Parts": []}},
        "AbortMultipartUpload": {"UploadId": _FAKE},
        "ListParts": {"UploadId": _FAKE},
    }
    words = re.sub("(?<!^)([A-Z])", r"_\1", name.replace("V2", "-2")).lower().replace("-2", "_v2")
    return refusal(getattr(s3, words), **options, **more.get(name, {}))[0]


class TestParts:
    """What is read of a large object by its parts, and of what it is made."""

    def test_a_public_object_is_read_by_parts(self, three: Parties, bucket: str) -> None:
        in_parts(three.owner_s3, bucket, "m", b"one", b"two!", ACL="public-read")
        with three.watched(of_owner=True) as sent:
            answer = three.nobody("GET", f"/{bucket}/m?partNumber=2")
            assert (answer.status, answer.body) == (206, b"two!")
            assert answer.headers["x-amz-mp-parts-count"] == "2"
            assert answer.headers["content-range"] == "bytes 3-6/7"
            head = three.nobody("HEAD", f"/{bucket}/m?partNumber=1")
            assert (head.status, head.headers["content-length"]) == (206, "3")
            assert three.nobody("GET", f"/{bucket}/m?partNumber=3").code == "InvalidPartNumber"
            assert three.nobody("GET", f"/{bucket}/m").body == b"onetwo!"
            answer = three.nobody("GET", f"/{bucket}/m", {"Range": "bytes=2-3"})
            assert (answer.status, answer.body) == (206, b"et")
            assert three.nobody("GET", f"/{bucket}/m", {"Range": "bytes=7-"}).code == "InvalidRange"
            answer = three.nobody("GET", f"/{bucket}/m", {"Range": "bytes=-1"})
            assert (answer.status, answer.body) == (206, b"!")
        assert {power for power, _ in sent} == {"service"}
        assert all("symlink=get" in request for _, request in sent)

    def test_a_plain_one_is_its_only_part(self, three: Parties, bucket: str) -> None:
        three.owner_s3.put_object(Bucket=bucket, Key="p", Body=b"plain", ACL="public-read")
        answer = three.nobody("GET", f"/{bucket}/p?partNumber=1")
        assert (answer.status, answer.body) == (206, b"plain")
        assert three.nobody("GET", f"/{bucket}/p?partNumber=2").code == "InvalidPartNumber"

    def test_of_a_private_one_no_part_is_read_and_no_number_is_told(
        self, three: Parties, bucket: str, third: Any
    ) -> None:
        in_parts(three.owner_s3, bucket, "m", b"one", b"two!")
        for key in ("m", "k", "missing"):
            for number in (1, 2, 9):
                target = f"/{bucket}/{key}?partNumber={number}"
                assert three.nobody("GET", target).code == "AccessDenied"
                assert three.nobody("HEAD", target).status == 403
            asked = {"Bucket": bucket, "Key": key, "ObjectAttributes": ["ObjectParts", "ETag"]}
            assert refusal(third.get_object_attributes, **asked) == _DENIED

    def test_attributes_are_for_who_may_read(self, three: Parties, bucket: str, third: Any) -> None:
        in_parts(three.owner_s3, bucket, "m", b"one", b"two!", ACL="authenticated-read")
        asked = {"Bucket": bucket, "Key": "m", "ObjectAttributes": ["ObjectParts", "ObjectSize"]}
        found = third.get_object_attributes(**asked)
        assert found["ObjectSize"] == 7
        assert found["ObjectParts"]["TotalPartsCount"] == 2

    def test_a_private_object_that_takes_its_place_is_not_read_by_parts(
        self, three: Parties, bucket: str
    ) -> None:
        in_parts(three.owner_s3, bucket, "m", b"one", b"two!", ACL="public-read")
        with three.running.watched() as wire:

            async def swap(sent: Any) -> None:
                if sent.method == "GET" and sent.path.endswith("/m"):
                    wire.before = None
                    again = partial(in_parts, three.owner_s3, bucket, "m", b"sec", b"ret!")
                    await to_thread.run_sync(again)

            wire.before = swap
            answer = three.nobody("GET", f"/{bucket}/m?partNumber=2")
        assert (answer.status, answer.code) == _DENIED

    def test_the_verdict_on_an_object_that_came_later_opens_no_earlier_one(
        self, three: Parties, bucket: str
    ) -> None:
        in_parts(three.owner_s3, bucket, "m", b"secret", b"secret")
        with three.running.watched() as wire:

            async def swap(sent: Any) -> None:
                if sent.method == "HEAD" and sent.path.endswith("/m"):
                    wire.before = None
                    again = partial(in_parts, three.owner_s3, bucket, "m", b"shown", b"!")
                    await to_thread.run_sync(partial(again, ACL="public-read"))

            wire.before = swap
            answer = three.nobody("GET", f"/{bucket}/m")
        assert (answer.status, answer.body) == (200, b"shown!")

    def test_a_private_plain_object_that_takes_its_place_is_not_read_as_a_part(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        three.owner_s3.put_object(Bucket=bucket, Key="p", Body=b"plain", ACL="public-read")
        with three.running.watched() as wire:

            async def swap(sent: Any) -> None:
                if sent.method == "GET" and sent.path.endswith("/p"):
                    wire.before = None
                    swift.put_object(bucket, "p", b"secret")

            wire.before = swap
            answer = three.nobody("GET", f"/{bucket}/p?partNumber=1")
        assert (answer.status, answer.code) == _DENIED

    def test_a_page_of_versions_tells_what_the_owner_would_see(
        self, three: Parties, bucket: str, third: Any
    ) -> None:
        s3 = three.owner_s3
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=bucket, Key="k", Body=b"second", ACL="public-read")
        s3.put_bucket_acl(Bucket=bucket, ACL="authenticated-read")
        mine, theirs = (one.list_object_versions(Bucket=bucket)["Versions"] for one in (s3, third))
        assert [entry["VersionId"] for entry in theirs] == [entry["VersionId"] for entry in mine]
        answer = three.nobody("GET", f"/{bucket}/k")
        assert (answer.body, answer.headers["x-amz-version-id"]) == (
            b"second",
            mine[0]["VersionId"],
        )
        answer = three.nobody("GET", f"/{bucket}/k", {"Range": "bytes=0-1"})
        assert answer.headers["x-amz-version-id"] == mine[0]["VersionId"]
        assert three.nobody("GET", f"/{bucket}/k?versionId=null").code == "AccessDenied"
        assert refusal(third.get_object, Bucket=bucket, Key="k", VersionId="null") == _DENIED


class TestWhatOthersPlanted:
    """A multipart object of the owner's, of which somebody with native access changes a part."""

    def test_a_part_that_became_a_link_is_not_followed(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        upload = in_parts(three.owner_s3, bucket, "m", b"content", b"more", ACL="public-read")
        # The object that it links to has the very content, so that no MD5 tells.
        swift.put_object(
            f"{bucket}+segments", f"m/{upload.upload_id}/1", b"",
            headers={"X-Symlink-Target": f"{bucket}/k"},
        )  # fmt: skip
        assert swift.get_object(bucket, "m")[1] == b"contentmore"
        for headers in ({}, {"Range": "bytes=0-3"}):
            assert three.nobody("GET", f"/{bucket}/m", headers).code == "BrokenMPU"
        assert three.nobody("GET", f"/{bucket}/m", {"Range": "bytes=8-9"}).body == b"or"

    def test_a_part_that_has_another_content_is_not_read(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        upload = in_parts(three.owner_s3, bucket, "m", b"content", b"more", ACL="public-read")
        swift.put_object(f"{bucket}+segments", f"m/{upload.upload_id}/1", b"CONTENT")
        for headers in ({}, {"Range": "bytes=0-3"}):
            assert three.nobody("GET", f"/{bucket}/m", headers).code == "BrokenMPU"
        assert three.nobody("GET", f"/{bucket}/m?partNumber=1").code == "BrokenMPU"
        assert three.nobody("GET", f"/{bucket}/m?partNumber=2").body == b"more"

    def test_a_link_among_the_parts_of_an_upload_is_no_part(
        self, three: Parties, swift: Any
    ) -> None:
        """Whoever completes it through the door would have Swift look at what is behind."""
        name = new_bucket(three.owner_s3, GrantWrite=f'id="{three.other.project_id}"')
        hidden = new_bucket(three.owner_s3)
        three.owner_s3.put_object(Bucket=hidden, Key="secret", Body=b"secret")
        upload = begin(three.other_s3, name, "m")
        etag = upload.put(1, b"secret")
        swift.put_object(
            f"{name}+segments", f"m/{upload.upload_id}/1", b"",
            headers={"X-Symlink-Target": f"{hidden}/secret"},
        )  # fmt: skip
        upload.etags[1] = etag
        assert refusal(upload.complete) == _DENIED
        assert not is_there(swift, name, "m")

    def test_pieces_from_elsewhere_are_not_read(self, three: Parties) -> None:
        evil = as_person(three.stack, three.other)
        theirs, elsewhere = new_bucket(three.other_s3), f"x-{uuid4().hex}"
        evil.put_container(elsewhere)
        evil.put_object(elsewhere, "part", b"part")
        manifest = f'[{{"path": "/{elsewhere}/part"}}]'
        evil.put_object(theirs, "m", manifest, query_string="multipart-manifest=put")
        three.other_s3.put_object_acl(Bucket=theirs, Key="m", ACL="public-read")
        assert three.nobody("GET", f"/{theirs}/m").code == "NotImplemented"
        assert three.other_s3.get_object(Bucket=theirs, Key="m")["Body"].read() == b"part"


class TestCopies:
    """Each end of a copy is judged for itself."""

    @pytest.fixture
    def shown(self, three: Parties, bucket: str) -> str:
        """The owner's bucket with the public objects `k` and `m`, of two parts."""
        three.owner_s3.put_object(
            Bucket=bucket, Key="k", Body=b"content", ACL="public-read", ContentType="text/x",
            Metadata={"a": "b"},
        )  # fmt: skip
        in_parts(three.owner_s3, bucket, "m", b"one", b"two!", ACL="public-read")
        return bucket

    @pytest.fixture
    def mine(self, three: Parties) -> str:
        return new_bucket(three.other_s3)

    def test_what_others_may_read_they_copy_to_their_own(
        self, three: Parties, shown: str, mine: str
    ) -> None:
        s3 = three.other_s3
        with three.watched() as sent:
            s3.copy_object(Bucket=mine, Key="c", CopySource=f"{shown}/k")
        assert writes(sent) == [("other", f"PUT /{mine}/c")]
        found = s3.get_object(Bucket=mine, Key="c")
        assert (found["Body"].read(), found["ContentType"]) == (b"content", "text/x")
        assert found["Metadata"] == {"a": "b"}
        assert three.nobody("GET", f"/{mine}/c").code == "AccessDenied"
        copied = s3.copy_object(Bucket=mine, Key="m", CopySource=f"{shown}/m")
        found = s3.get_object(Bucket=mine, Key="m")
        assert found["Body"].read() == b"onetwo!"
        assert "-" not in copied["CopyObjectResult"]["ETag"]
        upload = begin(s3, mine, "parts")
        for number, wanted in ((1, "bytes=2-4"), (2, "bytes=0-0")):
            part = s3.upload_part_copy(
                **upload.names, PartNumber=number, CopySource=f"{shown}/m", CopySourceRange=wanted
            )
            upload.etags[number] = part["CopyPartResult"]["ETag"]
        upload.complete()
        assert s3.get_object(Bucket=mine, Key="parts")["Body"].read() == b"etwo"

    def test_no_power_of_the_gateways_ever_copies_within_swift(
        self, three: Parties, shown: str, mine: str
    ) -> None:
        three.owner_s3.put_bucket_acl(Bucket=shown, GrantWrite=f'id="{three.other.project_id}"')
        s3 = three.other_s3
        s3.put_object(Bucket=mine, Key="theirs", Body=b"theirs")
        with three.running.watched() as wire:
            s3.copy_object(Bucket=mine, Key="c", CopySource=f"{shown}/k")
            s3.copy_object(Bucket=shown, Key="c", CopySource=f"{shown}/k")
            s3.copy_object(Bucket=shown, Key="d", CopySource=f"{mine}/theirs")
            sent = list(wire.sent)
        assert not [request for request in sent if "X-Copy-From" in request.headers]
        for key, content in (("c", b"content"), ("d", b"theirs")):
            assert three.owner_s3.get_object(Bucket=shown, Key=key)["Body"].read() == content

    def test_what_others_may_not_read_they_copy_nowhere(
        self, three: Parties, bucket: str, mine: str, swift: Any
    ) -> None:
        """Not even within a bucket that they may write in, and no condition tells of it."""
        three.owner_s3.put_bucket_acl(Bucket=bucket, GrantWrite=f'id="{three.other.project_id}"')
        s3, etag = three.other_s3, three.owner_s3.head_object(Bucket=bucket, Key="k")["ETag"]
        for target in (bucket, mine):
            for conditions in ({}, {"CopySourceIfMatch": etag}, {"CopySourceIfNoneMatch": etag}):
                for key in ("k", "missing"):
                    asked = {"Bucket": target, "Key": "c", "CopySource": f"{bucket}/{key}"}
                    assert refusal(s3.copy_object, **asked, **conditions) == _DENIED
            upload = begin(s3, target, "parts")
            asked = {**upload.names, "CopySource": f"{bucket}/k"}
            assert refusal(s3.upload_part_copy, **asked, PartNumber=1) == _DENIED
            assert not is_there(swift, bucket, "c")

    def test_nobody_copies_what_everybody_may_read_and_write(
        self, three: Parties, shown: str, swift: Any
    ) -> None:
        three.owner_s3.put_bucket_acl(Bucket=shown, ACL="public-read-write")
        answer = three.nobody("PUT", f"/{shown}/c", {"x-amz-copy-source": f"{shown}/k"}, b"")
        assert answer.code == "AccessDenied"
        assert not is_there(swift, shown, "c")

    def test_a_source_that_changes_meanwhile_is_looked_at_again(
        self, three: Parties, shown: str, mine: str
    ) -> None:
        with three.running.watched() as wire:

            async def shut(sent: Any) -> None:
                if sent.method == "GET" and sent.path.endswith("/k"):
                    wire.before = None
                    asked = {"Bucket": shown, "Key": "k", "Body": b"secret!"}
                    await to_thread.run_sync(partial(three.owner_s3.put_object, **asked))

            wire.before = shut
            refused = refusal(
                three.other_s3.copy_object, Bucket=mine, Key="c", CopySource=f"{shown}/k"
            )
        assert refused == _DENIED


class TestForms:
    """A form of nobody's is as a PutObject of nobody's."""

    def test_everybody_posts_into_a_bucket_that_is_public_for_writing(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
        deed = DEEDS["PostObject"]
        with three.watched(of_owner=True) as sent:
            answer = three.nobody("POST", f"/{bucket}", dict(deed.headers), deed.body)
        assert answer.status == 204
        assert {power for power, _ in sent} == {"service"}
        assert swift.get_object(bucket, "k")[1] == b"mine"
        assert three.nobody("GET", f"/{bucket}/k").body == b"mine"


class TestConditionsOfWrites:
    """What is there is for who may read it."""

    def test_who_may_write_and_not_read_learns_nothing_by_a_condition(
        self, three: Parties, bucket: str
    ) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, GrantWrite=f'id="{three.other.project_id}"')
        s3, etag = three.other_s3, three.owner_s3.head_object(Bucket=bucket, Key="k")["ETag"]
        for key in ("k", "missing"):
            for given in (etag, '"0"', "*"):
                asked = {"Bucket": bucket, "Key": key, "Body": b"1", "IfMatch": given}
                assert refusal(s3.put_object, **asked) == _DENIED
                del asked["Body"]
                assert refusal(s3.delete_object, **asked) == _DENIED
            size = {"Bucket": bucket, "Key": key, "IfMatchSize": 7}
            assert refusal(s3.delete_object, **size) == _DENIED
        three.owner_s3.put_object_acl(
            Bucket=bucket, Key="k", GrantRead=f'id="{three.other.project_id}"'
        )
        asked = {"Bucket": bucket, "Key": "k", "Body": b"new"}
        assert refusal(s3.put_object, **asked, IfMatch='"0"') == (412, "PreconditionFailed")
        s3.put_object(**asked, IfMatch=etag)
        assert three.owner_s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"
        assert refusal(s3.delete_object, Bucket=bucket, Key="k", IfMatch='"0"') == _DENIED

    def test_tags_are_the_owners(self, three: Parties, bucket: str, swift: Any) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, GrantWrite=f'id="{three.other.project_id}"')
        asked = {"Bucket": bucket, "Key": "t", "Body": b"1", "Tagging": "a=b"}
        assert refusal(three.other_s3.put_object, **asked) == _DENIED
        assert not is_there(swift, bucket, "t")


class TestBrowsers:
    """CORS rules are no secret (hazard 13)."""

    def test_a_page_asks_before_and_sees_the_answer_and_the_refusal(
        self, three: Parties, bucket: str
    ) -> None:
        three.owner_s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=_CORS)
        three.owner_s3.put_object(Bucket=bucket, Key="open", Body=b"1", ACL="public-read")
        origin = {"Origin": "https://a.example"}
        with three.watched() as sent:
            answer = three.nobody(
                "OPTIONS", f"/{bucket}/open", {**origin, "Access-Control-Request-Method": "GET"}
            )
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (
            200, "https://a.example",
        )  # fmt: skip
        assert ("none", f"GET /.s3gw+public/{bucket}/cors") in sent
        for key, status in (("open", 200), ("k", 403)):
            answer = three.nobody("GET", f"/{bucket}/{key}", origin)
            assert answer.status == status
            assert answer.headers["access-control-allow-origin"] == "https://a.example"
            assert answer.headers["access-control-expose-headers"] == "ETag"
        assert three.nobody("GET", f"/{bucket}?cors", origin).code == "AccessDenied"


class TestOwners:
    """Their own token is all they ever use, and the names of all are theirs."""

    def test_they_see_themselves_wherever_an_owner_is_told(
        self, three: Parties, bucket: str, third: Any
    ) -> None:
        owner = three.stack.project.id
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="authenticated-read")
        for s3 in (three.owner_s3, third):
            found = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)
            assert {entry["Owner"]["ID"] for entry in found["Contents"]} == {owner}
        acl = three.owner_s3.get_object_acl(Bucket=bucket, Key="k")
        assert acl["Owner"]["ID"] == owner

    def test_none_of_their_requests_has_another_power(self, three: Parties, bucket: str) -> None:
        s3, named = three.owner_s3, {"Bucket": bucket}
        asks: list[Callable[[], Any]] = [
            lambda: s3.put_object(**named, Key="a", Body=b"1", ACL="public-read"),
            lambda: s3.copy_object(**named, Key="b", CopySource=f"{bucket}/a", ACL="public-read"),
            lambda: in_parts(s3, bucket, "m", b"1", b"2", ACL="public-read"),
            lambda: s3.get_object(**named, Key="m", PartNumber=2),
            lambda: s3.get_object_attributes(**named, Key="m", ObjectAttributes=["ObjectParts"]),
            lambda: s3.put_object_acl(**named, Key="a", ACL="private"),
            lambda: s3.put_bucket_acl(**named, ACL="public-read-write"),
            lambda: s3.list_objects_v2(**named),
            lambda: s3.delete_object(**named, Key="m"),
            lambda: s3.delete_objects(**named, Delete={"Objects": [{"Key": "a"}]}),
        ]
        for ask in asks:
            with three.watched(of_owner=True) as sent:
                ask()
            assert {power for power, _ in sent} == {"owner"}
        assert three.nobody("GET", f"/{bucket}/b").body == b"1"
