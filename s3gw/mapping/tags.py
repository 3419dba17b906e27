"""An object's tags in its Swift metadata: URL-encoded, in pieces of Swift's longest value."""

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode

from s3gw.mapping import layout
from s3gw.mapping.metadata import check_limits
from s3gw.s3.errors import InvalidTag, MetadataTooLarge
from s3gw.s3.tags import Tag, Tags
from s3gw.swift.info import ClusterInfo

# They stand for themselves in a query and in a header, so what is kept stays short.
_SAFE = "/:@"

_PREFIX = layout.META_TAGS.lower()
_PREFIX_LENGTH = len(_PREFIX)


def to_swift(
    tags: Iterable[Tag],
    beside: Mapping[str, str],
    limits: ClusterInfo,
    *,
    is_complete: bool = False,
) -> dict[str, str]:
    """The Swift headers that keep the tags; `beside`: those that the object has otherwise.

    `is_complete`: see metadata.check_limits.  Raises InvalidTag if it is too much for Swift.
    """
    text = urlencode([(tag.key, tag.value) for tag in tags], safe=_SAFE)
    size = limits.max_meta_value_length
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    kept = {f"{layout.META_TAGS}{n}": piece for n, piece in enumerate(pieces)}
    if kept:
        try:
            check_limits({**beside, **kept}, limits, is_complete=is_complete)
        except MetadataTooLarge as error:
            raise InvalidTag(
                "The tags and the metadata of the object are more than Swift can keep.",
                **error.details,
            ) from error
    return kept


def from_swift(headers: Mapping[str, str]) -> Tags:
    """The tags in an object's headers, in their order."""
    pieces: dict[int, str] = {}
    for name, value in headers.items():
        if is_of_tags(name):
            number = name[_PREFIX_LENGTH:]
            if number.isascii() and number.isdecimal():
                pieces[int(number)] = value
    if not pieces:
        return ()
    text = "".join(pieces[number] for number in sorted(pieces))
    return tuple(Tag(key, value) for key, value in parse_qsl(text, keep_blank_values=True))


def is_of_tags(header: str) -> bool:
    """Whether the header is one of those that keep tags."""
    return header[:_PREFIX_LENGTH].lower() == _PREFIX
