"""One ETag an object, and never one that looks like an MD5 on a large object."""

import re
from binascii import unhexlify
from hashlib import md5
from typing import Any

import pytest
from hypothesis import given, strategies as st

from s3gw.mapping import etags

MD5 = md5(b"a").hexdigest()
KEPT = f"{MD5}-2"
LOOKS_LIKE_MD5 = re.compile(r'"?[0-9a-fA-F]{32}"?')

contents = st.lists(st.binary(max_size=8), min_size=1, max_size=12)
# What anybody may have written into metadata, a content type or a listing's hash.
odd = st.one_of(
    st.text(max_size=50),
    st.sampled_from([MD5, f'"{MD5}"', KEPT, f"{MD5}-", f"{MD5}-123456", f"{MD5}-2 ", f"x{KEPT}",
                     KEPT.upper(), f"{MD5}; s3_etag={MD5}", f"{MD5}; s3_etag={KEPT}"]),
)  # fmt: skip


@given(contents)
def test_a_multipart_etag_is_the_md5_of_the_parts_binary_md5s(parts: list[bytes]) -> None:
    each = [md5(part).hexdigest() for part in parts]
    whole = md5(b"".join(unhexlify(etag) for etag in each)).hexdigest()
    assert etags.multipart(each) == f"{whole}-{len(parts)}"
    assert etags.manifest(each) == md5("".join(each).encode()).hexdigest() != whole


def test_a_multipart_etag_that_is_known() -> None:
    one = "d41d8cd98f00b204e9800998ecf8427e"
    assert etags.multipart([one]) == "59adb24ef3cdbe0297f05b395827453f-1"
    assert etags.manifest([one]) == "74be16979710d4c4e7c6647856088456"


@pytest.mark.parametrize("text", [MD5, f'"{MD5}"', f'W/"{MD5}"', f' "{MD5}" '])
def test_an_etag_is_read_with_its_quotes_or_without(text: str) -> None:
    assert etags.unquoted(text) == MD5


@given(odd, odd)
def test_a_static_large_object_shows_a_multipart_etag_or_asks_its_manifest(
    etag: str, kept: str
) -> None:
    headers = {"Etag": etag, "X-Static-Large-Object": "True", "X-Object-Meta-S3gw-Etag": kept}
    shown = etags.from_headers(headers)
    assert shown == (kept if kept == KEPT else None)


@pytest.mark.parametrize(
    ("of", "shown"), [(MD5, KEPT), ("", KEPT), (f"{MD5[:-1]}0", None), (f'"{MD5}"', None)]
)
def test_a_multipart_etag_counts_beside_the_swift_etag_that_it_names(
    of: str, shown: str | None
) -> None:
    headers = {"Etag": f'"{MD5}"', "X-Static-Large-Object": "True"}
    assert etags.from_headers({**headers, "X-Object-Meta-S3gw-Etag": f"{KEPT}:{of}"}) == shown


@given(odd)
def test_a_dynamic_large_object_never_looks_like_an_md5(etag: str) -> None:
    shown = etags.from_headers({"Etag": etag, "X-Object-Manifest": "c/p"})
    assert shown is not None
    assert shown.endswith("-0")
    assert LOOKS_LIKE_MD5.fullmatch(shown) is None


@given(
    st.fixed_dictionaries(
        {"slo_etag": st.sampled_from([MD5, f'"{MD5}"'])},
        optional={"hash": odd, "content_type": odd.map("a/b;s3gw_etag=".__add__), "s3_etag": odd},
    )
)
def test_a_large_object_in_a_listing_never_looks_like_an_md5(entry: dict[str, Any]) -> None:
    shown = etags.from_entry(entry)
    assert shown is None or re.fullmatch(r"[0-9a-f]{32}-[0-9]{1,5}", shown)


@given(st.lists(st.fixed_dictionaries({}, optional={"etag": odd}), max_size=4))
def test_an_etag_from_a_manifest_never_looks_like_an_md5(segments: list[dict[str, str]]) -> None:
    shown = etags.from_manifest(segments, MD5)
    assert shown.endswith(f"-{len(segments)}")
    assert LOOKS_LIKE_MD5.fullmatch(shown) is None


@given(contents)
def test_a_manifest_tells_the_etag_that_nobody_noted(parts: list[bytes]) -> None:
    each = [md5(part).hexdigest() for part in parts]
    segments = [{"etag": f'"{etag}"'} for etag in each]
    assert etags.from_manifest(segments, MD5) == etags.multipart(each)


@pytest.mark.parametrize("segments", [[], [{"etag": MD5}, {"etag": KEPT}], [{}, {}]])
def test_a_manifest_of_other_than_plain_segments_shows_swifts_etag_and_their_number(
    segments: list[dict[str, str]],
) -> None:
    assert etags.from_manifest(segments, MD5) == f"{MD5}-{len(segments)}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Etag": MD5},
        {"Etag": f'"{MD5}"'},
        # A native copy keeps the metadata, and is no large object any more.
        {"Etag": MD5, "X-Object-Meta-S3gw-Etag": KEPT},
        {"Etag": MD5, "X-Static-Large-Object": "False", "X-Object-Meta-S3gw-Etag": KEPT},
    ],
)
def test_a_plain_object_shows_its_md5(headers: dict[str, str]) -> None:
    assert etags.from_headers(headers) == MD5


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        ({"hash": MD5}, MD5),
        ({"hash": MD5, "content_type": f"a/b;s3gw_etag={KEPT}"}, MD5),
        ({"hash": "x", "slo_etag": MD5, "content_type": f"a/b;s3gw_etag={KEPT}"}, KEPT),
        ({"hash": "x", "slo_etag": MD5, "content_type": f'a/b; s3gw_etag="{KEPT}"'}, KEPT),
        ({"hash": "x", "slo_etag": MD5, "s3_etag": f'"{KEPT}"'}, KEPT),
        ({"hash": f"{MD5}; s3_etag={KEPT}; slo_etag={MD5}", "slo_etag": MD5}, KEPT),
        ({"hash": MD5, "slo_etag": f'"{MD5}"', "content_type": "a/b"}, None),
    ],
)
def test_a_listing_tells_what_is_known(entry: dict[str, str], shown: str | None) -> None:
    assert etags.from_entry(entry) == shown


@pytest.mark.parametrize("value", ["True", "true", "TRUE"])
def test_swifts_word_for_a_static_large_object_is_known_in_any_case(value: str) -> None:
    assert etags.is_static_large_object({"X-Static-Large-Object": value})
    assert not etags.is_static_large_object({"X-Static-Large-Object": "False"})
    assert not etags.is_static_large_object({})
