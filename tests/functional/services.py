"""Service users with chosen rights, as an operator makes them."""

from uuid import uuid4

from keystoneauth1.adapter import Adapter


def service_user(
    identity: Adapter, *system_roles: str, project_role: str | None = None
) -> dict[str, str]:
    """The [identity.service] table of a new user, scoped to the system or to a project."""
    roles = {role["name"]: role["id"] for role in identity.get("/roles").json()["roles"]}
    name, password = f"service-{uuid4().hex}", uuid4().hex
    fields = {"name": name, "password": password, "domain_id": "default"}
    user = identity.post("/users", json={"user": fields}).json()["user"]["id"]
    login = {"username": name, "password": password, "user_domain_id": "default"}
    for role in system_roles:
        identity.put(f"/system/users/{user}/roles/{roles[role]}")
    if project_role is None:
        return login | {"system_scope": "all"}
    document = {"project": {"name": name, "domain_id": "default"}}
    project = identity.post("/projects", json=document).json()["project"]["id"]
    identity.put(f"/projects/{project}/users/{user}/roles/{roles[project_role]}")
    return login | {"project_id": project}
