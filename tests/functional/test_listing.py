"""ListObjects, ListObjectsV2 and ListObjectVersions against an oracle, page by page.

The oracle is the naive reading of the API: keys in UTF-8 order behind the marker, those that hold
the delimiter behind the prefix rolled up, and a marker that is itself a common prefix skips it.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from tests.functional.conftest import Raw
from tests.functional.stack import Stack
from tests.functional.witness import document

KEYS = sorted(
    {
        *(f"plain/{n:02}" for n in range(20)),
        *(f"deep/{n % 3}/{n % 5}/{n}" for n in range(20)),
        *(f"photos/2024/{name}" for name in ("a", "b", "é", "z z", "+", "%41", "&<>\"'")),
        *(f"é{n}/ü" for n in range(5)),
        *(f"emoji-😀-{n}" for n in range(5)),
        *(f"emoji-😀😀{n}/x" for n in range(3)),
        *(f"a{chr(n)}b" for n in range(1, 0x20)),
        *(f"ab--{n}--c" for n in range(5)),
        *(f"//{n}" for n in range(3)),
        *(f"x//{n}//y" for n in range(3)),
        *(f"{'z' * n}" for n in range(1, 6)),
        *("a", "a/", "a/b", "a/b/", "a//", "a/./b", "a/../b", "..", ".", "../x", "./x", "/", "//"),
        *("photos", "photos/", "photos/2024/", "photos0", "photos!", "deep/1"),
        *(" ", " lead", "trail ", "a b", "a+b", "a%20b", "a%2Fb", "a%b", "a&b", "a?b", "a#b"),
        *("\x7f", "\x85", "\u2028", "tab\there", "line\nend", "line\r\nend", "nul-like-\x01"),
        *("\ud7ff", "\ud7ff1", "\ue000", "\uffff", "\U0010ffff", "x\U0010ffffy", "x\U0010ffffz"),
        *("e\u0301", "\xe9", "\uff46\uff55", "ß", "SS", "İ", "~", "^", "|", "\\", "back\\slash/x"),
    },
    key=str.encode,
)

DELIMITERS = [
    "", "/", "//", "--", "é", "😀", "😀😀", "/2024/", " ", "+", "%", "%2F", "\n", "\x01", "b",
    "zz", "z", "\ue000", "\uffff", "&", "never",
]  # fmt: skip

HEADS = sorted({key[:n] for key in KEYS for n in range(len(key) + 1)})
# Swift cannot seek behind these two; the gateway refuses them.
PREFIXES = [head for head in HEADS if not head.endswith(("\ud7ff", "\U0010ffff"))]
OPERATIONS = ["list_objects", "list_objects_v2", "list_object_versions"]

Listed = tuple[list[str], list[str]]


@pytest.fixture(scope="module")
def full(s3: Any) -> str:
    """A bucket with all the keys."""
    name = f"listing-{uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=name, Key=key, Body=key.encode()), KEYS))
    return name


def expected(prefix: str, delimiter: str, after: str) -> list[tuple[str, bool]]:
    """(key or common prefix, whether it is a prefix) in order."""
    found: list[tuple[str, bool]] = []
    for key in KEYS:
        if not key.startswith(prefix) or key.encode() <= after.encode():
            continue
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = (key, False) if end < 0 else (key[: end + len(delimiter)], True)
        if entry not in found[-1:] and entry != (after, True):
            found.append(entry)
    return found


def pages(
    s3: Any, operation: str, bucket: str, after: str, **query: Any
) -> Iterator[tuple[Any, Listed]]:
    """Every page of a listing, chained as clients chain them."""
    names = {
        "list_objects": ("Marker", "Contents"),
        "list_objects_v2": ("StartAfter", "Contents"),
        "list_object_versions": ("KeyMarker", "Versions"),
    }
    marker, entries = names[operation]
    query = {name: value for name, value in query.items() if value != ""}
    if after:
        query[marker] = after
    while True:
        page = getattr(s3, operation)(Bucket=bucket, **query)
        keys = [entry["Key"] for entry in page.get(entries, [])]
        yield page, (keys, [entry["Prefix"] for entry in page.get("CommonPrefixes", [])])
        if not page["IsTruncated"]:
            return
        if operation == "list_objects":
            assert ("NextMarker" in page) == ("Delimiter" in query)
            query["Marker"] = page.get("NextMarker") or keys[-1]
        elif operation == "list_objects_v2":
            query["ContinuationToken"] = page["NextContinuationToken"]
        else:
            query["KeyMarker"] = page["NextKeyMarker"]
            query["VersionIdMarker"] = page["NextVersionIdMarker"]


@given(
    operation=st.sampled_from(OPERATIONS),
    rules=st.tuples(
        st.sampled_from(["", "", *PREFIXES, "nothing-like-it"]),
        st.sampled_from(DELIMITERS) | st.just("/"),
        st.sampled_from(["", "", *HEADS, "between", "\U0010ffff\U0010ffff"]),
    ),
    maximum=st.sampled_from([1, 2, 3, 5, 10, 1000]),
)
@example("list_objects", ("", "/", "photos/"), 2)
@example("list_objects_v2", ("", "/", "photos/2024/b"), 2)
@example("list_objects", ("photos/", "/", "photos/2024/"), 1000)
@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_chained_pages_give_exactly_what_the_oracle_says(
    s3: Any, full: str, operation: str, rules: tuple[str, str, str], maximum: int
) -> None:
    prefix, delimiter, after = rules
    rest = iter(wanted := expected(prefix, delimiter, after))
    maximum = max(maximum, len(wanted) // 15)
    query = {"Prefix": prefix, "Delimiter": delimiter, "MaxKeys": maximum}
    for page, (keys, prefixes) in pages(s3, operation, full, after, **query):
        shown = list(islice(rest, maximum))
        assert keys == [name for name, is_prefix in shown if not is_prefix]
        assert prefixes == [name for name, is_prefix in shown if is_prefix]
        assert page["MaxKeys"] == maximum
        assert page.get("KeyCount", len(shown)) == len(shown)
    assert list(rest) == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_one_page_holds_all_that_fits(s3: Any, full: str, operation: str) -> None:
    [(page, (keys, prefixes))] = pages(s3, operation, full, "")
    assert (keys, prefixes, page["MaxKeys"]) == (KEYS, [], 1000)
    assert "Delimiter" not in page


@pytest.mark.parametrize("marker", ["photos/2024/\x00", "photos/2024\x00x"])
@pytest.mark.parametrize(
    ("query", "name"),
    [("", "marker"), ("list-type=2&", "start-after"), ("versions&", "key-marker")],
)
def test_a_marker_with_a_nul_is_a_place_between_keys(
    raw: Raw, full: str, query: str, name: str, marker: str
) -> None:
    reply = raw(
        "GET", f"/{full}?{query}{name}={quote(marker, safe='')}&max-keys=1&encoding-type=url"
    )
    after = marker.partition("\x00")[0]
    found = [element.text for element in document(reply.body).iter("Key")]
    assert found == [quote(expected("", "", after)[0][0])]
    assert len(found) == 1


def test_no_key_has_a_nul_in_its_prefix_or_its_delimiter(raw: Raw, full: str) -> None:
    found = document(raw("GET", f"/{full}?prefix=a%00&encoding-type=url").body)
    assert found.findall("Contents") == []
    assert found.findtext("Prefix") == "a%00"
    found = document(raw("GET", f"/{full}?delimiter=%00&encoding-type=url").body)
    assert len(found.findall("Contents")) == len(KEYS)
    assert found.findall("CommonPrefixes") == []
    assert found.findtext("Delimiter") == "%00"


@pytest.mark.parametrize(
    ("query", "status", "code", "details"),
    [
        (
            "max-keys=-1",
            400,
            "InvalidArgument",
            {"ArgumentName": "max-keys", "ArgumentValue": "-1"},
        ),
        ("max-keys=ten", 400, "InvalidArgument", {"ArgumentName": "max-keys"}),
        ("max-keys=2147483648", 400, "InvalidArgument", {"ArgumentName": "max-keys"}),
        ("list-type=3", 400, "InvalidArgument", {"ArgumentName": "list-type"}),
        (
            "encoding-type=base64",
            400,
            "InvalidArgument",
            {
                "ArgumentName": "encoding-type",
                "ArgumentValue": "base64",
                "Message": "Invalid Encoding Method specified in Request",
            },
        ),
        *(
            (
                f"list-type=2&continuation-token={token}",
                400,
                "InvalidArgument",
                {
                    "ArgumentName": "continuation-token",
                    "Message": "The continuation token provided is incorrect",
                },
            )
            for token in ("", "%21", "a", "YQ==", "gA")
        ),
        (
            "versions&version-id-marker=null",
            400,
            "InvalidArgument",
            {
                "ArgumentName": "version-id-marker",
                "Message": "A version-id marker cannot be specified without a key marker.",
            },
        ),
        ("prefix=%ff", 400, "InvalidURI", {}),
        ("prefix=" + "a" * 1025, 400, "KeyTooLongError", {"MaxSizeAllowed": "1024"}),
        ("marker=" + "%C3%A9" * 513, 400, "KeyTooLongError", {"Size": "1026"}),
        ("list-type=2&start-after=" + "a" * 1025, 400, "KeyTooLongError", {}),
        ("delimiter=" + "a" * 1025, 400, "KeyTooLongError", {}),
        ("delimiter=%F4%8F%BF%BF", 501, "NotImplemented", {"Parameter": "delimiter"}),
        ("delimiter=a%ED%9F%BF", 501, "NotImplemented", {"Parameter": "delimiter"}),
        ("prefix=%F4%8F%BF%BF", 501, "NotImplemented", {"Parameter": "prefix"}),
        ("prefix=a%ED%9F%BF", 501, "NotImplemented", {"Parameter": "prefix"}),
        ("versions&uploads", 400, "InvalidArgument", {"ArgumentName": "ResourceType"}),
    ],
)
def test_a_parameter_that_is_wrong_is_named(
    raw: Raw, full: str, query: str, status: int, code: str, details: dict[str, str]
) -> None:
    reply = raw("GET", f"/{full}?{query}")
    assert (reply.status, reply.code) == (status, code)
    assert reply.error | details == reply.error


def test_the_longest_parameters_pass(raw: Raw, full: str) -> None:
    long = "%C3%A9" * 512
    reply = raw("GET", f"/{full}?prefix={long}&marker={long}&delimiter={'a' * 1024}")
    assert (reply.status, document(reply.body).findall("Contents")) == (200, [])


def test_a_query_too_long_for_swift_is_no_trouble_of_the_gateway(raw: Raw, full: str) -> None:
    long = "%C3%A9" * 512
    reply = raw("GET", f"/{full}?prefix={long}&marker={long}&delimiter={long}")
    assert (reply.status, reply.code) == (400, "InvalidURI")


@pytest.mark.parametrize("query", ["", "list-type=2&", "versions&"])
@pytest.mark.parametrize("more", ["", "max-keys=0&", "prefix=a%00&"])
def test_a_bucket_that_is_not_there_has_no_listing(raw: Raw, query: str, more: str) -> None:
    reply = raw("GET", f"/never-was-a-bucket?{query}{more}")
    assert (reply.status, reply.code) == (404, "NoSuchBucket")
    assert reply.error["BucketName"] == "never-was-a-bucket"


@pytest.mark.parametrize("query", ["", "list-type=2&", "versions&"])
def test_no_keys_asked_for_is_an_empty_page_and_the_last(raw: Raw, full: str, query: str) -> None:
    found = document(raw("GET", f"/{full}?{query}max-keys=0").body)
    assert found.findtext("MaxKeys") == "0"
    assert found.findtext("IsTruncated") == "false"
    assert not [child.tag for child in found if child.tag in {"Contents", "Version"}]


def test_no_page_has_more_than_a_thousand(raw: Raw, full: str) -> None:
    for query in ("max-keys=5000&", "max-keys=&", ""):
        found = document(raw("GET", f"/{full}?{query}encoding-type=url").body)
        assert found.findtext("MaxKeys") == "1000"


def test_version_1_echoes_the_request_and_shows_owners(raw: Raw, full: str, stack: Stack) -> None:
    query = "prefix=photos/&delimiter=/&marker=photos/2023&max-keys=7"
    found = document(raw("GET", f"/{full}?{query}").body)
    echoed = {child.tag: child.text for child in found if not len(child)}
    assert echoed == {
        "Name": full,
        "Prefix": "photos/",
        "Marker": "photos/2023",
        "MaxKeys": "7",
        "Delimiter": "/",
        "IsTruncated": "false",
    }
    assert [one.findtext("Prefix") for one in found.findall("CommonPrefixes")] == ["photos/2024/"]
    [entry] = document(raw("GET", f"/{full}?prefix=plain/07").body).findall("Contents")
    assert entry.findtext("Owner/ID") == stack.project.id
    assert entry.findtext("Owner/DisplayName") == stack.project.name
    assert entry.findtext("StorageClass") == "STANDARD"
    assert entry.findtext("Size") == "8"


def test_version_2_shows_owners_only_when_asked(raw: Raw, full: str, stack: Stack) -> None:
    target = f"/{full}?list-type=2&prefix=plain/07&start-after=b"
    found = document(raw("GET", target).body)
    echoed = {child.tag: child.text for child in found if not len(child)}
    assert echoed == {
        "Name": full,
        "Prefix": "plain/07",
        "StartAfter": "b",
        "KeyCount": "1",
        "MaxKeys": "1000",
        "IsTruncated": "false",
    }
    assert found.find("Contents/Owner") is None
    found = document(raw("GET", f"{target}&fetch-owner=true").body)
    assert found.findtext("Contents/Owner/ID") == stack.project.id


def test_a_token_beats_start_after_and_is_echoed(s3: Any, full: str) -> None:
    first = s3.list_objects_v2(Bucket=full, MaxKeys=3, Prefix="plain/")
    token = first["NextContinuationToken"]
    second = s3.list_objects_v2(
        Bucket=full, MaxKeys=3, Prefix="plain/", ContinuationToken=token, StartAfter="plain/15"
    )
    assert [entry["Key"] for entry in second["Contents"]] == ["plain/03", "plain/04", "plain/05"]
    assert (second["ContinuationToken"], second["StartAfter"]) == (token, "plain/15")


def test_every_object_is_version_null_and_the_latest(s3: Any, full: str, stack: Stack) -> None:
    page = s3.list_object_versions(Bucket=full, Prefix="plain/07")
    [version] = page["Versions"]
    assert (version["VersionId"], version["IsLatest"]) == ("null", True)
    assert version["Owner"]["ID"] == stack.project.id
    assert (page["KeyMarker"], page["VersionIdMarker"]) == ("", "")
    assert "DeleteMarkers" not in page


def test_url_encoding_covers_all_texts_of_the_client_and_nothing_else(raw: Raw, full: str) -> None:
    query = "prefix=a&delimiter=%2B&marker=a%20&encoding-type=url"
    found = document(raw("GET", f"/{full}?{query}").body)
    assert found.findtext("EncodingType") == "url"
    assert found.findtext("Delimiter") == "%2B"
    assert found.findtext("Marker") == "a%20"
    keys = [element.text for element in found.iter("Key")]
    assert keys == [quote(name) for name, is_prefix in expected("a", "+", "a ") if not is_prefix]
    [prefix] = found.findall("CommonPrefixes")
    assert prefix.findtext("Prefix") == "a%2B"


def test_without_encoding_control_characters_are_references(raw: Raw, full: str) -> None:
    body = raw("GET", f"/{full}?prefix=a%01b").body
    assert b"<Key>a&#x1;b</Key>" in body
    assert b"<Prefix>a&#x1;b</Prefix>" in body
    body = raw("GET", f"/{full}?prefix=photos/2024/%26").body
    assert b"<Key>photos/2024/&amp;&lt;&gt;&quot;'</Key>" in body


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_listing_tells_of_an_object_what_its_head_tells(
    s3: Any, full: str, operation: str
) -> None:
    [(page, _)] = pages(s3, operation, full, "", Prefix="photos/")
    for entry in page.get("Contents") or page["Versions"]:
        head = s3.head_object(Bucket=full, Key=entry["Key"])
        told = (entry["ETag"], entry["Size"], entry["LastModified"])
        assert told == (head["ETag"], head["ContentLength"], head["LastModified"])
