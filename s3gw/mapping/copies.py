"""What a copy is made of: headers of its source, and of the request.

The rule: the copy is a plain object.  What the gateway keeps on its source counts for the copy only
as far as it is said here; ACLs, locks and the expiry of the source never do.
"""

from collections.abc import Callable, Mapping

from s3gw.mapping import checksums
from s3gw.mapping.metadata import (
    DEFAULT_CONTENT_TYPE,
    is_of_metadata,
    is_sendable,
    strip_parameters,
)
from s3gw.mapping.tags import is_of_tags
from s3gw.s3.copying import Directive
from s3gw.s3.errors import InvalidRequest


def copied_headers(
    source: Mapping[str, str],
    given: Mapping[str, str],
    *,
    metadata: Directive,
    tags: Directive,
) -> dict[str, str]:
    """The Swift headers of a copy of a whole object.

    `source`: the headers that Swift has of it; `given`: those that the request asks for.
    Raises InvalidRequest for metadata that cannot be written again as they are.
    """
    headers = _only(given, lambda name: not (is_of_metadata(name) or is_of_tags(name)))
    headers |= _only(given if metadata is Directive.REPLACE else _resent(source), is_of_metadata)
    headers |= _only(given if tags is Directive.REPLACE else source, is_of_tags)
    return headers | checksums.of_copy(source)


def _only(headers: Mapping[str, str], wanted: Callable[[str], bool]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if wanted(name)}


def _resent(source: Mapping[str, str]) -> dict[str, str]:
    """A source's metadata as headers of a request."""
    headers = _only(source, is_of_metadata)
    if not all(is_sendable(name, value) for name, value in headers.items()):
        raise InvalidRequest(
            "The copy source has metadata of Swift's own API that the copy could not have. "
            "They can only be replaced (x-amz-metadata-directive)."
        )
    content_type = strip_parameters(source.get("Content-Type", DEFAULT_CONTENT_TYPE))
    return {**headers, "Content-Type": content_type}
