"""Buckets with versions against a small model of AWS S3, and their listings page by page."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, example, given, settings, strategies as st

from tests.functional.conftest import Raw
from tests.functional.test_deletes import upload
from tests.functional.test_versioning import enable
from tests.functional.versions import delete as delete_natively, put, switch, versions
from tests.functional.witness import document, refusal

Row = tuple[str, str, bool, bytes | None]
"""Key, version id, whether it is the latest, and the content (None: a delete marker)."""


@dataclass
class Model:
    """Versions of each key, newest first, as https://docs.aws.amazon.com/AmazonS3 tells."""

    status: str = ""
    keys: dict[str, list[tuple[str, bytes | None]]] = field(default_factory=dict)

    def write(self, key: str, version_id: str, body: bytes | None) -> None:
        kept = [one for one in self.keys.get(key, []) if one[0] != version_id]
        self.keys[key] = [(version_id, body), *kept]

    def delete(self, key: str, version_id: str) -> None:
        self.keys[key] = [one for one in self.keys.get(key, []) if one[0] != version_id]

    def rows(self) -> list[Row]:
        return [
            (key, version_id, index == 0, body)
            for key in sorted(self.keys)
            for index, (version_id, body) in enumerate(self.keys[key])
        ]


def rows(raw: Raw, bucket: str, maximum: int = 1000) -> list[Row]:
    """What the gateway lists, page by page in its order; contents are read by their ids."""
    found: list[Row] = []
    query = f"versions&max-keys={maximum}"
    more = ""
    while True:
        page = document(raw("GET", f"/{bucket}?{query}{more}").body)
        entries = [one for one in page if one.tag in {"Version", "DeleteMarker"}]
        assert len(entries) <= maximum
        for one in entries:
            key, version_id = one.findtext("Key", ""), one.findtext("VersionId", "")
            path = f"/{bucket}/{quote(key)}?versionId={version_id}"
            body = raw("GET", path).body if one.tag == "Version" else None
            found.append((key, version_id, one.findtext("IsLatest") == "true", body))
        if page.findtext("IsTruncated") == "false":
            return found
        key, version_id = (
            page.findtext("NextKeyMarker", ""),
            page.findtext("NextVersionIdMarker", ""),
        )
        more = f"&key-marker={quote(key)}&version-id-marker={version_id}"


def is_told_apart(model: Model) -> bool:
    """Whether Swift can hold the state: a suspended delete needs a version to be seen by."""
    for listed in model.keys.values():
        for index, (version_id, body) in enumerate(listed):
            if version_id == "null" and body is None:
                below = listed[index + 1 :]
                if index or not below or below[0][1] is None:
                    return False
    return True


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "delete", "version", "version", "enable", "suspend"]),
        st.sampled_from(["k", "k", "k2"]),
        st.integers(0, 5),
    ),
    min_size=3,
    max_size=12,
)


@given(steps)
@example(
    [
        ("put", "k", 0),
        ("enable", "k", 0),
        ("put", "k", 0),
        ("suspend", "k", 0),
        ("put", "k", 0),
        ("enable", "k", 0),
        ("put", "k", 0),
        ("version", "k", 0),
    ]
)
@example(
    [
        ("enable", "k", 0),
        ("put", "k", 0),
        ("suspend", "k", 0),
        ("delete", "k", 0),
        ("version", "k", 0),
        ("put", "k", 0),
        ("version", "k", 1),
    ]
)
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_any_sequence_ends_as_on_aws(
    s3: Any, raw: Raw, sequence: list[tuple[str, str, int]]
) -> None:
    bucket = f"model-{uuid4().hex[:16]}"
    s3.create_bucket(Bucket=bucket)
    model = Model()
    for number, (what, key, index) in enumerate(sequence):
        before = Model(model.status, {name: list(found) for name, found in model.keys.items()})
        act = _planned(model, what, key, index, number)
        if not is_told_apart(model):
            model = before  # documented as different: docs/mapping.md
            continue
        act(s3, bucket)
        for name in ("k", "k2"):
            newest = (model.keys.get(name) or [("", None)])[0][1]
            try:
                body = s3.get_object(Bucket=bucket, Key=name)["Body"].read()
            except ClientError:
                body = None
            assert body == newest
    assert rows(raw, bucket) == model.rows()
    assert rows(raw, bucket, 2) == model.rows()


