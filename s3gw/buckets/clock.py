"""What time it is in Swift.

The rule: times that are compared with Swift's own come from Swift, to the digit; the gateway's
clock may be off, and Swift's `Date` knows only seconds.
"""

import structlog

from s3gw.buckets import documents
from s3gw.mapping import layout
from s3gw.swift.account import Account
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

_log = structlog.get_logger(__name__)


async def swift_time(account: Account, bucket: str) -> str:
    """A timestamp of Swift's between this call and its end, as in version ids.

    Three requests, about an object that is written for that and goes again; one more, and two for
    the container, where the account had none.  Raises SwiftStatus, SwiftUnreachable.
    """
    name = layout.new_clock_name(bucket)
    await documents.put(account, name, b"")
    headers = await account.head_object(layout.DOCUMENTS, name, newest=True)
    try:
        await account.delete_object(layout.DOCUMENTS, name)
    except (SwiftStatus, SwiftUnreachable) as error:
        _log.warning("an empty object stays behind", bucket=bucket, reason=str(error))
    time: str = headers["X-Timestamp"]
    return time
