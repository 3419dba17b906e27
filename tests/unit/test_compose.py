"""docker-compose.yml: it parses, and every file that it or a Dockerfile names is there."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]

Services = dict[str, dict[str, Any]]


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
    assert set(run.stdout.split()) == {"gateway", "keystone", "swift", "memcached"}


def test_the_four_services_are_built_from_files_under_config(services: Services) -> None:
    assert set(services) == {"gateway", "keystone", "swift", "memcached"}
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


def test_only_the_gateway_is_published_and_only_on_loopback(services: Services) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"gateway"}
    assert all(port.startswith("127.0.0.1:") for port in published["gateway"])


def test_every_variable_has_a_default(services: Services) -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    variables = re.findall(r"\$\{([^}]+)\}", text)
    assert len(variables) >= 4
    assert [variable for variable in variables if ":-" not in variable] == []
    assert services
