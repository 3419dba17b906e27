"""The ACLs that buckets and objects have of their own: access.mode "s3".

The rule: what is set here is all that is granted.  So a bucket that gets an ACL loses its
container's at the same moment; and an ACL that an object gets later is for the content that was
there, since another may have taken its place meanwhile (amend).
"""

from collections.abc import Mapping

from s3gw.access.acl import Acl, private
from s3gw.amend import amend
from s3gw.buckets import container_acls
from s3gw.buckets.facts import read_facts
from s3gw.call import Call
from s3gw.mapping import layout
from s3gw.mapping.acl import ContainerAcl, with_bucket_acl, with_object_acl
from s3gw.mapping.metadata import check_limits
from s3gw.object_acl import own_headers
from s3gw.object_version import Found
from s3gw.s3.errors import NoSuchBucket

_NOBODY = ContainerAcl()


async def of_bucket(call: Call) -> Acl:
    """The bucket's ACL as it is in effect; raises NoSuchBucket."""
    facts = await read_facts(call.swift, call.bucket)
    if facts is None:
        raise NoSuchBucket(BucketName=call.bucket)
    own = await call.services.acls.of_bucket(call.swift, call.place, call.bucket, facts)
    return with_bucket_acl(own or private(call.owner.id), container_acls.acl_in(facts))


async def give_bucket(call: Call, acl: Acl) -> None:
    """Give the bucket the ACL; the caller forgets the cached facts of it and of its parts.

    Raises NoSuchBucket.
    """
    beside = _NOBODY.headers()
    await call.services.acls.set_bucket(call.swift, call.place, call.bucket, acl, beside)
    await container_acls.write_to_segments(call.swift, call.bucket, _NOBODY)


def of_object(call: Call, headers: Mapping[str, str], container: ContainerAcl) -> Acl:
    """The ACL in effect of the call's object, whose headers these are.

    `container`: the container's, if that opens it, too.
    """
    own = call.services.acls.of_object(call.place, call.bucket, call.key, headers)
    return with_object_acl(own or private(call.owner.id), container)


async def give_object(call: Call, acl: Acl) -> Found:
    """Give the call's object the ACL, and return it as it is then.

    Raises MetadataTooLarge, and what amend does.
    """
    limits = await call.info()

    def make(kept: Mapping[str, str], etag: str) -> Mapping[str, str]:
        headers = own_headers(call, acl, limits, etag)
        check_limits({**kept, **headers}, limits, is_complete=True)
        return headers

    return await amend(call, layout.META_ACL, make)
