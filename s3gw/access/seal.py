"""The seal on an ACL that is kept in Swift: who wrote it, and of what it is.

The rule: whoever may write in a container can write any metadata there, so an ACL counts only
with a MAC that the gateway alone can make, over the ACL and over what it is of.  Carried to
another object, bucket or project, or changed, it grants nothing.  (Nothing here says when it was
written: see docs/mapping.md on an ACL that somebody puts back.)
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

_PURPOSE = b"s3gw ACL 1"
_SIGN = "."


@dataclass(frozen=True, slots=True)
class Subject:
    """What an ACL is of: a bucket, or an object in it."""

    project: str
    """Id of the bucket's project."""
    bucket: str
    key: str = ""
    """Empty: the bucket itself."""
    etag: str = ""
    """The content that the ACL is of, as Swift's ETag; empty: whatever the content is."""


@dataclass(frozen=True, slots=True)
class Seals:
    """Makes seals with the first of the keys, and knows those of all of them."""

    keys: Sequence[bytes] = field(repr=False)

    def close(self, subject: Subject, text: str) -> str:
        """The text with its seal: `<MAC>.<ETag>.<text>`, ASCII."""
        return _SIGN.join((_mac(self.keys[0], subject, text), subject.etag, text))

    def open(self, subject: Subject, sealed: str) -> str | None:
        """The text under a seal that is ours, and of this subject; None under any other.

        `subject` has the ETag of the content that is there; a seal without one fits any.
        """
        mac, _, rest = sealed.partition(_SIGN)
        etag, sign, text = rest.partition(_SIGN)
        if not sign or etag not in {"", subject.etag}:
            return None
        of = Subject(subject.project, subject.bucket, subject.key, etag)
        return text if _any(_is_same(mac, _mac(key, of, text)) for key in self.keys) else None


def _mac(key: bytes, subject: Subject, text: str) -> str:
    """A MAC over all fields, each with its length, so that no two are told in the same bytes."""
    mac = hmac.new(key, _PURPOSE, sha256)
    for part in (subject.project, subject.bucket, subject.key, subject.etag, text):
        encoded = part.encode("utf-8", "surrogatepass")
        mac.update(len(encoded).to_bytes(8, "big"))
        mac.update(encoded)
    return urlsafe_b64encode(mac.digest()).decode("ascii").rstrip("=")


def _is_same(given: str, right: str) -> bool:
    """Whether both are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode("ascii"))


def _any(found: Iterable[bool]) -> bool:
    """As any(), but it looks at all."""
    return True in list(found)
