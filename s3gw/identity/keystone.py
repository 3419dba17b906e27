"""Keystone as a provider: EC2 secrets for the service user, tokens for the users themselves.

The rule: rights are never inferred from user and project.  A token is always minted by Keystone
(POST /v3/ec2tokens), which knows the trust or application credential behind a credential.
https://docs.openstack.org/api-ref/identity/v3/#credentials
"""

import hashlib
import hmac
import json
import math
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from keystoneauth1 import access, exceptions
from keystoneauth1.identity import BaseIdentityPlugin
from keystoneauth1.session import Session

from s3gw.config import ConfigError, Identity, Swift
from s3gw.identity.catalog import swift_login
from s3gw.identity.model import (
    Credential,
    IdentityRefused,
    IdentityUnavailable,
    IdentityUnclear,
    SwiftLogin,
)
from s3gw.identity.plugins import load_plugin, open_session
from s3gw.identity.threads import Threads
from s3gw.s3.signing import ALGORITHM, EMPTY_SHA256, signing_key

TOLERATED_OFFSET = 60.0
"""Seconds that two clocks may differ; Keystone itself forgives 15 minutes."""

_CLOCK_WAS_SET = timedelta(seconds=TOLERATED_OFFSET)
"""If Keystone's time was that far from what we took it for, a refusal may be due to it."""
_QUIET = 60.0
"""Seconds before the operator is told the same thing again."""

_log = structlog.get_logger(__name__)


class KeystoneProvider:
    """A model.Provider over keystoneauth1, in worker threads; raises ConfigError when made."""

    def __init__(self, identity: Identity, swift: Swift, clock: Callable[[], float]) -> None:
        self.client = KeystoneClient(identity, clock)
        self._swift = swift
        self._clock = clock
        self.threads = Threads(identity.threads)

    async def credential(self, access_key: str) -> Credential | None:
        """The EC2 credential of the access key, None if there is none.

        Raises IdentityUnavailable, IdentityRefused (also if we may not read secrets).
        """
        return await self.threads.run(lambda: self._read(access_key))

    async def login(self, credential: Credential) -> SwiftLogin:
        """Mint a token with the credential's secret: it narrows as the credential does.

        Raises IdentityUnavailable, IdentityRefused.
        """
        return await self.threads.run(lambda: self._mint(credential))

    async def project_name(self, project_id: str) -> str | None:
        """The name of the project, which the role reader on the system may see; else None.

        Raises IdentityUnavailable, IdentityRefused.
        """
        return await self.threads.run(lambda: self._name(project_id))

    async def ping(self) -> bool:
        """Whether Keystone answers; see client.answered_at."""

        def ask() -> bool:
            return bool(self.client.ping().status_code < 500)

        try:
            return await self.threads.run(ask)
        except (IdentityUnavailable, IdentityRefused):
            return False

    async def aclose(self) -> None:
        """Close the connections to Keystone."""
        self.client.close()

    def _read(self, access_key: str) -> Credential | None:
        response = self.client.request("GET", f"/credentials/{credential_id(access_key)}")
        if response.status_code == 200:
            return _parse_credential(access_key, response.json()["credential"])
        if response.status_code == 404:
            return None
        self.client.tell_operator(
            "ec2_secrets_not_readable",
            status=response.status_code,
            keystone=message(response),
            advice="403: the service user needs the role reader on the system",
        )
        raise IdentityRefused(f"Keystone refused to show a credential: {message(response)}")

    def _name(self, project_id: str) -> str | None:
        response = self.client.request("GET", f"/projects/{quote(project_id, safe='')}")
        if response.status_code != 200:
            return None
        name: str = response.json()["project"]["name"]
        return name

    def _mint(self, credential: Credential) -> SwiftLogin:
        asked_at = self._clock()
        now = self.client.keystone_time()
        response = self._ask_token(credential, now)
        if response.status_code == 401 and abs(self.client.keystone_time() - now) > _CLOCK_WAS_SET:
            response = self._ask_token(credential, self.client.keystone_time())
        if response.status_code == 403:
            self.client.tell_operator(
                "token_not_minted",
                status=403,
                keystone=message(response),
                advice="if this is so for every key: the service user needs the role service",
            )
        if response.status_code != 200:
            raise IdentityRefused(f"Keystone refused to mint a token: {message(response)}")
        token = access.create(resp=response)
        login = swift_login(token, self._swift, asked_at)
        if login.project_id != credential.project_id:
            raise IdentityRefused("Keystone minted a token for another project")
        return login

    def _ask_token(self, credential: Credential, now: datetime) -> Any:
        body = {"credentials": _signed_request(credential, now)}
        return self.client.request("POST", "/ec2tokens", body)


