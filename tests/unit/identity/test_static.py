"""A file of keys instead of Keystone's credentials."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s3gw.config import ConfigError, Identity, Swift
from s3gw.identity.model import IdentityRefused, IdentityUnavailable
from s3gw.identity.static import StaticProvider
from tests.unit.identity.conftest import Lines
from tests.unit.identity.fakes import Clock
from tests.unit.identity.stub import Answer, Asked, Stub, token

KEYS = """
[keys.KEYSTONE]
secret = "s3cret-k"
[keys.KEYSTONE.login]
auth_type = "v3password"
auth_url = "{url}/v3"
username = "demo"
password = "p"
user_domain_id = "default"
project_id = "project"

[keys.V1]
secret = "s3cret-v"
[keys.V1.login]
auth_type = "v1"
auth_url = "{url}/auth/v1.0"
username = "test:tester"
password = "testing"
"""


@pytest.fixture
def file(tmp_path: Path, stub: Stub) -> Path:
    """The file, and servers that let its two users in."""
    endpoint = {"interface": "public", "region": "One", "url": "http://swift/v1/AUTH_project"}
    document = token(
        user={"id": "user", "name": "demo", "domain": {"id": "default"}},
        project={"id": "project", "name": "demo", "domain": {"id": "default"}},
        roles=[],
        catalog=[{"type": "object-store", "id": "swift", "endpoints": [endpoint]}],
    )

    def log_in(_asked: Asked) -> Answer:
        stub.logins += 1
        return Answer(201, document, {"X-Subject-Token": f"token-{stub.logins}"})

    stub.answers["POST", "/v3/auth/tokens"] = log_in
    headers = {"X-Storage-Url": "http://swift/v1/AUTH_test", "X-Auth-Token": "AUTH_tk"}
    stub.answers["GET", "/auth/v1.0"] = Answer(200, {}, headers | {"X-Auth-Token-Expires": "1800"})
    path = tmp_path / "keys.toml"
    path.write_text(KEYS.format(url=stub.url), encoding="utf-8")
    return path


def made(file: Path, **swift: str) -> StaticProvider:
    identity = Identity(provider="static", static_file=file, timeout=2)
    return StaticProvider(identity, Swift.model_validate(swift), Clock())


@pytest.fixture
async def keys(file: Path) -> AsyncIterator[StaticProvider]:
    provider = made(file)
    yield provider
    await provider.aclose()


async def test_a_key_is_of_the_project_that_its_login_is_for(
    keys: StaticProvider, stub: Stub
) -> None:
    found = await keys.credential("KEYSTONE")
    assert found is not None
    assert (found.access_key, found.secret) == ("KEYSTONE", "s3cret-k")
    assert (found.user_id, found.project_id) == ("user", "project")
    assert await keys.credential("KEYSTONE") == found
    assert stub.logins == 1


async def test_every_login_is_a_new_token(keys: StaticProvider) -> None:
    found = await keys.credential("KEYSTONE")
    assert found is not None
    first, second = await keys.login(found), await keys.login(found)
    assert (first.token, second.token) == ("token-2", "token-3")
    assert first.storage_url == "http://swift/v1/AUTH_project"
    assert first.expires_at == Clock()() + 3600
    assert (first.project_id, first.project_name) == ("project", "demo")


async def test_a_v1_login_is_of_the_account_that_its_url_names(file: Path) -> None:
    keys = made(file, storage_url_template="https://other/v1/AUTH_{project_id}")
    found = await keys.credential("V1")
    assert found is not None
    assert (found.user_id, found.project_id) == ("test:tester", "AUTH_test")
    login = await keys.login(found)
    assert (login.token, login.storage_url) == ("AUTH_tk", "http://swift/v1/AUTH_test")
    assert (login.project_id, login.project_name) == ("AUTH_test", "AUTH_test")
    assert abs(login.expires_at - Clock()() - 1800) < 1
    await keys.aclose()


async def test_a_v1_token_that_does_not_say_how_long_it_lives_is_kept_an_hour(
    keys: StaticProvider, stub: Stub
) -> None:
    headers = {"X-Storage-Url": "http://swift/v1/AUTH_test", "X-Auth-Token": "AUTH_tk"}
    stub.answers["GET", "/auth/v1.0"] = Answer(200, {}, headers)
    found = await keys.credential("V1")
    assert found is not None
    assert (await keys.login(found)).expires_at == Clock()() + 3600


async def test_another_key_is_unknown(keys: StaticProvider, stub: Stub) -> None:
    assert await keys.credential("NOBODY") is None
    assert stub.asked == []


@pytest.mark.parametrize("key", ["KEYSTONE", "V1"])
@pytest.mark.parametrize(
    ("status", "meaning"), [(401, IdentityRefused), (503, IdentityUnavailable)]
)
async def test_a_failing_login_means_the_same_as_with_keystone(
    keys: StaticProvider, stub: Stub, key: str, status: int, meaning: type[Exception]
) -> None:
    stub.answers = dict.fromkeys(stub.answers, Answer(status))
    with pytest.raises(meaning):
        await keys.credential(key)


async def test_a_login_without_a_project_is_a_refusal(keys: StaticProvider, stub: Stub) -> None:
    unscoped = token(user={"id": "user", "name": "demo", "domain": {"id": "default"}})
    stub.answers["POST", "/v3/auth/tokens"] = Answer(201, unscoped, {"X-Subject-Token": "t"})
    with pytest.raises(IdentityRefused, match="not scoped to a project"):
        await keys.credential("KEYSTONE")


def write(file: Path, text: str) -> None:
    """Replace the file as editors and configuration tools do."""
    file.with_suffix(".new").write_text(text, encoding="utf-8")
    file.with_suffix(".new").replace(file)


def remove(file: Path) -> None:
    file.unlink()


def edit(file: Path, old: str, new: str) -> None:
    """Replace a word of the file."""
    write(file, file.read_text(encoding="utf-8").replace(old, new))


async def test_a_key_that_is_taken_out_of_the_file_is_gone(
    keys: StaticProvider, file: Path
) -> None:
    found = await keys.credential("KEYSTONE")
    assert found is not None
    edit(file, "KEYSTONE", "OTHER")
    assert await keys.credential("KEYSTONE") is None
    with pytest.raises(IdentityRefused, match="is gone"):
        await keys.login(found)
    assert keys.access_keys == ("OTHER", "V1")


async def test_a_changed_secret_is_the_new_one(keys: StaticProvider, file: Path) -> None:
    old = await keys.credential("KEYSTONE")
    assert old is not None
    edit(file, "s3cret-k", "rotated")
    new = await keys.credential("KEYSTONE")
    assert new is not None
    assert new.secret == "rotated"
    with pytest.raises(IdentityRefused, match="another secret"):
        await keys.login(old)


async def test_a_file_that_became_wrong_is_silence_until_it_is_mended(
    keys: StaticProvider, file: Path, logs: Lines
) -> None:
    edit(file, "[keys.V1]\n", "[keys.V1\n")
    with pytest.raises(IdentityUnavailable, match="is not TOML"):
        await keys.credential("KEYSTONE")
    assert logs[0]["event"] == "static_file_wrong"
    edit(file, "[keys.V1\n", "[keys.V1]\n")
    assert await keys.credential("KEYSTONE") is not None


async def test_a_file_that_is_not_there_is_silence(keys: StaticProvider, file: Path) -> None:
    remove(file)
    with pytest.raises(IdentityUnavailable, match="cannot be read"):
        await keys.credential("KEYSTONE")


async def test_secrets_may_stand_in_files(keys: StaticProvider, file: Path) -> None:
    secret = file.with_name("secret")
    write(secret, "from the file\n")
    edit(file, 'secret = "s3cret-k"', f'secret_file = "{secret}"')
    found = await keys.credential("KEYSTONE")
    assert found is not None
    assert found.secret == "from the file"


LOGIN = 'login = {auth_type = "v1", auth_url = "http://s", username = "u", password = "p"}\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keys = 3", "must hold tables [keys.<access key>]"),
        ("other = 3", "must hold tables [keys.<access key>]"),
        ("[keys]\nA = 3", "keys.A: must be a table"),
        ("[keys.A]\n" + LOGIN, "keys.A.secret: is required"),
        ('[keys.A]\nsecret = ""\n' + LOGIN, "keys.A.secret: is required"),
        ("[keys.A]\nsecret = 3\n" + LOGIN, "keys.A.secret: is required"),
        ('[keys.A]\nsecret = "s"\nsecret_file = "f"\n' + LOGIN, "keys.A.secret: is required"),
        ('[keys.A]\nsecret_file = "/nowhere"\n' + LOGIN, "keys.A.secret_file: /nowhere cannot"),
        ('[keys.A]\nsecret = "s"\n', "keys.A.login: is required"),
        ('[keys.A]\nsecret = "s"\nsecrt = "s"\n' + LOGIN, "keys.A.secrt: is not a setting"),
        (
            '[keys.A]\nsecret = "s"\nlogin = {auth_type = "v1", pass = "p"}',
            "keys.A.login.pass: is not an option",
        ),
    ],
)
def test_a_wrong_file_is_an_error_at_the_start_that_names_the_key(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        made(path)
    assert str(caught.value).startswith(f"{path}: {said}")


def test_a_missing_file_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        made(tmp_path / "none.toml")
