"""The storage class of a bucket, which is that of all its objects.

The rule: a class is asked of Swift only where the settings have classes to tell apart.
"""

from s3gw.call import Call
from s3gw.mapping.storage_classes import HEADER, STANDARD, class_of
from s3gw.s3.errors import InvalidStorageClass
from s3gw.swift.errors import SwiftStatus


async def check(call: Call) -> None:
    """Refuse a class that the new object cannot have: any but the bucket's own, and STANDARD.

    That is what clients send without being asked.  Raises InvalidStorageClass, NoSuchBucket.
    """
    wanted = call.headers.get(HEADER)
    if wanted is None or wanted == STANDARD:
        return
    if wanted not in call.settings.s3.storage_classes or wanted != await of_bucket(call):
        raise InvalidStorageClass(StorageClassRequested=wanted)


async def of_bucket(call: Call) -> str:
    """The bucket's class, for its owner from cached facts; raises NoSuchBucket."""
    table = call.settings.s3.storage_classes
    if not table:
        return STANDARD
    return class_of((await call.bucket_facts()).storage_policy, table)


async def of_object(call: Call) -> str | None:
    """The class of the object that is read; None: unknown.

    Strangers may see an object and nothing of its bucket, so for them Swift is not asked; and of
    the bucket's own project somebody may have no role that lets him see more.
    """
    if not call.is_owner and call.settings.s3.storage_classes:
        return None
    try:
        return await of_bucket(call)
    except SwiftStatus as error:
        if error.status not in {401, 403}:
            raise
        return None


async def headers_of_object(call: Call) -> list[tuple[str, str]]:
    """The header that tells the object's class, which S3 leaves out for STANDARD."""
    shown = await of_object(call)
    return [] if shown is None or shown == STANDARD else [(HEADER, shown)]
