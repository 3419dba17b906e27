"""Make the users, roles and endpoints of docker-compose.yml in the Keystone beside it.

Everything is looked for before it is made.  The EC2 credential of the user demo goes into
the file that is named as argument, which says at the same time that all is done.
"""

import os
import sys
import time
from pathlib import Path

from keystoneauth1.adapter import Adapter
from keystoneauth1.exceptions import ClientException
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

URL = "http://127.0.0.1:5000/v3"
PASSWORDS = {"swift": "SWIFT_PASSWORD", "s3gw": "GATEWAY_PASSWORD", "demo": "DEMO_PASSWORD"}
SWIFT = "http://swift:8080/v1/AUTH_%(project_id)s"


def ensure(keystone: Adapter, kind: str, name: str, **fields: str) -> str:
    """The id of the thing with a name, made if it is absent."""
    found = keystone.get(f"/{kind}s", params={"name": name}).json()[f"{kind}s"]
    if found:
        return found[0]["id"]
    document = {kind: {"name": name, **fields}}
    return keystone.post(f"/{kind}s", json=document).json()[kind]["id"]


def publish(keystone: Adapter) -> None:
    """Put Swift into the catalog."""
    service = ensure(keystone, "service", "swift", type="object-store")
    there = keystone.get("/endpoints", params={"service_id": service}).json()["endpoints"]
    for interface in {"public", "internal", "admin"} - {entry["interface"] for entry in there}:
        endpoint = {"service_id": service, "interface": interface, "region_id": "RegionOne"}
        keystone.post("/endpoints", json={"endpoint": {**endpoint, "url": SWIFT}})


def provision(keystone: Adapter) -> str:
    """Make all there is to make; the EC2 credential as text."""
    publish(keystone)
    roles = {role["name"]: role["id"] for role in keystone.get("/roles").json()["roles"]}
    ensure(keystone, "role", "ResellerAdmin")
    project = {
        name: ensure(keystone, "project", name, domain_id="default") for name in ("service", "demo")
    }
    user = {
        name: ensure(
            keystone,
            "user",
            name,
            domain_id="default",
            password=os.environ[variable],
        )
        for name, variable in PASSWORDS.items()
    }
    grants = (
        (f"projects/{project['service']}", "swift", "service"),  # authtoken validates tokens
        ("system", "s3gw", "reader"),  # reads EC2 secrets
        ("system", "s3gw", "service"),  # uses ec2tokens
        (f"projects/{project['demo']}", "demo", "member"),
    )
    for scope, name, role in grants:
        keystone.put(f"/{scope}/users/{user[name]}/roles/{roles[role]}")
    path = f"/users/{user['demo']}/credentials/OS-EC2"
    credentials = keystone.get(path).json()["credentials"]
    if not credentials:
        made = keystone.post(path, json={"tenant_id": project["demo"]})
        credentials = [made.json()["credential"]]
    return "access key  {access}\nsecret key  {secret}\n".format(**credentials[0])


def main(target: Path) -> None:
    """Provision as soon as Keystone answers."""
    login = v3.Password(
        auth_url=URL,
        username="admin",
        password=os.environ["ADMIN_PASSWORD"],
        project_name="admin",
        user_domain_id="default",
        project_domain_id="default",
    )
    keystone = Adapter(Session(auth=login), endpoint_override=URL)
    target.unlink(missing_ok=True)
    while True:
        try:
            text = provision(keystone)
            break
        except ClientException as error:
            sys.stderr.write(f"not yet: {error}\n")
            time.sleep(1)
    os.umask(0o077)
    target.write_text(text, encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
