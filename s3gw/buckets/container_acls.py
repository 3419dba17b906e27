"""A bucket's container ACL, which is its parts' ACL too.

The rule: the bucket and its `+segments` have the same ACL, or nobody but the owner could read a
multipart object as far as the bucket's ACL lets him.  The bucket comes first: what is taken away
there is gone, whatever becomes of the rest.
"""

from s3gw.buckets.facts import ContainerFacts, read_facts
from s3gw.buckets.uploads import create_segments
from s3gw.mapping.acl import ContainerAcl
from s3gw.mapping.layout import segments_container
from s3gw.s3.errors import NoSuchBucket
from s3gw.swift.account import Account
from s3gw.swift.errors import SwiftStatus


def acl_in(facts: ContainerFacts) -> ContainerAcl:
    """The container's ACL, as its owner sees it."""
    return ContainerAcl(facts.read_acl, facts.write_acl)


async def write(account: Account, bucket: str, acl: ContainerAcl) -> None:
    """Give the bucket the ACL, and its parts; the caller forgets the cached facts of both.

    Raises NoSuchBucket.
    """
    try:
        await account.post_container(bucket, acl.headers())
    except SwiftStatus as error:
        if error.status == 404:
            raise NoSuchBucket(BucketName=bucket) from error
        raise
    if not await write_to_segments(account, bucket, acl) and acl.write:
        # Who may write may upload in parts, but can make no container for them.
        facts = await read_facts(account, bucket)
        if facts is not None:
            await create_segments(account, bucket, facts)


async def write_to_segments(account: Account, bucket: str, acl: ContainerAcl) -> bool:
    """Give the bucket's parts the ACL; False if there is no container of them."""
    try:
        await account.post_container(segments_container(bucket), acl.headers())
    except SwiftStatus as error:
        if error.status != 404:
            raise
        return False
    return True


async def follow(account: Account, bucket: str, acl: ContainerAcl) -> None:
    """Give a `+segments`, made just now with that ACL, what the bucket has got meanwhile.

    A change of the bucket's ACL finds either the new container or, before it, none: then this
    sees the change.
    """
    facts = await read_facts(account, bucket)
    if facts is not None and acl_in(facts) != acl:
        await write_to_segments(account, bucket, acl_in(facts))
