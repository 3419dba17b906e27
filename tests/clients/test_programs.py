"""A client that is not there, told for what it is."""

from pathlib import Path

import pytest

from tests.clients.programs import clean_environment, found


def test_a_missing_client_is_skipped_with_its_name_and_fails_in_ci(tmp_path: Path) -> None:
    nowhere = {"PATH": str(tmp_path)}
    with pytest.raises(pytest.skip.Exception, match="no-such-client is not installed"):
        found("no-such-client", nowhere)
    with pytest.raises(pytest.fail.Exception, match="no-such-client is not installed"):
        found("no-such-client", {**nowhere, "CI": "true"})


def test_nothing_of_the_callers_environment_reaches_a_client(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_CA_BUNDLE", "AWS_PROFILE", "HTTP_PROXY", "https_proxy", "RCLONE_CONFIG"):
        monkeypatch.setenv(name, "the caller's")
    environment = clean_environment(tmp_path / "home", AWS_REGION="ours")
    assert set(environment) == {"PATH", "HOME", "LC_ALL", "AWS_REGION"}
    assert "the caller's" not in environment.values()
