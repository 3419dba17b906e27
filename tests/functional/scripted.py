"""A gateway whose Swift says what a test wants, behind the real Keystone.

The rule: one gateway serves all tests of a module; each brings the scripts of its own Swift.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.functional.gateway import Running, running, settings_for
from tests.functional.rawclient import EMPTY_SHA256, ask, keys_of, sign
from tests.functional.stack import Stack
from tests.unit.swift.hostile import Backend, Peer, Script, serving


@dataclass(frozen=True, slots=True)
class Scripted:
    """The gateway, and its Swift."""

    gateway: Running
    swift: Backend

    @contextmanager
    def saying(self, *scripts: Script) -> Iterator[Backend]:
        """Swift runs these scripts in turn, one a connection; what they find wrong fails."""
        self.swift.restart(*scripts)
        yield self.swift
        self.gateway.wait_until_idle()
        self.swift.check()


def answering(status: str, *headers: str, body: bytes = b"") -> Script:
    """A script that answers one request without a body, and closes the connection."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.answer(status, "Connection: close", *headers, body=body)

    return script


@contextmanager
def scripted(stack: Stack) -> Iterator[Scripted]:
    """A gateway that knows its user and its Swift's limits already."""
    with serving(answering("200 OK", body=b"{}")) as backend:
        template = f"{backend.url}/v1/AUTH_{{project_id}}"
        settings = settings_for(
            stack, swift={"storage_url_template": template}, buckets={"facts_ttl": 3600}
        )
        with running(settings) as found:
            url = f"{found.endpoint}/bucket/key"
            warm = sign(keys_of(stack), "PUT", url, payload=EMPTY_SHA256)
            info, created = answering("200 OK", body=b"{}"), answering("201 Created")
            # The bucket, whose facts are remembered from then on, and its `+segments`.
            backend.restart(info, created, answering("200 OK"), answering("404 Not Found"))
            assert ask(found.endpoint, warm, more=[("Content-Length", "0")]).status == 200
            found.wait_until_idle()  # the bucket has no `+segments`, so no PUT looks into it
            yield Scripted(found, backend)
