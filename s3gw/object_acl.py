"""The ACL that an object is to have, as its headers in Swift.

In access.mode "s3" an object has an ACL of its own, under the gateway's seal (own_acls sets it
later); without one it is private, so a private one is not kept.

The rule: in access.mode "swift" an object has the ACL that its container gives it.  A request that
asks for another one is accepted without effect, and logged, or refused, as
access.unenforceable_acl says; never is more or less granted than Swift grants.
"""

import structlog

from s3gw.access.acl import Acl, private
from s3gw.acls_allowed import check_allowed
from s3gw.buckets.container_acls import acl_in
from s3gw.call import Call
from s3gw.mapping.acl import holds_object_acl
from s3gw.s3 import acls
from s3gw.s3.errors import AccessControlListNotSupported
from s3gw.swift.info import ClusterInfo

_log = structlog.get_logger(__name__)


async def headers_for(call: Call) -> dict[str, str]:
    """The Swift headers of the ACL that the request's headers want for a new object.

    Raises what acls.from_headers does, AccessControlListNotSupported.
    """
    wanted = acls.from_headers(call.headers, call.owner.id, call.owner.id)
    if wanted is None:
        return {}
    await check_allowed(call, wanted)
    if call.settings.access.mode == "s3":
        return own_headers(call, wanted, await call.info())
    await take(call, wanted)
    return {}


def own_headers(call: Call, wanted: Acl, limits: ClusterInfo, etag: str = "") -> dict[str, str]:
    """The headers with which the call's object has the ACL (mode s3).

    `etag`: Swift's, of the one content that it is for; empty where it is not known yet.
    """
    if wanted == private(call.owner.id):
        return {}
    size = limits.max_meta_value_length
    return call.services.acls.to_object(call.place, call.bucket, call.key, wanted, size, etag)


async def take(call: Call, wanted: Acl) -> None:
    """Take note of an ACL for an object: it is what the container gives, or unenforceable."""
    if await _is_in_effect(call, wanted):
        return
    if call.settings.access.unenforceable_acl == "reject":
        raise AccessControlListNotSupported
    _log.warning(
        "an object's ACL has no effect",
        request_id=call.request_id,
        bucket=call.bucket,
        acl=call.headers.get(acls.ACL_HEADER) or "grants",
    )


async def _is_in_effect(call: Call, wanted: Acl) -> bool:
    if not call.is_owner:
        # Strangers do not see the container's ACL; what grants nothing asks for nothing of it.
        return wanted == private(call.owner.id)
    return holds_object_acl(wanted, acl_in(await call.bucket_facts()))
