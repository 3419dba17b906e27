"""Callers and their tokens against a real Keystone, with a real Swift as the judge of tokens."""

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
import swiftclient
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from keystoneauth1 import session
from keystoneauth1.adapter import Adapter
from keystoneauth1.identity import v3

from s3gw.app import clock
from s3gw.config import Identity, Swift
from s3gw.identity.authenticate import Authenticator
from s3gw.identity.keystone import KeystoneProvider
from s3gw.identity.model import Caller, IdentityRefused, SwiftLogin
from s3gw.identity.static import StaticProvider
from s3gw.s3.errors import (
    AccessDenied,
    InternalError,
    InvalidAccessKeyId,
    ServiceUnavailable,
    SignatureDoesNotMatch,
)
from s3gw.s3.request import Headers, Request, Target
from s3gw.s3.signature import SignatureRules
from tests.functional.fixtures import MakeUser, Person
from tests.functional.services import service_user
from tests.functional.stack import Stack

RULES = SignatureRules("RegionOne")
REVOCATION = 1.1
"""Seconds: a revocation also hits tokens that are minted within the same one."""


@pytest.fixture(scope="module")
def service(identity: Adapter) -> dict[str, str]:
    """The service user as docs recommend it: reader and service on the system."""
    return service_user(identity, "reader", "service")


@pytest.fixture
def settings(stack: Stack, service: dict[str, str]) -> Identity:
    return Identity(auth_url=stack.keystone.auth_url, service=service, secret_ttl=1)


@pytest.fixture
async def keystone(settings: Identity) -> AsyncIterator[KeystoneProvider]:
    provider = KeystoneProvider(settings, Swift(), clock)
    yield provider
    await provider.aclose()


@pytest.fixture
async def gate(keystone: KeystoneProvider, settings: Identity) -> AsyncIterator[Authenticator]:
    made = Authenticator(keystone, settings, RULES, clock)
    yield made
    await made.aclose()


@pytest.fixture
def person(make_user: MakeUser) -> Person:
    return make_user()


async def enter(gate: Authenticator, access_key: str, secret: str) -> Caller:
    """The caller of a request that botocore signed."""
    signed = AWSRequest("GET", "http://gateway/bucket?list-type=2")
    S3SigV4Auth(Credentials(access_key, secret), "s3", "RegionOne").add_auth(signed)
    headers = Headers([("Host", "gateway"), *signed.headers.items()])
    request = Request("GET", "/bucket", "list-type=2", headers)
    found = await gate.authenticate(request, Target("bucket"))
    assert found.caller is not None
    assert found.signing is not None
    return found.caller


async def log_in(gate: Authenticator, access_key: str, secret: str) -> SwiftLogin:
    return await gate.login(await enter(gate, access_key, secret))


def status(login: SwiftLogin, method: str = "GET", container: str = "") -> int:
    """What Swift answers to the login's token."""
    try:
        with closing(
            swiftclient.Connection(
                preauthurl=login.storage_url, preauthtoken=login.token, retries=0
            )
        ) as swift:
            if method == "GET":
                swift.get_account()
            else:
                swift.put_container(container)
    except swiftclient.ClientException as error:
        return int(error.http_status)
    return 200


def bound(identity: Adapter, user_id: str, project_id: str, **blob: str) -> tuple[str, str]:
    """An EC2 credential whose blob names what it is bound to."""
    access_key, secret = uuid4().hex, uuid4().hex
    document = {
        "type": "ec2",
        "user_id": user_id,
        "project_id": project_id,
        "blob": json.dumps({"access": access_key, "secret": secret, **blob}),
    }
    identity.post("/credentials", json={"credential": document})
    return access_key, secret


@pytest.fixture
def as_person(stack: Stack, person: Person) -> Iterator[Adapter]:
    """Keystone's API as the person."""
    login = v3.Password(
        auth_url=stack.keystone.auth_url,
        user_id=person.user_id,
        password=person.password,
        project_id=person.project_id,
    )
    with closing(session.Session(auth=login)) as own:
        yield Adapter(own, endpoint_override=stack.keystone.auth_url)


async def test_a_signed_request_leads_to_the_users_own_token(
    gate: Authenticator, person: Person, as_person: Adapter
) -> None:
    caller = await enter(gate, person.access_key, person.secret_key)
    assert (caller.credential.user_id, caller.project_id) == (person.user_id, person.project_id)
    login = await gate.login(caller)
    assert login.storage_url.endswith(f"/v1/AUTH_{person.project_id}")
    assert (login.project_id, login.project_name) == (person.project_id, person.name)
    assert status(login, "PUT", "bucket") == 200
    shown = as_person.get("/auth/tokens", headers={"X-Subject-Token": login.token}).json()["token"]
    assert shown["user"]["id"] == person.user_id
    assert abs(login.expires_at - clock() - 3600) < 60
    assert await gate.login(caller) is login


