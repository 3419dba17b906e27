"""What the fields of a form say: of the object, as headers would, and of how success is told.

The rule: a field has a meaning only if it is one of S3's; all others were for the page alone.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from s3gw.s3.errors import InvalidArgument, NotImplemented
from s3gw.s3.payload import CONTENT_SHA256
from s3gw.s3.request import Headers
from s3gw.s3.signing import as_wire
from s3gw.s3.tags import parse_tagging

_VARIABLE = "${filename}"
_AS_SIGNED = "policy"

_RENAMED = {"acl": "x-amz-acl", "tagging": "x-amz-tagging"}
_HEADERS = frozenset(
    (
        "cache-control content-type content-disposition content-encoding content-language "
        "content-md5 expires if-match if-none-match"
    ).split()
)
_SIGNING = frozenset(("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"))
# They would say that the file is sent in another way than it is.
_OF_BODIES = frozenset((CONTENT_SHA256, "x-amz-decoded-content-length", "x-amz-trailer"))
_STATUSES = frozenset(("200", "201", "204"))
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_URL = "!#$%&'()*+,/:;=?@[]~"
"""What stands in a URL as it is, beside letters and digits."""


def expanded(fields: Mapping[str, str], filename: str) -> dict[str, str]:
    """The fields with the file's name in the place of `${filename}`, but for what is signed."""
    return {
        name: value if name == _AS_SIGNED else value.replace(_VARIABLE, filename)
        for name, value in fields.items()
    }


def key_of(fields: Mapping[str, str]) -> str:
    """The object's key; raises InvalidArgument if there is none."""
    if "key" not in fields:
        raise missing_field("key")
    if not fields["key"]:
        raise InvalidArgument(
            "User key must have a length greater than 0.", ArgumentName="key", ArgumentValue=""
        )
    return fields["key"]


def missing_field(name: str) -> InvalidArgument:
    """The refusal of a form without a field that it needs."""
    return InvalidArgument(
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the "
        "order of the fields.",
        ArgumentName=name,
        ArgumentValue="",
    )


def headers_of(fields: Mapping[str, str]) -> Headers:
    """What the fields say of the object, as the headers of a PutObject would say it.

    Fields that are neither headers of S3's own nor x-amz-* say nothing of it.  Raises
    InvalidArgument for what cannot be a header, MalformedXML for tags that are no document,
    NotImplemented for another coding of the file.
    """
    found = []
    for field, value in fields.items():
        name = _RENAMED.get(field, field)
        if not value or field in _SIGNING:
            continue
        if name not in _HEADERS and not name.startswith("x-amz-"):
            continue
        if name in _OF_BODIES:
            raise NotImplemented(Header=name)
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
    if _is_of_the_web(url):
        return 303, url
    status = fields.get("success_action_status", "")
    return (int(status) if status in _STATUSES else 204), None


def redirect_to(url: str, bucket: str, key: str, etag: str) -> str:
    """Where the browser is sent: what was stored is added to the query."""
    stored = {"bucket": bucket, "key": key, "etag": f'"{etag}"'}
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, urlencode(stored, quote_via=quote, safe="")]))
    return quote(urlunsplit(parts._replace(query=query)), safe=_URL)


def _is_of_the_web(url: str) -> bool:
    """Whether it is an absolute URL of the web; anything else is as if it were not there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_absolute = parts.scheme in {"http", "https"} and bool(parts.netloc)
    return is_absolute and not _CONTROL.search(url)
