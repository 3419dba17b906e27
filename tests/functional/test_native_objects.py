"""Objects that others made: Swift's own clients, other tools, and copies they make of ours."""

import gzip
import json
from hashlib import md5
from typing import Any

import pytest
import swiftclient
from multidict import CIMultiDict

from s3gw.swift.account import Account
from s3gw.swift.transport import SwiftResponse
from tests.functional.conftest import Raw
from tests.functional.test_deletes import native_slo, upload
from tests.functional.test_metadata import user_metadata
from tests.functional.witness import held, names

OWN = "x-object-meta-s3gw-"
LISTINGS = {
    "list_objects": "Contents",
    "list_objects_v2": "Contents",
    "list_object_versions": "Versions",
}


def told(s3: Any, bucket: str, key: str) -> set[tuple[str, int, Any]]:
    """ETag, size and time in all answers that tell them; one element if they agree."""
    found = set()
    for read in (s3.head_object, s3.get_object):
        answer = read(Bucket=bucket, Key=key)
        found.add((answer["ETag"], answer["ContentLength"], answer["LastModified"]))
    for operation, entries in LISTINGS.items():
        page = getattr(s3, operation)(Bucket=bucket, Prefix=key)
        [entry] = [one for one in page[entries] if one["Key"] == key]
        found.add((entry["ETag"], entry["Size"], entry["LastModified"]))
    return found


def multipart_etag(*bodies: bytes) -> str:
    """What S3 would call an object of these parts."""
    digest = md5(b"".join(md5(body).digest() for body in bodies)).hexdigest()
    return f'"{digest}-{len(bodies)}"'


