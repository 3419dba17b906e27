"""Object headers: what S3 clients send → what Swift keeps → what S3 clients get back.

The rule: Swift's headers are built from an allow-list; nothing of the client's is copied through.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header
from urllib.parse import quote, unquote

from s3gw.mapping import layout
from s3gw.s3.dates import http_date
from s3gw.s3.errors import InvalidArgument, MetadataTooLarge
from s3gw.s3.request import Headers
from s3gw.swift.info import ClusterInfo

DEFAULT_CONTENT_TYPE = "binary/octet-stream"
_S3_META = "x-amz-meta-"
_S3_LIMIT = 2048

# Headers that S3 and Swift both keep with an object.
_KEPT = ("Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires")
_KEPT_LOWER = frozenset(("content-type", *map(str.lower, _KEPT)))

# What META_ETAG and META_CHECKSUM take at most, of headers and of bytes.
_OWN_COUNT = 2
_OWN_SIZE = 192

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# s3api writes `=` for what no name may have.
_SENDABLE_NAME = re.compile(r"[!#$%&'*+.=^`|~0-9A-Za-z-]+")
# Control characters, and what stands for bytes that are not UTF-8.
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")
# Others could name characters that no header may hold, or surrogates.
_CHARSETS = frozenset(("utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252"))
_ESCAPED = {"%5f": "_", "=5f": "_", "%25": "%"}
_ESCAPE = re.compile("|".join(_ESCAPED))
# RFC 2047 allows 75 characters a word: 45 bytes of text in base64.
_WORD_BYTES = 45


def to_swift(headers: Headers, limits: ClusterInfo) -> dict[str, str]:
    """The Swift headers that keep an object's content type, HTTP headers and user metadata.

    Raises InvalidArgument, MetadataTooLarge.
    """
    kept = {"Content-Type": _content_type(headers)}
    for name in _KEPT:
        value = headers.get(name.lower())
        if name == "Content-Encoding" and value is not None:
            value = _without_aws_chunked(value)
        if value:
            kept[name] = _text(name, value)
    kept.update(_user_metadata(headers, limits))
    return kept


def from_swift(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The S3 headers of an object's content type, HTTP headers and user metadata."""
    content_type = headers.get("Content-Type")
    if content_type is not None:
        yield "Content-Type", encode_value(strip_parameters(content_type))
    for name in _KEPT:
        value = headers.get(name)
        if value is not None:
            yield name, encode_value(value)
    yield from _shown_metadata(headers)


