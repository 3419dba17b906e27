"""The ACLs of mode s3 as Swift holds them: an object's on the object, a bucket's in a document.

The rule: an ACL counts only under a seal of ours (access.seal); whatever else stands in its place
is no ACL, and grants nothing.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from s3gw.access import acl as text_of
from s3gw.access.acl import Acl
from s3gw.access.seal import Seals, Subject
from s3gw.buckets import documents
from s3gw.buckets.facts import ContainerFacts
from s3gw.buckets.resolve import Place
from s3gw.mapping import sealed_acls
from s3gw.mapping.etags import unquoted
from s3gw.mapping.layout import Document, is_document
from s3gw.swift.account import Account

_ENTRIES = 10_000


class Acls:
    """Reads and writes sealed ACLs, with the keys of access.acl_key."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._seals = Seals(keys)
        # By account, bucket and document, of which no two are ever the same.
        self._known: OrderedDict[tuple[str, str, str], Acl | None] = OrderedDict()

    # --- objects ---

    def of_object(
        self, place: Place, bucket: str, key: str, headers: Mapping[str, str]
    ) -> Acl | None:
        """The ACL in the object's headers; None if there is none that counts."""
        etag = unquoted(headers.get("Etag", ""))
        subject = Subject(place.owner.id, bucket, key, etag)
        return self._opened(subject, sealed_acls.from_swift(headers))

    def to_object(
        self, place: Place, bucket: str, key: str, acl: Acl, size: int, etag: str = ""
    ) -> dict[str, str]:
        """The headers that keep the object's ACL; `size`: bytes of Swift's longest value.

        `etag`: Swift's, of the one content that it is for; empty where it is not known yet.
        """
        subject = Subject(place.owner.id, bucket, key, etag)
        return sealed_acls.to_swift(self._seals.close(subject, text_of.to_text(acl)), size)

    # --- buckets ---

    async def of_bucket(
        self, account: Account, place: Place, bucket: str, facts: ContainerFacts
    ) -> Acl | None:
        """The ACL in the bucket's document; None if there is none that counts.

        One request to Swift for a document that is not known yet.
        """
        named = facts.documents.get(Document.ACL)
        if named is None:
            return None
        known = place.storage_url, bucket, named
        if known in self._known:
            return self._known[known]
        content = await documents.read(account, bucket, Document.ACL, facts)
        text = "" if content is None else content.decode("ascii", "replace")
        acl = self._opened(Subject(place.owner.id, bucket), text)
        # It may be a newer one that was read.
        if content is not None and is_document(content, named):
            self._known[known] = acl
            if len(self._known) > _ENTRIES:
                self._known.popitem(last=False)
        return acl

    async def set_bucket(
        self, account: Account, place: Place, bucket: str, acl: Acl, beside: Mapping[str, str]
    ) -> None:
        """Give the bucket the ACL, and at the same moment the headers `beside` it.

        Raises what documents.write does.
        """
        sealed = self._seals.close(Subject(place.owner.id, bucket), text_of.to_text(acl))
        await documents.write(account, bucket, Document.ACL, sealed.encode("ascii"), beside)

    def _opened(self, subject: Subject, sealed: str) -> Acl | None:
        text = self._seals.open(subject, sealed) if sealed else None
        if text is None:
            return None
        try:
            acl = text_of.from_text(text)
        except ValueError:
            return None
        return acl if acl.owner == subject.project else None