class TestPlainObjects:
    """Every answer says the same of them."""

    def test_all_answers_agree(self, s3: Any, bucket: str, swift: swiftclient.Connection) -> None:
        etag = swift.put_object(bucket, "k", b"native")
        [(shown, size, time)] = told(s3, bucket, "k")
        assert (shown, size) == (f'"{etag}"', 6)
        native = swift.head_object(bucket, "k")["last-modified"]
        assert time.strftime("%a, %d %b %Y %H:%M:%S GMT") == native

    def test_compressed_content_comes_back_byte_for_byte(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        body = gzip.compress(b"text " * 1000)
        swift.put_object(bucket, "k", body, headers={"Content-Encoding": "gzip"})
        for headers in ([], [("accept-encoding", "gzip")], [("accept-encoding", "identity")]):
            reply = raw("GET", f"/{bucket}/k", headers)
            assert reply.body == body
            assert reply.headers["content-encoding"] == "gzip"
            assert reply.headers["content-length"] == str(len(body))

    @pytest.mark.parametrize(
        ("content_type", "shown"),
        [
            ("text/html; charset=utf-8", "text/html; charset=utf-8"),
            ('a/b; c="d; e"; f=g', 'a/b; c="d; e"; f=g'),
            ('text/plain; s3gw_etag="0-1"', "text/plain"),
            ("text/plain;s3gw_etag=0-1;charset=x", "text/plain;charset=x"),
            ("text/plain; charset=x; s3gw_sum=1", "text/plain; charset=x"),
            ("application/directory", "application/directory"),
        ],
    )
    def test_a_content_type_keeps_what_is_not_the_gateways(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, content_type: str, shown: str
    ) -> None:
        swift.put_object(bucket, "k", b"1", content_type=content_type)
        for method in ("GET", "HEAD"):
            assert raw(method, f"/{bucket}/k").headers["content-type"] == shown

    def test_what_swift_alone_knows_is_not_shown(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"1", headers={"X-Delete-After": "3600"})
        reply = raw("GET", f"/{bucket}/k")
        assert reply.body == b"1"
        assert not [name for name in reply.headers if name.startswith(("x-delete", "x-timestamp"))]

    def test_a_link_is_what_it_points_to(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        etag = swift.put_object(bucket, "target", b"target")
        swift.put_object(bucket, "k", b"", headers={"X-Symlink-Target": f"{bucket}/target"})
        reply = raw("GET", f"/{bucket}/k")
        assert (reply.body, reply.headers["etag"]) == (b"target", f'"{etag}"')
        raw("DELETE", f"/{bucket}/k")
        assert names(swift, bucket) == ["target"]


class TestLargeObjects:
    """Nobody noted their S3 ETag; it is what S3 would have given them."""

    def test_all_answers_agree(self, s3: Any, bucket: str, swift: swiftclient.Connection) -> None:
        native_slo(swift, bucket, "k")
        [(etag, size, _)] = told(s3, bucket, "k")
        assert (etag, size) == (multipart_etag(b"one", b"two"), 6)

    def test_conditions_know_the_etag(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        native_slo(swift, bucket, "k")
        etag = multipart_etag(b"one", b"two")
        for method in ("GET", "HEAD"):
            assert raw(method, f"/{bucket}/k", [("if-match", etag)]).status == 200
            assert raw(method, f"/{bucket}/k", [("if-none-match", etag)]).status == 304
            native = held(swift, bucket, "k")["etag"]
            assert raw(method, f"/{bucket}/k", [("if-match", native)]).status == 412

    def test_ranges_cross_segments(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        native_slo(swift, bucket, "k")
        reply = raw("GET", f"/{bucket}/k", [("range", "bytes=2-3")])
        assert (reply.status, reply.body) == (206, b"et")
        assert reply.headers["content-range"] == "bytes 2-3/6"

    def test_another_object_of_the_same_key_has_another_etag(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        native_slo(swift, bucket, "k")
        assert len(told(s3, bucket, "k")) == 1
        swift.put_object(bucket, "part", b"other")
        manifest = json.dumps([{"path": f"/{bucket}/part"}])
        swift.put_object(bucket, "k", manifest, query_string="multipart-manifest=put")
        [(etag, size, _)] = told(s3, bucket, "k")
        assert (etag, size) == (multipart_etag(b"other"), 5)

    def test_an_etag_that_is_none_is_not_believed(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        native_slo(swift, bucket, "k")
        manifest = json.dumps([{"path": f"/{bucket}/segment-k-{n}"} for n in range(2)])
        for forged in ("forged", "0" * 32, '"><b>-1', f"{'0' * 32}-x"):
            swift.put_object(
                bucket,
                "k",
                manifest,
                content_type=f"a/b;s3gw_etag={forged}",
                headers={f"{OWN}etag": forged},
                query_string="multipart-manifest=put",
            )
            [(etag, _, _)] = told(s3, bucket, "k")
            assert etag == multipart_etag(b"one", b"two")

    def test_a_manifest_of_data_has_no_md5_either(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "part", b"part")
        manifest = json.dumps([{"data": "aGVhZA=="}, {"path": f"/{bucket}/part"}])
        swift.put_object(bucket, "k", manifest, query_string="multipart-manifest=put")
        [(etag, size, _)] = told(s3, bucket, "k")
        native = held(swift, bucket, "k")["etag"].strip('"')
        assert (etag, size) == (f'"{native}-2"', 8)

    def test_a_dynamic_one_never_shows_an_md5(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        for name, body in (("segment/1", b"one"), ("segment/2", b"two")):
            swift.put_object(bucket, name, body)
        swift.put_object(bucket, "k", b"", headers={"X-Object-Manifest": f"{bucket}/segment/"})
        etag = held(swift, bucket, "k")["etag"].strip('"')
        for method in ("GET", "HEAD"):
            reply = raw(method, f"/{bucket}/k")
            assert reply.headers["etag"] == f'"{etag}-0"'
            assert reply.headers["content-length"] == "6"
        assert raw("GET", f"/{bucket}/k").body == b"onetwo"
        assert raw("GET", f"/{bucket}/k", [("if-match", f'"{etag}-0"')]).status == 200

    def test_one_whose_length_swift_does_not_tell_comes_whole(
        self, monkeypatch: pytest.MonkeyPatch, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        """As a dynamic one of more segments than Swift lists at a time, which is too many here."""
        swift.put_object(bucket, "k", b"body")
        real = Account.get_object

        async def get_object(account: Account, *names: Any, **more: Any) -> SwiftResponse:
            answer = await real(account, *names, **more)
            headers = CIMultiDict(answer.headers)
            del headers["Content-Length"]
            answer.headers = headers
            return answer

        monkeypatch.setattr(Account, "get_object", get_object)
        reply = raw("GET", f"/{bucket}/k")
        assert (reply.status, reply.body) == (200, b"body")
        assert "content-length" not in reply.headers


class TestOursInOtherHands:
    """What Swift's own clients do to a multipart object of ours (hazard 15)."""

    @pytest.fixture
    def body(self, s3: Any, bucket: str) -> bytes:
        return upload(s3, bucket, "k").encode()

    def test_a_plain_copy_is_a_plain_object(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, body: bytes
    ) -> None:
        native = swift.head_object(bucket, "k")
        swift.copy_object(bucket, "k", f"/{bucket}/copy")
        copied = held(swift, bucket, "copy")
        assert copied[f"{OWN}etag"] == native[f"{OWN}etag"]  # which it must not show
        [(etag, size, _)] = told(s3, bucket, "copy")
        assert (etag, size) == (f'"{md5(body).hexdigest()}"', len(body))

    def test_a_plain_copy_keeps_its_metadata(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, s3: Any
    ) -> None:
        headers = [("x-amz-meta-a_b", "1"), ("x-amz-meta-l", "2" * 300), ("content-type", "a/b")]
        reply = raw("POST", f"/{bucket}/m?uploads", headers)
        upload_id = reply.body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
        place = {"Bucket": bucket, "Key": "m", "UploadId": upload_id}
        part = s3.upload_part(**place, PartNumber=1, Body=b"1")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        s3.complete_multipart_upload(**place, MultipartUpload=parts)
        swift.copy_object(bucket, "m", f"/{bucket}/copy")
        for key in ("m", "copy"):
            reply = raw("GET", f"/{bucket}/{key}")
            assert user_metadata(reply) == {"a_b": "1", "l": "2" * 300}
            assert reply.headers["content-type"] == "a/b"

    def test_a_copy_of_its_manifest_is_the_same_object(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, body: bytes
    ) -> None:
        source = {"X-Copy-From": f"/{bucket}/k"}
        query = "multipart-manifest=get"
        swift.put_object(bucket, "copy", b"", headers=source, query_string=query)
        [(etag, size, _)] = told(s3, bucket, "copy")
        assert (etag, size) == (multipart_etag(body), len(body))

    @pytest.mark.parametrize("more", [{}, {"Content-Type": "text/new"}])
    def test_new_metadata_leaves_its_etag(
        self, s3: Any, bucket: str, swift: swiftclient.Connection, body: bytes, more: dict[str, str]
    ) -> None:
        swift.post_object(bucket, "k", {"X-Object-Meta-New": "1", **more})
        assert f"{OWN}etag" not in held(swift, bucket, "k")
        [(etag, _, _)] = told(s3, bucket, "k")
        assert etag == multipart_etag(body)
        assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"new": "1"}


class TestNativeMetadata:
    """Metadata that others wrote into Swift."""

    def test_it_is_shown_by_the_same_rules(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        headers = {
            "X-Object-Meta-Plain": "v",
            "X-Object-Meta-Text": "é".encode(),
            "X-Object-Meta-With%5Fbar": "1",
            "X-Object-Meta-Per%25cent": "2",
            "X-Object-Meta-Bytes": b"\xff\xfe",
        }
        swift.put_object(bucket, "k", b"1", headers=headers)
        for method in ("GET", "HEAD"):
            assert user_metadata(raw(method, f"/{bucket}/k")) == {
                "plain": "v",
                "text": "=?UTF-8?B?w6k=?=",
                "with_bar": "1",
                "per%cent": "2",
                "bytes": "=?UTF-8?B?//4=?=",
            }

    def test_what_is_no_name_in_http_is_counted(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        headers = {
            "X-Object-Meta-\N{SNOWMAN}": "1",
            "X-Object-Meta-A B": "2",
            "X-Object-Meta-C": "3",
        }
        swift.put_object(bucket, "k", b"1", headers=headers)
        for method in ("GET", "HEAD"):
            reply = raw(method, f"/{bucket}/k")
            assert (reply.status, user_metadata(reply)) == (200, {"c": "3"})
            assert reply.headers["x-amz-missing-meta"] == "2"

    @pytest.mark.parametrize(
        "name", ["a%0d%0ax-evil: 1", "a%00b", "a%e2%98%83b", "a%20b", "a%3ab", "a%ZZ"]
    )
    def test_a_name_cannot_break_out_of_its_header(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, name: str
    ) -> None:
        header = f"X-Object-Meta-{name.partition(':')[0]}"
        swift.put_object(bucket, "k", b"1", headers={header: "1"})
        for method in ("GET", "HEAD"):
            reply = raw(method, f"/{bucket}/k")
            assert reply.status == 200
            assert "x-evil" not in reply.headers
            assert user_metadata(reply) == {name.partition(":")[0].lower(): "1"}

    def test_the_gateways_own_is_never_shown(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        headers = {f"{OWN}{name}": "x" for name in ("etag", "checksum", "acl-0", "long-0-1", "new")}
        swift.put_object(bucket, "k", b"1", headers=headers)
        reply = raw("GET", f"/{bucket}/k", [("x-amz-checksum-mode", "ENABLED")])
        assert user_metadata(reply) == {}
        assert not [name for name in reply.headers if "s3gw-" in name or "checksum" in name]

    @pytest.mark.parametrize(
        "pieces",
        [
            {"0-0": "a", "0-1": "x", "0-2": "y", "0-10": "z"},
            {"0-0": "a", "0-10": "z", "0-2": "y", "0-1": "x"},
        ],
    )
    def test_pieces_are_joined_by_their_numbers(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, pieces: dict[str, str]
    ) -> None:
        headers = {f"{OWN}long-{place}": piece for place, piece in pieces.items()}
        swift.put_object(bucket, "k", b"1", headers=headers)
        assert user_metadata(raw("HEAD", f"/{bucket}/k")) == {"a": "xyz"}

    @pytest.mark.parametrize("name", ["a%0d%0ab", "é", "a b", ""])
    def test_a_forged_name_of_a_long_value_is_not_shown(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, name: str
    ) -> None:
        headers = {f"{OWN}long-0-0": name.encode(), f"{OWN}long-0-1": b"x%0d%0ay"}
        swift.put_object(bucket, "k", b"1", headers=headers)
        reply = raw("HEAD", f"/{bucket}/k")
        assert reply.status == 200
        assert set(user_metadata(reply)) <= {"a%0d%0ab"}