def expiration(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The S3 header that tells when Swift will delete the object, if it will.

    https://docs.openstack.org/swift/latest/overview_expiring_objects.html
    """
    value = headers.get("X-Delete-At")
    if value is None:
        return
    with suppress(ValueError, OverflowError, OSError):
        yield "x-amz-expiration", f'expiry-date="{http_date(int(value))}", rule-id="X-Delete-At"'


def is_of_metadata(header: str) -> bool:
    """Whether a Swift header keeps content type, HTTP headers or user metadata of an object."""
    name = header.lower()
    if name.startswith(layout.OWN_META):
        return name.startswith(layout.META_LONG.lower())
    return name.startswith(layout.USER_META) or name in _KEPT_LOWER


def is_sendable(name: str, value: str) -> bool:
    """Whether Swift takes a header that it sent as it is: others were written natively.

    It drops names with `_`, without a word; bytes that are not UTF-8 are lost on the way.
    """
    return _SENDABLE_NAME.fullmatch(name) is not None and not _UNSENDABLE.search(value)


def encode_value(text: str) -> str:
    """Header text as ASCII: unchanged, or as RFC 2047 words where it is not ASCII (as AWS does)."""
    if text.isascii():
        return text
    words, piece = [], b""
    for character in text:
        encoded = character.encode("utf-8", "surrogateescape")
        if len(piece) + len(encoded) > _WORD_BYTES:
            words.append(piece)
            piece = b""
        piece += encoded
    words.append(piece)
    return " ".join(f"=?UTF-8?B?{b64encode(word).decode('ascii')}?=" for word in words)


def decode_value(value: str) -> str:
    """A header value (bytes read as latin-1) as text: UTF-8 or latin-1, RFC 2047 words decoded."""
    if not value.isascii():
        raw = value.encode("latin-1")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return value
    if _ENCODED_WORD.search(value) is None:
        return value
    try:
        return "".join(_decoded(*part) for part in decode_header(value))
    except (HeaderParseError, ValueError):
        return value  # not RFC 2047 after all: kept as it came


def _decoded(part: bytes | str, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    if charset is not None and charset.lower() not in _CHARSETS:
        raise ValueError(charset)
    return part.decode(charset or "ascii")


def strip_parameters(content_type: str) -> str:
    """A stored content type without the gateway's own parameters."""
    if "s3gw_" not in content_type:
        return content_type
    return re.sub(r'\s*;\s*s3gw_[a-z]+\s*=\s*("[^"]*"|[^;\s]*)', "", content_type)


def content_type_parameter(content_type: str, name: str) -> str | None:
    """The value of a parameter of a stored content type."""
    if name not in content_type:
        return None
    match = re.search(rf';\s*{re.escape(name)}\s*=\s*("([^"]*)"|([^;\s]*))', content_type)
    return None if match is None else match[2] if match[2] is not None else match[3]


def _content_type(headers: Headers) -> str:
    value = headers.get("content-type")
    if not value:
        return DEFAULT_CONTENT_TYPE
    text = _text("Content-Type", value)
    for parameter in text.split(";")[1:]:
        if parameter.strip().lower().startswith(layout.RESERVED_PARAMETERS):
            raise InvalidArgument(
                "A parameter of the content type is reserved.",
                ArgumentName="Content-Type",
                ArgumentValue=text,
            )
    return text


def _without_aws_chunked(value: str) -> str:
    codings = [coding.strip() for coding in value.split(",")]
    return ", ".join(coding for coding in codings if coding and coding.lower() != "aws-chunked")


def _text(name: str, value: str) -> str:
    """Header text for Swift; control characters could not have come in a header."""
    text = decode_value(value)
    if _CONTROL.search(text) is not None:
        raise InvalidArgument(
            "Header value contains control characters.", ArgumentName=name, ArgumentValue=value
        )
    return text


def _user_metadata(headers: Headers, limits: ClusterInfo) -> dict[str, str]:
    found: dict[str, str] = {}
    size = 0
    long_values = 0
    for header in headers.names():
        if not header.startswith(_S3_META):
            continue
        name = header.removeprefix(_S3_META)
        value = _text(header, headers.get(header) or "")
        size += len(name) + len(value.encode("utf-8"))
        escaped = _escaped_name(name)
        if len(value.encode("utf-8")) <= limits.max_meta_value_length:
            found[f"X-Object-Meta-{escaped}"] = value
        else:
            found.update(_long_value(long_values, escaped, value, limits.max_meta_value_length))
            long_values += 1
    if size > _S3_LIMIT:
        raise MetadataTooLarge(Size=size, MaxSizeAllowed=_S3_LIMIT)
    check_limits(found, limits)
    return found


def check_limits(
    headers: Mapping[str, str], limits: ClusterInfo, *, is_complete: bool = False
) -> None:
    """Refuse the metadata headers among these if Swift would.

    `is_complete`: what the gateway keeps of the content is among them, else there has to be room
    for it.  Raises MetadataTooLarge.
    """
    found = {
        name: value for name, value in headers.items() if name.lower().startswith(layout.USER_META)
    }
    own_count, own_size = (0, 0) if is_complete else (_OWN_COUNT, _OWN_SIZE)
    names = [len(name) - len(layout.USER_META) for name in found]
    values = [len(value.encode("utf-8", "surrogateescape")) for value in found.values()]
    total = sum(names) + sum(values) + own_size
    if (
        len(found) + own_count > limits.max_meta_count
        or total > limits.max_meta_overall_size
        or max(names, default=0) > limits.max_meta_name_length
        or max(values, default=0) > limits.max_meta_value_length
    ):
        raise MetadataTooLarge(Size=total, MaxSizeAllowed=limits.max_meta_overall_size)


def _escaped_name(name: str) -> str:
    """Swift's server drops header names with `_`: it and `%` are percent-encoded."""
    if not name or _TOKEN.fullmatch(name) is None or name.startswith("s3gw-"):
        raise InvalidArgument(
            "The name of a metadata header is not valid, or reserved.",
            ArgumentName=_S3_META + name,
            ArgumentValue=name,
        )
    return name.replace("%", "%25").replace("_", "%5F")


def _long_value(index: int, name: str, value: str, limit: int) -> Iterator[tuple[str, str]]:
    # Percent-encoded, since HTTP would trim blanks at the ends of a piece.
    encoded = quote(value, safe="!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~")
    yield f"{layout.META_LONG}{index}-0", name
    for n, start in enumerate(range(0, len(encoded), limit), start=1):
        yield f"{layout.META_LONG}{index}-{n}", encoded[start : start + limit]


def _shown_metadata(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """User metadata; what is no name of a header is only counted, as on AWS."""
    missing = 0
    for name, value in _restored_metadata(headers):
        if _TOKEN.fullmatch(name) is None:
            missing += 1
        else:
            yield name, value
    if missing:
        yield "x-amz-missing-meta", str(missing)


def _restored_metadata(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    long_pieces: dict[int, dict[int, str]] = {}
    for header, value in headers.items():
        name = header.lower()
        if not name.startswith(layout.USER_META):
            continue
        if not name.startswith(layout.OWN_META):
            yield (
                _S3_META + _unescaped_name(name.removeprefix(layout.USER_META)),
                encode_value(value),
            )
        elif name.startswith(layout.META_LONG.lower()):
            index, _, piece = name.removeprefix(layout.META_LONG.lower()).partition("-")
            if index.isdecimal() and piece.isdecimal():
                long_pieces.setdefault(int(index), {})[int(piece)] = value
    for pieces in long_pieces.values():
        if _TOKEN.fullmatch(pieces.get(0, "")) is not None:
            value = unquote("".join(pieces[n] for n in sorted(pieces) if n))
            yield _S3_META + _unescaped_name(pieces[0]), encode_value(value)


def _unescaped_name(name: str) -> str:
    """`%5F` and `%25` are ours, `=5F` is that of s3api; nothing else becomes another character."""
    return _ESCAPE.sub(lambda match: _ESCAPED[match[0]], name.lower())
