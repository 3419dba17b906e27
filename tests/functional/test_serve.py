"""`s3gw serve` as a process: workers, TLS, signals, and starts that must fail."""

import signal
import socket
import ssl
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
import swiftclient
from botocore.config import Config

from tests.functional.certificates import Certificate, certificate
from tests.functional.gateway import new_bucket, settings_for
from tests.functional.payloads import (
    BUFFER_SIZE,
    UNSIGNED,
    Body,
    prepared,
    put,
    some_bytes,
    stored,
)
from tests.functional.rawclient import Keys, linked, sign
from tests.functional.server import run, served, settings_file
from tests.functional.stack import Stack, wait_until_gone

LARGE = BUFFER_SIZE + 1


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for all tests, which have keys of their own."""
    return new_bucket(s3)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("pem"))


def test_several_workers_share_the_port_and_end_together(
    tmp_path: Path, stack: Stack, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    with served(tmp_path, settings_for(stack), "--workers=2") as server:
        url = f"{server.endpoint}/{bucket}/{uuid4().hex}"
        upload = prepared(keys, url, Body(mode=UNSIGNED, data=b"data"))
        for _ in range(8):
            assert put(server.endpoint, upload).status == 200
        assert stored(swift, *url.split("/")[3:]) == b"data"
        children = server.children()
        assert len(children) >= 2
        assert server.stop() == 0
        assert wait_until_gone(children) == []


def test_ctrl_c_is_a_clean_end(tmp_path: Path, stack: Stack) -> None:
    with served(tmp_path, settings_for(stack)) as server:
        assert server.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("locked", [False, True])
def test_tls_is_spoken_with_a_certificate(
    *,
    tmp_path: Path,
    stack: Stack,
    swift: swiftclient.Connection,
    bucket: str,
    keys: Keys,
    pem: Certificate,
    locked: bool,
) -> None:
    tls = {"tls_certificate": pem.certificate, "tls_key": pem.locked_key if locked else pem.key}
    if locked:
        tls["tls_key_password_file"] = pem.passphrase
    name, data = uuid4().hex, some_bytes(LARGE)
    with served(tmp_path, settings_for(stack, server=tls)) as server:
        client = boto3.client(
            "s3",
            endpoint_url=server.endpoint,
            region_name=stack.region,
            aws_access_key_id=stack.access_key,
            aws_secret_access_key=stack.secret_key,
            config=Config(retries={"total_max_attempts": 1}),
            verify=str(pem.certificate),
        )
        with closing(client):  # over TLS boto3 sends aws-chunked bodies with trailers
            client.put_object(Bucket=bucket, Key=name, Body=data, ContentEncoding="gzip")
            assert client.get_object(Bucket=bucket, Key=name)["Body"].read() == data
        trusting = ssl.create_default_context(cafile=pem.certificate)
        signed = sign(keys, "GET", f"{server.endpoint}/{bucket}/{name}")
        with linked(server.endpoint, trusting) as link:
            link.send(signed.head())
            assert link.reply().body == data
        with linked(server.endpoint) as plain:
            plain.send(signed.head())
            assert b" 200 " not in plain.rest()
    headers, found = swift.get_object(bucket, name)
    assert (headers["content-encoding"], found) == ("gzip", data)


BAD = {
    "a locked key without its passphrase": (
        "server",
        {"tls_certificate": "{certificate}", "tls_key": "{locked}"},
        "server.tls_certificate, server.tls_key",
    ),
    "a certificate that is absent": (
        "server",
        {"tls_certificate": "{none}", "tls_key": "{key}"},
        "server.tls_certificate, server.tls_key",
    ),
    "a passphrase that is absent": (
        "server",
        {
            "tls_certificate": "{certificate}",
            "tls_key": "{locked}",
            "tls_key_password_file": "{none}",
        },
        "server.tls_key_password_file",
    ),
    "authorities of Swift that are none": ("swift", {"ca_file": "{key}"}, "swift.ca_file"),
    "authorities of Keystone that are absent": (
        "identity",
        {"ca_file": "{none}"},
        "identity.ca_file",
    ),
    "keys that are absent": ("identity", {"provider": "static", "static_file": "{none}"}, "none"),
}


@pytest.mark.parametrize("bad", list(BAD.values()), ids=list(BAD))
def test_a_setting_that_cannot_be_used_is_one_line(
    tmp_path: Path, stack: Stack, pem: Certificate, bad: tuple[str, dict[str, str], str]
) -> None:
    section, values, names = bad
    files = {
        "key": pem.key,
        "locked": pem.locked_key,
        "certificate": pem.certificate,
        "none": tmp_path / "none",
    }
    spoilt = {section: {name: value.format(**files) for name, value in values.items()}}
    config = settings_file(tmp_path / "s3gw.toml", settings_for(stack, **spoilt))
    assert_fails(f"--config={config}", "--port=0", names=names)


def assert_fails(*arguments: str, names: str, **environment: str) -> None:
    ended = run(*arguments, **environment)
    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("s3gw: ")
    assert names in line


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[identity", "is not TOML"),
        ("[identity]\nauth_url = 'http://h'\nunknown = 1", "identity.unknown: is not a setting"),
        ("[identity]\nauth_url = 'http://h'\n[server]\nport = 'x'", "server.port"),
        ("[identity]\nauth_url = 'http://h'\n[server]\ntls_key = 'k'", "server.tls_certificate"),
        ("", "identity"),
    ],
)
def test_a_file_that_is_wrong_is_one_line(tmp_path: Path, text: str, names: str) -> None:
    config = tmp_path / "s3gw.toml"
    config.write_text(text, encoding="utf-8")
    assert_fails(f"--config={config}", names=names)


def test_a_file_that_is_absent_is_one_line(tmp_path: Path) -> None:
    assert_fails(f"--config={tmp_path / 'none.toml'}", names="cannot be read")


def test_a_variable_that_is_no_setting_is_one_line(tmp_path: Path, stack: Stack) -> None:
    config = settings_file(tmp_path / "s3gw.toml", settings_for(stack))
    assert_fails(f"--config={config}", names="S3GW_SERVER__PROT", S3GW_SERVER__PROT="1")


def test_a_port_that_is_taken_is_one_line(tmp_path: Path, stack: Stack) -> None:
    config = settings_file(tmp_path / "s3gw.toml", settings_for(stack))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_fails(f"--config={config}", f"--port={port}", names=f"127.0.0.1:{port}: Address")
