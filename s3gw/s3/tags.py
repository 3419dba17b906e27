"""Tags of objects and buckets: what clients send, the rules that bind them, what they get.

The rule: a set of tags is refused whole or taken whole, in the order it came in.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from s3gw.s3.errors import BadRequest, InvalidArgument, InvalidTag, MalformedXML
from s3gw.s3.xml import Element, Node, parse

HEADER = "x-amz-tagging"

_MOST_OF_OBJECT = 10
_MOST_OF_BUCKET = 50
_LONGEST_KEY = 128
_LONGEST_VALUE = 256
_SYSTEM = "aws:"

_PLAIN = re.compile(r"[A-Za-z0-9 +=._:/@-]*")
_MARKS = frozenset("+-=._:/@")
_CLASSES = frozenset("LZN")
"""Unicode's letters, separators and numbers, beside the marks."""

_HALF_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag; its value may be empty."""

    key: str
    value: str


Tags = tuple[Tag, ...]


def parse_header(value: str | None) -> Tags:
    """The tags of an x-amz-tagging header (`key1=value1&key2`); none if it is absent or empty.

    Raises InvalidArgument, BadRequest (too many), InvalidTag.
    """
    pairs = [_pair(piece, value or "") for piece in (value or "").split("&") if piece]
    if len({tag.key for tag in pairs}) < len(pairs):
        raise _invalid_header(value or "")
    return check_object_tags(pairs)


def _pair(piece: str, header: str) -> Tag:
    texts = piece.split("=")
    if len(texts) > 2 or _HALF_ESCAPE.search(piece):
        raise _invalid_header(header)
    try:
        key, value = [_decoded(text) for text in [*texts, ""][:2]]
    except UnicodeError as error:
        raise _invalid_header(header) from error
    return Tag(key, value)


def _decoded(text: str) -> str:
    """Text of a header, whose bytes came as latin-1."""
    return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode("utf-8")


def _invalid_header(value: str) -> InvalidArgument:
    return InvalidArgument(
        f"The header '{HEADER}' shall be encoded as UTF-8 then URLEncoded URL query parameters "
        "without tag name duplicates.",
        ArgumentName=HEADER,
        ArgumentValue=value,
    )


def parse_tagging(body: bytes) -> Tags:
    """The tags of a Tagging document, not checked yet; raises MalformedXML."""
    root = parse(body)
    if root.tag != "Tagging" or [child.tag for child in root.children] != ["TagSet"]:
        raise MalformedXML
    return tuple(map(_tag, root.children[0].children))


def _tag(node: Node) -> Tag:
    key, value = node.leaf("Key"), node.leaf("Value")
    if node.tag != "Tag" or len(node.children) != 2 or key is None or value is None:
        raise MalformedXML
    return Tag(key, value)


def check_object_tags(tags: Iterable[Tag]) -> Tags:
    """The tags, if an object may have them; raises BadRequest (too many), InvalidTag."""
    return _checked(tags, "Object", _MOST_OF_OBJECT, "Your TagKey cannot be prefixed with aws:")


def check_bucket_tags(tags: Iterable[Tag]) -> Tags:
    """The tags, if a bucket may have them; raises BadRequest (too many), InvalidTag."""
    reserved = "System tags cannot be added/updated by requester"
    return _checked(tags, "Bucket", _MOST_OF_BUCKET, reserved)


def _checked(tags: Iterable[Tag], owner: str, most: int, reserved: str) -> Tags:
    found = tuple(tags)
    if len(found) > most:
        raise BadRequest(f"{owner} tags cannot be greater than {most}")
    keys: set[str] = set()
    for tag in found:
        if tag.key in keys:
            raise InvalidTag("Cannot provide multiple Tags with the same key", TagKey=tag.key)
        keys.add(tag.key)
        if tag.key.startswith(_SYSTEM):
            raise InvalidTag(reserved, TagKey=tag.key)
        if not tag.key or not _is_legal(tag.key, _LONGEST_KEY):
            raise InvalidTag("The TagKey you have provided is invalid", TagKey=tag.key)
        if not _is_legal(tag.value, _LONGEST_VALUE):
            raise InvalidTag(
                "The TagValue you have provided is invalid", TagKey=tag.key, TagValue=tag.value
            )
    return found


def _is_legal(text: str, longest: int) -> bool:
    """Whether a key or value has legal characters only, and not too many (counted as UTF-16)."""
    if _PLAIN.fullmatch(text):
        return len(text) <= longest
    if not all(char in _MARKS or unicodedata.category(char)[0] in _CLASSES for char in text):
        return False
    return len(text.encode("utf-16-le")) // 2 <= longest


def tagging(tags: Iterable[Tag]) -> Element:
    """The document of GetObjectTagging and GetBucketTagging."""
    children = [("Tag", [("Key", tag.key), ("Value", tag.value)]) for tag in tags]
    return ("Tagging", [("TagSet", children or None)])
