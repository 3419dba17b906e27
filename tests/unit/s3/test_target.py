"""Paths and hosts name what the client meant, and are never tidied up."""

from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.errors import InvalidBucketName, InvalidURI, S3Error
from s3gw.s3.request import Headers, Request, Target
from s3gw.s3.target import resolve_target

DOMAINS = ("example.com", "s3.example.com", "s3.*.example.org", "10.0.0.1")
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def target(path: str, host: str | None = "s3.example.com") -> Target:
    headers = Headers([] if host is None else [("Host", host)])
    return resolve_target(Request("GET", path, "", headers), DOMAINS)


@pytest.mark.parametrize(
    ("path", "bucket", "key"),
    [
        ("", None, None),
        ("/", None, None),
        ("/b", "b", None),
        ("/b/", "b", None),
        ("/b/k", "b", "k"),
        ("/b/k/", "b", "k/"),
        ("/b//lead", "b", "/lead"),
        ("/b//", "b", "/"),
        ("/b/a//b", "b", "a//b"),
        ("/b/..", "b", ".."),
        ("/b/./x", "b", "./x"),
        ("/b/a/../b", "b", "a/../b"),
        ("/../x", "..", "x"),
        ("/b/a%2Fb", "b", "a/b"),
        ("/b/%2Flead", "b", "/lead"),
        ("/b/a%252Fb", "b", "a%2Fb"),
        ("/b/a+b%20c", "b", "a+b c"),
        ("/b/%C3%A9", "b", "é"),
        ("/b/%00%01%0D", "b", "\x00\x01\r"),
        ("/b/http://x/y", "b", "http://x/y"),
        ("/%C3%A9", "é", None),
        ("http://host/b/k", "b", "k"),
        ("HTTPS://host:8333/b//k", "b", "/k"),
        ("http://host", None, None),
    ],
)
def test_path_style(path: str, bucket: str | None, key: str | None) -> None:
    assert target(path) == Target(bucket, key)


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("b.s3.example.com", "b"),
        ("b.s3.example.com:8333", "b"),
        ("B.S3.Example.COM", "b"),
        ("b.s3.example.com.", "b"),
        ("b.example.com", "b"),
        ("dotted.name.s3.example.com", "dotted.name"),
        ("b.s3.north.example.org", "b"),
        ("b.10.0.0.1:80", "b"),
    ],
)
def test_a_host_under_a_domain_names_the_bucket(host: str, bucket: str) -> None:
    assert target("/k//x", host) == Target(bucket, "k//x", virtual_host=True)
    assert target("//k", host) == Target(bucket, "/k", virtual_host=True)
    assert target("/", host) == Target(bucket, None, virtual_host=True)
    assert target("", host) == Target(bucket, None, virtual_host=True)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "s3.example.com",
        "S3.example.com:8333",
        "example.com",
        "s3.north.example.org",
        "b.s3.north.west.example.org",
        "localhost:8333",
        "10.0.0.1",
        "127.0.0.1:8333",
        "[::1]",
        "[::1]:8333",
        "example.com.evil.test",
        "bexample.com",
    ],
)
def test_any_other_host_leaves_the_bucket_to_the_path(host: str | None) -> None:
    assert target("/b/k", host) == Target("b", "k")


@pytest.mark.parametrize(
    "path",
    ["/b/%ff", "/b/%C3", "/%80", "/b/%zz", "/b/%", "/b/%4", "*", "b/k", "/b/\u0100", "/\xff"],
)
def test_what_is_no_percent_encoded_utf8_path_is_no_uri(path: str) -> None:
    with pytest.raises(InvalidURI):
        target(path)


@pytest.mark.parametrize(
    "path", ["//", "//b/k", "/a%2Fb", "/a%2Fb/k", "/%2F", "/a%00b", "/a%00b/k"]
)
def test_a_bucket_without_a_name_or_with_a_slash_or_a_nul_is_refused(path: str) -> None:
    with pytest.raises(InvalidBucketName):
        target(path)


def test_a_host_without_a_bucket_label_is_refused() -> None:
    with pytest.raises(InvalidBucketName):
        target("/k", ".s3.example.com")


@given(KEYS)
def test_every_key_survives_however_it_is_encoded(key: str) -> None:
    for safe in ("/", "", "/!*'()~"):
        path = quote(key, safe=safe)
        assert target(f"/b/{path}") == Target("b", key)
        assert target(f"/{path}", "b.s3.example.com") == Target("b", key, virtual_host=True)


@given(st.text(), st.text() | st.just("b.s3.example.com"))
def test_no_path_and_no_host_raises_anything_but_an_s3_error(path: str, host: str) -> None:
    try:
        found = target(path, host)
    except S3Error:
        return
    assert found.bucket or not found.key
