"""Whatever comes with a valid signature: an answer in S3's words, in time, and nothing grows.

S3GW_TEST_FUZZ says how many requests (`make fuzz`), S3GW_TEST_SEED which ones.
"""

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from lxml import etree

from s3gw.s3.errors import S3Error
from tests.functional.fixtures import MakeUser
from tests.functional.gateway import s3_client, settings_for
from tests.functional.rawclient import Keys
from tests.functional.server import Server, served
from tests.functional.stack import Stack
from tests.functional.wild import Known, Wild, WildRequest

# Taken out of the environment: they are no settings of the gateway, which refuses unknown ones.
REQUESTS = int(os.environ.pop("S3GW_TEST_FUZZ", "400"))
SEED = int(os.environ.pop("S3GW_TEST_SEED", "1"))
CLIENTS = 4
PATIENCE = 30.0  # seconds until an answer that does not come is a hang
_GROWTH = 40 * 1024  # KiB
_FDS = 40
_IDLE = 30  # seconds in which connections to Swift that nobody uses any more are closed
_ERROR = re.compile(rb"<\?xml[^>]*\?>\s*<Error>")
_BODILESS = {204, 304}


def _errors(found: type[S3Error]) -> Iterator[type[S3Error]]:
    for below in found.__subclasses__():
        yield below
        yield from _errors(below)


CODES = {found().code: found.status for found in _errors(S3Error)}


@dataclass(slots=True)
class Reply:
    """An answer on the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Findings:
    """What the requests came to."""

    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    operations: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """By the row that a request was made from, and whether it was served."""
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0
    memory: list[int] = field(default_factory=list)
    """KiB, from time to time."""
    fds: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        served_rows = sum(1 for (_, good) in self.operations if good)
        lines = [
            f"requests {self.statuses.total()}, seed {SEED}, slowest {self.slowest:.2f} s",
            f"statuses {dict(sorted(self.statuses.items()))}",
            f"codes {dict(self.codes.most_common())}",
            f"operations that were served at least once: {served_rows}",
            f"memory KiB {self.memory}, file descriptors {self.fds}",
            f"wrong: {len(self.wrong)}",
            *self.wrong[:40],
        ]
        return "\n".join(lines)


async def _exchange(port: int, request: WildRequest) -> Reply:
    """Send one request on a connection of its own; the answer, read strictly."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024 * 1024)
    try:
        writer.write(request.raw)
        status, headers = await _head(reader)
        while status == 100:
            status, headers = await _head(reader)
        bodiless = request.method == "HEAD" or status in _BODILESS
        return Reply(status, headers, b"" if bodiless else await _body(reader, headers))
    finally:
        writer.transport.abort()


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = text.rstrip("\r\n").split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    assert all(colon for _, colon, _ in pairs)
    return int(first.split(" ")[1]), {name.lower(): value for name, _, value in pairs}


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        pieces = []
        while size := int(await reader.readuntil(b"\r\n"), 16):
            pieces.append((await reader.readexactly(size + 2))[:-2])
        return b"".join(pieces)
    return await reader.readexactly(int(headers["content-length"]))


def fault_of(request: WildRequest, reply: Reply) -> str | None:
    """What is wrong with an answer, if anything is."""
    if "x-amz-request-id" not in reply.headers:
        return "no request id"
    if reply.status in {500, 503}:  # nothing here is the gateway's fault, or Swift's
        return f"{reply.status}: {reply.body[:200]!r}"
    bodiless = request.method == "HEAD" or reply.status in _BODILESS
    if not bodiless and (reply.status >= 400 or _ERROR.match(reply.body)):
        return _fault_of_error(reply)
    is_document = reply.headers.get("content-type") == "application/xml"
    if is_document and "etag" not in reply.headers and reply.body and _parsed(reply.body) is None:
        return "not well-formed"
    return None


def _fault_of_error(reply: Reply) -> str | None:
    document = _parsed(reply.body)
    if document is None or document.tag != "Error":
        return f"no error document: {reply.body[:200]!r}"
    code = document.findtext("Code")
    if code not in CODES:
        return f"the code {code} is unknown"
    return None if reply.status in {200, CODES[code]} else f"{code} with {reply.status}"


def _parsed(body: bytes) -> "etree._Element | None":
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        return etree.XML(body, parser)
    except etree.XMLSyntaxError:
        return None


