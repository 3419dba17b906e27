"""What a copy has of its source, and what of the request."""

import pytest
from multidict import CIMultiDict

from s3gw.mapping.copies import copied_headers
from s3gw.s3.copying import Directive
from s3gw.s3.errors import InvalidRequest

COPY, REPLACE = Directive.COPY, Directive.REPLACE
MD5 = "5d41402abc4b2a76b9719d911017c592"

SOURCE = {
    "Content-Type": "text/plain;s3gw_etag=0-1;charset=x",
    "Content-Length": "5",
    "Etag": MD5,
    "Cache-Control": "no-store",
    "Expires": "never",
    "X-Object-Meta-A%5Fb": "1",
    "X-Object-Meta-S3Gw-Long-0-0": "c",
    "X-Object-Meta-S3Gw-Long-0-1": "x",
    "X-Object-Meta-S3gw-Tags-0": "t=1",
    "X-Object-Meta-S3gw-Etag": f"{MD5}-1",
    "X-Object-Meta-S3gw-Acl-0": "theirs",
    "X-Object-Meta-S3gw-Retention": "long",
    "X-Static-Large-Object": "True",
    "X-Delete-At": "2000000000",
    "X-Object-Version-Id": "1.0",
    "Last-Modified": "Tue, 02 Jan 2024 03:04:05 GMT",
}
GIVEN = {
    "Content-Type": "a/b",
    "Cache-Control": "no-cache",
    "X-Object-Meta-New": "2",
    "X-Object-Meta-S3gw-Tags-0": "u=2",
    "X-Object-Meta-S3gw-Acl-0": "ours",
}
OF_SOURCE = {
    "Content-Type": "text/plain;charset=x",
    "Cache-Control": "no-store",
    "Expires": "never",
    "X-Object-Meta-A%5Fb": "1",
    "X-Object-Meta-S3Gw-Long-0-0": "c",
    "X-Object-Meta-S3Gw-Long-0-1": "x",
}
OF_REQUEST = {"Content-Type": "a/b", "Cache-Control": "no-cache", "X-Object-Meta-New": "2"}


@pytest.mark.parametrize(("metadata", "of"), [(COPY, OF_SOURCE), (REPLACE, OF_REQUEST)])
@pytest.mark.parametrize(("tags", "tagged"), [(COPY, "t=1"), (REPLACE, "u=2")])
def test_each_directive_decides_on_its_own_and_acls_come_from_the_request(
    metadata: Directive, of: dict[str, str], tags: Directive, tagged: str
) -> None:
    found = copied_headers(SOURCE, GIVEN, metadata=metadata, tags=tags)
    own = {"X-Object-Meta-S3gw-Tags-0": tagged, "X-Object-Meta-S3gw-Acl-0": "ours"}
    assert found == {**of, **own}


def test_a_source_without_a_content_type_gets_s3s() -> None:
    found = copied_headers({}, {"Content-Type": "a/b"}, metadata=COPY, tags=COPY)
    assert found == {"Content-Type": "binary/octet-stream"}


def test_a_name_of_s3api_stays_as_it_is() -> None:
    source = {"Content-Type": "a/b", "X-Object-Meta-A=5Fb": "1"}
    assert copied_headers(source, {}, metadata=COPY, tags=COPY) == source


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Object-Meta-A", "\udcff"),
        ("X-Object-Meta-A", "a\x00"),
        ("X-Object-Meta-A b", "1"),
        ("X-Object-Meta-A_b", "1"),
        ("X-Object-Meta-\xe9", "1"),
        ("Cache-Control", "\udcfe"),
    ],
)
def test_what_cannot_be_written_again_is_refused_unless_it_is_replaced(
    name: str, value: str
) -> None:
    source = {"Content-Type": "a/b", name: value}
    with pytest.raises(InvalidRequest):
        copied_headers(source, {}, metadata=COPY, tags=COPY)
    assert copied_headers(source, {}, metadata=REPLACE, tags=COPY) == {}


CRC32 = "crc32:AA==:FULL_OBJECT:"
CHECKSUM = "X-Object-Meta-S3gw-Checksum"


@pytest.mark.parametrize(
    ("kept", "more", "copied"),
    [
        (f"sha256:AA==:FULL_OBJECT:{MD5}", {}, f"sha256:AA==:FULL_OBJECT:{MD5}"),
        ("sha256:AA==:FULL_OBJECT:", {}, f"sha256:AA==:FULL_OBJECT:{MD5}"),
        # Of other content, of parts, or no checksum at all.
        ("sha256:AA==:FULL_OBJECT:00", {}, None),
        (f"sha256:AA==-2:COMPOSITE:{MD5}", {}, None),
        (f"rot13:AA==:FULL_OBJECT:{MD5}", {}, None),
        ("junk", {}, None),
        # The copy of a large object has an ETag that nobody knows before.
        (CRC32 + MD5, {"X-Static-Large-Object": "True"}, CRC32),
        (CRC32 + MD5, {"X-Object-Manifest": "c/p"}, CRC32),
    ],
)  # fmt: skip
@pytest.mark.parametrize("metadata", [COPY, REPLACE])
def test_a_checksum_goes_along_if_it_is_that_of_the_content(
    kept: str, more: dict[str, str], copied: str | None, metadata: Directive
) -> None:
    source = CIMultiDict({"Etag": f'"{MD5}"', CHECKSUM: kept, **more})
    found = copied_headers(source, {}, metadata=metadata, tags=COPY)
    assert found.get(CHECKSUM) == copied
