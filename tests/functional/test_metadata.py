"""An object's headers: what a client sends, what Swift holds, and what comes back."""

from collections.abc import Callable
from email.header import decode_header, make_header
from typing import Any
from urllib.parse import quote

import pytest
import swiftclient
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.functional.conftest import Raw
from tests.functional.gateway import Running
from tests.functional.rawclient import UNSIGNED, Reply, ask, keys_of, linked, sign
from tests.functional.stack import Stack
from tests.functional.witness import held, is_there

META = "x-amz-meta-"


def user_metadata(reply: Reply) -> dict[str, str]:
    """The user metadata of an answer."""
    return {
        name.removeprefix(META): value
        for name, value in reply.headers.items()
        if name.startswith(META)
    }


@pytest.fixture(params=["GET", "HEAD"])
def back(request: pytest.FixtureRequest, raw: Raw, bucket: str) -> Callable[..., dict[str, str]]:
    """Stores metadata, and gives what a read tells of it."""

    def store(*pairs: tuple[str, str]) -> dict[str, str]:
        headers = [(META + name, value) for name, value in pairs]
        reply = raw("PUT", f"/{bucket}/k", headers, b"1")
        assert reply.status == 200, reply
        return user_metadata(raw(request.param, f"/{bucket}/k"))

    return store


Back = Callable[..., dict[str, str]]


class TestNames:
    """Swift drops names with `_`; a client must not notice."""

    @pytest.mark.parametrize(
        ("name", "kept"),
        [
            ("a", "a"),
            ("a-b", "a-b"),
            ("a_b", "a%5fb"),
            ("__meta_2", "%5f%5fmeta%5f2"),
            ("a%b", "a%25b"),
            ("a%5fb", "a%255fb"),
            ("a%0d%0ab", "a%250d%250ab"),
            ("1", "1"),
            ("a.b", "a.b"),
            ("a!#$&'*+^`|~b", "a!#$&'*+^`|~b"),
            ("s3gw", "s3gw"),
            ("s3gw_etag", "s3gw%5fetag"),
        ],
    )
    def test_any_name_comes_back(
        self, back: Back, bucket: str, swift: swiftclient.Connection, name: str, kept: str
    ) -> None:
        assert back((name, "value")) == {name: "value"}
        assert held(swift, bucket, "k")[f"x-object-meta-{kept}"] == "value"

    def test_capitals_and_repeats_are_as_on_aws(self, back: Back) -> None:
        assert back(("Camel-Case", "1"), ("a", "1"), ("a", "2")) == {"camel-case": "1", "a": "1,2"}

    @pytest.mark.parametrize("name", ["s3gw-etag", "S3gw-Checksum", "s3gw-", "s3gw-long-0-0"])
    def test_the_gateways_own_names_are_refused(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, name: str
    ) -> None:
        for method, target in (("PUT", "k"), ("POST", "k?uploads")):
            reply = raw(method, f"/{bucket}/{target}", [(META + name, "forged")])
            assert (reply.status, reply.code) == (400, "InvalidArgument")
            assert reply.error["ArgumentName"] == META + name.lower()
        assert not is_there(swift, bucket, "k")

    def test_a_name_too_long_for_swift_is_refused(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        for name, value in (("n" * 129, "v"), ("_" * 43, "v"), ("n" * 300, "v" * 300)):
            reply = raw("PUT", f"/{bucket}/k", [(META + name, value)])
            assert (reply.status, reply.code) == (400, "MetadataTooLarge")
        assert not is_there(swift, bucket, "k")


class TestValues:
    """What is ASCII comes back as it is, all else as RFC 2047."""

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("plain", "plain"),
            ("", ""),
            ("a  b\tc", "a  b\tc"),
            ("\"quoted\", 'too'; a=b", "\"quoted\", 'too'; a=b"),
            ("100%25 _under_", "100%25 _under_"),
            ("é", "=?UTF-8?B?w6k=?="),
            ("😀", "=?UTF-8?B?8J+YgA==?="),
            ("=?UTF-8?Q?caf=C3=A9?=", "=?UTF-8?B?Y2Fmw6k=?="),
            ("=?UTF-8?B?w6k=?=", "=?UTF-8?B?w6k=?="),
            ("=?ISO-8859-1?Q?=E9?=", "=?UTF-8?B?w6k=?="),
            ("=?UTF-8?Q?plain?=", "plain"),
            ("=?UTF-8?B?cGxhaW4=?= text", "plain text"),
            # What only looks like it stays as it is.
            ("=?UTF-8?X?plain?=", "=?UTF-8?X?plain?="),
            ("=?UTF-8?B?????=", "=?UTF-8?B?????="),
            ("=?UTF-8?Q?=FF?=", "=?UTF-8?Q?=FF?="),
            ("=?no-such-charset?Q?a?=", "=?no-such-charset?Q?a?="),
            ("=?utf-7?Q?+2AA-?=", "=?utf-7?Q?+2AA-?="),
            ("=?unicode_escape?Q?=5Cud800?=", "=?unicode_escape?Q?=5Cud800?="),
            ("=?rot13?Q?a?=", "=?rot13?Q?a?="),
        ],
    )
    def test_a_value_comes_back(self, back: Back, value: str, shown: str) -> None:
        assert back(("a", value)) == {"a": shown}

    def test_swift_holds_text_as_utf_8(
        self, back: Back, bucket: str, swift: swiftclient.Connection
    ) -> None:
        back(("a", "é😀"), ("b", "=?UTF-8?Q?=C3=BC?="))
        headers = held(swift, bucket, "k")
        assert (headers["x-object-meta-a"], headers["x-object-meta-b"]) == ("é😀", "ü")

    @pytest.mark.parametrize("value", ["=?UTF-8?Q?a=0Ab?=", "=?UTF-8?B?AA==?="])
    def test_a_control_character_cannot_be_smuggled_in(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, value: str
    ) -> None:
        reply = raw("PUT", f"/{bucket}/k", [(f"{META}a", value)])
        assert (reply.status, reply.code) == (400, "InvalidArgument")
        assert not is_there(swift, bucket, "k")