Act = Callable[[Any, str], None]


def _planned(model: Model, what: str, key: str, index: int, number: int) -> Act:
    """Apply a step to the model; what does it to the bucket."""
    if what in {"enable", "suspend"}:
        model.status = status = "Enabled" if what == "enable" else "Suspended"
        return lambda s3, bucket: enable(s3, bucket, status)
    listed = model.keys.get(key, [])
    if what == "version" and model.status and listed:
        return _planned_end(model, key, *listed[index % len(listed)])
    return _planned_write(model, key, None if what == "delete" else f"{number}".encode())


def _planned_end(model: Model, key: str, version_id: str, content: bytes | None) -> Act:
    model.delete(key, version_id)

    def delete_version(s3: Any, bucket: str) -> None:
        answer = s3.delete_object(Bucket=bucket, Key=key, VersionId=version_id)
        assert answer["VersionId"] == version_id
        assert answer.get("DeleteMarker", False) is (content is None)

    return delete_version


def _planned_write(model: Model, key: str, body: bytes | None) -> Act:
    """A new id is the gateway's to choose: the model has a stand-in until the step is done."""
    is_new = model.status == "Enabled"
    if body is None and not model.status:
        model.delete(key, "null")
    else:
        model.write(key, "new" if is_new else "null", body)

    def write(s3: Any, bucket: str) -> None:
        place = {"Bucket": bucket, "Key": key}
        if body is None:
            answer = s3.delete_object(**place)
            assert answer.get("DeleteMarker", False) is bool(model.status)
        else:
            answer = s3.put_object(**place, Body=body)
        version_id = answer.get("VersionId")
        assert version_id == "null" or is_new is (version_id is not None)
        assert model.status or version_id is None
        if is_new:
            model.keys[key][0] = (version_id, body)

    return write


KEYS = ("a", "a/b", "a/c/d", "a1", "b", "c/x", "c/y", "d.1", "dé.2", "dé.21", "é", "é.")


@pytest.fixture(scope="module")
def full(s3: Any) -> str:
    """A bucket with versions and markers of several keys, `null` among them."""
    name = f"versions-{uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    for key in KEYS[::2]:
        s3.put_object(Bucket=name, Key=key, Body=b"null")
    enable(s3, name)
    for number in range(2):
        for key in KEYS:
            s3.put_object(Bucket=name, Key=key, Body=f"{number}".encode())
    s3.delete_object(Bucket=name, Key="a/b")
    s3.delete_object(Bucket=name, Key="c/y")
    enable(s3, name, "Suspended")
    s3.delete_object(Bucket=name, Key="b")
    s3.put_object(Bucket=name, Key="c/x", Body=b"null")
    return name


@given(
    prefix=st.sampled_from(["", "a", "a/", "c/", "é", "none"]),
    delimiter=st.sampled_from(["", "/", "c/", "1", ".", "é.2", "1."]),
    maximum=st.sampled_from([1, 2, 3, 5, 1000]),
)
@example(prefix="", delimiter=".", maximum=1)
@example(prefix="a", delimiter="1", maximum=2)
@example(prefix="d", delimiter="é.2", maximum=1)
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_chained_pages_show_each_entry_once(
    s3: Any, full: str, prefix: str, delimiter: str, maximum: int
) -> None:
    def shown(page: Any) -> list[tuple[str, ...]]:
        entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        return [
            *((one["Key"], one["VersionId"], str(one["IsLatest"])) for one in entries),
            *((one["Prefix"],) for one in page.get("CommonPrefixes", [])),
        ]

    whole = shown(s3.list_object_versions(Bucket=full))
    wanted: set[tuple[str, ...]] = set()
    for entry in whole:
        end = entry[0].find(delimiter, len(prefix)) if delimiter else -1
        if entry[0].startswith(prefix):
            wanted.add(entry if end < 0 else (entry[0][: end + len(delimiter)],))
    query = {"Prefix": prefix, "Delimiter": delimiter, "MaxKeys": maximum}
    found: list[tuple[str, ...]] = []
    for _ in range(60):
        page = s3.list_object_versions(Bucket=full, **query)
        assert len(shown(page)) <= maximum
        found += shown(page)
        if not page["IsTruncated"]:
            break
        query |= {
            "KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"],
        }  # fmt: skip
    assert len(found) == len(set(found))
    assert set(found) == wanted


