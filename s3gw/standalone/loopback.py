"""Plain HTTP to the servers of this machine: Keystone's API, and whether a server answers.

The rule: nothing here reads proxies, credentials or certificates from the environment.
"""

import http.client
import json
import time
from collections.abc import Mapping
from email.message import Message
from typing import Any

from s3gw.standalone.exits import Exit, StandaloneError
from s3gw.standalone.processes import Child
from s3gw.standalone.sockets import LOOPBACK

_TIMEOUT = 90.0  # seconds until a server that does not answer is given up
_PAUSE = 0.05  # seconds between two looks at a server that does not listen yet


class Keystone:
    """Keystone's Identity API v3 on a port, as one user in one project."""

    def __init__(self, port: int, user: str, password: str, project: str) -> None:
        self._port = port
        self._token = ""
        login = {"name": user, "domain": {"id": "default"}, "password": password}
        scope = {"project": {"name": project, "domain": {"id": "default"}}}
        identity = {"methods": ["password"], "password": {"user": login}}
        answer = {"auth": {"identity": identity, "scope": scope}}
        headers, document = self._call("POST", "/auth/tokens", answer)
        self._token = headers["X-Subject-Token"]
        self.project_id: str = document["token"]["project"]["id"]

    @property
    def token(self) -> str:
        """The user's token."""
        return self._token

    def get(self, path: str) -> Any:
        """The document at a path below /v3."""
        return self._call("GET", path)[1]

    def send(self, method: str, path: str, document: Any = None) -> Any:
        """Send a document; the one that comes back, or None."""
        return self._call(method, path, document)[1]

    def _call(self, method: str, path: str, document: Any = None) -> tuple[Message, Any]:
        headers = {"X-Auth-Token": self._token, "Content-Type": "application/json"}
        body = None if document is None else json.dumps(document).encode()
        status, answered, content = request(self._port, method, f"/v3{path}", headers, body)
        if status >= 300:
            raise StandaloneError(
                Exit.FAILED, f"Keystone answers {status} to {method} {path}: {content[:300]!r}"
            )
        return answered, json.loads(content) if content else None


def request(
    port: int,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    host: str = LOOPBACK,
) -> tuple[int, Message, bytes]:
    """Status, headers and body of the answer; OSError or HTTPException when there is none."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
    try:
        connection.request(method, path, body, dict(headers or {}))
        with connection.getresponse() as response:
            return response.status, response.headers, response.read()
    finally:
        connection.close()


def wait_until_serving(child: Child, port: int, path: str, host: str = LOOPBACK) -> None:
    """Wait until the child answers 200 on a path; raises StandaloneError (FAILED).

    A child with an inherited socket is asked once and answers when it can; one that binds
    its port itself is asked again and again.
    """
    end = time.monotonic() + _TIMEOUT
    while time.monotonic() < end:
        if child.process.poll() is not None:
            raise death(child)
        try:
            status, _, _ = request(port, "GET", path, host=host)
        except (OSError, http.client.HTTPException):
            status = 0
        if status == 200:
            return
        time.sleep(_PAUSE)
    raise StandaloneError(
        Exit.FAILED, f"{child.name} does not answer; the end of {child.log}:\n{child.last_words()}"
    )


def death(child: Child) -> StandaloneError:
    """The error that reports a child's end."""
    code = child.process.returncode
    how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
    return StandaloneError(
        Exit.FAILED, f"{child.name} {how}; the end of {child.log}:\n{child.last_words()}"
    )
