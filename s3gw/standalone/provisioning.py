"""What Keystone must know: Swift in its catalog, the service users, and the user to work as.

The rule: everything is looked for before it is made, so that a start that was cut off does
no harm; and nothing is asked at all when Keystone was already told the same.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from s3gw.standalone.exits import Exit, StandaloneError
from s3gw.standalone.loopback import Keystone, request
from s3gw.standalone.sockets import LOOPBACK
from s3gw.standalone.state import REGION, State, Tenant

PROJECT = "demo"
"""The name of the user's project, and of the user."""

SERVICE_PROJECT = "service"
"""The name of the project of Swift's and the gateway's own users."""

REGISTRY = "s3gw-buckets"
"""The container of all bucket names, in that project's account."""

_RESELLER = "ResellerAdmin"
_INTERFACES = ("public", "internal", "admin")
_SINGULAR = {"projects": "project", "roles": "role", "services": "service", "users": "user"}


def provision(state: State, *, with_s3api: bool) -> State:
    """Tell Keystone what it does not know yet, and return what is now so.

    Raises StandaloneError (FAILED) if Keystone refuses.
    """
    published = {
        "identity": f"http://{LOOPBACK}:{state.ports['keystone']}/v3",
        "object-store": f"http://{LOOPBACK}:{state.ports['proxy']}/v1/AUTH_%(project_id)s",
        "s3api": "granted" if with_s3api else state.published.get("s3api", ""),
        "access": "granted",
    }
    if state.tenant is not None and state.published == published:
        return state
    keystone = Keystone(state.ports["keystone"], "admin", state.passwords["admin"], "admin")
    _publish(keystone, "keystone", "identity", published["identity"])
    _publish(keystone, "swift", "object-store", published["object-store"])
    roles = {role["name"]: role["id"] for role in keystone.get("/roles")["roles"]}
    if _RESELLER not in roles:  # Swift's configuration names it
        roles[_RESELLER] = _ensure(keystone, "roles", _RESELLER, {})["id"]
    _make_service_users(keystone, state, roles, with_s3api=bool(published["s3api"]))
    tenant = _make_tenant(keystone, state, roles)
    return replace(state, tenant=tenant, published=published)


def make_registry(state: State) -> None:
    """Make the container of all bucket names; Swift must answer by now.

    Raises StandaloneError (FAILED).
    """
    keystone = Keystone(state.ports["keystone"], "s3gw", state.passwords["s3gw"], SERVICE_PROJECT)
    path = f"/v1/AUTH_{keystone.project_id}/{REGISTRY}"
    status, _, _ = request(state.ports["proxy"], "PUT", path, {"X-Auth-Token": keystone.token})
    if status >= 300:
        raise StandaloneError(Exit.FAILED, f"Swift answers {status} to the gateway's own user")


def try_out(state: State) -> str:
    """Let the user's token reach the user's account, and return the account's URL.

    Raises StandaloneError (FAILED) if it does not.
    """
    keystone = Keystone(state.ports["keystone"], PROJECT, state.passwords[PROJECT], PROJECT)
    path = f"/v1/AUTH_{state.owner.project_id}"
    headers = {"X-Auth-Token": keystone.token}
    status, _, _ = request(state.ports["proxy"], "HEAD", path, headers)
    if status >= 300:
        raise StandaloneError(Exit.FAILED, f"Swift answers {status} to a good token")
    return f"http://{LOOPBACK}:{state.ports['proxy']}{path}"


def _make_service_users(
    keystone: Keystone, state: State, roles: Mapping[str, str], *, with_s3api: bool
) -> None:
    """Make the users of Swift and of the gateway, each with the least that it needs."""
    service = _ensure(keystone, "projects", SERVICE_PROJECT, {"domain_id": "default"})
    swift = _ensure_user(keystone, state, "swift", service["id"])
    s3gw = _ensure_user(keystone, state, "s3gw", service["id"])
    # authtoken validates tokens with the role service
    _grant(keystone, f"/projects/{service['id']}", swift, roles["service"])
    # the gateway's own account, and what S3's ACLs let strangers do in those of others
    _grant(keystone, f"/projects/{service['id']}", s3gw, roles[_RESELLER])
    # reader on the system reads EC2 secrets, service uses ec2tokens; s3token does both too
    for user in (s3gw, swift) if with_s3api else (s3gw,):
        _grant(keystone, "/system", user, roles["reader"])
        _grant(keystone, "/system", user, roles["service"])


def _make_tenant(keystone: Keystone, state: State, roles: Mapping[str, str]) -> Tenant:
    if state.tenant is not None:
        return state.tenant
    project = _ensure(keystone, "projects", PROJECT, {"domain_id": "default"})["id"]
    user = _ensure_user(keystone, state, PROJECT, project)
    _grant(keystone, f"/projects/{project}", user, roles["member"])
    path = f"/users/{user}/credentials/OS-EC2"
    credential = keystone.send("POST", path, {"tenant_id": project})["credential"]
    return Tenant(project, user, credential["access"], credential["secret"])


def _publish(keystone: Keystone, name: str, kind: str, url: str) -> None:
    """Put a service's URL into the catalog, or correct the one that is there."""
    service = _ensure(keystone, "services", name, {"type": kind})["id"]
    there = keystone.get(f"/endpoints?service_id={service}")["endpoints"]
    by_interface = {endpoint["interface"]: endpoint for endpoint in there}
    for interface in _INTERFACES:
        endpoint = by_interface.get(interface)
        if endpoint is None:
            wanted = {
                "service_id": service,
                "interface": interface,
                "url": url,
                "region_id": REGION,
            }
            keystone.send("POST", "/endpoints", {"endpoint": wanted})
        elif endpoint["url"] != url:
            path = f"/endpoints/{endpoint['id']}"
            keystone.send("PATCH", path, {"endpoint": {"url": url}})


def _ensure_user(keystone: Keystone, state: State, name: str, project: str) -> str:
    """The id of a user, made if absent, whose password is the one in the state."""
    fields = {
        "domain_id": "default",
        "password": state.passwords[name],
        "default_project_id": project,
    }
    user: str = _ensure(keystone, "users", name, fields)["id"]
    return user


def _ensure(
    keystone: Keystone, collection: str, name: str, fields: Mapping[str, str]
) -> dict[str, Any]:
    """The entry of a collection that has the name, made if absent."""
    found: list[dict[str, Any]] = keystone.get(f"/{collection}?name={quote(name)}")[collection]
    if found:
        return found[0]
    singular = _SINGULAR[collection]
    made = keystone.send("POST", f"/{collection}", {singular: {**fields, "name": name}})
    entry: dict[str, Any] = made[singular]
    return entry


def _grant(keystone: Keystone, scope: str, user: str, role: str) -> None:
    keystone.send("PUT", f"{scope}/users/{user}/roles/{role}")
