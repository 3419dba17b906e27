"""Whose bucket a request is about, and with whose power the gateway serves it.

The rule: deny by default.  A caller's own bucket is served with his own token.  In another
project's bucket Swift decides on a stranger's own token, or on none for somebody without a name.
"""

from dataclasses import dataclass

from s3gw.access.decide import Known, Verdict, Who, decide
from s3gw.access.needs import Need
from s3gw.buckets.resolve import NOWHERE, Names, Place, place_of
from s3gw.call import Services
from s3gw.identity.authenticate import Authenticator
from s3gw.identity.model import Caller, SwiftLogin
from s3gw.s3.errors import AccessDenied, NoSuchBucket
from s3gw.swift.account import Account, Authority, Login
from s3gw.swift.authority import Nobody, Visitor
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.transport import Transport


@dataclass(frozen=True, slots=True)
class CallerAuthority:
    """Where an Account gets the caller's own token (see swift.account.Authority)."""

    authenticator: Authenticator
    caller: Caller

    async def login(self) -> SwiftLogin:
        """The caller's login."""
        return await self.authenticator.login(self.caller)

    def forget(self, login: Login) -> None:
        """Swift refused the token."""
        if isinstance(login, SwiftLogin):
            self.authenticator.forget(self.caller, login)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request wants, of which bucket."""

    bucket: str
    """Empty for the service."""
    need: Need
    reads: bool
    """It changes nothing."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a request's bucket is, and the power that the request has there."""

    place: Place
    is_owner: bool
    swift: Account


class Admission:
    """Decides who is let in, and how."""

    def __init__(
        self, services: Services, authenticator: Authenticator, transport: Transport
    ) -> None:
        self._services = services
        self._authenticator = authenticator
        self._transport = transport

    async def admit(self, caller: Caller | None, wish: Wish) -> Standing:
        """The caller's standing.

        Raises AccessDenied, NoSuchBucket, and what a login or the registry raises.
        """
        own = None if caller is None else await self._own(caller)
        names = self._services.names
        if own is not None and (wish.need is Need.CALLER or names is None):
            return own
        if wish.need is Need.NOTHING:
            return await self._unsigned(wish)
        if names is None or wish.need is Need.CALLER:
            raise AccessDenied
        return await self._resolved(caller, own, names, wish)

    async def _resolved(
        self, caller: Caller | None, own: Standing | None, names: Names, wish: Wish
    ) -> Standing:
        """The caller's own bucket if there is one, else the registry's."""
        is_there: bool | None = False
        if own is not None and not (
            wish.reads and names.is_foreign(own.place.account, wish.bucket)
        ):
            is_there = await self._has(own, wish.bucket)
            if is_there:
                return own
        place = await names.find(wish.bucket, fresh=not wish.reads)
        if place is NOWHERE:
            # Whose own account Swift does not show him cannot be told what is not in it.
            raise AccessDenied if is_there is None else NoSuchBucket(BucketName=wish.bucket)
        if own is not None:
            if place.account == own.place.account:
                return own
            if is_there is False:
                names.note_foreign(own.place.account, wish.bucket)
        return self._stranger(caller, place, wish)

    async def _own(self, caller: Caller) -> Standing:
        authority = CallerAuthority(self._authenticator, caller)
        place = place_of(await authority.login())
        return Standing(place, True, Account(self._transport, authority))

    async def _has(self, own: Standing, bucket: str) -> bool | None:
        """Whether the account has the bucket, as remembered; None if Swift does not say."""
        try:
            facts = await self._services.facts.bucket(own.place.storage_url, own.swift, bucket)
        except SwiftStatus as error:
            if error.status in {401, 403}:
                return None
            raise
        return facts is not None

    async def _unsigned(self, wish: Wish) -> Standing:
        names = self._services.names
        place = NOWHERE
        if names is not None and wish.bucket:
            place = await names.find(wish.bucket, fresh=False)
        return self._visit(None, place)

    def _stranger(self, caller: Caller | None, place: Place, wish: Wish) -> Standing:
        """Somebody in another project's bucket."""
        who = None if caller is None else Who(caller.project_id, caller.credential.user_id)
        mode = self._services.settings.access.mode
        if decide(mode, who, wish.need, Known(place.owner.id)) is not Verdict.OWN_POWER:
            raise AccessDenied
        return self._visit(caller, place)

    def _visit(self, caller: Caller | None, place: Place) -> Standing:
        authority: Authority = Nobody(place.storage_url)
        if caller is not None:
            own = CallerAuthority(self._authenticator, caller)
            authority = Visitor(own, place.storage_url)
        return Standing(place, False, Account(self._transport, authority))
