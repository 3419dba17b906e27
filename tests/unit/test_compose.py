"""docker-compose.yml: it parses, and every file that it or a Dockerfile names is there."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from s3gw.operator_settings import Metrics
from s3gw.settings_file import load

ROOT = Path(__file__).parents[2]

Services = dict[str, dict[str, Any]]

GATEWAYS = {"gateway-1", "gateway-2"}
NAMES = {"haproxy", *GATEWAYS, "keystone", "swift", "memcached"}


@pytest.fixture
def services() -> Services:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    found: Services = yaml.safe_load(text)["services"]
    return found


def _compose() -> list[str]:
    """The command that is Docker's compose here, as a plugin or of its own; empty if none is."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) is None:
            continue
        asked = subprocess.run([*command, "version"], capture_output=True, check=False)  # noqa: S603 - one of the two above
        if asked.returncode == 0:
            return command
    return []


@pytest.mark.skipif(not _compose(), reason="neither docker compose nor docker-compose is here")
def test_docker_compose_understands_it() -> None:
    command = [*_compose(), "--file", str(ROOT / "docker-compose.yml"), "config", "--services"]
    run = subprocess.run(command, capture_output=True, check=False, text=True)  # noqa: S603 - as above
    assert run.returncode == 0, run.stderr
    assert set(run.stdout.split()) == NAMES


def test_the_services_are_built_from_files_under_config(services: Services) -> None:
    assert set(services) == NAMES
    for service in services.values():
        assert "image" not in service
        dockerfile = ROOT / service["build"]["context"] / service["build"]["dockerfile"]
        assert dockerfile.is_relative_to(ROOT / "config")
        assert dockerfile.is_file()


def test_every_file_that_an_image_copies_is_in_its_context(services: Services) -> None:
    for service in services.values():
        context = ROOT / service["build"]["context"]
        dockerfile = (context / service["build"]["dockerfile"]).read_text(encoding="utf-8")
        for line in re.findall(r"^COPY (?:--\S+ )*(.+)$", dockerfile, re.MULTILINE):
            for source in line.split()[:-1]:
                assert list(context.glob(source)), f"{source} is not in {context}"


def test_only_haproxy_is_published_and_only_on_loopback(services: Services) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"haproxy"}
    assert all(port.startswith("127.0.0.1:") for port in published["haproxy"])


def test_the_gateways_are_those_that_haproxy_knows(services: Services) -> None:
    config = (ROOT / "config" / "haproxy" / "haproxy.cfg").read_text(encoding="utf-8")
    servers = re.findall(r"^ +server (\S+) (\S+):(\d+)$", config, re.MULTILINE)
    assert {name for name, _, _ in servers} == GATEWAYS
    for name, host, port in servers:
        environment = services[name]["environment"]
        assert (host, port) == (name, environment["S3GW_SERVER__PORT"])
    assert f"port {Metrics().port} " in config
    (published,) = services["haproxy"]["ports"]
    assert f"bind :{published.rpartition(':')[2]}\n" in config
    assert set(services["haproxy"]["depends_on"]) == GATEWAYS


def test_the_gateways_have_settings_that_there_are(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (services[name] for name in sorted(GATEWAYS))
    assert one == two
    for name, value in one["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(\w+)\}", r"\1", value))
    settings = load(None)
    assert settings.metrics.host == settings.server.host == "0.0.0.0"  # noqa: S104 - in a container
    assert len(settings.proxy.trusted) == 3
    patience = float(one["stop_grace_period"].removesuffix("s"))
    assert patience > settings.server.drain + 2 * settings.server.grace


def test_every_variable_has_a_default(services: Services) -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    variables = re.findall(r"\$\{([^}]+)\}", text)
    assert len(variables) >= 4
    assert [variable for variable in variables if ":-" not in variable] == []
    assert services
