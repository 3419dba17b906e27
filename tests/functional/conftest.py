"""What functional tests share: a gateway whose wire to Swift can be watched, and its clients."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote_to_bytes

import pytest

from tests.functional.gateway import Running, new_bucket, running, s3_client, settings_for
from tests.functional.rawclient import Keys, Pairs, Reply, ask, keys_of, sign
from tests.functional.stack import Stack


class Raw(Protocol):
    """Signs and sends what no client library would send.

    The target is path and query, percent-encoded; text in headers goes out as UTF-8.
    """

    def __call__(
        self, method: str, target: str, headers: Pairs = (), body: bytes = b""
    ) -> Reply: ...


def _canonical(target: str) -> str:
    """The target with its query in the one form that is signed."""
    path, _, query = target.partition("?")
    pairs = [piece.partition("=") for piece in query.split("&") if piece]
    texts = [[quote(unquote_to_bytes(text), safe="") for text in pair] for pair in pairs]
    return f"{path}?{'&'.join(f'{name}={value}' for name, _, value in texts)}" if texts else path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this directory is a functional one."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.functional)


@pytest.fixture(scope="session")
def gateway(stack: Stack) -> Iterator[Running]:
    """A gateway with default settings, whose wire to Swift can be watched."""
    with running(settings_for(stack)) as found:
        yield found


@pytest.fixture(scope="module")
def tiny(stack: Stack) -> Iterator[Running]:
    """A gateway that lets parts be small."""
    with running(settings_for(stack, limits={"min_part_size": 1})) as found:
        yield found


@pytest.fixture(scope="session")
def s3(gateway: Running, stack: Stack) -> Iterator[Any]:
    """boto3's S3 client of the stack's user, without repeats."""
    with closing(s3_client(gateway.endpoint, stack)) as client:
        yield client


def s3api_client(stack: Stack, **options: Any) -> Any:
    """A client of s3api, which knows no checksums in trailers; `options` as s3_client's."""
    assert stack.s3api_url is not None
    plain = {
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    return s3_client(stack.s3api_url, stack, **plain, **options)


@pytest.fixture(scope="session")
def s3api(stack: Stack) -> Iterator[Any]:
    """A client of Swift's own s3api, on the same Swift."""
    with closing(s3api_client(stack)) as client:
        yield client


@pytest.fixture
def bucket(s3: Any) -> str:
    """A new, empty bucket."""
    return new_bucket(s3)


@pytest.fixture(scope="session")
def keys(stack: Stack) -> Keys:
    """The stack's user for who signs requests himself."""
    return keys_of(stack)


@pytest.fixture(scope="session")
def raw(gateway: Running, keys: Keys) -> Raw:
    """The stack's user without a client library."""

    def send(method: str, target: str, headers: Pairs = (), body: bytes = b"") -> Reply:
        digest = sha256(body).hexdigest()
        signed = sign(keys, method, gateway.endpoint + _canonical(target), headers, payload=digest)
        length = [("Content-Length", str(len(body)))] if method in {"PUT", "POST"} else []
        sent = [(name, value.encode().decode("latin-1")) for name, value in signed.headers]
        return ask(gateway.endpoint, replace(signed, headers=sent), body, more=length)

    return send
