"""What the gateway keeps with an object, changed after the object was made: tags, ACLs.

Swift has one way to do it, a POST, and that replaces all metadata of the object, and drops those
of its headers that are not sent again (https://docs.openstack.org/api-ref/object-store/).  So the
object is read, everything goes back, and it is read once more: nothing but that tells whether
another object took its place meanwhile (docs/mapping.md, Races).

The rule: whoever changes what is kept with an object comes here; three requests to Swift.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import unquote

from s3gw.call import Call
from s3gw.mapping import layout
from s3gw.mapping.etags import unquoted
from s3gw.mapping.metadata import is_sendable
from s3gw.mapping.versions import VERSION_ID
from s3gw.object_version import Found, absence, head, head_newest, subject_of
from s3gw.s3.errors import NotImplemented, OperationAborted
from s3gw.swift.errors import SwiftStatus

# Swift keeps the content type, with its parameters, that a POST does not name; nothing else.
_DROPPED = frozenset(
    (
        "cache-control content-disposition content-encoding content-language expires "
        "x-delete-at x-object-manifest x-robots-tag"
    ).split()
)

Make = Callable[[Mapping[str, str], str], Mapping[str, str]]
"""The new headers, from those that the object has and keeps, and its Swift ETag."""


async def amend(call: Call, prefix: str, make: Make) -> Found:
    """Replace the headers of the call's object that begin with `prefix` (a name of the layout).

    Returns the object as it is afterwards.  Raises what `make` raises, and what
    `object_version.head_newest` does of a version that is not there, or not the newest;
    NotImplemented for what Swift could not keep; OperationAborted if another object took its
    place meanwhile, which may have got the metadata of this one.
    """
    subject = subject_of(call)
    before = (await head_newest(subject)).headers
    _check_is_itself(call, before)
    kept = _kept(before, prefix)
    made = make(kept, unquoted(before.get("Etag", "")))
    try:
        await call.swift.post_object(call.bucket, call.key, {**kept, **made})
    except SwiftStatus as error:
        if error.status != 404:
            raise
        raise await absence(subject, error.headers) from error
    after = await head(replace(subject, version_id=None), newest=True)
    if _identity(after.headers) != _identity(before):
        raise OperationAborted
    return after


def _kept(headers: Mapping[str, str], prefix: str) -> dict[str, str]:
    """What has to be sent again for the object to keep it."""
    kept = {
        name: value
        for name, value in headers.items()
        if _is_kept(name.lower()) and not name.lower().startswith(prefix.lower())
    }
    for name, value in kept.items():
        if not is_sendable(name, value):
            raise NotImplemented(
                "The object has metadata of Swift's own API that it would lose by this."
            )
    return kept


def _is_kept(name: str) -> bool:
    return name in _DROPPED or name.startswith(layout.USER_META)


def _check_is_itself(call: Call, headers: Mapping[str, str]) -> None:
    """Refuse a symbolic link: what is read of it is its target's, and a POST changes the link."""
    location = headers.get("Content-Location", "").partition("?")[0]
    here = f"{call.place.account}/{call.bucket}/{call.key}"
    if location and unquote(location).split("/", 2)[2:] != [here]:  # behind /v1/
        raise NotImplemented("The object is a symbolic link of Swift's, which cannot be changed.")


def _identity(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    return headers.get("Etag"), headers.get(VERSION_ID)