async def test_only_the_right_secret_of_a_known_key_enters(
    gate: Authenticator, person: Person
) -> None:
    with pytest.raises(SignatureDoesNotMatch):
        await enter(gate, person.access_key, "guess")
    with pytest.raises(InvalidAccessKeyId):
        await enter(gate, uuid4().hex, person.secret_key)
    caller = await enter(gate, person.access_key, person.secret_key)
    assert caller.project_id == person.project_id


async def test_a_reader_application_credential_reads_and_cannot_write(
    gate: Authenticator, identity: Adapter, person: Person, as_person: Adapter
) -> None:
    document = {"application_credential": {"name": "reads", "roles": [{"name": "reader"}]}}
    path = f"/users/{person.user_id}/application_credentials"
    made = as_person.post(path, json=document).json()["application_credential"]
    plain = await log_in(gate, person.access_key, person.secret_key)
    assert status(plain, "PUT", "bucket") == 200
    keys = bound(identity, person.user_id, person.project_id, app_cred_id=made["id"])
    narrow = await log_in(gate, *keys)
    assert status(narrow) == 200
    assert status(narrow, "PUT", "other") == 403


@pytest.mark.parametrize("impersonation", [True, False])
async def test_a_reader_trust_reads_and_cannot_write(
    gate: Authenticator,
    identity: Adapter,
    person: Person,
    as_person: Adapter,
    make_user: MakeUser,
    impersonation: bool,  # noqa: FBT001 - a column of the table
) -> None:
    trustee = make_user()
    trust = {
        "trustor_user_id": person.user_id,
        "trustee_user_id": trustee.user_id,
        "project_id": person.project_id,
        "roles": [{"name": "reader"}],
        "impersonation": impersonation,
    }
    made = as_person.post("/OS-TRUST/trusts", json={"trust": trust}).json()["trust"]
    plain = await log_in(gate, person.access_key, person.secret_key)
    assert status(plain, "PUT", "bucket") == 200
    user_id = person.user_id if impersonation else trustee.user_id
    keys = bound(identity, user_id, person.project_id, trust_id=made["id"])
    narrow = await log_in(gate, *keys)
    assert narrow.project_id == person.project_id
    assert status(narrow) == 200
    assert status(narrow, "PUT", "other") == 403


async def test_a_deleted_credential_stops_within_its_ttl_whatever_its_token_can(
    gate: Authenticator, identity: Adapter, person: Person
) -> None:
    caller = await enter(gate, person.access_key, person.secret_key)
    login = await gate.login(caller)
    identity.delete(f"/users/{person.user_id}/credentials/OS-EC2/{person.access_key}")
    await asyncio.sleep(1)
    with pytest.raises(InvalidAccessKeyId):
        await enter(gate, person.access_key, person.secret_key)
    assert status(login) == 200
    with pytest.raises(AccessDenied):
        await gate.login(caller)


async def test_a_rotated_secret_works_at_once(
    stack: Stack, service: dict[str, str], identity: Adapter, person: Person
) -> None:
    lasting = Identity(auth_url=stack.keystone.auth_url, service=service, secret_ttl=3600)
    gate = Authenticator(KeystoneProvider(lasting, Swift(), clock), lasting, RULES, clock)
    before = await log_in(gate, person.access_key, person.secret_key)
    name = hashlib.sha256(person.access_key.encode()).hexdigest()
    blob = {"access": person.access_key, "secret": "rotated", "trust_id": None}
    identity.patch(f"/credentials/{name}", json={"credential": {"blob": json.dumps(blob)}})
    after = await log_in(gate, person.access_key, "rotated")
    assert after.token != before.token
    assert status(after) == 200
    with pytest.raises(SignatureDoesNotMatch):
        await enter(gate, person.access_key, person.secret_key)
    await gate.aclose()


async def test_known_keys_go_on_while_keystone_is_unreachable(
    gate: Authenticator, keystone: KeystoneProvider, person: Person, make_user: MakeUser
) -> None:
    caller = await enter(gate, person.access_key, person.secret_key)
    login = await gate.login(caller)
    stranger = make_user()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        alive = keystone.client.url
        keystone.client.url = f"http://127.0.0.1:{nobody.getsockname()[1]}/v3"
        await asyncio.sleep(1)
        assert await enter(gate, person.access_key, person.secret_key) == caller
        assert await gate.login(caller) is login
        with pytest.raises(ServiceUnavailable):
            await enter(gate, stranger.access_key, stranger.secret_key)
        keystone.client.url = alive
    found = await enter(gate, stranger.access_key, stranger.secret_key)
    assert found.project_id == stranger.project_id
    assert gate.stale_uses == 1


async def test_a_service_token_that_was_revoked_is_renewed(
    keystone: KeystoneProvider, identity: Adapter, person: Person
) -> None:
    assert await keystone.credential(person.access_key) is not None
    token = keystone.client.service_access().auth_token
    identity.delete("/auth/tokens", headers={"X-Subject-Token": token})
    await asyncio.sleep(REVOCATION)
    found = await keystone.credential(person.access_key)
    assert found is not None
    assert keystone.client.service_access().auth_token != token
    assert (await keystone.login(found)).project_id == person.project_id


