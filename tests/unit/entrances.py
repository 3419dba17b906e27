"""Every place where a client's bytes are read: one function each, from bytes.

The rule: whatever the bytes are, nothing comes out but a value or an S3Error.  The seeds are
valid, so that what is made of them gets behind the first check.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from types import MappingProxyType

from s3gw.resolution import resolve
from s3gw.s3 import (
    acls,
    attributes,
    bodies,
    checksums,
    conditions,
    copying,
    cors,
    dates,
    form_fields,
    forwarded,
    headers as s3_headers,
    post_policy,
    tags,
    tokens,
    upload_checksums,
    xml,
)
from s3gw.s3.form import Form, boundary_of
from s3gw.s3.payload import BodyCheck, read_expectation, signed_payload
from s3gw.s3.request import Headers, Request, Target
from s3gw.s3.signature import SignatureRules, hoisted, read_claim
from s3gw.s3.target import resolve_target
from tests.unit.s3.aws_chunked import SIGNING, encode

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
_RULES = SignatureRules("us-east-1", strict_region=False, signature_v2=True)
_TARGET = Target("b", "k")
_METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS")
_ID = "u" * 48
_SCOPE = "AK/20260304/us-east-1/s3/aws4_request"


@dataclass(frozen=True, slots=True)
class Entrance:
    """A reader, and bytes that it takes."""

    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _target(data: bytes) -> object:
    path, _, host = _text(data).partition("\n")
    return resolve_target(Request("GET", path, "", Headers([("Host", host)])), ("s3.example.com",))


def _query(data: bytes) -> object:
    method = _METHODS[data[0] % len(_METHODS)] if data else "GET"
    target = (_TARGET, Target("b"), Target())[len(data) % 3]
    return resolve(Request(method, "/b/k", _text(data[1:]), Headers([])), target)


def _authorization(data: bytes) -> object:
    sent = [
        ("Host", "h"),
        ("x-amz-date", "20260304T050607Z"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("Authorization", _text(data)),
    ]
    claim = read_claim(Request("GET", "/b/k", "", Headers(sent)), _TARGET, _RULES, NOW)
    return None if claim is None else claim.verify("secret")


def _presigned(data: bytes) -> object:
    request = Request("GET", "/b/k", _text(data), Headers([("Host", "h")]))
    claim = read_claim(request, _TARGET, _RULES, NOW)
    hoisted(request, claim)
    return None if claim is None else claim.verify("secret")


def _chunked(literal: str) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        step = 1 + data[0] % 64 if data else 1
        wire = data[1:]
        given = [("x-amz-decoded-content-length", "10")]
        if literal.endswith("TRAILER"):
            given.append(("x-amz-trailer", "x-amz-checksum-crc32"))
        expectation = read_expectation(
            Headers(given), signed_payload(literal), content_length=len(wire), max_size=1000
        )
        check = BodyCheck(expectation, SIGNING, check_md5=True)
        pieces = [check.feed(wire[at : at + step]) for at in range(0, len(wire), step)]
        return b"".join([*pieces, check.finish()])

    return read


def _wire(*, signed: bool, trailers: bool) -> tuple[bytes, ...]:
    given = [("x-amz-checksum-crc32", "poTHxg==")] if trailers else None
    wire = encode([b"0123456789"], signed=signed, trailers=given)
    return (b"\x00" + wire, b"\x3f" + wire)


def _header(name: str, read: Callable[[Headers], object]) -> Callable[[bytes], object]:
    return lambda data: read(Headers([(name, _text(data))]))


def _block(read: Callable[[Headers], object]) -> Callable[[bytes], object]:
    """Of several headers, a line each."""

    def split(data: bytes) -> object:
        pairs = [line.partition(":") for line in _text(data).split("\n")]
        return read(Headers((name, value) for name, _, value in pairs if name))

    return split


def _form(data: bytes) -> object:
    step = 1 + data[0] % 64 if data else 1
    form, wire = Form(b"x"), data[1:]
    files = [form.feed(wire[at : at + step]) for at in range(0, len(wire), step)]
    form.finish()
    fields = form_fields.expanded(form.fields, form.filename)
    return files, form_fields.key_of(fields), form_fields.headers_of(fields)


def _policy(data: bytes) -> object:
    policy = post_policy.parse_policy(b64encode(data).decode("ascii"))
    policy.check({"key": "k", "bucket": "b", "acl": "private"}, "b", NOW)
    return policy


def _acl_headers(given: Headers) -> object:
    return acls.from_headers(given, "owner", "owner")


def _proxy(given: Headers) -> object:
    trusted = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
    return forwarded.as_sent(given, "http"), forwarded.client_of(given, "127.0.0.1", trusted)


_TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
_FORM = (
    b'\x05--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n${filename}\r\n--x\r\n'
    b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\ndata\r\n--x--\r\n'
)
_POLICY = (
    b'{"expiration": "2030-01-01T00:00:00Z", "conditions": [{"bucket": "b"},'
    b' ["starts-with", "$key", ""], ["content-length-range", 0, 10], {"acl": "private"}]}'
)
_PRESIGNED = (
    f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={_SCOPE}&X-Amz-Date=20260304T050607Z"
    "&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
).encode()

ENTRANCES: Mapping[str, Entrance] = MappingProxyType(
    {
        "target": Entrance(
            _target, (b"/b/k%20\nh", b"/k\nb.s3.example.com:80", b"http://h/b/k\nh")
        ),
        "query": Entrance(_query, (b"\x00acl", b"\x02uploadId=x&partNumber=1", b"\x00versions")),
        "authorization": Entrance(
            _authorization,
            (
                f"AWS4-HMAC-SHA256 Credential={_SCOPE}, SignedHeaders=host;x-amz-content-sha256"
                ";x-amz-date, Signature=00".encode(),
                b"AWS AK:c2ln",
            ),
        ),
        "presigned": Entrance(
            _presigned, (_PRESIGNED, b"AWSAccessKeyId=AK&Expires=1772604427&Signature=c2ln")
        ),
        "signed chunks": Entrance(
            _chunked("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), _wire(signed=True, trailers=False)
        ),
        "signed chunks and trailer": Entrance(
            _chunked("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
            _wire(signed=True, trailers=True),
        ),
        "unsigned chunks": Entrance(
            _chunked("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), _wire(signed=False, trailers=True)
        ),
        "XML": Entrance(xml.parse, (_TAGS, b"<?xml version='1.0'?><a xmlns='x'>&#65;</a>")),
        "Delete": Entrance(
            bodies.parse_delete, (b"<Delete><Object><Key>k</Key></Object></Delete>",)
        ),
        "CompleteMultipartUpload": Entrance(
            lambda data: bodies.parse_complete_multipart_upload(data, _ID),
            (
                (
                    b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"
                    b'"d41d8cd98f00b204e9800998ecf8427e"</ETag></Part></CompleteMultipartUpload>'
                ),
            ),
        ),
        "CreateBucketConfiguration": Entrance(
            bodies.parse_create_bucket_configuration,
            (
                (
                    b"<CreateBucketConfiguration><LocationConstraint>x</LocationConstraint>"
                    b"</CreateBucketConfiguration>"
                ),
            ),
        ),
        "VersioningConfiguration": Entrance(
            bodies.parse_versioning,
            (b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",),
        ),
        "CORSConfiguration": Entrance(
            cors.parse_cors_configuration,
            (
                (
                    b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET"
                    b"</AllowedMethod></CORSRule></CORSConfiguration>"
                ),
            ),
        ),
        "Tagging": Entrance(tags.parse_tagging, (_TAGS,)),
        "AccessControlPolicy": Entrance(
            lambda data: acls.parse_policy(data, "o"),
            (
                (
                    b"<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList/>"
                    b"</AccessControlPolicy>"
                ),
            ),
        ),
        "form": Entrance(_form, (_FORM,)),
        "form's Content-Type": Entrance(
            lambda data: boundary_of(_text(data)), (b'multipart/form-data; boundary="x"',)
        ),
        "form's policy": Entrance(_policy, (_POLICY,)),
        "Range": Entrance(lambda data: s3_headers.parse_range(_text(data)), (b"bytes=0-1",)),
        "copy source": Entrance(
            lambda data: copying.parse_copy_source(_text(data)), (b"/b/k?versionId=x", b"b/%C3%BC")
        ),
        "copy range": Entrance(
            lambda data: copying.parse_copy_range(_text(data), 100), (b"bytes=0-1",)
        ),
        "tagging header": Entrance(lambda data: tags.parse_header(_text(data)), (b"a=b&c=%20",)),
        "date": Entrance(
            lambda data: dates.parse_http_date(_text(data)), (b"Wed, 21 Oct 2015 07:28:00 GMT",)
        ),
        "count": Entrance(lambda data: s3_headers.parse_count("n", _text(data)), (b"1000", b"0")),
        "token": Entrance(lambda data: tokens.decode_token(_text(data)), (b"YQ", b"w7w")),
        "attributes": Entrance(
            _header("x-amz-object-attributes", attributes.parse), (b"ETag,ObjectParts",)
        ),
        "checksums": Entrance(
            _block(checksums.read_headers), (b"x-amz-checksum-crc32:AAAAAA==", b"x-amz-trailer:a")
        ),
        "upload's checksum": Entrance(
            _block(upload_checksums.read_create),
            (b"x-amz-checksum-algorithm:CRC32\nx-amz-checksum-type:COMPOSITE",),
        ),
        "delete's conditions": Entrance(
            _block(conditions.DeleteConditions.from_headers),
            (b'if-match:"x"\nx-amz-if-match-size:1',),
        ),
        "ACL headers": Entrance(
            _block(_acl_headers), (b'x-amz-grant-read:id="a", id="b"', b"x-amz-acl:private")
        ),
        "preflight": Entrance(
            _block(cors.read_preflight),
            (b"origin:https://a\naccess-control-request-method:PUT",),
        ),
        "proxy": Entrance(
            _block(_proxy), (b"x-forwarded-host:a:1\nx-forwarded-for:1.2.3.4, 127.0.0.1",)
        ),
    }
)
