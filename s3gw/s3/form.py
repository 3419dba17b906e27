"""An HTML form that uploads a file: its fields, and then the bytes of the file as they arrive.

The rule: what is kept in memory is bounded, and that are the fields alone; the file goes through,
and what follows it is passed over.  A form without its end is no form.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import SplitResult, quote, urlencode, urlsplit, urlunsplit

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from s3gw.s3.browser_errors import (
    IncorrectNumberOfFilesInPostRequest,
    MalformedPOSTRequest,
    MaxPostPreDataLengthExceededError,
)
from s3gw.s3.errors import InvalidArgument, PreconditionFailed
from s3gw.s3.request import Headers
from s3gw.s3.signing import as_wire
from s3gw.s3.tags import parse_tagging

MOST_BYTES = 20 * 1024
"""Of the names and values of all fields before the file, as on AWS."""
_MOST_ON_THE_WIRE = 4 * MOST_BYTES
"""Of everything before the file: boundaries and headers of fields count, too."""
_FILE = "file"
_VARIABLE = "${filename}"

_RENAMED = {"acl": "x-amz-acl", "tagging": "x-amz-tagging"}
_HEADERS = frozenset(
    (
        "cache-control content-type content-disposition content-encoding content-language "
        "content-md5 expires"
    ).split()
)
_SIGNING = frozenset(("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"))
_STATUSES = frozenset(("200", "201", "204"))
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def boundary_of(content_type: str | None) -> bytes:
    """What stands between the parts of a form, by its Content-Type.

    Raises PreconditionFailed (it is no such form), MalformedPOSTRequest.
    """
    kind, options = parse_options_header((content_type or "").encode("latin-1", "replace"))
    if kind != b"multipart/form-data":
        raise PreconditionFailed(
            "At least one of the pre-conditions you specified did not hold",
            Condition="Bucket POST must be of the enclosure-type multipart/form-data",
        )
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise MalformedPOSTRequest
    return boundary


class Form:
    """A form on its way in: feed() until `has_file`, and on until `is_whole`."""

    def __init__(self, boundary: bytes) -> None:
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._add_name,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_data,
                "on_part_data": self._add_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )
        self._fields: dict[str, str] = {}
        self._before_file = 0
        self._size = 0
        self._header = (bytearray(), bytearray())
        self._headers: dict[str, bytes] = {}
        self._name = ""
        self._value = bytearray()
        self._file: list[bytes] = []
        self.filename = ""
        """The file's name as the browser gave it, without a path."""
        self.has_file = False
        """The file has begun, so all fields that count are there."""
        self.is_file_whole = False
        """The file has come to its end."""
        self.is_whole = False
        """The form has come to its end."""

    @property
    def fields(self) -> Mapping[str, str]:
        """The fields before the file, by lower-case name, `${filename}` still in them."""
        return MappingProxyType(self._fields)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes of the wire in; returns what they hold of the file.

        Raises MalformedPOSTRequest, MaxPostPreDataLengthExceededError, InvalidArgument.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise MalformedPOSTRequest from error
        if not self.has_file:
            self._before_file += len(data)
            if self._before_file > _MOST_ON_THE_WIRE:
                raise _too_large()
        found, self._file = self._file, []
        return found

    def finish(self) -> None:
        """The wire has ended; raises MalformedPOSTRequest, IncorrectNumberOfFilesInPostRequest."""
        if not self.is_whole:
            raise MalformedPOSTRequest
        if not self.has_file:
            raise IncorrectNumberOfFilesInPostRequest

    # --- what the parser tells, in order ---

    def _begin_part(self) -> None:
        self._headers = {}
        self._value = bytearray()

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _end_header(self) -> None:
        name, value = self._header
        self._headers[name.decode("latin-1").lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _begin_data(self) -> None:
        disposition = self._headers.get("content-disposition", b"")
        kind, options = parse_options_header(disposition)
        name = options.get(b"name")
        if kind != b"form-data" or name is None:
            raise MalformedPOSTRequest
        self._name = _text(name).lower()
        if self.has_file:
            return
        if self._name == _FILE:
            self.has_file = True
            filename = _text(options.get(b"filename", b""))
            self.filename = filename.replace("\\", "/").rpartition("/")[2]
        else:
            self._count(len(name))

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if not self.has_file:
            self._count(end - start)
            self._value.extend(data[start:end])
        elif not self.is_file_whole:
            self._file.append(data[start:end])

    def _end_part(self) -> None:
        if self.has_file:
            self.is_file_whole = True
            return
        if self._name in self._fields:
            raise InvalidArgument(
                "A form must contain each of its fields once.",
                ArgumentName=self._name,
                ArgumentValue="",
            )
        self._fields[self._name] = _text(bytes(self._value))

    def _end(self) -> None:
        self.is_whole = True

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MOST_BYTES:
            raise _too_large()


def expanded(fields: Mapping[str, str], filename: str) -> dict[str, str]:
    """The fields with the file's name in the place of `${filename}`, but for what is signed."""
    return {
        name: value if name == "policy" else value.replace(_VARIABLE, filename)
        for name, value in fields.items()
    }


def headers_of(fields: Mapping[str, str]) -> Headers:
    """What the fields say of the object, as the headers of a PUT would say it.

    Fields that are neither headers of S3's own nor x-amz-* say nothing of it.  Raises
    InvalidArgument for what cannot be a header, MalformedXML and as parse_header for tags.
    """
    found = []
    for field, value in fields.items():
        name = _RENAMED.get(field, field)
        if not value or field in _SIGNING:
            continue
        if name not in _HEADERS and not name.startswith("x-amz-"):
            continue
        text = _tags_in_header(value) if field == "tagging" else value
        if not _NAME.fullmatch(name) or _CONTROL.search(text):
            raise InvalidArgument("A field cannot be used as a header.", ArgumentName=field)
        found.append((name, as_wire(text)))
    return Headers(found)


def _tags_in_header(document: str) -> str:
    tags = parse_tagging(document.encode("utf-8"))
    return "&".join(f"{quote(tag.key, safe='')}={quote(tag.value, safe='')}" for tag in tags)


def success_of(fields: Mapping[str, str]) -> tuple[int, str | None]:
    """How a form wants success to be told: a status, and where to send the browser (303)."""
    url = fields.get("success_action_redirect") or fields.get("redirect") or ""
    parts = _split(url)
    if parts is not None and not _CONTROL.search(url):
        return 303, url
    status = fields.get("success_action_status", "")
    return (int(status) if status in _STATUSES else 204), None


def redirect_to(url: str, bucket: str, key: str, etag: str) -> str:
    """Where the browser is sent: what was stored is added to the query."""
    added = urlencode({"bucket": bucket, "key": key, "etag": f'"{etag}"'}, quote_via=quote)
    parts = urlsplit(url)
    query = f"{parts.query}&{added}" if parts.query else added
    return urlunsplit(parts._replace(query=query))


def _split(url: str) -> SplitResult | None:
    """The parts of an absolute URL of the web, None for anything else: S3 then ignores it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts if parts.scheme in {"http", "https"} and parts.netloc else None


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedPOSTRequest from error


def _too_large() -> MaxPostPreDataLengthExceededError:
    return MaxPostPreDataLengthExceededError(MaxPostPreDataLengthBytes=MOST_BYTES)
