"""What Keystone's answers mean, against a Keystone of canned answers."""

import logging
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta

import pytest

from s3gw.config import ConfigError, Identity, Swift
from s3gw.identity.keystone import KeystoneProvider
from s3gw.identity.model import Credential, IdentityRefused, IdentityUnavailable, IdentityUnclear
from tests.unit.identity.conftest import Lines
from tests.unit.identity.fakes import Clock
from tests.unit.identity.stub import (
    ACCESS_KEY,
    CREDENTIAL,
    NOW,
    SECRET,
    Answer,
    Asked,
    Stub,
    ec2,
    user_token,
)

KNOWN = Credential(ACCESS_KEY, SECRET, "user", "project")
SERVICE = {"username": "s3gw", "password": "p", "user_domain_id": "default", "system_scope": "all"}


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW.timestamp())


def made(url: str, clock: Clock, **swift: object) -> KeystoneProvider:
    identity = Identity(auth_url=url, service=SERVICE, timeout=2)
    return KeystoneProvider(identity, Swift.model_validate(swift), clock)


@pytest.fixture
async def keystone(stub: Stub, clock: Clock) -> AsyncIterator[KeystoneProvider]:
    provider = made(stub.url, clock)
    yield provider
    await provider.aclose()


@pytest.fixture
def dead_url() -> Iterator[str]:
    """A port that is taken, where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v3"


async def test_a_secret_is_read_by_the_hash_of_its_key(
    keystone: KeystoneProvider, stub: Stub
) -> None:
    assert await keystone.credential(ACCESS_KEY) == KNOWN
    assert await keystone.credential(ACCESS_KEY) == KNOWN
    assert stub.paths() == [f"GET {CREDENTIAL}"] * 2
    assert stub.logins == 1
    assert stub.asked[-1].token == "service-1"


async def test_the_service_user_is_logged_in_as_the_settings_say(
    keystone: KeystoneProvider, stub: Stub
) -> None:
    await keystone.credential(ACCESS_KEY)
    [login] = [asked.body["auth"] for asked in stub.asked if asked.path == "/v3/auth/tokens"]
    assert login["scope"] == {"system": {"all": True}}
    assert login["identity"]["password"]["user"]["name"] == "s3gw"


@pytest.mark.parametrize("key", ["NOBODY", "ключ", "\udcff", ""])
async def test_an_unknown_key_is_none_whatever_it_is_made_of(
    keystone: KeystoneProvider, key: str
) -> None:
    assert await keystone.credential(key) is None


@pytest.mark.parametrize(
    "odd",
    [
        ec2(type="totp"),
        ec2(blob='{"access": "another", "secret": "s"}'),
        ec2(blob='{"access": "AKEXAMPLE"}'),
        ec2(blob='{"access": "AKEXAMPLE", "secret": ["s"]}'),
        ec2(blob='{"access": "AKEXAMPLE", "secret": ""}'),
        ec2(blob='"AKEXAMPLE"'),
        ec2(project_id=None),
    ],
)
async def test_a_credential_that_is_none_of_ours_is_unknown(
    keystone: KeystoneProvider, stub: Stub, odd: Answer
) -> None:
    stub.answers["GET", CREDENTIAL] = odd
    assert await keystone.credential(ACCESS_KEY) is None


@pytest.mark.parametrize(
    "odd", [Answer(200, "<html>"), Answer(200, {}), Answer(200, []), ec2(blob="{"), ec2(blob=None)]
)
async def test_an_answer_that_makes_no_sense_is_a_refusal(
    keystone: KeystoneProvider, stub: Stub, odd: Answer
) -> None:
    stub.answers["GET", CREDENTIAL] = odd
    with pytest.raises(IdentityUnclear, match="makes no sense"):
        await keystone.credential(ACCESS_KEY)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
async def test_a_5xx_is_silence(keystone: KeystoneProvider, stub: Stub, status: int) -> None:
    stub.fail(status)
    with pytest.raises(IdentityUnavailable):
        await keystone.credential(ACCESS_KEY)
    with pytest.raises(IdentityUnavailable):
        await keystone.login(KNOWN)


async def test_too_many_requests_are_neither_yes_nor_no(
    keystone: KeystoneProvider, stub: Stub
) -> None:
    stub.fail(429)
    with pytest.raises(IdentityUnclear):
        await keystone.credential(ACCESS_KEY)
    with pytest.raises(IdentityUnclear):
        await keystone.login(KNOWN)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 409])
async def test_any_other_answer_is_a_refusal(
    keystone: KeystoneProvider, stub: Stub, status: int, logs: Lines
) -> None:
    stub.fail(status)
    with pytest.raises(IdentityRefused):
        await keystone.credential(ACCESS_KEY)
    assert logs[0]["event"] == "ec2_secrets_not_readable"
    with pytest.raises(IdentityRefused):
        await keystone.login(KNOWN)


@pytest.mark.parametrize("status", [500, 503])
async def test_a_login_of_the_service_user_that_fails_with_a_5xx_is_silence(
    keystone: KeystoneProvider, stub: Stub, status: int
) -> None:
    stub.answers["POST", "/v3/auth/tokens"] = Answer(status)
    with pytest.raises(IdentityUnavailable):
        await keystone.credential(ACCESS_KEY)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_login_of_the_service_user_that_is_refused_is_a_refusal_and_logged(
    keystone: KeystoneProvider, stub: Stub, status: int, logs: Lines
) -> None:
    stub.answers["POST", "/v3/auth/tokens"] = Answer(status)
    with pytest.raises(IdentityRefused):
        await keystone.credential(ACCESS_KEY)
    assert logs[0]["event"] == "service_user_refused"


@pytest.mark.parametrize("path", ["", "/identity"])
async def test_a_dead_keystone_is_silence_wherever_its_api_lies(
    dead_url: str, clock: Clock, path: str
) -> None:
    provider = made(dead_url.replace("/v3", f"{path}/v3"), clock)
    with pytest.raises(IdentityUnavailable):
        await provider.credential(ACCESS_KEY)
    with pytest.raises(IdentityUnavailable):
        await provider.login(KNOWN)
    await provider.aclose()


async def test_a_server_that_is_no_keystone_is_a_refusal(stub: Stub, clock: Clock) -> None:
    provider = made(f"{stub.url}/elsewhere", clock)
    with pytest.raises(IdentityRefused):
        await provider.credential(ACCESS_KEY)
    await provider.aclose()


async def test_a_keystone_that_dies_later_is_silence(
    clock: Clock, stub: Stub, dead_url: str
) -> None:
    provider = made(stub.url, clock)
    await provider.credential(ACCESS_KEY)
    provider.client.url = dead_url
    with pytest.raises(IdentityUnavailable):
        await provider.credential(ACCESS_KEY)
    await provider.aclose()


async def test_a_keystone_that_hangs_is_silence(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v3"
        identity = Identity(
            auth_url=url, service=SERVICE | {"auth_type": "v3password"}, timeout=0.1
        )
        provider = KeystoneProvider(identity, Swift(), clock)
        with pytest.raises(IdentityUnavailable, match="timed out"):
            await provider.credential(ACCESS_KEY)
        await provider.aclose()


async def test_a_service_token_that_ran_out_is_renewed_once(
    keystone: KeystoneProvider, stub: Stub
) -> None:
    await keystone.credential(ACCESS_KEY)
    stub.answers["GET", CREDENTIAL] = lambda asked: (
        ec2() if asked.token == "service-2" else Answer(401)
    )
    assert await keystone.credential(ACCESS_KEY) == KNOWN
    assert stub.logins == 2
    stub.answers["GET", CREDENTIAL] = Answer(401)
    with pytest.raises(IdentityRefused):
        await keystone.credential(ACCESS_KEY)
    assert stub.logins == 3


async def test_the_operator_hears_of_a_missing_right_once_a_minute(
    keystone: KeystoneProvider, stub: Stub, clock: Clock, logs: Lines
) -> None:
    stub.answers["GET", CREDENTIAL] = Answer(403, {"error": {"message": "identity:get_credential"}})
    for seconds in (0, 59, 1):
        clock.now += seconds
        with pytest.raises(IdentityRefused, match="identity:get_credential"):
            await keystone.credential(ACCESS_KEY)
    assert [line["keystone"] for line in logs] == ["403 identity:get_credential"] * 2
    assert "reader" in logs[0]["advice"]


async def test_a_token_is_minted_with_the_users_own_signature(
    keystone: KeystoneProvider, stub: Stub, clock: Clock
) -> None:
    login = await keystone.login(KNOWN)
    assert login.token == "token-of-the-user"
    assert login.storage_url == f"{stub.url}/v1/AUTH_project"
    assert login.expires_at == clock() + 3600
    assert (login.project_id, login.project_name) == ("project", "demo")
    asked = stub.asked[-1]
    assert asked.token == "service-1"
    sent = asked.body["credentials"]
    assert sent["access"] == ACCESS_KEY
    assert set(sent["headers"]) == {"Host", "X-Amz-Date", "Authorization"}
    assert SECRET not in str(sent)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refused_token_is_a_refusal(
    keystone: KeystoneProvider, stub: Stub, status: int
) -> None:
    stub.answers["POST", "/v3/ec2tokens"] = Answer(status, {"error": {"message": "because"}})
    with pytest.raises(IdentityRefused, match=f"{status} because"):
        await keystone.login(KNOWN)


async def test_a_token_for_another_project_is_not_used(
    keystone: KeystoneProvider, stub: Stub
) -> None:
    stub.answers["POST", "/v3/ec2tokens"] = user_token("http://swift/v1/AUTH_other", "other")
    with pytest.raises(IdentityRefused, match="another project"):
        await keystone.login(KNOWN)


async def test_an_answer_without_a_token_is_a_refusal(
    keystone: KeystoneProvider, stub: Stub
) -> None:
    answer = user_token("http://swift/v1/AUTH_project")
    stub.answers["POST", "/v3/ec2tokens"] = Answer(200, answer.document)
    with pytest.raises(IdentityRefused, match="no token"):
        await keystone.login(KNOWN)


@pytest.mark.parametrize(
    ("swift", "url"),
    [
        ({"region": "Two"}, "http://two/v1/AUTH_project"),
        ({"interface": "internal"}, "http://internal/v1/AUTH_project"),
        ({"storage_url_template": "https://s/v1/A_{project_id}/"}, "https://s/v1/A_project"),
    ],
)
async def test_the_storage_url_is_chosen_by_the_settings(
    stub: Stub, clock: Clock, swift: dict[str, str], url: str
) -> None:
    provider = made(stub.url, clock, **swift)
    assert (await provider.login(KNOWN)).storage_url == url
    await provider.aclose()


@pytest.mark.parametrize(
    "swift", [{"region": "Three"}, {"interface": "admin"}, {"service_type": "volume"}]
)
async def test_a_catalog_without_swift_is_a_refusal(
    stub: Stub, clock: Clock, swift: dict[str, str]
) -> None:
    provider = made(stub.url, clock, **swift)
    with pytest.raises(IdentityRefused, match=r"no .* endpoint of type"):
        await provider.login(KNOWN)
    await provider.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "/v1/AUTH_project",
        "ftp://swift/v1",
        "http:///v1",
        "http://user@swift/v1",
        "http://swift/v1?x",
        "http://swift/v1#x",
        "http://swift:port/v1",
        "http://swift/v1\r\nX: y",
    ],
)
async def test_only_an_absolute_http_url_is_a_storage_url(
    keystone: KeystoneProvider, stub: Stub, url: str
) -> None:
    stub.answers["POST", "/v3/ec2tokens"] = user_token(url)
    with pytest.raises(IdentityRefused, match="is not the URL of a Swift account"):
        await keystone.login(KNOWN)


def signed_at(asked: Asked) -> datetime:
    return datetime.fromisoformat(asked.body["credentials"]["headers"]["X-Amz-Date"])


async def test_keystones_clock_is_taken_when_ours_is_off(
    keystone: KeystoneProvider, stub: Stub, clock: Clock, logs: Lines
) -> None:
    clock.now -= 7200
    login = await keystone.login(KNOWN)
    assert stub.date is not None
    assert abs(signed_at(stub.asked[-1]) - stub.date) < timedelta(seconds=2)
    assert login.expires_at == clock() + 3600
    assert [line["event"] for line in logs] == ["clock_differs_from_keystone"]


async def test_a_small_difference_of_the_clocks_is_left_alone(
    keystone: KeystoneProvider, stub: Stub, clock: Clock, logs: Lines
) -> None:
    clock.now -= 30
    await keystone.login(KNOWN)
    assert abs(signed_at(stub.asked[-1]).timestamp() - clock()) < 1
    assert logs == []


async def test_a_clock_that_was_set_in_between_costs_one_more_attempt(
    keystone: KeystoneProvider, stub: Stub, clock: Clock
) -> None:
    await keystone.login(KNOWN)
    clock.now -= 7200
    good = user_token("http://swift/v1/AUTH_project")

    def strict(asked: Asked) -> Answer:
        assert stub.date is not None
        return good if signed_at(asked) > stub.date - timedelta(minutes=15) else Answer(401)

    stub.answers["POST", "/v3/ec2tokens"] = strict
    assert (await keystone.login(KNOWN)).token == "token-of-the-user"


async def test_without_a_date_our_own_clock_serves(
    keystone: KeystoneProvider, stub: Stub, clock: Clock
) -> None:
    stub.date = None
    clock.now -= 7200
    await keystone.login(KNOWN)
    assert abs(signed_at(stub.asked[-1]).timestamp() - clock()) < 1


async def test_neither_secret_nor_token_is_logged_even_at_debug_level(
    keystone: KeystoneProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await keystone.credential(ACCESS_KEY)
    await keystone.login(KNOWN)
    assert SECRET not in caplog.text
    assert "token-of-the-user" not in caplog.text
    assert "service-1" not in caplog.text
    assert '"p"' not in caplog.text


@pytest.mark.parametrize("url", ["keystone/v3", "ftp://keystone", "http://"])
def test_an_auth_url_that_is_none_is_an_error_at_the_start(url: str, clock: Clock) -> None:
    with pytest.raises(ConfigError, match=r"identity\.auth_url"):
        made(url, clock)


def test_a_misspelt_option_of_the_service_user_is_an_error_at_the_start(clock: Clock) -> None:
    identity = Identity(auth_url="http://keystone", service=SERVICE | {"system_scop": "all"})
    with pytest.raises(ConfigError, match=r"identity\.service\.system_scop"):
        KeystoneProvider(identity, Swift(), clock)


async def test_the_service_user_reads_the_name_of_a_project(
    keystone: KeystoneProvider, stub: Stub
) -> None:
    stub.answers["GET", "/v3/projects/7e57"] = Answer(document={"project": {"name": "Research"}})
    assert await keystone.project_name("7e57") == "Research"
    assert stub.asked[-1].token == "service-1"


@pytest.mark.parametrize("status", [403, 404])
async def test_a_project_that_is_not_shown_has_no_name(
    keystone: KeystoneProvider, stub: Stub, status: int
) -> None:
    stub.answers["GET", "/v3/projects/7e57"] = Answer(status)
    assert await keystone.project_name("7e57") is None


async def test_the_id_of_a_project_bends_no_url(keystone: KeystoneProvider, stub: Stub) -> None:
    assert await keystone.project_name("../users/x?y") is None
    assert stub.asked[-1].path == "/v3/projects/..%2Fusers%2Fx%3Fy"
