"""Every listing, read back by botocore: what went in comes out."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given, settings, strategies as st

from s3gw.s3 import listings
from s3gw.s3.documents import Owner
from s3gw.s3.listings import (
    ObjectPage,
    ObjectPageV2,
    Objects,
    PartEntry,
    PartPage,
    UploadEntry,
    UploadPage,
    VersionEntry,
    VersionPage,
    url_encode,
)
from s3gw.s3.xml import Element, parse, render
from tests.unit.s3.test_documents import tags
from tests.unit.s3.test_xml import XML_CHARACTERS
from tests.unit.s3.wire import read_answer

OWNER = Owner("project-id", "project name")
OWNER_READ = {"ID": "project-id", "DisplayName": "project name"}
CHANGED = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
SHOWN = "2024-01-02T03:04:05.000Z"
ETAG = "d41d8cd98f00b204e9800998ecf8427e"
ODD = "a b+c%2F\x01\r\n\x7f<&>é€😀/"
ODD_ENCODED = "a%20b%2Bc%252F%01%0D%0A%7F%3C%26%3E%C3%A9%E2%82%AC%F0%9F%98%80/"
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)

V1 = ObjectPage(
    bucket="b",
    prefix="",
    delimiter="",
    maximum=1000,
    url_encoded=False,
    marker="",
    objects=Objects(["k"], [SHOWN], [ETAG], [5]),
    owner=OWNER,
)
V2 = ObjectPageV2(
    bucket="b",
    prefix="",
    delimiter="",
    maximum=1000,
    url_encoded=False,
    objects=V1.objects,
    owner=None,
)
NO_OBJECTS = Objects([], [], [], [])
VERSIONS = VersionPage(
    bucket="b",
    prefix="",
    delimiter="",
    maximum=1000,
    url_encoded=False,
    key_marker="",
    version_id_marker="",
    versions=[
        VersionEntry("k", "3", True, SHOWN, delete_marker=True),
        VersionEntry("k", "2", False, SHOWN, ETAG, 5),
    ],
    owner=OWNER,
)
UPLOADS = UploadPage(
    bucket="b",
    prefix="",
    delimiter="",
    maximum=1000,
    url_encoded=False,
    key_marker="",
    upload_id_marker="",
    uploads=[UploadEntry("k", "u", CHANGED, OWNER)],
)
PARTS = PartPage(
    bucket="b",
    key=ODD.replace("\x01", ""),
    upload_id="u",
    owner=OWNER,
    part_number_marker=1,
    maximum=2,
    parts=[
        PartEntry(2, CHANGED, ETAG, 5),
        PartEntry(10, CHANGED, ETAG, 6, ("crc32c", "AAAAAA==")),
    ],
    truncated=True,
)
OBJECT_READ = {
    "Key": "k",
    "LastModified": CHANGED,
    "ETag": f'"{ETAG}"',
    "Size": 5,
    "StorageClass": "STANDARD",
}


def test_url_encoding_keeps_slashes_and_writes_spaces_as_percent_20() -> None:
    assert url_encode("aZ0-._~/ +*'()é") == "aZ0-._~/%20%2B%2A%27%28%29%C3%A9"


@given(KEYS)
def test_url_encoded_text_is_plain_ascii_and_decodes_to_itself(text: str) -> None:
    encoded = url_encode(text)
    assert encoded.isascii()
    assert encoded.isprintable()
    assert unquote(encoded) == text


def test_a_plain_v1_page() -> None:
    document = listings.list_objects(V1)
    assert tags(document) == ["Name", "Prefix", "Marker", "MaxKeys", "IsTruncated", "Contents"]
    assert read_answer("ListObjects", render(document)) == {
        "Name": "b",
        "Prefix": "",
        "Marker": "",
        "MaxKeys": 1000,
        "IsTruncated": False,
        "Contents": [{**OBJECT_READ, "Owner": OWNER_READ}],
    }


def test_an_object_is_written_as_aws_writes_it() -> None:
    assert render(listings.list_objects(V1)).decode().partition("<Contents>")[2] == (
        "<Key>k</Key><LastModified>2024-01-02T03:04:05.000Z</LastModified>"
        "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>5</Size>"
        "<Owner><ID>project-id</ID><DisplayName>project name</DisplayName></Owner>"
        "<StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>"
    )


@given(st.lists(st.tuples(st.text(), st.text(), st.integers())), st.text(), st.text())
def test_a_page_of_objects_is_written_as_one_by_one(
    entries: list[tuple[str, str, int]], name: str, storage_class: str
) -> None:
    keys, etags, sizes = [*zip(*entries, strict=True)] or ((), (), ())
    page = replace(
        V1,
        objects=Objects(keys, [SHOWN] * len(keys), etags, sizes),
        owner=Owner("%s", name),
        storage_class=storage_class,
    )
    contents: list[Element] = [
        (
            "Contents",
            [
                ("Key", key),
                ("LastModified", SHOWN),
                ("ETag", f'"{etag}"'),
                ("Size", size),
                ("Owner", [("ID", "%s"), ("DisplayName", name)]),
                ("StorageClass", storage_class),
            ],
        )
        for key, etag, size in entries
    ]
    assert (
        render(listings.list_objects(page)).partition(b"</IsTruncated>")[2]
        == (render(("ListBucketResult", contents)).partition(b'2006-03-01/">')[2])
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(), st.text(), st.text(), st.booleans(), st.booleans())))
def test_a_page_of_versions_is_written_as_one_by_one(
    entries: list[tuple[str, str, str, bool, bool]],
) -> None:
    versions = [
        VersionEntry(key, version_id, is_latest, SHOWN, etag, 5, delete_marker)
        for key, version_id, etag, is_latest, delete_marker in entries
    ]
    elements: list[Element] = []
    for one in versions:
        named: list[Element] = [
            ("Key", one.key),
            ("VersionId", one.version_id),
            ("IsLatest", one.is_latest),
            ("LastModified", SHOWN),
        ]
        owner = ("Owner", [("ID", OWNER.id), ("DisplayName", OWNER.display_name)])
        content: list[Element] = [("ETag", f'"{one.etag}"'), ("Size", 5)]
        elements.append(
            ("DeleteMarker", [*named, owner])
            if one.delete_marker
            else ("Version", [*named, *content, owner, ("StorageClass", "STANDARD")])
        )
    page = replace(VERSIONS, versions=versions)
    assert (
        render(listings.list_versions(page)).partition(b"</IsTruncated>")[2]
        == (render(("ListVersionsResult", elements)).partition(b'2006-03-01/">')[2])
    )


@given(st.lists(st.text(XML_CHARACTERS, min_size=1), min_size=1))
def test_all_keys_of_a_page_come_back_as_they_are(keys: list[str]) -> None:
    objects = Objects(keys, [SHOWN] * len(keys), [ETAG] * len(keys), [5] * len(keys))
    body = render(listings.list_objects_v2(replace(V2, objects=objects)))
    assert [one.leaf("Key") for one in parse(body).all("Contents")] == keys
    body = render(listings.list_objects_v2(replace(V2, objects=objects, url_encoded=True)))
    shown = [one.leaf("Key") or "" for one in parse(body).all("Contents")]
    assert [unquote(key) for key in shown] == keys


def test_a_full_v1_page_has_everything_in_order() -> None:
    page = replace(
        V1,
        delimiter="/",
        marker="a",
        common_prefixes=["x/", "y/"],
        url_encoded=True,
        next_marker="y/",
    )
    document = listings.list_objects(page)
    assert tags(document) == [
        "Name",
        "Prefix",
        "Marker",
        "NextMarker",
        "MaxKeys",
        "Delimiter",
        "EncodingType",
        "IsTruncated",
        "Contents",
        "CommonPrefixes",
        "CommonPrefixes",
    ]
    answer = read_answer("ListObjects", render(document))
    assert answer["IsTruncated"] is True
    assert answer["CommonPrefixes"] == [{"Prefix": "x/"}, {"Prefix": "y/"}]


def test_a_truncated_v1_page_has_a_next_marker_only_with_a_delimiter() -> None:
    answer = read_answer("ListObjects", render(listings.list_objects(replace(V1, next_marker="k"))))
    assert "NextMarker" not in answer
    assert answer["IsTruncated"] is True
    page = replace(V1, next_marker="k", delimiter="/")
    assert read_answer("ListObjects", render(listings.list_objects(page)))["NextMarker"] == "k"
    page = replace(V1, delimiter="/")
    assert "NextMarker" not in read_answer("ListObjects", render(listings.list_objects(page)))


@settings(deadline=None)
@given(KEYS, KEYS, KEYS, KEYS)
def test_any_key_of_a_v1_page_comes_back_through_url_encoding(
    key: str, prefix: str, delimiter: str, marker: str
) -> None:
    page = replace(
        V1,
        url_encoded=True,
        prefix=prefix,
        delimiter=delimiter,
        marker=marker,
        next_marker=key,
        objects=Objects([key], [SHOWN], [ETAG], [5]),
        common_prefixes=[prefix + delimiter],
    )
    answer = read_answer("ListObjects", render(listings.list_objects(page)))
    assert answer["Contents"][0]["Key"] == answer["NextMarker"] == key
    assert answer["Delimiter"] == delimiter
    assert answer["Marker"] == marker
    assert answer["CommonPrefixes"] == [{"Prefix": prefix + delimiter}]
    assert unquote(answer["Prefix"]) == prefix  # which botocore leaves as it is


def test_a_plain_v2_page() -> None:
    document = listings.list_objects_v2(V2)
    assert tags(document) == ["Name", "Prefix", "KeyCount", "MaxKeys", "IsTruncated", "Contents"]
    assert read_answer("ListObjectsV2", render(document)) == {
        "Name": "b",
        "Prefix": "",
        "KeyCount": 1,
        "MaxKeys": 1000,
        "IsTruncated": False,
        "Contents": [OBJECT_READ],
    }


def test_a_full_v2_page_has_everything_in_order() -> None:
    page = replace(
        V2,
        delimiter="/",
        url_encoded=True,
        start_after="",
        token="a b",
        next_token="c d",
        common_prefixes=["x/"],
        owner=OWNER,
    )
    document = listings.list_objects_v2(page)
    assert tags(document) == [
        "Name",
        "Prefix",
        "StartAfter",
        "ContinuationToken",
        "NextContinuationToken",
        "KeyCount",
        "MaxKeys",
        "Delimiter",
        "EncodingType",
        "IsTruncated",
        "Contents",
        "CommonPrefixes",
    ]
    answer = read_answer("ListObjectsV2", render(document))
    assert answer["KeyCount"] == 2
    assert (answer["ContinuationToken"], answer["NextContinuationToken"]) == ("a b", "c d")
    assert answer["IsTruncated"] is True
    assert answer["Contents"] == [{**OBJECT_READ, "Owner": OWNER_READ}]


@settings(deadline=None)
@given(KEYS, KEYS, KEYS)
def test_any_key_of_a_v2_page_comes_back_through_url_encoding(
    key: str, prefix: str, start_after: str
) -> None:
    page = replace(
        V2,
        url_encoded=True,
        prefix=prefix,
        delimiter=prefix,
        start_after=start_after,
        objects=Objects([key], [SHOWN], [ETAG], [5]),
        common_prefixes=[prefix],
    )
    answer = read_answer("ListObjectsV2", render(listings.list_objects_v2(page)))
    assert answer["Contents"][0]["Key"] == key
    assert answer["Prefix"] == answer["Delimiter"] == prefix
    assert answer["StartAfter"] == start_after
    assert answer["CommonPrefixes"] == [{"Prefix": prefix}]


def test_a_plain_page_of_versions() -> None:
    document = listings.list_versions(VERSIONS)
    assert tags(document) == [
        "Name",
        "Prefix",
        "KeyMarker",
        "VersionIdMarker",
        "MaxKeys",
        "IsTruncated",
        "DeleteMarker",
        "Version",
    ]
    named = {"Key": "k", "LastModified": CHANGED, "Owner": OWNER_READ}
    assert read_answer("ListObjectVersions", render(document)) == {
        "Name": "b",
        "Prefix": "",
        "KeyMarker": "",
        "VersionIdMarker": "",
        "MaxKeys": 1000,
        "IsTruncated": False,
        "DeleteMarkers": [{**named, "VersionId": "3", "IsLatest": True}],
        "Versions": [
            {
                **named,
                "VersionId": "2",
                "IsLatest": False,
                "ETag": f'"{ETAG}"',
                "Size": 5,
                "StorageClass": "STANDARD",
            }
        ],
    }


def test_a_full_page_of_versions_has_everything_in_order() -> None:
    page = replace(
        VERSIONS,
        delimiter=ODD,
        prefix=ODD,
        key_marker=ODD,
        version_id_marker="v 1",
        next_marker=(ODD, "v 2"),
        url_encoded=True,
        common_prefixes=[ODD],
    )
    document = listings.list_versions(page)
    assert tags(document) == [
        "Name",
        "Prefix",
        "KeyMarker",
        "VersionIdMarker",
        "NextKeyMarker",
        "NextVersionIdMarker",
        "MaxKeys",
        "Delimiter",
        "EncodingType",
        "IsTruncated",
        "DeleteMarker",
        "Version",
        "CommonPrefixes",
    ]
    answer = read_answer("ListObjectVersions", render(document))
    decoded = ("Prefix", "Delimiter", "KeyMarker", "NextKeyMarker")
    assert {answer[name] for name in decoded} == {ODD}
    assert (answer["VersionIdMarker"], answer["NextVersionIdMarker"]) == ("v 1", "v 2")
    assert answer["CommonPrefixes"] == [{"Prefix": ODD}]
    assert answer["IsTruncated"] is True


def test_a_plain_page_of_uploads_has_all_its_markers() -> None:
    document = listings.list_uploads(UPLOADS)
    assert tags(document) == [
        "Bucket",
        "KeyMarker",
        "UploadIdMarker",
        "NextKeyMarker",
        "NextUploadIdMarker",
        "Prefix",
        "MaxUploads",
        "IsTruncated",
        "Upload",
    ]
    assert read_answer("ListMultipartUploads", render(document)) == {
        "Bucket": "b",
        "KeyMarker": "",
        "UploadIdMarker": "",
        "NextKeyMarker": "",
        "NextUploadIdMarker": "",
        "Prefix": "",
        "MaxUploads": 1000,
        "IsTruncated": False,
        "Uploads": [
            {
                "Key": "k",
                "UploadId": "u",
                "Initiator": OWNER_READ,
                "Owner": OWNER_READ,
                "StorageClass": "STANDARD",
                "Initiated": CHANGED,
            }
        ],
    }


def test_a_full_page_of_uploads_encodes_keys_and_not_ids() -> None:
    page = replace(
        UPLOADS,
        delimiter=ODD,
        prefix=ODD,
        key_marker=ODD,
        upload_id_marker="u 1",
        next_marker=(ODD, "u 2"),
        url_encoded=True,
        uploads=[UploadEntry(ODD, "u 2", CHANGED, OWNER)],
        common_prefixes=[ODD],
    )
    document = listings.list_uploads(page)
    assert tags(document) == [
        "Bucket",
        "KeyMarker",
        "UploadIdMarker",
        "NextKeyMarker",
        "NextUploadIdMarker",
        "Delimiter",
        "Prefix",
        "MaxUploads",
        "EncodingType",
        "IsTruncated",
        "Upload",
        "CommonPrefixes",
    ]
    answer = read_answer("ListMultipartUploads", render(document))
    encoded = ("Prefix", "Delimiter", "KeyMarker", "NextKeyMarker")
    assert {answer[name] for name in encoded} == {ODD_ENCODED}
    assert answer["Uploads"][0]["Key"] == ODD_ENCODED
    assert answer["CommonPrefixes"] == [{"Prefix": ODD_ENCODED}]
    ids = (answer["UploadIdMarker"], answer["NextUploadIdMarker"], answer["Uploads"][0]["UploadId"])
    assert ids == ("u 1", "u 2", "u 2")
    assert answer["IsTruncated"] is True


def test_a_page_of_parts() -> None:
    document = listings.list_parts(PARTS)
    assert tags(document) == [
        "Bucket",
        "Key",
        "UploadId",
        "Initiator",
        "Owner",
        "StorageClass",
        "PartNumberMarker",
        "NextPartNumberMarker",
        "MaxParts",
        "IsTruncated",
        "Part",
        "Part",
    ]
    part = {"PartNumber": 2, "LastModified": CHANGED, "ETag": f'"{ETAG}"', "Size": 5}
    assert read_answer("ListParts", render(document)) == {
        "Bucket": "b",
        "Key": PARTS.key,
        "UploadId": "u",
        "Initiator": OWNER_READ,
        "Owner": OWNER_READ,
        "StorageClass": "STANDARD",
        "PartNumberMarker": 1,
        "NextPartNumberMarker": 10,
        "MaxParts": 2,
        "IsTruncated": True,
        "Parts": [part, {**part, "PartNumber": 10, "Size": 6, "ChecksumCRC32C": "AAAAAA=="}],
    }


def test_an_empty_page_of_parts_still_says_what_is_next() -> None:
    page = replace(PARTS, parts=[], truncated=False)
    answer = read_answer("ListParts", render(listings.list_parts(page)))
    assert (answer["NextPartNumberMarker"], answer["IsTruncated"]) == (1, False)


@pytest.mark.parametrize(
    ("operation", "document"),
    [
        ("ListObjects", listings.list_objects(replace(V1, objects=NO_OBJECTS))),
        ("ListObjectsV2", listings.list_objects_v2(replace(V2, objects=NO_OBJECTS))),
        ("ListObjectVersions", listings.list_versions(replace(VERSIONS, versions=[]))),
        ("ListMultipartUploads", listings.list_uploads(replace(UPLOADS, uploads=[]))),
    ],
)
def test_an_empty_page_is_not_truncated_and_echoes_no_delimiter(
    operation: str, document: Element
) -> None:
    answer = read_answer(operation, render(document))
    assert answer["IsTruncated"] is False
    assert answer["Prefix"] == ""
    assert "Delimiter" not in answer
    assert "EncodingType" not in answer
