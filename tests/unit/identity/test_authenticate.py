"""Who signed a request, in S3's own words when nobody did."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from s3gw.identity import authenticate
from s3gw.identity.authenticate import Authenticated, Authenticator
from s3gw.identity.model import Caller, IdentityRefused, IdentityUnavailable, IdentityUnclear
from s3gw.s3.errors import (
    AccessDenied,
    InternalError,
    InvalidAccessKeyId,
    RequestTimeTooSkewed,
    ServiceUnavailable,
    SignatureDoesNotMatch,
    SlowDown,
)
from s3gw.s3.payload import PayloadMode
from s3gw.s3.request import Headers, Request, Target
from s3gw.s3.signature import Claim, SignatureRules
from s3gw.s3.signing import DerivedKey, Signing
from tests.unit.identity.fakes import (
    SECRET,
    Clock,
    FakeProvider,
    at_once,
    credential,
    settings,
)
from tests.unit.s3 import signed
from tests.unit.s3.signed import claim_of

RULES = SignatureRules("RegionOne")
REQUEST = Request("GET", "/b/k", "", Headers([]))
SIGNING = Signing(b"key", "20260101T000000Z", "scope", "signature")


@dataclass
class FakeClaim:
    """A claim that a secret verifies if it is the one it was made with."""

    secret: str = SECRET
    access_key: str = "AK"
    presigned: bool = False
    payload: PayloadMode = field(init=False)
    ordinary_in_query: frozenset[str] = frozenset()
    tried: list[str] = field(default_factory=list)

    def covers(self, subresource: str) -> bool:
        del subresource
        return True

    def verify(self, secret: str, derived: DerivedKey | None = None) -> Signing:
        del derived
        self.tried.append(secret)
        if secret != self.secret:
            raise SignatureDoesNotMatch(StringToSign="…")
        return SIGNING


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keystone(clock: Clock) -> FakeProvider:
    return FakeProvider(clock, {"AK": credential()})


@pytest.fixture
async def gate(keystone: FakeProvider, clock: Clock) -> AsyncIterator[Authenticator]:
    made = Authenticator(keystone, settings(unknown_key_rate=5), RULES, clock)
    yield made
    await made.aclose()
    assert keystone.closed


async def test_a_request_without_signature_is_anonymous(
    gate: Authenticator, keystone: FakeProvider
) -> None:
    found = await gate.authenticate(REQUEST, Target("b", "k"))
    assert found == Authenticated(None, None, None)
    assert keystone.asked == []


async def test_what_needs_no_secret_is_refused_before_anybody_asks_for_one(
    gate: Authenticator, keystone: FakeProvider, clock: Clock
) -> None:
    long_ago = datetime.fromtimestamp(clock() - 3600, UTC)
    headers = Headers(
        [
            ("host", "h"),
            ("x-amz-date", f"{long_ago:%Y%m%dT%H%M%SZ}"),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            (
                "authorization",
                f"AWS4-HMAC-SHA256 Credential=AK/{long_ago:%Y%m%d}/RegionOne/s3/aws4_request,"
                "SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=" + "0" * 64,
            ),
        ]
    )
    with pytest.raises(RequestTimeTooSkewed):
        await gate.authenticate(Request("GET", "/b", "", headers), Target("b"))
    assert keystone.asked == []


async def test_authenticate_verifies_the_claim_of_the_request(
    gate: Authenticator, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    times = []

    def read_claim(
        _request: Request, _target: Target, rules: SignatureRules, now: datetime
    ) -> Claim:
        assert rules is RULES
        times.append(now)
        return FakeClaim()

    monkeypatch.setattr(authenticate, "read_claim", read_claim)
    found = await gate.authenticate(REQUEST, Target("b", "k"))
    assert found.caller == Caller(credential())
    assert times == [datetime.fromtimestamp(clock(), UTC)]


async def test_a_good_signature_gives_the_caller_and_what_its_chunks_go_on_from(
    gate: Authenticator,
) -> None:
    claim = FakeClaim()
    found = await gate.verify(claim)
    assert found == Authenticated(Caller(credential()), claim, SIGNING)
    assert claim.tried == [SECRET]


async def test_what_is_derived_of_a_secret_goes_with_it(
    gate: Authenticator, keystone: FakeProvider, clock: Clock
) -> None:
    claim = claim_of(signed.v4("GET", "k", {}, []))
    keystone.keys[signed.ACCESS_KEY] = old = credential(signed.ACCESS_KEY, signed.SECRET)
    assert (await gate.verify(claim)).signing is not None
    assert (await gate.verify(claim)).caller == Caller(old)
    assert old.derived.key
    keystone.keys[signed.ACCESS_KEY] = new = credential(signed.ACCESS_KEY, "rotated")
    clock.now += 61
    with pytest.raises(SignatureDoesNotMatch):
        await gate.verify(claim)
    assert not new.derived.key
    same = credential(signed.ACCESS_KEY, signed.SECRET)
    assert (hash(same), same, repr(same)) == (hash(old), old, repr(old))


async def test_a_warm_request_waits_for_nothing(gate: Authenticator) -> None:
    found = await gate.verify(FakeClaim())
    assert found.caller is not None
    await gate.login(found.caller)
    assert at_once(gate.verify(FakeClaim())) is not None
    assert at_once(gate.login(found.caller)).token == "token-1"


async def test_an_unknown_key_is_named(gate: Authenticator) -> None:
    with pytest.raises(InvalidAccessKeyId) as caught:
        await gate.verify(FakeClaim(access_key="NOBODY"))
    assert caught.value.details == {"AWSAccessKeyId": "NOBODY"}


async def test_a_key_longer_than_any_is_not_looked_up(
    gate: Authenticator, keystone: FakeProvider
) -> None:
    with pytest.raises(InvalidAccessKeyId):
        await gate.verify(FakeClaim(access_key="A" * 129))
    assert keystone.asked == []


async def test_a_wrong_signature_is_refused_without_a_second_read(
    gate: Authenticator, keystone: FakeProvider
) -> None:
    claim = FakeClaim(secret="guess")
    with pytest.raises(SignatureDoesNotMatch) as caught:
        await gate.verify(claim)
    assert caught.value.details == {"StringToSign": "…"}
    assert (keystone.asked, claim.tried) == (["AK"], [SECRET])


async def test_a_wrong_signature_makes_a_cached_secret_be_read_once_more(
    gate: Authenticator, keystone: FakeProvider, clock: Clock
) -> None:
    await gate.verify(FakeClaim())
    for _ in range(10):
        clock.now += 0.1
        with pytest.raises(SignatureDoesNotMatch):
            await gate.verify(FakeClaim(secret="guess"))
    assert keystone.asked == ["AK", "AK"]


async def test_a_rotated_secret_works_at_once_and_the_old_token_goes(
    gate: Authenticator, keystone: FakeProvider, clock: Clock
) -> None:
    before = await gate.verify(FakeClaim())
    assert before.caller is not None
    await gate.login(before.caller)
    keystone.keys["AK"] = credential(secret="rotated")
    clock.now += 1
    claim = FakeClaim(secret="rotated")
    found = await gate.verify(claim)
    assert found.caller == Caller(credential(secret="rotated"))
    assert claim.tried == [SECRET, "rotated"]
    with pytest.raises(SignatureDoesNotMatch):
        await gate.verify(FakeClaim())
    assert (await gate.login(found.caller)).token == "token-2"
    assert (await gate.login(before.caller)).token == "token-3"


async def test_a_key_that_vanished_is_unknown_at_a_mismatch(
    gate: Authenticator, keystone: FakeProvider, clock: Clock
) -> None:
    await gate.verify(FakeClaim())
    del keystone.keys["AK"]
    clock.now += 1
    with pytest.raises(InvalidAccessKeyId):
        await gate.verify(FakeClaim(secret="guess"))


async def test_a_cached_token_opens_no_door_once_the_secret_is_old(
    gate: Authenticator, keystone: FakeProvider, clock: Clock
) -> None:
    found = await gate.verify(FakeClaim())
    assert found.caller is not None
    await gate.login(found.caller)
    del keystone.keys["AK"]
    clock.now += 60
    with pytest.raises(InvalidAccessKeyId):
        await gate.verify(FakeClaim())
    keystone.failure = IdentityRefused("404")
    with pytest.raises(AccessDenied):
        await gate.login(found.caller)


async def test_silence_is_service_unavailable_for_an_unknown_key(
    gate: Authenticator, keystone: FakeProvider, clock: Clock
) -> None:
    await gate.verify(FakeClaim())
    clock.now += 60
    keystone.failure = IdentityUnavailable("timeout")
    assert (await gate.verify(FakeClaim())).caller == Caller(credential())
    assert gate.stale_uses == 1
    with pytest.raises(ServiceUnavailable):
        await gate.verify(FakeClaim(access_key="NEW"))


async def test_a_refused_service_user_is_our_fault_not_an_unknown_key(
    gate: Authenticator, keystone: FakeProvider
) -> None:
    keystone.failure = IdentityRefused("403 identity:get_credential")
    with pytest.raises(InternalError) as caught:
        await gate.verify(FakeClaim())
    assert "get_credential" not in caught.value.message


async def test_an_unclear_answer_is_repeated_and_lets_no_old_secret_go_on(
    gate: Authenticator, keystone: FakeProvider, clock: Clock
) -> None:
    await gate.verify(FakeClaim())
    clock.now += 60
    keystone.failure = IdentityUnclear("429")
    with pytest.raises(ServiceUnavailable):
        await gate.verify(FakeClaim())
    assert gate.stale_uses == 0
    keystone.failure = None
    assert (await gate.verify(FakeClaim())).caller == Caller(credential())


async def test_too_many_guesses_are_slowed_down(gate: Authenticator) -> None:
    for number in range(5):
        with pytest.raises(InvalidAccessKeyId):
            await gate.verify(FakeClaim(access_key=f"GUESS{number}"))
    with pytest.raises(SlowDown):
        await gate.verify(FakeClaim(access_key="GUESS5"))


@pytest.mark.parametrize(
    ("failure", "answer"),
    [
        (IdentityRefused("401"), AccessDenied),
        (IdentityUnclear("429"), ServiceUnavailable),
        (IdentityUnavailable("timeout"), ServiceUnavailable),
    ],
)
async def test_a_login_that_fails_is_an_s3_error(
    gate: Authenticator, keystone: FakeProvider, failure: Exception, answer: type[Exception]
) -> None:
    keystone.failure = failure
    with pytest.raises(answer):
        await gate.login(Caller(credential()))


async def test_a_forgotten_token_is_minted_again_and_only_once(gate: Authenticator) -> None:
    caller = Caller(credential())
    first = await gate.login(caller)
    gate.forget(caller, first)
    second = await gate.login(caller)
    gate.forget(caller, first)
    assert (await gate.login(caller)) is second
    assert second.token == "token-2"
