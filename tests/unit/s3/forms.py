"""HTML forms as browsers write them."""

from collections.abc import Iterable

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    """A part without its boundary."""
    disposition = f'form-data; name="{name}"'
    more = ""
    if filename is not None:
        disposition += f'; filename="{filename}"'
        more = "\r\nContent-Type: application/octet-stream"
    return f"Content-Disposition: {disposition}{more}\r\n\r\n".encode() + content


def form_of(*parts: bytes, end: bytes = b"--\r\n", boundary: str = BOUNDARY) -> bytes:
    """The whole form."""
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + piece + b"\r\n" for piece in parts) + mark + end


def uploading(
    fields: Iterable[tuple[str, str]],
    content: bytes,
    filename: str = "pic.jpg",
    behind: Iterable[tuple[str, str]] = (),
) -> bytes:
    """A form with fields, a file, and fields behind it."""
    before = [part(name, value.encode()) for name, value in fields]
    after = [part(name, value.encode()) for name, value in behind]
    return form_of(*before, part("file", content, filename), *after)
