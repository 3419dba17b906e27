"""The values of identity: a credential, a caller, a login to Swift, and what a provider is.

Secrets and tokens are kept out of every repr.
"""

from dataclasses import dataclass, field
from typing import Protocol

from s3gw.s3.signing import DerivedKey


class IdentityUnavailable(Exception):
    """Keystone gave no answer (connection, timeout, 5xx): the request may be repeated later."""


class IdentityRefused(Exception):
    """Keystone answered, and refused: this credential cannot get a token (or we may not ask)."""


class IdentityUnclear(IdentityRefused):
    """Keystone's answer is neither yes nor no: too many requests (429), or it makes no sense.

    No old secret goes on for that, but the request may be repeated later.
    """


@dataclass(frozen=True, slots=True)
class Credential:
    """An EC2 credential: an access key, its secret, and whom it speaks for."""

    access_key: str
    secret: str = field(repr=False)
    user_id: str
    project_id: str
    derived: DerivedKey = field(default_factory=DerivedKey, repr=False, compare=False)
    """Of the secret; it goes when the credential does."""


@dataclass(frozen=True, slots=True)
class SwiftLogin:
    """A user's own token for the credential's project, and where its Swift account is."""

    token: str = field(repr=False)
    storage_url: str
    """Absolute URL of the Swift account, without a trailing slash."""
    expires_at: float
    """Seconds since the epoch."""
    project_id: str
    project_name: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a request, once the signature is verified."""

    credential: Credential

    @property
    def access_key(self) -> str:
        """The access key id, which may appear in logs."""
        return self.credential.access_key

    @property
    def project_id(self) -> str:
        """The S3 account: one is one Keystone project."""
        return self.credential.project_id


class Provider(Protocol):
    """Where credentials and logins come from; both calls reach out, nothing is cached here."""

    async def credential(self, access_key: str) -> Credential | None:
        """The credential of the access key, None if there is none.

        Raises IdentityUnavailable, IdentityRefused.
        """

    async def login(self, credential: Credential) -> SwiftLogin:
        """Mint a token for the credential's user and project.

        Raises IdentityUnavailable, IdentityRefused.
        """

    async def project_name(self, project_id: str) -> str | None:
        """The name of a project, None if it cannot be known.

        Raises IdentityUnavailable, IdentityRefused.
        """

    async def aclose(self) -> None:
        """Let go of connections and threads."""
