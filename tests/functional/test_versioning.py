"""PutBucketVersioning and GetBucketVersioning: what Swift is told, and what it is told with it."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import swiftclient

from s3gw.swift.errors import SwiftUnreachable
from tests.functional.conftest import Raw
from tests.functional.gateway import Running, Sent, running, s3_client, settings_for
from tests.functional.stack import Stack
from tests.functional.versions import ids, put, switch
from tests.functional.witness import names, refusal

SINCE = "x-container-meta-s3gw-versioned-since"


def enable(s3: Any, bucket: str, status: str = "Enabled") -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def document(inner: str) -> bytes:
    return f"<VersioningConfiguration>{inner}</VersioningConfiguration>".encode()


def test_versioning_is_switched_and_told(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status, told in (("Enabled", "True"), ("Suspended", "False"), ("Enabled", "True")):
        enable(s3, bucket, status)
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status
        assert swift.head_container(bucket)["x-versions-enabled"] == told


def test_the_times_of_the_switches_are_swifts_own(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    written = []
    for status in ("Enabled", "Suspended", "Enabled"):
        swift.put_object(bucket, "k", b"1")
        written.append(swift.head_object(bucket, "k")["x-timestamp"])
        enable(s3, bucket, status)
    swift.put_object(bucket, "k", b"1")
    written.append(swift.head_object(bucket, "k")["x-timestamp"])
    switched = swift.head_container(bucket)[SINCE].split(",")
    assert len(switched) == 3
    merged = [time for pair in zip(written, [*switched, ""], strict=True) for time in pair][:-1]
    assert merged == sorted(merged)
    assert names(swift, ".s3gw") == [
        name for name in names(swift, ".s3gw") if not name.startswith(bucket)
    ]


def test_what_is_so_already_costs_a_look_and_changes_nothing(
    gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    switch(swift, bucket, on=True)
    with gateway.watched() as wire:
        enable(s3, bucket)
        assert [str(sent) for sent in wire.sent] == [f"HEAD /{bucket}"]
    assert SINCE not in swift.head_container(bucket)


def test_a_switch_is_five_requests(gateway: Running, s3: Any, bucket: str) -> None:
    enable(s3, bucket)
    with gateway.watched() as wire:
        enable(s3, bucket, "Suspended")
        assert wire.methods() == ["HEAD", "PUT", "HEAD", "DELETE", "POST"]


def test_suspended_at_once_prepares_the_bucket_all_the_same(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    swift.put_object(bucket, "k", b"1")
    enable(s3, bucket, "Suspended")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"] == "null"
    assert ids(swift, bucket) == ["null"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "MalformedXML"),
        (b"<x", 400, "MalformedXML"),
        (b"<Versioning><Status>Enabled</Status></Versioning>", 400, "MalformedXML"),
        (document("<Status>enabled</Status>"), 400, "MalformedXML"),
        (document("<Status>Enabled</Status><Status>Enabled</Status>"), 400, "MalformedXML"),
        (document("<Status>Enabled</Status><Other/>"), 400, "MalformedXML"),
        (document("<Status>Enabled</Status><MfaDelete>x</MfaDelete>"), 400, "MalformedXML"),
        (document(""), 400, "IllegalVersioningConfigurationException"),
        (document("<Status></Status>"), 400, "IllegalVersioningConfigurationException"),
        (document("<Status/>"), 400, "IllegalVersioningConfigurationException"),
        (document("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"), 501, "NotImplemented"),
    ],
)  # fmt: skip
def test_what_is_no_configuration_switches_nothing(
    raw: Raw, bucket: str, swift: swiftclient.Connection, body: bytes, status: int, code: str
) -> None:
    reply = raw("PUT", f"/{bucket}?versioning", body=body)
    assert (reply.status, reply.code) == (status, code)
    assert "x-versions-enabled" not in swift.head_container(bucket)


def test_mfa_is_refused(raw: Raw, bucket: str, swift: swiftclient.Connection) -> None:
    body = document("<Status>Enabled</Status><MfaDelete>Disabled</MfaDelete>")
    reply = raw("PUT", f"/{bucket}?versioning", [("x-amz-mfa", "SERIAL 123456")], body)
    assert (reply.status, reply.code, reply.error["Header"]) == (501, "NotImplemented", "x-amz-mfa")
    assert "x-versions-enabled" not in swift.head_container(bucket)
    swift.put_object(bucket, "k", b"1")
    reply = raw("DELETE", f"/{bucket}/k?versionId=null", [("x-amz-mfa", "SERIAL 123456")])
    assert (reply.status, reply.code) == (501, "NotImplemented")
    assert names(swift, bucket) == ["k"]
    assert raw("PUT", f"/{bucket}?versioning", body=body).status == 200


def test_a_bucket_that_never_was_is_told(raw: Raw) -> None:
    reply = raw("PUT", "/never-was-a-bucket?versioning", body=document("<Status>Enabled</Status>"))
    assert (reply.status, reply.code) == (404, "NoSuchBucket")


@pytest.mark.parametrize("flag", ["X-Versions-Location", "X-History-Location"])
def test_swifts_older_kind_of_versions_excludes_it(
    s3: Any, bucket: str, swift: swiftclient.Connection, flag: str
) -> None:
    swift.put_container(f"{bucket}-archive")
    swift.post_container(bucket, {flag: f"{bucket}-archive"})
    status, code, _ = refusal(
        s3.put_bucket_versioning,
        Bucket=bucket,
        VersioningConfiguration={"Status": "Enabled"},
    )
    assert (status, code) == (501, "NotImplemented")


def test_a_switch_that_swift_does_not_answer_is_no_success(
    gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    async def cut(sent: Sent) -> None:
        if sent.method == "POST":
            raise SwiftUnreachable("cut by the test")

    with gateway.watched() as wire:
        wire.before = cut
        arguments = {"Bucket": bucket, "VersioningConfiguration": {"Status": "Enabled"}}
        assert refusal(s3.put_bucket_versioning, **arguments)[0] == 503
    assert "x-versions-enabled" not in swift.head_container(bucket)
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)


@pytest.fixture
def without(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of a gateway over a Swift whose /info knows no object versioning."""
    from s3gw.swift import info  # noqa: PLC0415 - only this one is told so

    real = info.parse_info
    monkeypatch.setattr(
        info,
        "parse_info",
        lambda found: real({key: found[key] for key in found if key != "object_versioning"}),
    )
    with running(settings_for(stack)) as other, closing(s3_client(other.endpoint, stack)) as client:
        yield client


def test_a_swift_without_versioning_has_none(
    without: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    arguments = {"Bucket": bucket, "VersioningConfiguration": {"Status": "Enabled"}}
    assert refusal(without.put_bucket_versioning, **arguments)[:2] == (501, "NotImplemented")
    assert "x-versions-enabled" not in swift.head_container(bucket)
    put(swift, bucket, "k")
    assert without.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"1"
