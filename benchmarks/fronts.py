"""The four front ends of one Swift: its own API, this gateway, s3api and `rclone serve s3`.

The rule: each gets the same work on the same objects, and is started as its own documentation
says; the one setting that differs from the defaults is named where it is made.
"""

import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from load import Exchange
from meters import family

ROOT = Path(__file__).resolve().parents[1]
MODES = ("signed hash", "signed chunks", "unsigned trailer", "unsigned")
_CHUNK = 64 * 1024
_EMPTY = hashlib.sha256(b"").hexdigest()

Ready = dict[str, Any]
"""What the ready file of a stand-alone stack says."""


@dataclass(frozen=True, slots=True)
class Front:
    """A front end: how a request to it looks, and which processes are its own."""

    name: str
    url: str
    own: tuple[int, ...] = ()
    """Its own processes; empty where it lives inside Swift's proxy."""
    token: str = field(default="", repr=False)
    keys: Ready = field(default_factory=dict, repr=False)

    @property
    def is_native(self) -> bool:
        return bool(self.token)

    def exchange(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: bytes = b"",
        mode: str = "signed hash",
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """A request for `/bucket/key`; the native API knows one payload mode only."""
        target = quote(path, safe="/") + (f"?{query}" if query else "")
        sent = {"Host": urlsplit(self.url).netloc, **(headers or {})}
        if self.is_native:
            target = urlsplit(self.url).path + target
            sent |= {"X-Auth-Token": self.token, "Content-Length": str(len(body))}
        else:
            sent, body = self._signed(method, target, sent, body, mode)
        lines = [f"{method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in sent.items()), "", ""]
        return Exchange(method, "\r\n".join(lines).encode("latin-1"), body)

    def _signed(
        self, method: str, target: str, headers: dict[str, str], body: bytes, mode: str
    ) -> tuple[dict[str, str], bytes]:
        payload = _EMPTY if not body else hashlib.sha256(body).hexdigest()
        if body and mode == "unsigned":
            payload = "UNSIGNED-PAYLOAD"
        elif body and mode == "unsigned trailer":
            payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
            headers["x-amz-trailer"] = "x-amz-checksum-crc32"
        elif body and mode == "signed chunks":
            payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        if payload.startswith("STREAMING"):
            headers["Content-Encoding"] = "aws-chunked"
            headers["x-amz-decoded-content-length"] = str(len(body))
        request = AWSRequest(method, f"{self._base}{target}", headers=headers)
        signer = _Signer(payload, self.keys)
        signer.add_auth(request)
        signed = dict(request.headers.items())
        if mode == "unsigned trailer" and body:
            body = _with_trailer(body)
        elif mode == "signed chunks" and body:
            body = _with_signatures(body, signed, self.keys)
        signed["Content-Length"] = str(len(body))
        return signed, body

    @property
    def _base(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


class _Signer(S3SigV4Auth):  # type: ignore[misc]
    """botocore's signer, told the payload's hash."""

    def __init__(self, payload: str, keys: Ready) -> None:
        credentials = Credentials(keys["access_key"], keys["secret_key"])
        super().__init__(credentials, "s3", keys["region"])
        self._payload = payload

    def payload(self, request: AWSRequest) -> str:
        del request
        return self._payload


def _pieces(body: bytes) -> Iterator[bytes]:
    for at in range(0, len(body), _CHUNK):
        yield body[at : at + _CHUNK]


def _with_trailer(body: bytes) -> bytes:
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in _pieces(body)]
    value = b64encode(zlib.crc32(body).to_bytes(4, "big"))
    return b"".join([*chunks, b"0\r\nx-amz-checksum-crc32:%b\r\n\r\n" % value])


def _with_signatures(body: bytes, headers: Mapping[str, str], keys: Ready) -> bytes:
    """The body in signed chunks of 64 KiB, as minio-go sends it."""
    authorization = headers["Authorization"]
    scope = authorization.partition("Credential=")[2].partition(",")[0].partition("/")[2]
    signature = authorization.rpartition("Signature=")[2]
    key = b"AWS4" + keys["secret_key"].encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    chunks = []
    for piece in [*_pieces(body), b""]:
        text = "\n".join(
            (
                "AWS4-HMAC-SHA256-PAYLOAD",
                headers["X-Amz-Date"],
                scope,
                signature,
                _EMPTY,
                hashlib.sha256(piece).hexdigest(),
            )
        )
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        head = b"%x;chunk-signature=%b\r\n" % (len(piece), signature.encode())
        chunks += [head, piece, b"\r\n"]
    return b"".join(chunks)


# --- starting them ---


@contextmanager
def process(
    command: list[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("ab") as output:
        child = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=output, env=environment or os.environ
        )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()


@contextmanager
def stack(directory: Path) -> Iterator[Ready]:
    """Keystone, Swift and s3api; without fsync, so that the disk hides nothing."""
    ready_file = directory / "ready.json"
    command = [
        *(sys.executable, "-m", "s3gw", "standalone", "--port=0", "--with-s3api", "--no-fsync"),
        *(f"--data={directory / 'data'}", f"--ready-file={ready_file}"),
    ]
    with process(command, directory / "stack.log") as launcher:
        while not ready_file.exists():
            if launcher.poll() is not None:
                raise SystemExit((directory / "stack.log").read_text())
            time.sleep(0.05)
        yield json.loads(ready_file.read_text())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def wait_for(port: int, child: "subprocess.Popen[bytes]", log: Path) -> None:
    while child.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"{child.args!r} did not start:\n{log.read_text()}")


@contextmanager
def gateway(
    directory: Path, ready: Ready, *, workers: int = 1, **more: Mapping[str, Any]
) -> Iterator[Front]:
    """`s3gw serve` with its default settings but for those given, and warnings only in its log."""
    port = free_port()
    user = ready["service_user"]
    tables: dict[str, Mapping[str, Any]] = {
        "server": {"port": port, "workers": workers},
        "s3": {"region": ready["region"]},
        "identity": {"auth_url": ready["keystone"]["auth_url"]},
        "identity.service": {
            "username": user["name"],
            "password": user["password"],
            "user_domain_id": "default",
            "system_scope": "all",
        },
        "swift": {"region": ready["region"]},
        "metrics": {"port": 0},  # any that is free
        "log": {"level": "info"},
    }
    for name, table in more.items():
        tables[name] = {**tables.get(name, {}), **table}
    settings = directory / f"gateway-{port}.toml"
    settings.touch(0o600)
    with settings.open("w") as file:
        for name, table in tables.items():
            file.write(f"[{name}]\n")
            file.writelines(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    log = directory / f"gateway-{port}.log"
    command = [sys.executable, "-m", "s3gw", "serve", "--config", str(settings)]
    with process(command, log) as child:
        wait_for(port, child, log)
        time.sleep(0.5 * workers)
        yield Front("s3gw", f"http://127.0.0.1:{port}", tuple(family(child.pid)), keys=ready)


def native(ready: Ready) -> Front:
    """Swift's own API with the user's token: the floor."""
    user, project = ready["user"], ready["project"]
    document = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"id": user["id"], "password": user["password"]}},
            },
            "scope": {"project": {"id": project["id"]}},
        }
    }
    request = urllib.request.Request(
        f"{ready['keystone']['auth_url']}/auth/tokens",
        json.dumps(document).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        token = answer.headers["X-Subject-Token"]
    return Front("native", ready["swift"]["storage_url"], token=token)


def s3api(ready: Ready) -> Front:
    """Swift's s3api in a second pipeline of the same proxy process; s3token caches secrets."""
    return Front("s3api", ready["s3api_url"], keys=ready)


@contextmanager
def rclone(directory: Path, ready: Ready) -> Iterator[Front]:
    """`rclone serve s3` on a swift remote, with its own defaults (it caches directories)."""
    program = Path(sys.executable).with_name("rclone")
    port, user = free_port(), ready["user"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_SW_TYPE": "swift",
        "RCLONE_CONFIG_SW_AUTH": ready["keystone"]["auth_url"],
        "RCLONE_CONFIG_SW_USER_ID": user["id"],
        "RCLONE_CONFIG_SW_KEY": user["password"],
        "RCLONE_CONFIG_SW_TENANT_ID": ready["project"]["id"],
        "RCLONE_CONFIG_SW_AUTH_VERSION": "3",
    }
    command = [
        *(str(program), "serve", "s3", "sw:", f"--addr=127.0.0.1:{port}"),
        f"--auth-key={ready['access_key']},{ready['secret_key']}",
    ]
    log = directory / "rclone.log"
    with process(command, log, environment) as child:
        wait_for(port, child, log)
        yield Front("rclone", f"http://127.0.0.1:{port}", (child.pid,), keys=ready)


_NGINX = """
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx.err crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_max_body_size 0; keepalive_requests 100000000;
  client_body_temp_path {dir}/b;
  proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  sendfile on; default_type application/octet-stream;
  server {{
    listen 127.0.0.1:{port}; root {dir}/files;
    add_header X-Trans-Id txstub-stub-stub;
    location /info {{ default_type application/json; return 200 "{{}}"; }}
    location ~ segments {{ return 404; }}
    location /v1/ {{
      add_header X-Trans-Id txstub-stub-stub;
      if ($request_method = PUT) {{ proxy_pass http://127.0.0.1:{sink}; }}
      if ($request_uri ~ "^/v1/[^/]+/[^/]+$") {{ return 204; }}  # a container that is there
      if ($request_method = DELETE) {{ return 204; }}
      if ($request_method = POST) {{ return 202; }}
      rewrite ^/v1/[^/]+/[^/]+/(small|medium|large).* /$1 break;
    }}
  }}
  server {{ listen 127.0.0.1:{sink}; location / {{ return 201; }} }}
}}
"""


@contextmanager
def stub(directory: Path) -> Iterator[str | None]:
    """nginx as a Swift that costs next to nothing; None where there is no nginx."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory(dir=directory) as name:
        home, port, sink = Path(name), free_port(), free_port()
        home.chmod(0o755)
        directory.chmod(0o755)
        (home / "files").mkdir(mode=0o755)
        for kind, size in (("small", 1024), ("medium", 65536), ("large", 64 << 20)):
            (home / "files" / kind).write_bytes(bytes(size))
        conf = home / "nginx.conf"
        conf.write_text(_NGINX.format(dir=home, port=port, sink=sink))
        log = home / "nginx.log"
        with process([program, "-c", str(conf), "-e", str(home / "nginx.err")], log) as child:
            wait_for(port, child, log)
            yield f"http://127.0.0.1:{port}"