async def test_a_disabled_user_gets_no_token_and_an_enabled_one_gets_it_again(
    gate: Authenticator, identity: Adapter, person: Person
) -> None:
    caller = await enter(gate, person.access_key, person.secret_key)
    login = await gate.login(caller)
    identity.patch(f"/users/{person.user_id}", json={"user": {"enabled": False}})
    assert status(login) == 401
    gate.forget(caller, login)
    with pytest.raises(AccessDenied):
        await gate.login(caller)
    identity.patch(f"/users/{person.user_id}", json={"user": {"enabled": True}})
    await asyncio.sleep(REVOCATION)
    again = await gate.login(caller)
    assert again.token != login.token
    assert status(again) == 200


@pytest.mark.parametrize("role", ["service", "reader", "member"])
async def test_a_service_user_of_a_project_cannot_read_secrets_and_it_is_said(
    stack: Stack, identity: Adapter, person: Person, role: str
) -> None:
    login = service_user(identity, project_role=role)
    settings = Identity(auth_url=stack.keystone.auth_url, service=login)
    provider = KeystoneProvider(settings, Swift(), clock)
    with pytest.raises(IdentityRefused, match="identity:get_credential"):
        await provider.credential(person.access_key)
    gate = Authenticator(provider, settings, RULES, clock)
    with pytest.raises(InternalError):
        await enter(gate, person.access_key, person.secret_key)
    await gate.aclose()


async def test_a_service_user_without_the_role_service_mints_no_tokens(
    stack: Stack, identity: Adapter, person: Person
) -> None:
    settings = Identity(auth_url=stack.keystone.auth_url, service=service_user(identity, "reader"))
    provider = KeystoneProvider(settings, Swift(), clock)
    found = await provider.credential(person.access_key)
    assert found is not None
    with pytest.raises(IdentityRefused, match="403"):
        await provider.login(found)
    await provider.aclose()


@pytest.mark.parametrize("hours", [-2, 2])
async def test_a_clock_that_is_off_by_hours_mints_tokens(
    settings: Identity, person: Person, hours: int
) -> None:
    def off() -> float:
        return clock() + hours * 3600

    provider = KeystoneProvider(settings, Swift(), off)
    found = await provider.credential(person.access_key)
    assert found is not None
    login = await provider.login(found)
    assert status(login) == 200
    assert abs(login.expires_at - off() - 3600) < 60
    await provider.aclose()


async def test_a_file_of_keys_needs_no_right_in_keystone(
    stack: Stack, person: Person, as_person: Adapter, tmp_path: Path
) -> None:
    document = {"application_credential": {"name": "gateway", "roles": [{"name": "member"}]}}
    path = f"/users/{person.user_id}/application_credentials"
    made = as_person.post(path, json=document).json()["application_credential"]
    file = tmp_path / "keys.toml"
    file.write_text(
        f"""
        [keys.PASSWORD]
        secret = "one"
        [keys.PASSWORD.login]
        auth_url = "{stack.keystone.auth_url}"
        user_id = "{person.user_id}"
        password = "{person.password}"
        project_id = "{person.project_id}"

        [keys.APPLICATION]
        secret = "two"
        [keys.APPLICATION.login]
        auth_type = "v3applicationcredential"
        auth_url = "{stack.keystone.auth_url}"
        application_credential_id = "{made["id"]}"
        application_credential_secret = "{made["secret"]}"
        """,
        encoding="utf-8",
    )
    settings = Identity(provider="static", static_file=file)
    gate = Authenticator(StaticProvider(settings, Swift(), clock), settings, RULES, clock)
    for access_key, secret in (("PASSWORD", "one"), ("APPLICATION", "two")):
        login = await log_in(gate, access_key, secret)
        assert login.storage_url.endswith(f"/v1/AUTH_{person.project_id}")
        assert status(login, "PUT", "bucket") == 200
        with pytest.raises(SignatureDoesNotMatch):
            await enter(gate, access_key, "guess")
    await gate.aclose()


async def test_a_credential_without_a_role_in_its_project_gets_no_token(
    gate: Authenticator, identity: Adapter, person: Person, make_user: MakeUser
) -> None:
    keys = bound(identity, person.user_id, make_user().project_id)
    caller = await enter(gate, *keys)
    with pytest.raises(AccessDenied):
        await gate.login(caller)


async def test_a_vanished_application_credential_mints_nothing_any_more(
    gate: Authenticator, identity: Adapter, person: Person, as_person: Adapter
) -> None:
    document = {"application_credential": {"name": "short", "roles": [{"name": "reader"}]}}
    path = f"/users/{person.user_id}/application_credentials"
    made = as_person.post(path, json=document).json()["application_credential"]
    keys = bound(identity, person.user_id, person.project_id, app_cred_id=made["id"])
    caller = await enter(gate, *keys)
    login = await gate.login(caller)
    as_person.delete(f"{path}/{made['id']}")
    assert status(login) == 401
    gate.forget(caller, login)
    with pytest.raises(AccessDenied):
        await gate.login(caller)
