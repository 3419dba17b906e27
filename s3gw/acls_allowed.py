"""Whether a bucket has ACLs: asked by whoever would set one.

The rule: it is said when the bucket is made and never changes; so cached facts may tell it.  Who
does not see the bucket's facts (a stranger in access.mode "swift") sets no ACL that has an effect.
"""

from s3gw.access.acl import Acl
from s3gw.call import Call
from s3gw.s3.ownership import check_acl


async def check_allowed(call: Call, acl: Acl) -> None:
    """Raise AccessControlListNotSupported for an ACL in a bucket without them, NoSuchBucket."""
    if call.sees_all:
        check_acl((await call.bucket_facts()).ownership, acl, call.headers)
