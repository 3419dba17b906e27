"""Tags of buckets: kept in a document of the bucket's, which goes with it."""

from typing import Any

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.gateway import Running
from tests.functional.test_tagging import TAGS, document
from tests.functional.uploads import held, refusal


def put_tags(s3: Any, bucket: str, tags: list[dict[str, str]]) -> int:
    answer = s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status


def tags_of(s3: Any, bucket: str) -> Any:
    return s3.get_bucket_tagging(Bucket=bucket)["TagSet"]


def kept(swift: swiftclient.Connection, bucket: str) -> list[str]:
    """The bucket's documents in Swift."""
    return [name for name in held(swift, ".s3gw") if name.startswith(f"{bucket}/")]


def test_tags_are_set_replaced_and_deleted(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    fifty = [{"Key": f"k{n}", "Value": "v" * 256} for n in range(50)]
    for tags in (TAGS, fifty, TAGS[:1]):
        assert put_tags(s3, bucket, tags) == 204
        assert tags_of(s3, bucket) == tags
    (name,) = kept(swift, bucket)
    assert name.startswith(f"{bucket}/tagging/")
    assert s3.delete_bucket_tagging(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    answer = refusal(lambda: tags_of(s3, bucket))
    assert (answer.status, answer.code) == (404, "NoSuchTagSet")
    assert answer.details == {"BucketName": bucket}
    assert kept(swift, bucket) == []
    s3.delete_bucket_tagging(Bucket=bucket)  # once more is fine


def test_no_tags_are_no_set(s3: Any, bucket: str, swift: swiftclient.Connection) -> None:
    put_tags(s3, bucket, TAGS)
    assert put_tags(s3, bucket, []) == 204
    assert refusal(lambda: tags_of(s3, bucket)).code == "NoSuchTagSet"
    assert kept(swift, bucket) == []


def test_a_new_bucket_does_not_inherit_them(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    put_tags(s3, bucket, TAGS)
    s3.delete_bucket(Bucket=bucket)
    assert kept(swift, bucket) == []
    s3.create_bucket(Bucket=bucket)
    assert refusal(lambda: tags_of(s3, bucket)).code == "NoSuchTagSet"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (document("aws:a", "v"), "InvalidTag", "System tags cannot be added/updated by requester"),
        (document("a!", "v"), "InvalidTag", "The TagKey you have provided is invalid"),
        (b"<Tagging/>", "MalformedXML", None),
        (
            b"<Tagging><TagSet>%s</TagSet></Tagging>"
            % b"".join(b"<Tag><Key>%d</Key><Value/></Tag>" % n for n in range(51)),
            "BadRequest",
            "Bucket tags cannot be greater than 50",
        ),
    ],
)
def test_what_is_no_set_changes_nothing(
    raw: Raw, gateway: Running, bucket: str, body: bytes, code: str, message: str | None
) -> None:
    with gateway.watched() as wire:
        reply = raw("PUT", f"/{bucket}?tagging", body=body)
        assert (reply.status, reply.code) == (400, code)
        assert message in {None, reply.error["Message"]}
        assert wire.sent == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_bucket_that_never_was_has_none(raw: Raw, method: str) -> None:
    reply = raw(method, "/never-was?tagging", body=document("a", "b") if method == "PUT" else b"")
    assert (reply.status, reply.code) == (404, "NoSuchBucket")
