"""Whose bucket a request is about, and with whose power the gateway serves it.

The rule: deny by default.  A caller's own bucket is served with his own token.  In another
project's bucket Swift decides on a stranger's own token, or on none for somebody without a name;
in mode s3 whom S3's ACLs admit beyond that comes in by the closed door (buckets.elevated).

Who may write into a place, and through which account, is asked here only:

    standing = await admission.admit(caller, Wish(bucket, Need.BUCKET_WRITE, reads=False))
    standing.swift                                      # what to write with; AccessDenied else

Of a caller without a name (None) that is so, too; what he writes is the bucket's owner's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from s3gw.access.decide import Known, Verdict, Who, decide
from s3gw.access.needs import Need
from s3gw.buckets.elevated import Door, Errand
from s3gw.buckets.resolve import NOWHERE, Names, Place, place_of
from s3gw.buckets.strangers import Stranger, Visit, judge
from s3gw.call import Services, Standing
from s3gw.identity.authenticate import Authenticator
from s3gw.identity.model import Caller, SwiftLogin
from s3gw.s3.errors import AccessDenied, NoSuchBucket
from s3gw.swift.account import Account, Authority, Login
from s3gw.swift.authority import Nobody, Visitor
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.transport import Transport

_OF_OBJECTS = frozenset((Need.OBJECT_READ, Need.OBJECT_READ_ACP, Need.OBJECT_WRITE_ACP))
_ERRANDS: Mapping[Need, Errand] = MappingProxyType(
    {
        Need.BUCKET_READ: Errand.LOOK,
        Need.BUCKET_WRITE: Errand.WRITE,
        Need.BUCKET_READ_ACP: Errand.LOOK,
        Need.BUCKET_WRITE_ACP: Errand.SET,
    }
)


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
        return await self._stranger(caller, place, names, wish)

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

    async def _stranger(
        self, caller: Caller | None, place: Place, names: Names, wish: Wish
    ) -> Standing:
        """Somebody in another project's bucket."""
        who = None if caller is None else Who(caller.project_id, caller.credential.user_id)
        if self._services.settings.access.mode == "s3":
            stranger = Stranger(who, place, wish.bucket)
            return await self._by_acls(stranger, self._visitor(caller, place), names, wish.need)
        if decide("swift", who, wish.need, Known(place.owner.id)) is not Verdict.OWN_POWER:
            raise AccessDenied
        return self._visit(caller, place)

    async def _by_acls(
        self, stranger: Stranger, own: Authority, names: Names, need: Need
    ) -> Standing:
        """A stranger in mode s3: with a power of his own, or through the closed door."""
        acls, place = self._services.acls, stranger.place
        if need in _OF_OBJECTS:
            visit = Visit(self._transport, names.service, own, stranger, need, acls)
            return Standing(place, False, visit)
        if need not in _ERRANDS:
            raise AccessDenied
        url, errand = place.storage_url, _ERRANDS[need]
        door = Door(self._transport, names.service, url, stranger.bucket, errand)
        try:
            verdict, facts = await judge(door, acls, stranger, need)
        except NoSuchBucket:
            names.forget(stranger.bucket)
            raise
        match verdict:
            case Verdict.DENIED:
                raise AccessDenied
            case Verdict.OWN_POWER:
                return Standing(place, False, Account(self._transport, own))
            case Verdict.GRANTED:
                return Standing(place, False, door, facts)

    def _visit(self, caller: Caller | None, place: Place) -> Standing:
        account = Account(self._transport, self._visitor(caller, place))
        return Standing(place, False, account)

    def _visitor(self, caller: Caller | None, place: Place) -> Authority:
        """A caller's own power, or nobody's, at that place."""
        if caller is None:
            return Nobody(place.storage_url)
        return Visitor(CallerAuthority(self._authenticator, caller), place.storage_url)
