"""The gateway's own user in Swift: the login that [access.service] describes.

The rule: this login is nobody's but the gateway's.  It opens the registry of bucket names and the
closed door (buckets/elevated.py), and no request of a client goes out with it anywhere else.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from keystoneauth1.identity import BaseIdentityPlugin
from keystoneauth1.session import Session

from s3gw.config import Settings
from s3gw.identity.cache import LAST, RETRY
from s3gw.identity.catalog import swift_login
from s3gw.identity.flights import Flights
from s3gw.identity.model import IdentityRefused, IdentityUnavailable, IdentityUnclear, SwiftLogin
from s3gw.identity.plugins import load_plugin, open_session
from s3gw.identity.threads import Threads
from s3gw.s3.errors import InternalError, ServiceUnavailable
from s3gw.swift.account import Login

_KEY = "access.service"
_THREADS = 2

_log = structlog.get_logger(__name__)


class ServiceUser:
    """An Authority (see swift.account) over [access.service]; raises ConfigError when made."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        identity = settings.identity
        self._plugin: BaseIdentityPlugin = load_plugin(_KEY, service_options(settings))
        self._session: Session = open_session(
            "identity.ca_file", identity.ca_file, identity.timeout, _THREADS
        )
        self._swift = settings.swift
        self._margin = identity.token_margin
        self._clock = clock
        self._threads = Threads(_THREADS)
        self._lock = threading.Lock()
        self._flights = Flights[str, SwiftLogin](self._mint, identity.timeout)
        self._kept: SwiftLogin | None = None
        self._renew_at = 0.0

    async def login(self) -> SwiftLogin:
        """The service user's login, renewed in the background before it expires.

        Raises ServiceUnavailable (Keystone is silent or unclear), InternalError (it refuses us).
        """
        now = self._clock()
        if self._kept is not None and now < self._kept.expires_at - LAST:
            if now >= self._renew_at:
                self._renew_at = now + RETRY
                self._flights.start(_KEY)
            return self._kept
        try:
            return await self._flights.join(_KEY)
        except (IdentityUnavailable, IdentityUnclear) as error:
            _log.warning("service_login_unavailable", setting=_KEY, reason=str(error))
            raise ServiceUnavailable from error
        except IdentityRefused as error:
            _log.error("service_login_refused", setting=_KEY, reason=str(error))
            raise InternalError from error

    def forget(self, login: Login) -> None:
        """Swift answered 401 to this token: the next login is a new one."""
        if self._kept == login:
            self._kept = None

    async def aclose(self) -> None:
        """End what is under way."""
        await self._flights.aclose()
        self._session.session.close()

    async def _mint(self, key: str) -> SwiftLogin:
        del key
        asked_at = self._clock()
        login = await self._threads.run(lambda: self._ask(asked_at))
        margin = min(self._margin, (login.expires_at - asked_at) / 2)
        self._kept, self._renew_at = login, login.expires_at - margin
        return login

    def _ask(self, asked_at: float) -> SwiftLogin:
        """Log in anew: a token that the plugin still holds may be the one that was refused."""
        with self._lock:
            self._plugin.invalidate()
            return swift_login(self._plugin.get_access(self._session), self._swift, asked_at)


def service_options(settings: Settings) -> Mapping[str, Any]:
    """[access.service] with Keystone's URL, if the settings know one."""
    url = settings.identity.auth_url
    return ({} if url is None else {"auth_url": url}) | settings.access.service
