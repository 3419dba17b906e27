"""Three parties and a gateway with global names: the owner, another project, and nobody.

The rule: which power a request to Swift had is read off the wire, by its token: the caller's own,
none, or the gateway's.
"""

import http.client
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import swiftclient
from botocore.exceptions import ClientError
from keystoneauth1 import session
from keystoneauth1.adapter import Adapter
from keystoneauth1.identity import v3

from tests.functional.fixtures import Person
from tests.functional.gateway import Running, Sent, running, s3_client, settings_for
from tests.functional.services import service_user
from tests.functional.stack import Stack
from tests.functional.witness import swift_as

Power = Literal["none", "owner", "other", "service"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to nobody, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """S3's code of an error document."""
        return ET.fromstring(self.body).findtext("Code") or ""  # noqa: S314 - from our own server


@dataclass(frozen=True, slots=True)
class Nobody:
    """A client without a name."""

    endpoint: str

    def __call__(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send one request; the target is percent-encoded already."""
        parts = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        try:
            connection.request(method, target, body, dict(headers or {}))
            with connection.getresponse() as reply:
                found = {name.lower(): value for name, value in reply.getheaders()}
                return Answer(reply.status, found, reply.read())
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Parties:
    """A gateway, who uses it, and whose tokens Swift sees."""

    running: Running
    stack: Stack
    service: Mapping[str, str] = field(repr=False)
    """[access.service]."""
    other: Person
    owner_s3: Any
    other_s3: Any
    nobody: Nobody

    @property
    def registry(self) -> swiftclient.Connection:
        """The gateway's own account."""
        return as_service(self.stack, self.service)

    def account(self, project_id: str) -> str:
        """Swift's name of a project's account."""
        own = self.stack.swift.storage_url.rpartition("/")[2]
        return own.removesuffix(self.stack.project.id) + project_id

    @contextmanager
    def watched(self, *, of_owner: bool = False) -> Iterator[list[tuple[Power, str]]]:
        """Who asked Swift for what (`GET /bucket/key`), in order; filled at the end.

        `of_owner`: in the account of the owner only.
        """
        found: list[tuple[Power, str]] = []
        owner = self.account(self.stack.project.id)
        with self.running.watched() as wire:
            yield found
            found += [
                (self.power(sent), str(sent))
                for sent in wire.sent
                if not of_owner or sent.account == owner
            ]

    def power(self, sent: Sent) -> Power:
        """Whose token a request carried."""
        token = sent.headers.get("X-Auth-Token")
        return "none" if token is None else self._powers()[self._project_of(token)]

    def _powers(self) -> dict[str, Power]:
        return {
            self.stack.project.id: "owner",
            self.other.project_id: "other",
            self.service["project_id"]: "service",
        }

    def _project_of(self, token: str) -> str:
        known = _PROJECTS.get(token)
        if known is None:
            admin = self.stack.keystone
            login = v3.Password(
                auth_url=admin.auth_url,
                username=admin.admin_user,
                password=admin.admin_password,
                project_name=admin.admin_project,
                user_domain_id="default",
                project_domain_id="default",
            )
            keystone = Adapter(session.Session(auth=login), endpoint_override=admin.auth_url)
            answer = keystone.get("/auth/tokens", headers={"X-Subject-Token": token})
            known = _PROJECTS[token] = answer.json()["token"]["project"]["id"]
        return known


_PROJECTS: dict[str, str] = {}


def as_service(stack: Stack, service: Mapping[str, str]) -> swiftclient.Connection:
    """Swift as the gateway's own user."""
    return swift_as(stack, service["username"], service["password"], service["project_id"])


def as_person(stack: Stack, person: Person) -> swiftclient.Connection:
    """Swift as a user of a project."""
    return swift_as(stack, person.name, person.password, person.project_id)


@contextmanager
def parties(
    stack: Stack, identity: Adapter, other: Person, *, role: str = "member", **sections: Any
) -> Iterator[Parties]:
    """The three parties at a gateway with global names; `role`: the service user's in Swift."""
    service = service_user(identity, project_role=role)
    given = {"buckets": {"global_names": True}, "access": {}, **sections}
    given["access"] = {**given["access"], "service": service}
    with running(settings_for(stack, **given)) as gateway:
        keys = {"access_key": other.access_key, "secret_key": other.secret_key}
        yield Parties(
            gateway,
            stack,
            service,
            other,
            s3_client(gateway.endpoint, stack),
            s3_client(gateway.endpoint, stack, **keys),
            Nobody(gateway.endpoint),
        )


def refusal(call: Any, *arguments: Any, **options: Any) -> tuple[int, str]:
    """Status and code with which a boto3 call is refused; it fails the test that it is not."""
    try:
        call(*arguments, **options)
    except ClientError as error:
        answer: Any = error.response
        return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]
    raise AssertionError("it was not refused")


def address(bucket: str, key: str = "") -> str:
    """The path of a bucket or an object."""
    return f"/{quote(bucket)}" + (f"/{quote(key)}" if key else "")


def only(powers: Iterable[tuple[Power, str]], power: Power) -> bool:
    """Whether all requests (there is at least one) had that power."""
    found = {had for had, _ in powers}
    return found == {power}
