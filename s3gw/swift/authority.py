"""Whose power a request to Swift has, when the account is not the token's own.

The rule: a token is taken to another account as it is.  Nothing here makes anybody more powerful
than Swift finds him to be.
"""

from dataclasses import dataclass, field

from s3gw.swift.account import Authority, Login


@dataclass(frozen=True, slots=True)
class _Visit:
    """A login, and the account of somebody else that it is tried on."""

    login: Login = field(repr=False)
    storage_url: str

    @property
    def token(self) -> str:
        """The visitor's own."""
        return self.login.token


@dataclass(frozen=True, slots=True)
class Visitor:
    """An Authority's own token on another account."""

    authority: Authority
    storage_url: str

    async def login(self) -> Login:
        """The visitor's token, and where it is used."""
        return _Visit(await self.authority.login(), self.storage_url)

    def forget(self, login: Login) -> None:
        """Swift refused the token."""
        if isinstance(login, _Visit):
            self.authority.forget(login.login)


@dataclass(frozen=True, slots=True)
class Nobody:
    """An Authority without a token, which is also its login."""

    storage_url: str

    @property
    def token(self) -> str:
        """None."""
        return ""

    async def login(self) -> Login:
        """No token, and where none is used."""
        return self

    def forget(self, login: Login) -> None:
        """There is nothing to forget."""
