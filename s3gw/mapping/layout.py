"""Every name that the gateway keeps in Swift: the persistent format.

The rule: no other module spells one of these names.  A change here needs a migration.
The multipart layout is that of Swift's own s3api middleware, so that either side can list,
continue, complete, read and delete what the other began.
"""

import re
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256

_SEGMENTS = "+segments"

REGISTRY = "s3gw-buckets"
"""The container, in the gateway's own account, of all bucket names: `{"account", "nonce"}`."""

# --- bucket documents ---

DOCUMENTS = ".s3gw"
"""The container, in the bucket's account, of `<bucket>/<document>/<document id>`."""
PUBLIC_DOCUMENTS = ".s3gw+public"
"""The container of `<bucket>/<document>`, which everybody may read (`.r:*`) but not list."""
CORS = "cors"
"""The one public document.  Preflights carry no token, so Swift shows them no bucket's headers,
where the id would stand: it has none, and is replaced in place."""
_DOCUMENT_META = "X-Container-Meta-S3gw-Doc-"
_DOCUMENT_ID = re.compile(r"([0-9a-f]{64})-[0-9a-f]{16}")


class Document(StrEnum):
    """What is kept of a bucket beside its container's own headers."""

    ACL = "acl"
    TAGGING = "tagging"


# --- object metadata (Swift headers) ---

USER_META = "x-object-meta-"
OWN_META = "x-object-meta-s3gw-"
META_ETAG = "X-Object-Meta-S3gw-Etag"
"""`<md5>-<parts>:<Swift ETag>`, the S3 ETag of a multipart object; counts only on a static large
object, and only if the Swift ETag is the object's."""
META_CHECKSUM = "X-Object-Meta-S3gw-Checksum"
"""`<algorithm>:<base64>:<FULL_OBJECT or COMPOSITE>:<Swift ETag>`.  The ETag is empty where the
checksum came in with the very PUT that stored the content, whose ETag was not known yet."""
META_UPLOAD_CHECKSUM = "X-Object-Meta-S3gw-Upload-Checksum"
"""On an upload's marker only: `<algorithm>:<FULL_OBJECT or COMPOSITE>` of the object to come."""
META_ACL = "X-Object-Meta-S3gw-Acl-"
"""`…Acl-<n>`, from 0: the pieces of the object's ACL under its seal (access.seal)."""
META_LONG = "X-Object-Meta-S3gw-Long-"
"""`…Long-<i>-0` is the name, `…Long-<i>-<n>` the pieces of a user value over Swift's limit."""
META_TAGS = "X-Object-Meta-S3gw-Tags-"
"""`…Tags-<n>`, from 0: the pieces of the object's tags, `key=value&key=value`, URL-encoded."""

# --- container metadata (Swift headers) ---

META_OWNERSHIP = "X-Container-Meta-S3gw-Object-Ownership"
"""Whether the bucket has ACLs, as CreateBucket was told (s3.ownership); absent: it was not."""
META_VERSIONED_SINCE = "X-Container-Meta-S3gw-Versioned-Since"
"""When the gateway switched versioning on, off, on again …: Swift's timestamps, with commas.  What
is older than the first, or was written while it was off, is S3's version `null`."""

# --- Content-Type parameters ---

ETAG_PARAMETER = "s3gw_etag"
SUM_PARAMETER = "s3gw_sum"
"""Of a part: `<algorithm>-<hex>-<MD5 of the part>`.  The MD5 is empty where the checksum came in
with the very PUT of the content."""
RESERVED_PARAMETERS = ("s3gw_", "swift_")

# --- multipart ---

MAX_PARTS = 10_000
FIRST_SUBMANIFEST = 20_000
ABORTING = 30_000
_UPLOAD_ID_LENGTH = 48
NAME_LIMIT = 1024
"""Bytes of a Swift object name."""
UPLOAD_OVERHEAD = len("/") + _UPLOAD_ID_LENGTH + len("/") + len("20000")
"""Bytes that a part's name is longer than its key."""

_UPLOAD_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
# What s3api's upload ids are in base64.
_UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def segments_container(bucket: str) -> str:
    """The container of the bucket's multipart parts."""
    return bucket + _SEGMENTS


def bucket_of(container: str) -> str | None:
    """The bucket whose parts a container holds; None for any other container."""
    bucket = container.removesuffix(_SEGMENTS)
    return bucket if bucket not in {container, ""} else None


def is_reserved(container: str) -> bool:
    """Whether the container is the gateway's or Swift's own, so never a bucket."""
    return container.startswith(".") or container.endswith(_SEGMENTS)


def new_document_id(content: bytes) -> str:
    """The id of a document just written: its SHA-256, and what makes it another one each time.

    Without that, who writes a former content anew could meet the deletion of the former one.
    """
    return f"{sha256(content).hexdigest()}-{secrets.token_hex(8)}"


def is_document(content: bytes, document_id: str) -> bool:
    """Whether that is the content of the document with that id."""
    found = _DOCUMENT_ID.fullmatch(document_id)
    return found is not None and found[1] == sha256(content).hexdigest()


def document_header(document: Document) -> str:
    """The header of the bucket's container that holds the document's id."""
    return f"{_DOCUMENT_META}{document.capitalize()}"


def no_document_header(document: Document) -> str:
    """The header that takes `document_header` away."""
    return f"X-Remove-{document_header(document).removeprefix('X-')}"