class KeystoneClient:
    """Blocking requests to Keystone's v3 API as the service user, and its clock.

    The plugin is used under a lock of our own: keystoneauth1 reads its token outside of its
    lock, where another thread may just have dropped it; and of many threads that were refused
    with one old token, one logs in again.
    """

    def __init__(self, settings: Identity, clock: Callable[[], float]) -> None:
        self.url = _v3(settings.auth_url or "")
        self.plugin: BaseIdentityPlugin = load_plugin(
            "identity.service", {"auth_url": self.url} | settings.service
        )
        self.session: Session = open_session(
            "identity.ca_file", settings.ca_file, settings.timeout, settings.threads
        )
        self.offset: float | None = None
        """Seconds that Keystone's clock is ahead of ours, None until it has answered."""
        self.answered_at = -math.inf
        """When it last gave an answer that is none of its own troubles; see `time.monotonic`."""
        self._clock = clock
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Keystone's answer (a requests.Response below 500) to the service user.

        A 401 logs in again and repeats, once.  Raises IdentityUnavailable for a 5xx,
        IdentityUnclear for 429, and keystoneauth1's ClientException.
        """
        token = self.service_access().auth_token
        response = self._send(method, path, body, token)
        if response.status_code == 401:
            token = self.service_access(refused=token).auth_token
            response = self._send(method, path, body, token)
        if response.status_code >= 500:
            raise IdentityUnavailable(f"Keystone answered {response.status_code}")
        if response.status_code == 429:
            raise IdentityUnclear("Keystone answered 429")
        return response

    def service_access(self, refused: str | None = None) -> Any:
        """The service user's AccessInfo, and a new one if its token is the refused one."""
        try:
            with self._lock:
                current = self.plugin.get_access(self.session)
                if refused is not None and current.auth_token == refused:
                    self.plugin.invalidate()
                    current = self.plugin.get_access(self.session)
                return current
        except exceptions.HTTPClientError as error:
            advice = "check the login in [identity.service]"
            self.tell_operator("service_user_refused", keystone=str(error), advice=advice)
            raise

    def ping(self) -> Any:
        """Keystone's answer to GET of the API's root, which needs no token."""
        return self._send("GET", "", None, None)

    def keystone_time(self) -> datetime:
        """Now, by Keystone's clock if ours is off."""
        if self.offset is None:
            self.ping()
        now, offset = self._clock(), self.offset or 0.0
        if abs(offset) <= TOLERATED_OFFSET:
            offset = 0.0
        return datetime.fromtimestamp(now + offset, UTC)

    def tell_operator(self, event: str, **facts: object) -> None:
        """Log an error that only the operator can mend, once a minute at most."""
        now = self._clock()
        if now >= self._told.get(event, 0.0):
            self._told[event] = now + _QUIET
            _log.error(event, **facts)

    def close(self) -> None:
        """Close the connections; the session opens new ones if it is used again."""
        self.session.session.close()

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, token: str | None
    ) -> Any:
        response = self.session.request(
            self.url + path,
            method,
            json=body,
            headers={"Accept": "application/json"} | ({"X-Auth-Token": token} if token else {}),
            # For its client certificate, should it have one; the token is ours to add.
            auth=self.plugin,
            authenticated=False,
            raise_exc=False,
            # keystoneauth1 logs bodies at debug level: these hold secrets.
            log=False,
        )
        if response.status_code < 500:
            self.answered_at = monotonic()
        self._note_clock(response.headers.get("Date"))
        return response

    def _note_clock(self, date: str | None) -> None:
        try:
            theirs = parsedate_to_datetime(date or "").timestamp()
        except ValueError:
            return
        self.offset = theirs - self._clock()
        if abs(self.offset) > TOLERATED_OFFSET:
            self.tell_operator(
                "clock_differs_from_keystone",
                seconds=round(self.offset),
                advice="synchronise the clocks: clients' signatures are judged by ours",
            )


def credential_id(access_key: str) -> str:
    """Keystone's id of an EC2 credential."""
    return hashlib.sha256(access_key.encode("utf-8", "surrogatepass")).hexdigest()


def _v3(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"identity.auth_url: {url} is not an http or https URL")
    url = url.rstrip("/")
    return url if url.endswith("/v3") else f"{url}/v3"


def _parse_credential(access_key: str, document: Mapping[str, Any]) -> Credential | None:
    """The credential if it is an EC2 one of that key; raises ValueError, KeyError, TypeError."""
    if document["type"] != "ec2":
        return None
    blob, project_id = json.loads(document["blob"]), document["project_id"]
    if not isinstance(blob, dict) or blob.get("access") != access_key or not project_id:
        return None
    secret = blob.get("secret")
    if not isinstance(secret, str) or not secret:
        return None
    return Credential(access_key, secret, document["user_id"], project_id)


def _signed_request(credential: Credential, now: datetime) -> dict[str, Any]:
    """The smallest request that ec2tokens verifies, signed as the user would sign it."""
    timestamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{timestamp[:8]}/gateway/s3/aws4_request"
    canonical = f"GET\n/\n\nhost:gw\nx-amz-date:{timestamp}\n\nhost;x-amz-date\n{EMPTY_SHA256}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = signing_key(credential.secret, timestamp[:8], "gateway")
    text = f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    authorization = (
        f"{ALGORITHM} Credential={credential.access_key}/{scope}, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )
    return {
        "access": credential.access_key,
        "signature": signature,
        "host": "gw",
        "verb": "GET",
        "path": "/",
        "params": {},
        "body_hash": EMPTY_SHA256,
        "headers": {"Host": "gw", "X-Amz-Date": timestamp, "Authorization": authorization},
    }


def message(response: Any) -> str:
    """An answer's status and Keystone's own words for it, if the body holds some."""
    try:
        words = response.json()["error"]["message"]
    except (ValueError, LookupError, TypeError):
        words = response.reason
    return f"{response.status_code} {words}"
