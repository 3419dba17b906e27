"""Whether everything that production needs is there, in plain words, for `s3gw check`.

The rule: it changes nothing anywhere, needs nobody's access key, and says what to do.  What
cannot be seen from here is a warning, never a pass.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
from keystoneauth1 import exceptions
from keystoneauth1.session import Session

from s3gw.config import ConfigError, Identity, Settings, Swift
from s3gw.identity.check_service import look_at_service
from s3gw.identity.endpoint import swift_endpoint
from s3gw.identity.findings import Finding
from s3gw.identity.keystone import TOLERATED_OFFSET, KeystoneClient, credential_id, message
from s3gw.identity.model import IdentityRefused, IdentityUnavailable
from s3gw.identity.plugins import open_session
from s3gw.identity.static import StaticProvider
from s3gw.swift.info import info_url

_ERRORS = (
    exceptions.ClientException,
    IdentityRefused,
    IdentityUnavailable,
    LookupError,
    TypeError,
    ValueError,
)
"""Refused, silent, or an answer that makes no sense."""
_MAX_SKEW = 900.0
"""Seconds by which a client's signature may be off; ours counts on top of the client's."""

_MIDDLEWARES = (
    ("slo", "slo", False, "multipart uploads are static large objects: add slo to the pipeline"),
    ("bulk_delete", "bulk", None, "without it many objects are deleted one by one, slowly"),
    (
        "object_versioning",
        "versioning",
        None,
        "bucket versioning needs it: allow_object_versioning = true in [filter:versioned_writes]",
    ),
)
"""Name in /info, name for people, how bad its absence is, what to do."""


async def check(settings: Settings, clock: Callable[[], float]) -> list[Finding]:
    """Look at all that the gateway needs outside of itself, in the order in which it needs it.

    Stops where nothing behind can work.  Never raises for what it finds.
    """
    if settings.identity.provider == "static":
        found = [finding async for finding in _each_key(settings, clock)]
    else:
        found = await anyio.to_thread.run_sync(lambda: list(_keystone(settings, clock)))
    return [*found, *await anyio.to_thread.run_sync(lambda: list(look_at_service(settings)))]


def _keystone(settings: Settings, clock: Callable[[], float]) -> Iterator[Finding]:
    try:
        client = KeystoneClient(settings.identity, clock)
        session = _swift_session(settings.swift)
    except ConfigError as error:
        yield Finding(False, "Settings", str(error), "correct the setting")
        return
    try:
        yield (reachable := _reachable(client, settings.identity))
        if not reachable.ok:
            return
        yield _clock_offset(client)
        yield (accepted := _accepted(client))
        if not accepted.ok:
            return
        yield _secrets_readable(client)
        yield _tokens_minted(client)
        finding, url = _in_catalog(client, settings.swift)
        yield finding
        if url is not None:
            yield from _swift(session, url, settings.s3.storage_classes)
    finally:
        client.close()
        session.session.close()


def _reachable(client: KeystoneClient, settings: Identity) -> Finding:
    title = "Keystone reachable"
    try:
        response = client.ping()
    except exceptions.SSLError as error:
        return Finding(False, title, str(error), _tls_advice("identity.ca_file"))
    except exceptions.ClientException as error:
        advice = "check identity.auth_url, the network between and that Keystone runs"
        return Finding(False, title, str(error), advice)
    if response.status_code != 200 or "version" not in _document(response):
        detail = f"{client.url} answered {response.status_code}, which is not Keystone's v3 API"
        return Finding(False, title, detail, f"check identity.auth_url ({settings.auth_url})")
    return Finding(True, title, client.url)


def _clock_offset(client: KeystoneClient) -> Finding:
    title = "Clock"
    if client.offset is None:
        return Finding(None, title, "Keystone sends no Date", "compare the clocks by hand")
    off = abs(client.offset)
    if off <= TOLERATED_OFFSET:
        return Finding(True, title, f"within {max(1, round(off))} s of Keystone's")
    detail = f"Keystone's clock is {round(client.offset)} s ahead of ours (below zero: behind)"
    advice = "synchronise both clocks (NTP): clients' signatures are judged by ours"
    return Finding(False if off >= _MAX_SKEW else None, title, detail, advice)


def _accepted(client: KeystoneClient) -> Finding:
    title = "Service user accepted"
    try:
        access = client.service_access()
    except _ERRORS as error:
        return Finding(False, title, str(error), "check the login in [identity.service]")
    return Finding(True, title, f"{access.username}, {_scope(access)}")


def _scope(access: Any) -> str:
    roles = ", ".join(sorted(access.role_names)) or "none"
    if access.system_scoped:
        return f"on the system with the roles: {roles}"
    where = f"project {access.project_name}" if access.project_id else "neither project nor system"
    return f"on {where} with the roles: {roles}"


def _secrets_readable(client: KeystoneClient) -> Finding:
    """Of a credential that cannot exist, who may read credentials hears 404, any other 403."""
    title = "EC2 secrets readable"
    try:
        response = client.request("GET", f"/credentials/{credential_id(secrets.token_hex(16))}")
    except _ERRORS as error:
        return Finding(False, title, str(error), "repeat the check when Keystone is well")
    if response.status_code == 404:
        return Finding(True, title)
    return Finding(
        False,
        title,
        message(response),
        'openstack role add --user <service user> --system all reader; and system_scope = "all" '
        'in [identity.service]. If that right is not to be had: identity.provider = "static"',
    )


def _tokens_minted(client: KeystoneClient) -> Finding:
    """Of an access key that cannot exist, who may use ec2tokens hears 404, any other 403."""
    title = "Tokens for users"
    body = {"credentials": {"access": secrets.token_hex(16), "signature": ""}}
    try:
        response = client.request("POST", "/ec2tokens", body)
    except _ERRORS as error:
        advice = "ec2credential must be one of Keystone's [auth] methods"
        return Finding(False, title, str(error), advice)
    if response.status_code == 404:
        return Finding(True, title, "POST /v3/ec2tokens")
    advice = "openstack role add --user <service user> --system all service"
    return Finding(False, title, message(response), advice)


def _in_catalog(client: KeystoneClient, settings: Swift) -> tuple[Finding, str | None]:
    """Whether the catalog has Swift, and a URL of the cluster if there is one."""
    title = "Swift in the catalog"
    try:
        url = swift_endpoint(client, settings)
    except IdentityRefused as error:
        advice = "check swift.region, .interface and .service_type, or set storage_url_template"
        return Finding(False, title, str(error), advice), None
    except _ERRORS as error:
        advice = "repeat the check when Keystone is well"
        return Finding(False, title, str(error), advice), None
    if url is None:
        detail = "the service user sees no endpoints; those of the users' tokens will be used"
        return Finding(None, title, detail, "check a user's token: openstack catalog list"), None
    return Finding(True, title, url), url


def _swift(session: Session, url: str, classes: Mapping[str, str]) -> Iterator[Finding]:
    title, where = "Swift /info", info_url(url)
    try:
        response = _ask(session, "GET", where)
    except exceptions.ClientException as error:
        tls = isinstance(error, exceptions.SSLError)
        advice = _tls_advice("swift.ca_file") if tls else "check the endpoint and the network"
        yield Finding(False, title, str(error), advice)
        return
    info = _document(response)
    if response.status_code == 200 and isinstance(info.get("swift"), dict):
        yield Finding(True, title, f"Swift {info['swift'].get('version', '')} at {where}")
        for name, label, absent, advice in _MIDDLEWARES:
            there = name in info
            yield Finding(there or absent, f"Swift {label}", "", "" if there else advice)
        yield from _storage_classes(info["swift"].get("policies"), classes)
    else:
        detail = f"{where} answered {response.status_code}"
        advice = "set expose_info = true in Swift's proxy; without it Swift's defaults are assumed"
        yield Finding(None, title, detail, advice)
    yield _copy(session, where)


def _storage_classes(policies: Any, classes: Mapping[str, str]) -> Iterator[Finding]:
    """Whether Swift has each class's policy, by the name that it shows for it.

    A container tells its policy's name, never an alias, and the class is found by that.
    """
    names = {str(policy.get("name", "")).lower() for policy in policies or ()}
    for storage_class, policy in classes.items():
        title, detail = f"Storage class {storage_class}", f"policy {policy}"
        if policies is None:
            yield Finding(None, title, detail, "Swift does not tell its policies: make a bucket")
        elif policy.lower() in names:
            yield Finding(True, title, detail)
        else:
            advice = f"correct s3.storage_classes; Swift has {', '.join(sorted(names))}"
            yield Finding(False, title, f"Swift has no {detail}", advice)


def _copy(session: Session, where: str) -> Finding:
    """The copy middleware is not in /info, but refuses a nonsensical copy before it asks who.

    There is no token in the request, so that it can do nothing even by accident.
    """
    title = "Swift copy"
    nonsense = where.removesuffix("/info") + "/v1/AUTH_check/container/object"
    try:
        response = _ask(session, "PUT", nonsense, {"X-Copy-From": "nowhere"})
    except exceptions.ClientException as error:
        return Finding(None, title, str(error), "repeat the check when Swift is well")
    if response.status_code == 412:
        return Finding(True, title)
    detail = f"cannot be seen from here (Swift answered {response.status_code})"
    return Finding(None, title, detail, "the pipeline must hold copy; Swift adds it by itself")


async def _each_key(settings: Settings, clock: Callable[[], float]) -> AsyncIterator[Finding]:
    try:
        provider = StaticProvider(settings.identity, settings.swift, clock)
        session = _swift_session(settings.swift)
    except ConfigError as error:
        yield Finding(False, "Settings", str(error), "correct the setting")
        return
    clusters: dict[str, str] = {}
    classes = settings.s3.storage_classes
    for access_key in provider.access_keys:
        title = f"Access key {access_key}"
        try:
            credential = await provider.credential(access_key)
            if credential is not None:
                login = await provider.login(credential)
                clusters[info_url(login.storage_url)] = login.storage_url
                yield Finding(True, title, login.storage_url)
        except _ERRORS as error:
            yield Finding(False, title, str(error), "check the key's login in the file")
    for url in clusters.values():
        look = partial(_swift, session, url, classes)
        for finding in await anyio.to_thread.run_sync(lambda look: list(look()), look):
            yield finding
    session.session.close()
    await provider.aclose()


def _swift_session(settings: Swift) -> Session:
    return open_session("swift.ca_file", settings.ca_file, settings.timeout)


def _ask(
    session: Session,
    method: str,
    url: str,
    headers: dict[str, str] | None = None,
) -> Any:
    return session.request(url, method, headers=headers, authenticated=False, raise_exc=False)


def _document(response: Any) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _tls_advice(key: str) -> str:
    return f"set {key} to the authority that signed its certificate, and check the host name"
