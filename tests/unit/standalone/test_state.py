"""state.json: what is remembered, and when a directory is refused because of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from s3gw.standalone.directory import Layout
from s3gw.standalone.exits import Exit, StandaloneError
from s3gw.standalone.state import State, Tenant, fresh, load, save

TENANT = Tenant("project", "user", "access", "secret")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A directory in which a first start came to its end."""
    layout = Layout(tmp_path)
    layout.make()
    (layout.keystone / "keystone.db").touch()
    save(layout, replace(fresh(), tenant=TENANT, ports={"proxy": 1}))
    return layout


def _refusal(layout: Layout) -> str:
    with pytest.raises(StandaloneError) as caught:
        load(layout)
    assert caught.value.code is Exit.INCOMPLETE
    assert str(caught.value).startswith(str(layout.root))
    return str(caught.value)


def test_an_empty_directory_gets_secrets_of_its_own(tmp_path: Path) -> None:
    first, second = load(Layout(tmp_path)), load(Layout(tmp_path))
    assert set(first.passwords) == {"admin", "swift", "s3gw", "demo"}
    assert len({*first.passwords.values(), *second.passwords.values()}) == 8
    assert first.hash_suffix != second.hash_suffix
    assert first.acl_key != second.acl_key
    assert first.tenant is None


def test_what_is_saved_is_found_again(layout: Layout) -> None:
    state = load(layout)
    assert state.owner == TENANT
    assert state.ports == {"proxy": 1}
    save(layout, state)
    assert load(layout) == state
    assert layout.state.stat().st_mode & 0o777 == 0o600


def test_no_secret_shows_in_a_repr(layout: Layout) -> None:
    state = load(layout)
    shown = repr(state)
    hidden = [*state.passwords.values(), state.hash_prefix, state.hash_suffix, state.acl_key]
    hidden.append("secret")
    assert not [secret for secret in hidden if secret in shown]
    assert "access" in shown


def test_a_directory_from_before_acls_gets_a_key_for_them(layout: Layout) -> None:
    document = json.loads(layout.state.read_text(encoding="utf-8"))
    del document["acl_key"]
    layout.state.write_text(json.dumps(document), encoding="utf-8")
    assert len(load(layout).acl_key) >= 32


def test_files_without_a_state_are_refused(layout: Layout) -> None:
    layout.state.unlink()
    assert "holds files, but no state.json" in _refusal(layout)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"ports"', ""),
        ('"version": 1', '"version": 2'),
        ('"swift"', '"swoft"'),
        ('"hash_prefix"', '"hash"'),
        ('"user_id"', '"user"'),
    ],
)
def test_a_state_that_is_strange_is_refused(layout: Layout, old: str, new: str) -> None:
    text = layout.state.read_text(encoding="utf-8")
    assert old in text
    layout.state.write_text(text.replace(old, new), encoding="utf-8")
    assert "cannot be read" in _refusal(layout)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b"null", b"\xff"])
def test_a_state_that_is_cut_off_is_refused(layout: Layout, content: bytes) -> None:
    layout.state.write_bytes(content)
    assert "cannot be read" in _refusal(layout)


def test_a_first_start_that_did_not_end_is_refused(layout: Layout) -> None:
    unfinished: State = fresh()
    save(layout, unfinished)
    assert "did not come to its end" in _refusal(layout)
    with pytest.raises(LookupError):
        _ = unfinished.owner


def test_a_directory_without_its_database_is_refused(layout: Layout) -> None:
    (layout.keystone / "keystone.db").unlink()
    assert "lacks keystone/keystone.db" in _refusal(layout)


def test_a_directory_without_its_objects_is_refused(layout: Layout) -> None:
    layout.device.rmdir()
    assert "lacks node/d1" in _refusal(layout)
