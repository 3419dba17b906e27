"""Blocking calls in worker threads, and the one border where their errors get a meaning.

The rule: IdentityUnavailable is a connection failure, a timeout or a 5xx, and nothing else.
Only then do cached secrets go on working, so any other failure is IdentityRefused: also an
answer that makes no sense (IdentityUnclear).
"""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
from keystoneauth1 import exceptions

from s3gw.identity.model import IdentityRefused, IdentityUnavailable, IdentityUnclear

T = TypeVar("T")

_NO_ANSWER = (
    exceptions.ConnectFailure,
    exceptions.ConnectTimeout,
    exceptions.SSLError,
    exceptions.UnknownConnectionError,
    exceptions.HttpServerError,
)
# Keystone's documents are read by keystoneauth1, too, which asserts what they are.
_NO_SENSE = (LookupError, TypeError, ValueError, AssertionError, RecursionError)


class Threads:
    """A number of threads of our own: Keystone's slowness must not use up anybody else's."""

    def __init__(self, number: int) -> None:
        self._limiter = anyio.CapacityLimiter(number)

    async def run(self, call: Callable[[], T]) -> T:
        """The call's result; raises IdentityUnavailable, IdentityRefused."""
        try:
            return await anyio.to_thread.run_sync(call, limiter=self._limiter)
        except exceptions.ClientException as error:
            raise meaning(error) from error
        except _NO_SENSE as error:
            raise IdentityUnclear(f"the answer makes no sense: {error!r}") from error


def _is_busy(error: Exception) -> bool:
    return isinstance(error, exceptions.HttpError) and error.http_status == 429


def meaning(error: Exception) -> IdentityUnavailable | IdentityRefused:
    """What a keystoneauth1 error says of identity; the text is the server's, without secrets."""
    if isinstance(error, exceptions.DiscoveryFailure):
        # Asked for Keystone's versions; whether it answered stands in the error behind.
        cause = error.__cause__ or error.__context__
        if isinstance(cause, _NO_ANSWER):
            return IdentityUnavailable(str(error))
    if isinstance(error, _NO_ANSWER):
        return IdentityUnavailable(str(error))
    if isinstance(error, exceptions.InvalidResponse) or _is_busy(error):
        return IdentityUnclear(str(error))
    return IdentityRefused(str(error))
