"""ACLs as the gateway of these tests keeps them in Swift, and three parties in mode s3."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from keystoneauth1.adapter import Adapter

from s3gw.access.acl import Acl, to_text
from s3gw.access.seal import Seals, Subject
from tests.functional.fixtures import Person
from tests.functional.parties import Parties, parties
from tests.functional.stack import Stack

KEY = "the key of the gateways of these tests"


@contextmanager
def s3_parties(
    stack: Stack, identity: Adapter, other: Person, **sections: Any
) -> Iterator[Parties]:
    """The three parties at a gateway in mode s3."""
    access = {"mode": "s3", "acl_key": KEY, **sections.pop("access", {})}
    with parties(stack, identity, other, role="ResellerAdmin", access=access, **sections) as found:
        yield found


def sealed(acl: Acl, bucket: str, key: str = "", *, etag: str = "", secret: str = KEY) -> str:
    """An ACL as a gateway with that secret keeps it."""
    subject = Subject(acl.owner, bucket, key, etag)
    return Seals([secret.encode()]).close(subject, to_text(acl))


def acl_header(text: str) -> Mapping[str, str]:
    """The metadata that hold a sealed ACL of less than 256 bytes."""
    return {"X-Object-Meta-S3gw-Acl-0": text}
