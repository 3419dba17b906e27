"""The accounts that a job works in, and whose power it has there.

The rule: a job for a whole cluster has the power of [access.service]; one for a tenant has no
other than that of the tenant's own access key.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from s3gw.config import ConfigError, Settings
from s3gw.identity.cache import Logins
from s3gw.identity.keystone import KeystoneClient, KeystoneProvider, message
from s3gw.identity.model import Credential, IdentityRefused, SwiftLogin
from s3gw.identity.service import ServiceUser
from s3gw.identity.static import StaticProvider
from s3gw.identity.threads import Threads
from s3gw.swift.account import Account, Login
from s3gw.swift.authority import Visitor
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.http import HttpTransport
from s3gw.swift.transport import Transport

Clock = Callable[[], float]

_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Cluster:
    """All accounts, with the service user's power."""

    transport: Transport
    service: ServiceUser
    root: str
    """What the URLs of all accounts begin with."""
    prefix: str
    """What their names begin with, before the project's id."""

    @property
    def registry(self) -> Account:
        """The service user's own account."""
        return Account(self.transport, self.service)

    def name(self, project: str) -> str:
        """The name of a project's account."""
        return self.prefix + project

    def account(self, name: str) -> Account:
        """The account of that name."""
        return Account(self.transport, Visitor(self.service, f"{self.root}/{name}"))


@asynccontextmanager
async def opened_cluster(settings: Settings, clock: Clock) -> AsyncIterator[Cluster]:
    """A cluster; raises as the service user's login does, and ConfigError."""
    if not settings.access.service:
        raise ConfigError("access.service: is required for work in all accounts of a cluster")
    service = ServiceUser(settings, clock)
    async with _transport(settings) as transport:
        try:
            login = await service.login()
            root, _, own = login.storage_url.rpartition("/")
            yield Cluster(transport, service, root, own.removesuffix(login.project_id))
        finally:
            await service.aclose()


async def project_ids(settings: Settings, clock: Clock) -> list[str]:
    """The ids of all projects; the role reader on the system may list them."""
    if settings.identity.provider != "keystone":
        raise ConfigError("identity.provider: the projects of a cluster are known to Keystone only")
    client = KeystoneClient(settings.identity, clock)
    try:
        return await Threads(1).run(lambda: list(_listed(client)))
    finally:
        client.close()


def _listed(client: KeystoneClient) -> Iterator[str]:
    path: str | None = "/projects"
    while path:
        response: Any = client.request("GET", path)
        if response.status_code != 200:
            raise IdentityRefused(f"Keystone does not list the projects: {message(response)}")
        document = response.json()
        yield from (str(project["id"]) for project in document["projects"])
        following = (document.get("links") or {}).get("next")
        path = str(following).removeprefix(client.url) if following else None


@asynccontextmanager
async def opened_accounts(
    settings: Settings, clock: Clock, access_key: str | None
) -> AsyncIterator[dict[str, Account]]:
    """The accounts to work in, by name.

    With an access key its own account, by its own login; with a file of keys those of all its
    keys; else those of all projects.  Raises ConfigError, IdentityRefused, IdentityUnavailable.
    """
    if access_key is None and settings.identity.provider == "keystone":
        projects = await project_ids(settings, clock)
        async with opened_cluster(settings, clock) as cluster:
            names = map(cluster.name, projects)
            yield {name: cluster.account(name) for name in names}
        return
    make = KeystoneProvider if settings.identity.provider == "keystone" else StaticProvider
    provider = make(settings.identity, settings.swift, clock)
    logins = Logins(provider, settings.identity, clock)
    async with _transport(settings) as transport:
        try:
            keys = (access_key,) if access_key is not None else _all_keys(provider)
            found = {}
            for key in keys:
                credential = await provider.credential(key)
                if credential is None:
                    raise IdentityRefused(f"nobody has the access key {key}")
                url = (await logins.get(credential)).storage_url
                found[url.rpartition("/")[2]] = Account(transport, _Holder(logins, credential))
            yield found
        finally:
            await logins.aclose()
            await provider.aclose()


def _all_keys(provider: KeystoneProvider | StaticProvider) -> tuple[str, ...]:
    return provider.access_keys if isinstance(provider, StaticProvider) else ()


@dataclass(frozen=True, slots=True)
class _Holder:
    """An Authority (see swift.account): who has an access key."""

    logins: Logins
    credential: Credential

    async def login(self) -> Login:
        return await self.logins.get(self.credential)

    def forget(self, login: Login) -> None:
        if isinstance(login, SwiftLogin):
            self.logins.forget(self.credential, login)


async def containers(account: Account) -> AsyncIterator[str]:
    """The names of all containers of an account; an account comes with its first container."""
    marker = ""
    while True:
        try:
            page = await account.list_containers(marker=marker, limit=_PAGE)
        except SwiftStatus as error:
            if error.status == 404:
                return
            raise
        for entry in page:
            marker = str(entry["name"])
            yield marker
        if len(page) < _PAGE:
            return


@asynccontextmanager
async def _transport(settings: Settings) -> AsyncIterator[Transport]:
    transport = HttpTransport(settings.swift, stall_timeout=settings.server.body_timeout)
    try:
        yield transport
    finally:
        await transport.aclose()