def _learn(known: Known, reply: Reply) -> None:
    found = re.search(rb"<UploadId>([^<]{20,})</UploadId>", reply.body)
    if found and reply.status == 200:
        known.uploads.append(found[1].decode())
    if version := reply.headers.get("x-amz-version-id"):
        known.versions.append(version)
    if etag := reply.headers.get("etag"):
        known.etags.append(etag)


class Fuzzer:
    """Sends the requests of a seed to a server."""

    def __init__(self, server: Server, known: Known, keys: Keys) -> None:
        self._server = server
        self._known = known
        self._keys = keys
        self._numbers = iter(range(REQUESTS))
        self.findings = Findings()

    async def run(self) -> None:
        """All requests, by a few clients at a time."""
        self._measure()
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._client())
        for _ in range(_IDLE):
            await asyncio.sleep(1.0)
            self._measure()
            if self.findings.fds[-1] < self.findings.fds[0] + _FDS:
                break

    async def _client(self) -> None:
        for number in self._numbers:
            host = f"127.0.0.1:{self._server.port}"
            request = Wild(SEED, number, self._known, self._keys, host).request()
            await self._one(number, request)
            if number % max(1, REQUESTS // 5) == REQUESTS // 10:
                self._measure()
            if number and number % 1000 == 0:
                wrong = len(self.findings.wrong)
                print(f"{number} of {REQUESTS} requests, {wrong} wrong", flush=True)  # noqa: T201

    async def _one(self, number: int, request: WildRequest) -> None:
        found, since = self.findings, time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                reply = await _exchange(self._server.port, request)
        except (TimeoutError, OSError, EOFError, ValueError, AssertionError) as error:
            found.wrong.append(f"#{number} {type(error).__name__} {error}: {request.raw[:1500]!r}")
            return
        found.slowest = max(found.slowest, time.monotonic() - since)
        found.statuses[reply.status] += 1
        found.operations[request.operation, reply.status < 400] += 1
        code = re.search(rb"<Code>(\w+)</Code>", reply.body)
        found.codes[code[1].decode() if code and reply.status != 200 else "-"] += 1
        if wrong := fault_of(request, reply):
            found.wrong.append(f"#{number} {wrong}: {request.raw[:1500]!r}")
        _learn(self._known, reply)

    def _measure(self) -> None:
        pid = self._server.process.pid
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        self.findings.memory.append(int(status.partition("VmRSS:")[2].split()[0]))
        self.findings.fds.append(len(list(Path(f"/proc/{pid}/fd").iterdir())))


@pytest.fixture
def fuzzer(stack: Stack, make_user: MakeUser, tmp_path: Path) -> Iterator[Fuzzer]:
    """A server of its own, and a project of its own with some buckets and objects."""
    person = make_user()
    settings = settings_for(stack, limits={"min_part_size": 1})
    with served(tmp_path, settings) as server:
        s3 = s3_client(
            server.endpoint, stack, access_key=person.access_key, secret_key=person.secret_key
        )
        buckets = [f"fuzz-{uuid4().hex[:8]}" for _ in range(3)]
        keys = ["k", "a/b", "a/b/", "ü/ k+", "%41", "x" * 200]
        for bucket in buckets:
            s3.create_bucket(Bucket=bucket)
            for key in keys[:4]:
                s3.put_object(Bucket=bucket, Key=key, Body=b"some data", Metadata={"a": "b"})
        s3.put_bucket_versioning(Bucket=buckets[0], VersioningConfiguration={"Status": "Enabled"})
        known = Known([*buckets, f"fuzz-{uuid4().hex[:8]}"], keys)
        yield Fuzzer(server, known, Keys(person.access_key, person.secret_key, stack.region))
        s3.close()


@pytest.mark.timeout(300 + REQUESTS // 5)
def test_no_request_with_a_valid_signature_makes_the_gateway_fail(fuzzer: Fuzzer) -> None:
    asyncio.run(fuzzer.run())
    found = fuzzer.findings
    print(found)  # noqa: T201 - the summary, for `make fuzz`
    assert found.wrong == []
    assert found.slowest < PATIENCE
    assert found.memory[-1] < found.memory[1] + _GROWTH
    assert found.fds[-1] < found.fds[0] + _FDS
