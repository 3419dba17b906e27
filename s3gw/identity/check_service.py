"""Whether the gateway's own user in Swift can do what the settings want of it, for `s3gw check`.

The rule: as in check.py, it changes nothing and says what to do.
"""

import secrets
from collections.abc import Iterator
from typing import Any

from keystoneauth1 import exceptions
from keystoneauth1.session import Session

from s3gw.config import ConfigError, Settings
from s3gw.identity.catalog import swift_login
from s3gw.identity.findings import Finding
from s3gw.identity.model import IdentityRefused, SwiftLogin
from s3gw.identity.plugins import load_plugin, open_session
from s3gw.identity.service import service_options

_REFUSED = frozenset((401, 403))
_MEMBER = "openstack role add --user <user> --project <its project> member"
_RESELLER = (
    "openstack role add --user <user> --project <its project> ResellerAdmin (what Swift's "
    "keystoneauth calls reseller_admin_role)"
)


def look_at_service(settings: Settings) -> Iterator[Finding]:
    """The login of [access.service] and its rights, if the settings need them."""
    if not settings.access.service:
        return
    try:
        plugin = load_plugin("access.service", service_options(settings))
        identity = settings.identity
        keystone = open_session("identity.ca_file", identity.ca_file, identity.timeout)
        swift = open_session("swift.ca_file", settings.swift.ca_file, settings.swift.timeout)
    except ConfigError as error:
        yield Finding(False, "Settings", str(error), "correct the setting")
        return
    title = "Gateway's own Swift user"
    try:
        login = swift_login(plugin.get_access(keystone), settings.swift, 0.0)
    except (exceptions.ClientException, IdentityRefused, LookupError, ValueError) as error:
        advice = "check the login in [access.service]: it must be scoped to a project"
        yield Finding(False, title, str(error), advice)
        return
    yield Finding(True, title, f"project {login.project_name}, {login.storage_url}")
    if settings.buckets.global_names:
        yield _registry(swift, login)
    if settings.access.mode == "s3":
        yield _reseller(swift, login)


def _registry(session: Session, login: SwiftLogin) -> Finding:
    """Who may write into his account hears that a container is not there, others 403.

    The container cannot exist, so nothing is written.
    """
    title = "Account for the registry of bucket names"
    url = f"{login.storage_url}/{secrets.token_hex(16)}/check"
    status, detail = _ask(session, login, "PUT", url)
    if status == 404:
        return Finding(True, title)
    return Finding(False, title, detail, _MEMBER if status in _REFUSED else "repeat the check")


def _reseller(session: Session, login: SwiftLogin) -> Finding:
    """Who is reseller admin hears that an account that cannot exist is not there, others 403."""
    title = "Power over all accounts (access.mode = s3)"
    cluster, _, own = login.storage_url.rpartition("/")
    stranger = own.removesuffix(login.project_id) + secrets.token_hex(16)
    status, detail = _ask(session, login, "HEAD", f"{cluster}/{stranger}/check")
    if status == 404:
        return Finding(True, title)
    return Finding(False, title, detail, _RESELLER if status in _REFUSED else "repeat the check")


def _ask(session: Session, login: SwiftLogin, method: str, url: str) -> tuple[int, str]:
    """The status of the answer, 0 for none, and what to show of it."""
    try:
        response: Any = session.request(
            url,
            method,
            headers={"X-Auth-Token": login.token},
            authenticated=False,
            raise_exc=False,
            log=False,
        )
    except exceptions.ClientException as error:
        return 0, str(error)
    return response.status_code, f"Swift answered {response.status_code}"