class TestSizes:
    """S3's 2 KiB, and Swift's own limits behind it (hazard 20)."""

    def test_two_kibibytes_are_the_limit(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        pairs = [(f"{META}{n:02}", "v" * 126) for n in range(16)]  # 128 bytes each
        assert raw("PUT", f"/{bucket}/fits", pairs).status == 200
        assert len(user_metadata(raw("HEAD", f"/{bucket}/fits"))) == 16
        reply = raw("PUT", f"/{bucket}/k", [*pairs, (f"{META}x", "")])
        assert (reply.status, reply.code) == (400, "MetadataTooLarge")
        assert reply.error["Message"] == (
            "Your metadata headers exceed the maximum allowed metadata size"
        )
        assert (reply.error["Size"], reply.error["MaxSizeAllowed"]) == ("2049", "2048")
        assert not is_there(swift, bucket, "k")

    @pytest.mark.parametrize(
        "value",
        [
            "v" * 256,
            "v" * 257,
            "v" * 2047,
            "a b " * 100,
            " " + "x" * 255 + "    " + "y" * 300,
            "%" * 300,
            "%41" * 100,
        ],
    )
    def test_a_long_value_is_kept_in_pieces(
        self, back: Back, bucket: str, swift: swiftclient.Connection, value: str
    ) -> None:
        value = value.strip()
        assert back(("a", value)) == {"a": value}
        headers = held(swift, bucket, "k")
        meta = {name: one for name, one in headers.items() if name.startswith("x-object-meta")}
        assert ("x-object-meta-a" in meta) == (len(value) <= 256)
        assert all(len(one) <= 256 for one in meta.values())

    def test_several_long_values_keep_apart(self, back: Back) -> None:
        given = {"a_b": "1" * 300, "c": "2" * 600, "d": "3" * 256, "e": "4" * 300}
        assert back(*given.items()) == given

    def test_a_long_text_comes_back(self, back: Back) -> None:
        shown = back(("a", "é" * 200))["a"]
        assert str(make_header(decode_header(shown))) == "é" * 200

    def test_text_that_does_not_fit_into_swift_is_refused(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        reply = raw("PUT", f"/{bucket}/k", [(f"{META}a", "é" * 1000)])
        assert (reply.status, reply.code) == (400, "MetadataTooLarge")
        assert not is_there(swift, bucket, "k")

    @pytest.mark.parametrize("count", [88, 89, 90, 91])
    def test_as_many_as_swift_takes(
        self, s3: Any, bucket: str, raw: Raw, swift: swiftclient.Connection, count: int
    ) -> None:
        pairs = [(f"{META}{n}", "v") for n in range(count)]
        checksum = ("x-amz-checksum-crc32", "g9zvtw==")
        reply = raw("PUT", f"/{bucket}/k", [*pairs, checksum], b"1")
        if count > 88:
            assert (reply.status, reply.code) == (400, "MetadataTooLarge")
            assert not is_there(swift, bucket, "k")
        else:
            assert reply.status == 200
            assert len(s3.head_object(Bucket=bucket, Key="k")["Metadata"]) == count


KEPT = {
    "cache-control": "max-age=60, private",
    "content-disposition": 'attachment; filename="a b.txt"',
    "content-encoding": "gzip",
    "content-language": "de, en",
    "content-type": 'text/html; charset="utf-8"; x=y',
    "expires": "whenever I like",
}


class TestContentHeaders:
    """The headers that S3 and Swift both keep."""

    @pytest.mark.parametrize("way", ["put", "multipart"])
    def test_all_of_them_are_kept(
        self, raw: Raw, s3: Any, bucket: str, swift: swiftclient.Connection, way: str
    ) -> None:
        if way == "put":
            raw("PUT", f"/{bucket}/k", [*KEPT.items()], b"1")
        else:
            headers = [*KEPT.items(), (f"{META}a_b", "1"), (f"{META}l", "2" * 300)]
            reply = raw("POST", f"/{bucket}/k?uploads", headers)
            upload_id = reply.body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
            place = {"Bucket": bucket, "Key": "k", "UploadId": upload_id}
            part = s3.upload_part(**place, PartNumber=1, Body=b"1")
            parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
            s3.complete_multipart_upload(**place, MultipartUpload=parts)
        for method in ("GET", "HEAD"):
            reply = raw(method, f"/{bucket}/k")
            assert reply.headers | KEPT == reply.headers
            if way == "multipart":
                assert user_metadata(reply) == {"a_b": "1", "l": "2" * 300}
        native = held(swift, bucket, "k")
        assert {name: native[name] for name in KEPT if name != "content-type"} | {
            "content-type": KEPT["content-type"]
        } == KEPT

    def test_what_was_not_given_is_not_there(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        for name in ("page.html", "no-suffix"):
            raw("PUT", f"/{bucket}/{name}", body=b"1")
            reply = raw("GET", f"/{bucket}/{name}")
            assert reply.headers["content-type"] == "binary/octet-stream"
            assert held(swift, bucket, name)["content-type"] == "binary/octet-stream"
            assert set(KEPT) - {"content-type"} - set(reply.headers) == set(KEPT) - {"content-type"}

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("aws-chunked", None),
            ("AWS-Chunked", None),
            ("gzip,aws-chunked", "gzip"),
            ("aws-chunked, gzip", "gzip"),
            ("gzip, aws-chunked, br", "gzip, br"),
        ],
    )
    def test_aws_chunked_is_no_encoding_of_the_content(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, given: str, kept: str | None
    ) -> None:
        assert raw("PUT", f"/{bucket}/k", [("content-encoding", given)], b"1").status == 200
        assert held(swift, bucket, "k").get("content-encoding") == kept
        assert raw("GET", f"/{bucket}/k").headers.get("content-encoding") == kept

    @pytest.mark.parametrize(
        "value",
        [
            'text/plain; s3gw_etag="0-1"',
            "text/plain;S3GW_Sum=x",
            "text/plain ; swift_bytes=1",
            "a/b; c=d;  swift_x",
        ],
    )
    def test_parameters_of_the_content_type_that_swift_or_the_gateway_read_are_refused(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, value: str
    ) -> None:
        for method, target in (("PUT", "k"), ("POST", "k?uploads")):
            reply = raw(method, f"/{bucket}/{target}", [("content-type", value)])
            assert (reply.status, reply.code) == (400, "InvalidArgument")
            assert reply.error["ArgumentName"] == "Content-Type"
        assert not is_there(swift, bucket, "k")

    def test_text_in_them_is_shown_as_rfc_2047(self, raw: Raw, bucket: str) -> None:
        raw("PUT", f"/{bucket}/k", [("content-disposition", "filename=é")], b"1")
        reply = raw("GET", f"/{bucket}/k")
        assert reply.headers["content-disposition"] == "=?UTF-8?B?ZmlsZW5hbWU9w6k=?="

    def test_bytes_that_are_no_utf_8_are_taken_for_latin_1(
        self, gateway: Running, stack: Stack, bucket: str, swift: swiftclient.Connection
    ) -> None:
        signed = sign(keys_of(stack), "PUT", f"{gateway.endpoint}/{bucket}/k", payload=UNSIGNED)
        unsigned = [("Content-Length", "1"), ("Content-Disposition", "filename=\xe9")]
        assert ask(gateway.endpoint, signed, b"1", more=unsigned).status == 200
        assert held(swift, bucket, "k")["content-disposition"] == "filename=é"


class TestPresigned:
    """A presigned URL carries headers in its query, where any character may stand."""

    @staticmethod
    def put(gateway: Running, stack: Stack, target: str) -> Reply:
        request = AWSRequest("PUT", gateway.endpoint + target)
        keys = Credentials(stack.access_key, stack.secret_key)
        S3SigV4QueryAuth(keys, "s3", stack.region, 60).add_auth(request)
        path = request.url.removeprefix(gateway.endpoint)
        host = gateway.endpoint.removeprefix("http://")
        with linked(gateway.endpoint) as link:
            link.send(f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\n\r\n1".encode())
            return link.reply()

    def test_its_metadata_is_kept(
        self, gateway: Running, stack: Stack, raw: Raw, bucket: str
    ) -> None:
        query = f"{META}a={quote('é b')}&{META}b_c=2"
        assert self.put(gateway, stack, f"/{bucket}/k?{query}").status == 200
        shown = user_metadata(raw("HEAD", f"/{bucket}/k"))
        assert shown == {"a": "=?UTF-8?B?w6kgYg==?=", "b_c": "2"}

    @pytest.mark.parametrize(
        "query",
        [
            f"{META}a=x%0D%0AX-Evil%3A%201",
            f"{META}a=%00",
            f"{META}a=%7F",
            f"{META}a%0D%0Ab=x",
            f"{META}a%20b=x",
            f"{META}%C3%A9=x",
            f"{META}s3gw-etag=x",
            f"{META}=x",
        ],
    )
    def test_what_cannot_be_a_header_is_refused(
        self, gateway: Running, stack: Stack, bucket: str, swift: swiftclient.Connection, query: str
    ) -> None:
        reply = self.put(gateway, stack, f"/{bucket}/k?{query}")
        assert reply.status == 400
        assert b"<Code>InvalidArgument</Code>" in reply.body
        assert not is_there(swift, bucket, "k")
