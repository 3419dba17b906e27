"""The closed door: what the gateway does in other people's accounts with its own power.

The rule: nothing but what stands here, and no header of a client passes.
"""

import re

from s3gw.swift.account import Account, Authority
from s3gw.swift.authority import Visitor
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.transport import Transport

_ACCOUNT_URL = re.compile(r"https?://[^?#\s]+/[A-Za-z0-9_-]+")


async def is_absent(
    transport: Transport, service: Authority, storage_url: str, container: str
) -> bool:
    """Whether the account surely has no such container; without the power to see it, False."""
    if not _ACCOUNT_URL.fullmatch(storage_url):
        return False
    account = Account(transport, Visitor(service, storage_url))
    try:
        await account.head_container(container, newest=True)
    except SwiftStatus as error:
        return error.status == 404
    return False