def test_the_bucket_of_the_pages_is_as_it_should_be(raw: Raw, full: str) -> None:
    listed = rows(raw, full)
    assert [row[3] for row in listed if row[0] == "b"] == [None, b"1", b"0"]
    assert next(row[:3] for row in listed if row[0] == "b") == ("b", "null", True)
    assert [row[3] for row in listed if row[0] == "a"] == [b"1", b"0", b"null"]
    assert [row[1] for row in listed if row[0] == "a"][2] == "null"
    assert [row[3] for row in listed if row[0] == "c/x"] == [b"null", b"1", b"0"]
    assert [row[3] for row in listed if row[0] == "a/b"] == [None, b"1", b"0"]


def test_any_version_may_be_the_marker_null_too(s3: Any, raw: Raw, full: str) -> None:
    whole = [row[:3] for row in rows(raw, full)]
    for index, (key, version_id, _) in enumerate(whole):
        page = s3.list_object_versions(Bucket=full, KeyMarker=key, VersionIdMarker=version_id)
        entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        found = {(one["Key"], one["VersionId"], one["IsLatest"]) for one in entries}
        assert found == set(whole[index + 1 :])


def test_large_versions_show_their_etags(s3: Any, bucket: str, swift: Any) -> None:
    enable(s3, bucket)
    upload(s3, bucket, "k")
    etag = swift.put_object(bucket, "segment", b"large")
    manifest = f'[{{"path": "/{bucket}/segment", "etag": "{etag}"}}]'
    swift.put_object(bucket, "k", manifest, query_string="multipart-manifest=put")
    put(swift, bucket, "k")
    for one in s3.list_object_versions(Bucket=bucket, Prefix="k")["Versions"]:
        head = s3.head_object(Bucket=bucket, Key="k", VersionId=one["VersionId"])
        assert (one["ETag"], one["Size"]) == (head["ETag"], head["ContentLength"])
        assert one["LastModified"] == head["LastModified"]


def test_what_swift_undeleted_natively_is_the_latest(
    s3: Any, raw: Raw, bucket: str, swift: Any
) -> None:
    switch(swift, bucket, on=True)
    one = put(swift, bucket, "k", b"1")
    put(swift, bucket, "k", b"2")
    marker = delete_natively(swift, bucket, "k")
    swift.put_object(bucket, "k", b"", query_string=f"version-id={one}")
    latest = [row[1] for row in rows(raw, bucket) if row[2]]
    assert latest == [one]
    assert len(versions(swift, bucket)) == 3
    assert refusal(s3.get_object, Bucket=bucket, Key="k", VersionId=marker)[0] == 405


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"VersionIdMarker": "1234567890.12345"}, "InvalidArgument"),
        ({"KeyMarker": "k", "VersionIdMarker": "junk"}, "InvalidArgument"),
        ({"Delimiter": "x\ud7ff"}, "NotImplemented"),
    ],
)
def test_what_cannot_be_listed_is_refused(
    s3: Any, full: str, query: dict[str, str], code: str
) -> None:
    assert refusal(s3.list_object_versions, Bucket=full, **query)[1] == code


def test_a_page_is_one_request(gateway: Any, s3: Any, full: str) -> None:
    s3.get_bucket_location(Bucket=full)  # warms the bucket's facts
    with gateway.watched() as wire:
        s3.list_object_versions(Bucket=full)
        assert wire.methods() == ["GET"]
