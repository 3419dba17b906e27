"""A Keystone (and Swift) of canned answers on loopback."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ACCESS_KEY = "AKEXAMPLE"
SECRET = "s3cret-of-the-user"
CREDENTIAL = f"/v3/credentials/{hashlib.sha256(ACCESS_KEY.encode()).hexdigest()}"

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    token: str | None
    body: Any


@dataclass
class Answer:
    """A status, a JSON document (or other text) and headers."""

    status: int = 200
    document: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Stub:
    """Answers by method and path without query; what is not named is 404."""

    url: str = ""
    answers: dict[tuple[str, str], Answer | Callable[[Asked], Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    date: datetime | None = None
    """What its clock shows, None: it sends no Date."""
    logins: int = 0

    def paths(self) -> list[str]:
        """Method and path of every request, service logins and version documents left out."""
        left_out = {"GET /v3", "POST /v3/auth/tokens"}
        lines = [f"{one.method} {one.path}" for one in self.asked]
        return [line for line in lines if line not in left_out]

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        found = self.answers.get((asked.method, asked.path.partition("?")[0]), Answer(404))
        return found if isinstance(found, Answer) else found(asked)

    def fail(self, status: int) -> None:
        """Answer everything but the login so."""
        self.answers = {
            key: value if key[1] in {"/v3", "/v3/auth/tokens"} else Answer(status)
            for key, value in self.answers.items()
        }

    def log_in(self, _asked: Asked) -> Answer:
        """A new service token, system-scoped."""
        self.logins += 1
        user = {"id": "service-user", "name": "s3gw", "domain": {"id": "default"}}
        roles = [{"id": "1", "name": "reader"}, {"id": "2", "name": "service"}]
        catalog = [{"type": "object-store", "id": "swift", "endpoints": []}]
        scope = {"system": {"all": True}, "user": user, "roles": roles, "catalog": catalog}
        return Answer(201, token(**scope), {"X-Subject-Token": f"service-{self.logins}"})


def token(**fields: Any) -> dict[str, Any]:
    """A token's document, good for an hour by a clock that is far from ours."""
    times = {
        "issued_at": "2099-12-31T23:00:00.000000Z",
        "expires_at": "2100-01-01T00:00:00.000000Z",
    }
    return {"token": {"methods": ["password"], **times, **fields}}


def user_token(storage_url: str, project_id: str = "project") -> Answer:
    """What ec2tokens answers."""
    endpoints = [
        {"interface": interface, "region": region, "region_id": region, "url": url}
        for interface, region, url in (
            ("internal", "One", "http://internal/v1/AUTH_project"),
            ("public", "One", storage_url),
            ("public", "Two", "http://two/v1/AUTH_project/"),
        )
    ]
    document = token(
        user={"id": "user", "name": "demo", "domain": {"id": "default"}},
        project={"id": project_id, "name": "demo", "domain": {"id": "default"}},
        roles=[{"id": "1", "name": "member"}],
        catalog=[{"type": "object-store", "id": "swift", "endpoints": endpoints}],
    )
    return Answer(200, document, {"X-Subject-Token": "token-of-the-user"})


def ec2(**changes: Any) -> Answer:
    """A credential as Keystone shows it."""
    blob = {"access": ACCESS_KEY, "secret": SECRET, "trust_id": None}
    fields = {"type": "ec2", "user_id": "user", "project_id": "project", "blob": json.dumps(blob)}
    return Answer(200, {"credential": fields | changes})


@contextmanager
def serving() -> Iterator[Stub]:
    """A stub of a healthy Keystone that knows one EC2 credential."""
    stub = Stub(date=NOW)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(size)
            document = json.loads(body) if body else None
            asked = Asked(self.command, self.path, self.headers.get("X-Auth-Token"), document)
            answer = stub.answer(asked)
            text = answer.document
            data = (text if isinstance(text, str) else json.dumps(text)).encode()
            self.send_response_only(answer.status)
            if stub.date is not None:
                self.send_header("Date", format_datetime(stub.date, usegmt=True))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(data)

    for method in ("GET", "POST", "PUT"):
        setattr(Handler, f"do_{method}", Handler._serve)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stub.url = f"http://127.0.0.1:{server.server_port}"
        stub.answers = healthy(stub)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()


def healthy(stub: Stub) -> dict[tuple[str, str], Answer | Callable[[Asked], Answer]]:
    """The answers when all is well."""
    version = {
        "id": "v3.14",
        "status": "stable",
        "links": [{"rel": "self", "href": f"{stub.url}/v3"}],
    }
    return {
        ("GET", "/v3"): Answer(200, {"version": version}),
        ("POST", "/v3/auth/tokens"): stub.log_in,
        ("GET", CREDENTIAL): ec2(),
        ("POST", "/v3/ec2tokens"): user_token(f"{stub.url}/v1/AUTH_project"),
    }
