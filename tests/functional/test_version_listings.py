"""ListObjectVersions: names in every form, and delimiters that Swift does not take."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

import pytest

from tests.functional.conftest import Raw
from tests.functional.gateway import Running, running, s3_client, settings_for
from tests.functional.stack import Stack
from tests.functional.test_deletes import upload
from tests.functional.test_versioning import enable
from tests.functional.witness import document

ODD = ("a b", "a+b", "a%2Fb", "a\x01b", "a\nb", "é/ü", "é/😀", "é/<&>", 'q"\\', "é")
DOTTED = ("1.0/a", "1.0/b", "1.1/a", "10/a", "a.b.c", "a.b.d", "a.c", "b", "b.", "ü.1", "ü.2")


@pytest.fixture(scope="module")
def odd(s3: Any) -> str:
    """A bucket with versions whose keys no listing shows as they are."""
    return _filled(s3, ODD)


@pytest.fixture(scope="module")
def dotted(s3: Any) -> str:
    """A bucket with two versions of each key, or one and a delete marker."""
    return _filled(s3, DOTTED)


def _filled(s3: Any, keys: tuple[str, ...]) -> str:
    name = f"versions-{uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    enable(s3, name)
    for index, key in enumerate(keys):
        s3.put_object(Bucket=name, Key=key, Body=b"1")
        if index % 3:
            s3.put_object(Bucket=name, Key=key, Body=b"2")
        else:
            s3.delete_object(Bucket=name, Key=key)
    return name


def pages(raw: Raw, bucket: str, query: str) -> Iterator[Any]:
    """The documents of all pages, URL-encoded, each begun where the one before says."""
    more = ""
    for _ in range(50):
        page = document(raw("GET", f"/{bucket}?versions&encoding-type=url&{query}{more}").body)
        yield page
        if page.findtext("IsTruncated") == "false":
            return
        key, version = page.findtext("NextKeyMarker", ""), page.findtext("NextVersionIdMarker", "")
        # As it stands: it is encoded as a query wants it.
        more = f"&key-marker={key}&version-id-marker={version}"
    raise AssertionError("there is no end")


def shown(page: Any) -> list[tuple[str, ...]]:
    """Key, id and whether it is the latest of each entry; the text of each common prefix."""
    found: list[tuple[str, ...]] = []
    for one in page:
        if one.tag in {"Version", "DeleteMarker"}:
            found.append(tuple(one.findtext(tag, "") for tag in ("Key", "VersionId", "IsLatest")))
        elif one.tag == "CommonPrefixes":
            found.append((one.findtext("Prefix", ""),))
    return found


@pytest.mark.parametrize("maximum", [1, 3, 1000])
def test_names_are_encoded_and_their_markers_go_on_where_they_say(
    raw: Raw, odd: str, maximum: int
) -> None:
    listed = [one for page in pages(raw, odd, f"max-keys={maximum}") for one in shown(page)]
    assert len(listed) == len(set(listed)) == 2 * len(ODD)
    keys = list(dict.fromkeys(one[0] for one in listed))
    assert keys == [quote(key, safe="/") for key in sorted(ODD, key=str.encode)]
    assert sum(one[2] == "true" for one in listed) == len(ODD)


def test_what_a_request_says_is_encoded_like_the_names(raw: Raw, odd: str) -> None:
    prefix, delimiter, marker = (quote(text, safe="") for text in ("é/", "😀", "é/<&>"))
    [page] = pages(raw, odd, f"prefix={prefix}&delimiter={delimiter}&key-marker={marker}")
    told = [page.findtext(tag) for tag in ("Prefix", "Delimiter", "KeyMarker", "EncodingType")]
    assert told == ["%C3%A9/", "%F0%9F%98%80", "%C3%A9/%3C%26%3E", "url"]
    assert [one[0] for one in shown(page)] == ["%C3%A9/%C3%BC"] * 2 + ["%C3%A9/%F0%9F%98%80"]


def test_without_encoding_names_come_as_they_are(raw: Raw, odd: str) -> None:
    page = document(raw("GET", f"/{odd}?versions&prefix={quote('é/')}").body)
    assert {one[0] for one in shown(page)} == {"é/<&>", "é/ü", "é/😀"}
    assert page.find("EncodingType") is None


def test_boto3_reads_the_names_back(s3: Any, odd: str) -> None:
    found = []
    for page in s3.get_paginator("list_object_versions").paginate(
        Bucket=odd, PaginationConfig={"PageSize": 2}
    ):
        found += [one["Key"] for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]]
    assert sorted(found) == sorted([*ODD, *ODD])


def _divided(whole: list[tuple[str, ...]], prefix: str, delimiter: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for one in whole:
        key = unquote(one[0])
        if key.startswith(prefix):
            end = key.find(delimiter, len(prefix))
            shown = one if end < 0 else (quote(key[: end + len(delimiter)], safe="/"),)
            if found[-1:] != [shown]:
                found.append(shown)
    return found


@pytest.mark.parametrize(("some", "maximum"), [(1, 1), (1, 2), (2, 1000)])
@pytest.mark.parametrize(
    ("prefix", "delimiter"), [("", "."), ("", "1"), ("a", ".b."), ("ü", "."), ("1", "0/a")]
)
def test_any_delimiter_divides(
    raw: Raw,
    dotted: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    prefix: str,
    delimiter: str,
    maximum: int,
    some: int,
) -> None:
    """As Swift divides by others; here with so few entries at a time that it takes several."""
    [whole] = pages(raw, dotted, "")
    monkeypatch.setattr("s3gw.listed_versions._SOME", some)
    query = f"prefix={quote(prefix)}&delimiter={quote(delimiter, safe='')}&max-keys={maximum}"
    found = []
    for page in pages(raw, dotted, query):
        assert len(shown(page)) <= maximum
        found += shown(page)
    # Entries stand in front of the prefixes of their page.
    wanted = _divided(shown(whole), prefix, delimiter)
    assert sorted(found) == sorted(wanted)
    if maximum == 1:
        assert found == wanted


def test_a_delimiter_that_swift_refuses_costs_a_request_for_many_entries(
    gateway: Running, s3: Any, dotted: str
) -> None:
    s3.get_bucket_location(Bucket=dotted)  # warms the bucket's facts
    with gateway.watched() as wire:
        page = s3.list_object_versions(Bucket=dotted, Delimiter=".")
        assert wire.methods() == ["GET"]
    prefixes = [one["Prefix"] for one in page["CommonPrefixes"]]
    assert prefixes == ["1.", "a.", "b.", "ü."]
    with gateway.watched() as wire:
        assert s3.list_object_versions(Bucket=dotted, Delimiter="/", MaxKeys=1)["IsTruncated"]
        assert len(wire.sent) == 1


@pytest.fixture(scope="module")
def large(s3: Any) -> str:
    """A bucket with versions, most of them multipart objects."""
    name = f"versions-{uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    enable(s3, name)
    for key in ("k0", "k1", "k2", "k1", "sub.dir/k"):
        upload(s3, name, key)
    s3.put_object(Bucket=name, Key="k1+", Body=b"plain")
    s3.put_object(Bucket=name, Key="k2", Body=b"plain")
    upload(s3, name, "k2")
    return name


@contextmanager
def knowing_nothing(stack: Stack) -> Iterator[tuple[Running, Any]]:
    """A gateway that knows no ETag yet, and a client of it."""
    with running(settings_for(stack)) as fresh, closing(s3_client(fresh.endpoint, stack)) as client:
        yield fresh, client


class TestLargeObjects:
    """A plain listing tells no multipart ETag where versions are kept; that of versions does."""

    @pytest.mark.parametrize("ahead", [4, 2000])
    @pytest.mark.parametrize("query", [{}, {"Delimiter": "/"}, {"Delimiter": "1", "Prefix": "k"}])
    def test_they_are_read_from_one_more_listing(
        self,
        stack: Stack,
        large: str,
        monkeypatch: pytest.MonkeyPatch,
        *,
        ahead: int,
        query: dict[str, str],
    ) -> None:
        monkeypatch.setattr("s3gw.buckets.etags._AHEAD", ahead)
        monkeypatch.setattr("s3gw.buckets.etags._WORTH", 2)
        with knowing_nothing(stack) as (fresh, client):
            with fresh.watched() as wire:
                found = client.list_objects_v2(Bucket=large, **query)["Contents"]
                more = [sent.query for sent in wire.sent if "versions" in sent.query]
                if ahead == 2000:
                    assert wire.methods() == ["GET", "GET"]
                assert more
            with fresh.watched() as wire:
                assert client.list_objects_v2(Bucket=large, **query)["Contents"] == found
                assert wire.methods() == ["GET"]
            for one in found:
                head = client.head_object(Bucket=large, Key=one["Key"])
                assert one["ETag"] == head["ETag"]

    def test_a_few_are_asked_one_by_one(self, stack: Stack, large: str) -> None:
        with knowing_nothing(stack) as (fresh, client), fresh.watched() as wire:
            client.list_objects_v2(Bucket=large, MaxKeys=4)
            assert wire.methods() == ["GET", "HEAD", "HEAD", "HEAD"]