def document_ids(headers: Mapping[str, str]) -> dict[Document, str]:
    """The ids of the documents that the headers of a bucket's container name."""
    found = {document: headers.get(document_header(document), "") for document in Document}
    return {document: document_id for document, document_id in found.items() if document_id}


def documents_prefix(bucket: str, document: Document | None = None) -> str:
    """What the names of the bucket's documents, or of all versions of one, begin with."""
    return f"{bucket}/" if document is None else f"{bucket}/{document}/"


def document_name(bucket: str, document: Document, document_id: str) -> str:
    """The object in DOCUMENTS that holds the document."""
    return documents_prefix(bucket, document) + document_id


def new_clock_name(bucket: str) -> str:
    """An object in DOCUMENTS that is written only to be told the time, and deleted at once."""
    return f"{documents_prefix(bucket)}clock/{secrets.token_hex(8)}"


def public_document_name(bucket: str, document: str) -> str:
    """The object in PUBLIC_DOCUMENTS that holds the document."""
    return f"{bucket}/{document}"


def new_upload_id() -> str:
    """48 characters of urlsafe base64, never all digits."""
    while (upload_id := secrets.token_urlsafe(_UPLOAD_ID_LENGTH * 3 // 4)).isdigit():
        pass
    return upload_id


def is_upload_id(text: str) -> bool:
    """Whether the text can be an upload id (ours, or one that s3api made)."""
    return _UPLOAD_ID.fullmatch(text) is not None and not text.isdigit()


def is_s3api_upload_id(upload_id: str) -> bool:
    """Whether s3api made the upload id: the base64 of a UUID's text."""
    if len(upload_id) != _UPLOAD_ID_LENGTH or not is_upload_id(upload_id):
        return False
    return _UUID.fullmatch(urlsafe_b64decode(upload_id)) is not None


def is_name(text: str) -> bool:
    """Whether Swift can have an object of that name."""
    return "\x00" not in text and len(text.encode("utf-8")) <= NAME_LIMIT


def marker_name(key: str, upload_id: str) -> str:
    """The object, in the segments container, that says that the upload is open."""
    return f"{key}/{upload_id}"


def part_prefix(key: str, upload_id: str) -> str:
    """What the names of all parts of the upload begin with."""
    return f"{key}/{upload_id}/"


def part_name(key: str, upload_id: str, number: int) -> str:
    """The object, in the segments container, that holds a part; also sub-manifests."""
    return f"{key}/{upload_id}/{number}"


def is_part_of(name: str, key: str, upload_id: str) -> bool:
    """Whether the name is that of a part of the upload, or of what else is kept with the parts."""
    prefix = part_prefix(key, upload_id)
    number = name.removeprefix(prefix)
    return name.startswith(prefix) and number.isascii() and number.isdigit()


def submanifest_name(key: str, upload_id: str, index: int) -> str:
    """The index-th (from 0) manifest below the object's own, above Swift's segment limit."""
    return part_name(key, upload_id, FIRST_SUBMANIFEST + index)


def is_submanifest(number: int) -> bool:
    """Whether the number at the end of a name is that of a manifest below an object's own."""
    return FIRST_SUBMANIFEST <= number < ABORTING


def aborting_name(key: str, upload_id: str) -> str:
    """The object that is there while an abort deletes the parts; a number, as s3api expects."""
    return part_name(key, upload_id, ABORTING)


def parse_part_number(text: str) -> int | None:
    """The number at the end of a part's name; None for anything else (sub-manifests too)."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(MAX_PARTS)):
        return None
    number = int(text)
    return number if 1 <= number <= MAX_PARTS else None


def parse_marker_name(name: str) -> tuple[str, str] | None:
    """(key, upload id) of a marker's name; None for a part, a sub-manifest or anything else."""
    key, slash, upload_id = name.rpartition("/")
    return (key, upload_id) if slash and key and is_upload_id(upload_id) else None


def upload_of_segment(path: str, bucket: str) -> tuple[str, str] | None:
    """(key, upload id) of a manifest's segment path `/<container>/<name>`, None if foreign."""
    head = f"/{segments_container(bucket)}/"
    if not path.startswith(head):
        return None
    upload, slash, number = path[len(head) :].rpartition("/")
    return parse_marker_name(upload) if slash and number.isdigit() else None


def submanifest_of_segment(path: str, bucket: str) -> str | None:
    """The name, in the segments container, of a segment that may be a manifest itself."""
    if upload_of_segment(path, bucket) is None or int(path.rpartition("/")[2]) < FIRST_SUBMANIFEST:
        return None
    return path.removeprefix(f"/{segments_container(bucket)}/")


def ended_upload(name: str) -> tuple[str, str] | None:
    """(key, upload id) of the name of a part, a sub-manifest, or their common prefix.

    None also for an upload id that is not as long as those that the gateway and s3api make: what
    others keep in the container is not ours to judge.
    """
    upload, slash, number = name.rpartition("/")
    if not slash or (number and not (number.isascii() and number.isdigit())):
        return None
    found = parse_marker_name(upload)
    return found if found is not None and len(found[1]) == _UPLOAD_ID_LENGTH else None


def number_of(name: str) -> int:
    """The number at the end of the name of what is kept with an upload's parts.

    -1 for a number that no upload has, or one that is written in another way.
    """
    digits = name.rpartition("/")[2]
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else -1
    return number if str(number) == digits and 1 <= number <= ABORTING else -1
