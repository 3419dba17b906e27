"""What config/ and README.md start a gateway with does start one, over a real Keystone and Swift.

The rule: a sample's command, variables, settings and probes are taken as they stand, but for
where Keystone is, the password, places of files, the ports, two workers for four, and the time of
the drain.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import yaml

from tests.functional.certificates import certificate
from tests.functional.gateway import new_bucket, s3_client
from tests.functional.proxies import CONFIG, changed
from tests.functional.server import Server, lasting_port, started
from tests.functional.stack import Stack

ROOT = CONFIG.parent
PATIENCE = 30.0  # seconds
DRAIN = "1"  # seconds, or a test would wait as long as a load balancer may
CERTIFICATE = "tls.crt"

Probe = Callable[[Server], bool]


@dataclass(frozen=True, slots=True)
class Sample:
    """How a gateway is started; whether it lives and is ready, as whoever looks after it asks."""

    command: list[str]
    environment: Mapping[str, str]
    lives: Probe
    is_ready: Probe


def answers(path: str, seconds: float = PATIENCE) -> Probe:
    """What the kubelet asks the operator's port: any status under 400 is well."""

    def ask(server: Server) -> bool:
        url = f"http://127.0.0.1:{server.operator_port}{path}"
        return requests.get(url, timeout=seconds).status_code < 400

    return ask


def kubernetes(stack: Stack, directory: Path) -> Sample:
    """The Deployment's container, with the ConfigMap and the Secret's password."""
    manifests = {
        manifest["kind"]: manifest
        for path in (CONFIG / "kubernetes").glob("*.yaml")
        for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    }
    (container,) = manifests["Deployment"]["spec"]["template"]["spec"]["containers"]
    ((name, settings),) = manifests["ConfigMap"]["data"].items()
    (directory / name).write_text(_here(settings, stack, directory), encoding="utf-8")
    lives, is_ready = (
        answers(container[probe]["httpGet"]["path"], container[probe]["timeoutSeconds"])
        for probe in ("livenessProbe", "readinessProbe")
    )
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    environment["S3GW_SERVER__DRAIN"] = DRAIN
    command = [argument.replace("/etc/s3gw", str(directory)) for argument in container["args"]]
    return Sample(command, environment, lives, is_ready)


def compose(stack: Stack, directory: Path) -> Sample:
    """A gateway of docker-compose.yml: its image's command, and what Docker asks for its health."""
    del directory
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    service = document["services"]["gateway-1"]
    image = (ROOT / service["build"]["dockerfile"]).read_text(encoding="utf-8")
    (command,) = re.findall(r"^CMD (.+)$", image, re.MULTILINE)
    environment = {
        **service["environment"],
        "S3GW_IDENTITY__AUTH_URL": stack.keystone.auth_url,
        "S3GW_IDENTITY__SERVICE__PASSWORD": stack.service_user.password,
        "S3GW_SERVER__DRAIN": DRAIN,
    }
    assert environment.keys() == service["environment"].keys()
    kind, program, *arguments, code = service["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")

    def is_healthy(server: Server) -> bool:
        told = changed(code, {":8334/": f":{server.operator_port}/"})
        check = [sys.executable, *arguments, told]
        ended = subprocess.run(check, capture_output=True, timeout=PATIENCE, check=False)  # noqa: S603 - what the file says
        return ended.returncode == 0

    return Sample(json.loads(command), environment, answers("/-/health"), is_healthy)


def systemd(stack: Stack, directory: Path) -> Sample:
    """The unit's command, with the settings that README.md shows for it."""
    unit = (CONFIG / "systemd" / "s3gw.service").read_text(encoding="utf-8")
    (command,) = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    samples = re.findall(r"^ *```toml\n(.+?)```", readme, re.MULTILINE | re.DOTALL)
    (settings,) = [sample for sample in samples if "tls_certificate" in sample]
    pem = certificate(directory)
    pem.certificate.rename(directory / CERTIFICATE)
    pem.key.rename(directory / "tls.key")
    (directory / "s3gw.toml").write_text(_here(settings, stack, directory), encoding="utf-8")
    here = {"/etc/s3gw": str(directory), "--workers 4": "--workers 2"}
    return Sample(
        shlex.split(changed(command, here)), {}, answers("/-/health"), answers("/-/ready")
    )


def _here(settings: str, stack: Stack, directory: Path) -> str:
    """Settings of a sample, for the stack; the password is where they say."""
    (place,) = re.findall(r'password_file = "/etc/s3gw/(.+)"', settings)
    (directory / place).parent.mkdir(exist_ok=True)
    (directory / place).write_text(stack.service_user.password, encoding="utf-8")
    here = {
        "https://keystone.example.com/v3": stack.keystone.auth_url,
        "/etc/s3gw": str(directory),
    }
    return changed(settings, here)


@contextmanager
def running(sample: Sample, directory: Path) -> Iterator[Server]:
    """A gateway by the sample's command."""
    ports = (lasting_port(), lasting_port())
    environment = {
        "PATH": os.environ["PATH"],
        **sample.environment,
        "S3GW_SERVER__HOST": "127.0.0.1",
        "S3GW_SERVER__PORT": str(ports[0]),
        "S3GW_METRICS__PORT": str(ports[1]),
    }
    program, *arguments = sample.command
    assert Path(program).name == "s3gw"
    command = [sys.executable, "-m", "s3gw", *arguments]
    scheme = "https" if (directory / CERTIFICATE).exists() else "http"
    with started(command, directory / "log", ports, environment, scheme=scheme) as server:
        yield server


def wait_until(probe: Probe, server: Server, *, says: bool = True) -> None:
    """Ask until the answer is that."""
    end = time.monotonic() + PATIENCE
    while probe(server) is not says:
        assert time.monotonic() < end, server.log.read_text(encoding="utf-8")
        time.sleep(0.05)


def use(endpoint: str, stack: Stack) -> None:
    """Put an object and read it."""
    with closing(s3_client(endpoint, stack)) as s3:
        bucket = new_bucket(s3)
        s3.put_object(Bucket=bucket, Key="k", Body=b"data")
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"data"


@pytest.mark.parametrize("make", [kubernetes, compose])
def test_a_container_serves_and_leaves_as_its_probes_are_told(
    make: Callable[[Stack, Path], Sample], stack: Stack, tmp_path: Path
) -> None:
    sample = make(stack, tmp_path)
    with running(sample, tmp_path) as server:
        wait_until(sample.is_ready, server)
        assert sample.lives(server)
        use(server.endpoint, stack)
        server.process.send_signal(signal.SIGTERM)
        wait_until(sample.is_ready, server, says=False)
        assert sample.lives(server)
        assert server.process.wait(PATIENCE) in {0, -signal.SIGTERM}


def test_the_unit_serves_with_the_settings_of_the_readme(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = systemd(stack, tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / CERTIFICATE))
    with running(sample, tmp_path) as server:
        wait_until(sample.is_ready, server)
        assert server.endpoint.startswith("https:")
        use(server.endpoint, stack)
        assert server.stop() == 0
