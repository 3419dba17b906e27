"""An HTML form that uploads a file: its fields, and then the bytes of the file as they arrive.

The rule: what is kept in memory is bounded, and that are the fields alone; the file goes through,
and what follows it is passed over.  A form without its end is no form.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from collections.abc import Mapping
from types import MappingProxyType

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from s3gw.s3.browser_errors import MalformedPOSTRequest, MaxPostPreDataLengthExceeded
from s3gw.s3.errors import IncompleteBody, InvalidArgument, PreconditionFailed

MOST_BYTES = 20 * 1024
"""Of the names and values of all fields before the file, as on AWS."""
_MOST_ON_THE_WIRE = 4 * MOST_BYTES
"""Of everything before the file: boundaries and headers of fields count, too."""
_MOST_BEHIND = 1024 * 1024
"""Of everything behind the file."""
_LONGEST_BOUNDARY = 70
_FILE = "file"


def boundary_of(content_type: str | None) -> bytes:
    """What stands between the parts of a form, by its Content-Type.

    Raises PreconditionFailed (it is no such form), MalformedPOSTRequest.
    """
    kind, options = parse_options_header((content_type or "").encode("latin-1", "replace"))
    if kind != b"multipart/form-data":
        raise PreconditionFailed(
            Condition="Bucket POST must be of the enclosure-type multipart/form-data"
        )
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= _LONGEST_BOUNDARY:
        raise MalformedPOSTRequest
    return boundary


class Form:
    """A form on its way in: feed() until `has_file`, on until the wire ends, and finish()."""

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
        self._before = 0
        self._behind = 0
        self._size = 0
        self._header = (bytearray(), bytearray())
        self._headers: dict[str, bytes] = {}
        self._name = ""
        self._value = bytearray()
        self._file: list[bytes] = []
        self._is_file_whole = False
        self._is_whole = False
        self.filename = ""
        """The file's name as the browser gave it, without a path."""
        self.has_file = False
        """The file has begun, so all fields that count are there."""

    @property
    def fields(self) -> Mapping[str, str]:
        """The fields before the file, by lower-case name, `${filename}` still in them."""
        return MappingProxyType(self._fields)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes of the wire in; returns what they hold of the file.

        Raises MalformedPOSTRequest, MaxPostPreDataLengthExceeded, InvalidArgument.
        """
        if self._is_file_whole:
            self._behind += len(data)
            if self._behind > _MOST_BEHIND:
                raise MalformedPOSTRequest
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise MalformedPOSTRequest from error
        if not self.has_file:
            self._before += len(data)
            if self._before > _MOST_ON_THE_WIRE:
                raise _too_large()
        found, self._file = self._file, []
        return found

    def finish(self) -> None:
        """The wire has ended: raise unless the form has, too.

        Raises MalformedPOSTRequest, IncompleteBody (it broke off behind its fields),
        InvalidArgument (it has no file).
        """
        if not self._is_whole:
            raise IncompleteBody if self.has_file else MalformedPOSTRequest
        if not self.has_file:
            raise InvalidArgument(
                "POST requires exactly one file upload per request.",
                ArgumentName=_FILE,
                ArgumentValue=0,
            )

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
        if self.has_file:
            return
        disposition = self._headers.get("content-disposition", b"")
        kind, options = parse_options_header(disposition)
        name = options.get(b"name")
        if kind != b"form-data" or name is None:
            raise MalformedPOSTRequest
        self._name = _text(name).lower()
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
        elif not self._is_file_whole:
            self._file.append(data[start:end])

    def _end_part(self) -> None:
        if self.has_file:
            self._is_file_whole = True
            return
        if self._name in self._fields:
            raise InvalidArgument(
                "A form must contain each of its fields once.",
                ArgumentName=self._name,
                ArgumentValue="",
            )
        self._fields[self._name] = _text(bytes(self._value))

    def _end(self) -> None:
        self._is_whole = True

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MOST_BYTES:
            raise _too_large()


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedPOSTRequest from error


def _too_large() -> MaxPostPreDataLengthExceeded:
    return MaxPostPreDataLengthExceeded(MaxPostPreDataLengthBytes=MOST_BYTES)
