"""What clients send as XML, as values.

The rule: nothing that a body says is passed over in silence if it could change what is done.
A body that does not fit its schema is MalformedXML.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from s3gw.s3 import errors
from s3gw.s3.conditions import NO_CONDITIONS, DeleteConditions, parse_size, read_as
from s3gw.s3.dates import parse_moment
from s3gw.s3.errors import InvalidArgument, InvalidPartOrder, InvalidRequest, MalformedXML
from s3gw.s3.headers import MOST_PARTS, bare_etag
from s3gw.s3.xml import Node, parse

_MOST_OBJECTS = 1000
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_VERSIONING_MEMBERS = frozenset({"Status", "MfaDelete", "MFADelete"})
_OBJECT_MEMBERS = frozenset({"Key", "VersionId", "ETag", "LastModifiedTime", "Size"})


@dataclass(frozen=True, slots=True)
class CompletedPart:
    """A part as the client wants it in the object."""

    number: int
    etag: str
    """Without quotes."""
    checksums: Mapping[str, str]
    """Algorithm (lower-case, as in header names) to base64 value."""


@dataclass(frozen=True, slots=True)
class CompleteMultipartUpload:
    """The body of CompleteMultipartUpload: at least one part, in ascending order."""

    parts: tuple[CompletedPart, ...]


@dataclass(frozen=True, slots=True)
class ObjectIdentifier:
    """An object to delete, and the conditions on it."""

    key: str
    version_id: str | None = None
    conditions: DeleteConditions = NO_CONDITIONS


@dataclass(frozen=True, slots=True)
class Delete:
    """The body of DeleteObjects: 1 to 1,000 objects; quiet: report failures only."""

    objects: tuple[ObjectIdentifier, ...]
    quiet: bool


def parse_complete_multipart_upload(body: bytes, upload_id: str) -> CompleteMultipartUpload:
    """The parts of a CompleteMultipartUpload.

    Raises MalformedXML, InvalidRequest (no part), InvalidArgument (a number that is none of a
    part), InvalidPartOrder.
    """
    parts = tuple(_part(node) for node in _document(body, "CompleteMultipartUpload").all("Part"))
    if not parts:
        raise InvalidRequest("You must specify at least one part")
    if any(one.number >= next_one.number for one, next_one in pairwise(parts)):
        raise InvalidPartOrder(UploadId=upload_id)
    return CompleteMultipartUpload(parts)


def _part(node: Node) -> CompletedPart:
    etag = node.leaf("ETag")
    number = (node.leaf("PartNumber") or "").strip()
    if etag is None or not _INTEGER.fullmatch(number):
        raise MalformedXML
    if not 1 <= int(number) <= MOST_PARTS:
        raise InvalidArgument(
            f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive",
            ArgumentName="PartNumber",
            ArgumentValue=number,
        )
    checksums = {
        child.tag.removeprefix("Checksum").lower(): child.text.strip()
        for child in node.children
        if child.tag.startswith("Checksum") and child.text
    }
    return CompletedPart(int(number), bare_etag(etag), checksums)


def parse_delete(body: bytes) -> Delete:
    """The objects of a DeleteObjects; raises MalformedXML."""
    root = _document(body, "Delete")
    # A member of tomorrow may be a condition, and a condition overlooked is an object lost.
    _refuse_others(root, frozenset({"Object", "Quiet"}))
    objects = root.all("Object")
    if not 1 <= len(objects) <= _MOST_OBJECTS:
        raise MalformedXML
    quiet = _TRUTH.get((root.leaf("Quiet") or "false").strip().lower())
    if quiet is None:
        raise MalformedXML
    return Delete(tuple(_object(node) for node in objects), quiet)


def _object(node: Node) -> ObjectIdentifier:
    _refuse_others(node, _OBJECT_MEMBERS)
    key = node.leaf("Key")
    if not key:
        raise MalformedXML
    version_id = node.leaf("VersionId") or None  # some clients always write the element
    return ObjectIdentifier(key, version_id, _conditions(node))


def _conditions(node: Node) -> DeleteConditions:
    """An empty ETag is one that no object has."""
    etag = node.leaf("ETag")
    return DeleteConditions(
        None if etag is None else bare_etag(etag),
        read_as(parse_size, node.leaf("Size"), MalformedXML()),
        read_as(parse_moment, node.leaf("LastModifiedTime"), MalformedXML()),
    )


def parse_versioning(body: bytes) -> str:
    """The status that PutBucketVersioning sets: `Enabled` or `Suspended`.

    Raises MalformedXML, IllegalVersioningConfigurationException (none is given), NotImplemented
    (MFA delete).
    """
    root = _document(body, "VersioningConfiguration")
    _refuse_others(root, _VERSIONING_MEMBERS)
    mfa_delete = root.leaf("MfaDelete") or root.leaf("MFADelete")
    if mfa_delete == "Enabled":
        raise errors.NotImplemented("MFA delete is not implemented.")
    status = root.leaf("Status")
    if not status:
        raise errors.IllegalVersioningConfigurationException
    if status not in {"Enabled", "Suspended"} or mfa_delete not in {None, "Disabled"}:
        raise MalformedXML
    return status


def parse_create_bucket_configuration(body: bytes) -> str | None:
    """The location constraint of a CreateBucket; None if the body or the element is empty.

    Raises MalformedXML, NotImplemented for anything else that a new bucket is to have.
    """
    if not body:
        return None
    root = _document(body, "CreateBucketConfiguration")
    for child in root.children:
        if child.tag != "LocationConstraint":
            raise errors.NotImplemented(
                f"The element {child.tag} of CreateBucketConfiguration is not implemented"
            )
    return (root.leaf("LocationConstraint") or "").strip() or None


def _document(body: bytes, tag: str) -> Node:
    root = parse(body)
    if root.tag != tag:
        raise MalformedXML
    return root


def _refuse_others(node: Node, known: frozenset[str]) -> None:
    if not all(child.tag in known for child in node.children):
        raise MalformedXML
