"""config/systemd and config/kubernetes: they parse, and name only what the gateway has."""

import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import click
import kubernetes_validate
import pytest
import yaml

from s3gw.cli import main
from s3gw.config import PREFIX, Server, Settings
from s3gw.endpoints import PATHS
from tests.clients.programs import found

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "config" / "systemd" / "s3gw.service"
KUBERNETES = ROOT / "config" / "kubernetes"
INSTALLED = "/opt/s3gw/bin/s3gw"

Manifest = dict[str, Any]


def parsed(*command: str) -> click.Context:
    """A command as the `s3gw` program takes it; raises click's UsageError for what it does not."""
    program, name, *options = command
    assert PurePosixPath(program).name == "s3gw"
    return main.commands[name].make_context(name, options)


def unit() -> dict[str, list[str]]:
    """The unit's settings, each with its values in order."""
    settings: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            settings.setdefault(name, []).append(value)
    return settings


def test_the_unit_starts_a_command_that_there_is() -> None:
    (command,) = unit()["ExecStart"]
    context = parsed(*shlex.split(command))
    assert context.params["config"] == Path("/etc/s3gw/s3gw.toml")
    assert context.params["workers"] > 1


def test_the_unit_lets_the_first_process_tell_the_workers_and_waits_for_them() -> None:
    (mode,), (patience,) = unit()["KillMode"], unit()["TimeoutStopSec"]
    assert mode == "mixed"
    assert int(patience) >= 2 * Server().grace + 15  # for server.drain, and a little more


def test_systemd_accepts_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    analyze = found("systemd-analyze")
    # That the program is there, systemd checks too.
    program = Path(sys.executable).with_name("s3gw")
    copy = tmp_path / "s3gw.service"
    copy.write_text(UNIT.read_text(encoding="utf-8").replace(INSTALLED, str(program)))
    offline = ["security", "--offline=yes", "--threshold=20", "--no-pager"]
    for arguments in (["verify", "--man=no"], offline):
        done = subprocess.run(  # noqa: S603 - of the system
            [analyze, *arguments, copy], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "s3gw.service:" not in done.stderr, done.stderr  # it names lines that it ignores


def manifests() -> Iterator[Manifest]:
    for path in sorted(KUBERNETES.glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def of_kind(kind: str) -> Manifest:
    (manifest,) = [manifest for manifest in manifests() if manifest["kind"] == kind]
    return manifest


@pytest.fixture
def pod() -> Manifest:
    """What the Deployment makes."""
    template: Manifest = of_kind("Deployment")["spec"]["template"]
    return template


@pytest.fixture
def container(pod: Manifest) -> Manifest:
    (only,) = pod["spec"]["containers"]
    return dict(only)


def environment(container: Manifest) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container["env"]}


def settings(container: Manifest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What the gateway in the container reads."""
    for name, value in environment(container).items():
        monkeypatch.setenv(name, value)
    document = tomllib.loads(of_kind("ConfigMap")["data"]["s3gw.toml"])
    return Settings(**document)  # raises for what is not a setting


@pytest.mark.parametrize("manifest", list(manifests()), ids=lambda manifest: str(manifest["kind"]))
def test_kubernetes_knows_all_that_a_manifest_says(manifest: Manifest) -> None:
    kubernetes_validate.validate(manifest, "1.30", strict=True)


def test_all_that_a_gateway_needs_is_there() -> None:
    kinds = "ConfigMap Deployment HorizontalPodAutoscaler PodDisruptionBudget Secret Service"
    assert sorted(manifest["kind"] for manifest in manifests()) == kinds.split()


def test_its_ports_are_those_of_its_settings(
    container: Manifest, pod: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(container, monkeypatch)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"s3": given.server.port, "operator": given.metrics.port}
    assert (given.server.host, given.metrics.host) == ("0.0.0.0", "0.0.0.0")  # noqa: S104 - in a pod
    annotations = pod["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(ports["operator"])
    assert annotations["prometheus.io/path"] in PATHS
    (port,) = of_kind("Service")["spec"]["ports"]
    assert port["targetPort"] == "s3"


def test_its_probes_ask_what_is_answered(container: Manifest) -> None:
    asked = {
        name: container[name]["httpGet"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert {where["port"] for where in asked.values()} == {"operator"}
    assert {where["path"] for where in asked.values()} <= set(PATHS)
    # Keystone's or Swift's trouble is no reason to kill it.
    assert asked["livenessProbe"]["path"] == asked["startupProbe"]["path"] == "/-/health"
    assert asked["readinessProbe"]["path"] == "/-/ready"


def test_it_may_take_as_long_to_end_as_its_settings_say(
    container: Manifest, pod: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = settings(container, monkeypatch).server
    assert set(environment(container)) == {f"{PREFIX}SERVER__DRAIN", f"{PREFIX}SERVER__GRACE"}
    probe = container["readinessProbe"]
    assert server.drain >= probe["periodSeconds"] * (probe["failureThreshold"] + 1)
    assert pod["spec"]["terminationGracePeriodSeconds"] > server.drain + 2 * server.grace


def test_its_command_finds_its_files(
    container: Manifest, pod: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = parsed(*container["args"]).params["config"]
    mounts = {
        mount["name"]: PurePosixPath(mount["mountPath"]) for mount in container["volumeMounts"]
    }
    (volume,) = [one for one in pod["spec"]["volumes"] if one["name"] == "settings"]
    files = set()
    for source in volume["projected"]["sources"]:
        ((kind, told),) = source.items()
        manifest = of_kind({"configMap": "ConfigMap", "secret": "Secret"}[kind])
        assert manifest["metadata"]["name"] == told["name"]
        keys = manifest.get("data") or manifest["stringData"]
        items = told.get("items") or [{"key": key, "path": key} for key in keys]
        assert {item["key"] for item in items} <= set(keys)
        files |= {str(mounts["settings"] / item["path"]) for item in items}
    service = settings(container, monkeypatch).identity.service
    assert files == {str(config), service["password_file"]}


def test_it_may_do_nothing_that_it_does_not_need(container: Manifest, pod: Manifest) -> None:
    spec, context = pod["spec"], container["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["runAsUser"] > 0
    assert not spec["automountServiceAccountToken"]
    assert context == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]  # noqa: S108 - its


def test_they_speak_of_the_same_pods(pod: Manifest) -> None:
    labels = pod["metadata"]["labels"]
    assert of_kind("Deployment")["spec"]["selector"]["matchLabels"] == labels
    assert of_kind("Service")["spec"]["selector"] == labels
    assert of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    scaled = of_kind("HorizontalPodAutoscaler")["spec"]
    assert scaled["scaleTargetRef"]["name"] == of_kind("Deployment")["metadata"]["name"]
    assert "replicas" not in of_kind("Deployment")["spec"]  # or every apply would undo the scaling
    assert 2 <= scaled["minReplicas"] < scaled["maxReplicas"]
