"""HAProxy and nginx as processes, from the very files in config/.

The rule: of a file only addresses and ports are changed, each of which has to be there.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.clients.programs import found
from tests.functional.secrecy import SESSION
from tests.functional.server import lasting_port

CONFIG = Path(__file__).parents[2] / "config"
HAPROXY = CONFIG / "haproxy" / "haproxy.cfg"
NGINX = CONFIG / "nginx" / "s3gw.conf"

_START = 10.0  # seconds
_SYSTEM = "/usr/sbin:/sbin"
"""Where distributions have servers, which is not on everybody's PATH."""

# What a distribution's nginx.conf has around conf.d, for somebody who is not root.
_AROUND = """\
pid {here}/nginx.pid;
error_log stderr;
events {{}}
http {{
    client_body_temp_path {here}/client;
    proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi;
    scgi_temp_path {here}/scgi;
    include {here}/s3gw.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Gateway:
    """One of the two gateways of the files."""

    port: int
    operator_port: int


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that runs."""

    url: str
    log: Path


def changed(text: str, changes: Mapping[str, str]) -> str:
    """The text with each of the changes, none of which may have nothing to change."""
    for old, new in changes.items():
        assert old in text, f"{old} is not there"
        text = text.replace(old, new)
    return text


@contextmanager
def haproxy(directory: Path, gateways: Sequence[Gateway]) -> Iterator[Proxy]:
    """HAProxy before the two gateways."""
    port = lasting_port()
    one, two = gateways
    own_check = " port {0.operator_port}"
    text = changed(
        HAPROXY.read_text(encoding="utf-8"),
        {
            "bind :80\n": f"bind 127.0.0.1:{port}\n",
            "check port 8334": "check",
            "gateway-1:8333": f"127.0.0.1:{one.port}{own_check.format(one)}",
            "gateway-2:8333": f"127.0.0.1:{two.port}{own_check.format(two)}",
        },
    )
    file = directory / "haproxy.cfg"
    file.write_text(text, encoding="utf-8")
    with _running(directory, port, _program("haproxy"), "-db", "-f", str(file)) as found:
        yield found


@contextmanager
def nginx(directory: Path, gateways: Sequence[Gateway]) -> Iterator[Proxy]:
    """The program nginx before the two gateways."""
    port = lasting_port()
    one, two = gateways
    text = changed(
        NGINX.read_text(encoding="utf-8"),
        {
            "listen 80 default_server;": f"listen 127.0.0.1:{port} default_server;",
            "/var/log/nginx/s3gw.log": "/dev/stdout",
            "gateway-1:8333": f"127.0.0.1:{one.port}",
            "gateway-2:8333": f"127.0.0.1:{two.port}",
        },
    )
    (directory / "s3gw.conf").write_text(text, encoding="utf-8")
    main = directory / "nginx.conf"
    main.write_text(_AROUND.format(here=directory), encoding="utf-8")
    command = [_program("nginx"), "-p", str(directory), "-c", str(main), "-g", "daemon off;"]
    with _running(directory, port, *command) as found:
        yield found


def _program(name: str) -> str:
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:{_SYSTEM}"}
    return str(found(name, environment))


@contextmanager
def _running(directory: Path, port: int, *command: str) -> Iterator[Proxy]:
    url = f"http://127.0.0.1:{port}"
    log = directory / "proxy.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(  # noqa: S603 - the proxy under test
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    with process:
        try:
            end = time.monotonic() + _START
            while not _answers(url):
                assert process.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < end, log.read_text(encoding="utf-8")
                time.sleep(0.05)
            yield Proxy(url, log)
        finally:
            process.terminate()
            try:
                process.wait(_START)
            finally:
                process.kill()
                SESSION.note(log.read_text(encoding="utf-8"))


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/health", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False
