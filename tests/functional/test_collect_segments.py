"""`s3gw jobs collect-segments`: what nobody needs goes, and nothing that anybody needs."""

import json
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import anyio
import pytest
import swiftclient
from click.testing import CliRunner, Result
from keystoneauth1.adapter import Adapter

from s3gw.app import clock
from s3gw.cli import main
from s3gw.config import Settings
from s3gw.jobs import collect_segments as job
from s3gw.jobs.segments import Options, Report, Tally
from s3gw.swift.account import Account, Login
from s3gw.swift.http import HttpTransport
from tests.functional.conftest import s3api_client
from tests.functional.fixtures import MakeUser, Person
from tests.functional.gates import Failing, Which, answered
from tests.functional.gateway import (
    Running,
    WatchedTransport,
    Wire,
    s3_client,
    settings_for,
)
from tests.functional.parties import as_person
from tests.functional.services import service_user
from tests.functional.stack import Stack
from tests.functional.uploads import Upload, begin, held, segments

PARTS = (b"one", b"two")
NOW = timedelta(0)
RAW = "multipart-manifest=get&format=raw"
PUT = "multipart-manifest=put"


@dataclass(frozen=True, slots=True)
class Entered:
    """A login that is there already, and its Authority."""

    token: str
    storage_url: str

    async def login(self) -> Self:
        return self

    def forget(self, login: Login) -> None:
        raise AssertionError(f"the token did not last: {login}")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A project with an account of its own, and its clients."""

    person: Person
    settings: Settings
    s3: Any
    s3api: Any
    swift: swiftclient.Connection
    wire: Wire
    """What the job says to Swift."""

    def bucket(self) -> str:
        """A new bucket."""
        name = f"bucket-{uuid4().hex[:20]}"
        self.s3.create_bucket(Bucket=name)
        return name

    def collect(
        self,
        agrees: Callable[[Report], Any] = lambda _: None,
        *,
        older_than: timedelta = NOW,
        bucket: str | None = None,
    ) -> Report:
        """Run the job in the tenant's account; `agrees` may do something between two looks.

        Only the login is left out, which costs more than all the rest.
        """

        @asynccontextmanager
        async def opened(*_: Any) -> AsyncIterator[dict[str, Account]]:
            transport = HttpTransport(self.settings.swift, stall_timeout=5)
            try:
                watched = WatchedTransport(transport, self.wire)
                yield {self.account: Account(watched, Entered(self.swift.token, self.swift.url))}
            finally:
                await transport.aclose()

        def agree(report: Report) -> bool:
            return agrees(report) is not False

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(job, "opened_accounts", opened)
            work = job.collect_segments
            options = Options(older_than, bucket)
            return anyio.run(partial(work, self.settings, clock, options, lambda *_: None, agree))

    @property
    def account(self) -> str:
        """The account's name."""
        return str(self.swift.url).rpartition("/")[2]


@pytest.fixture(scope="module")
def person(make_user: MakeUser) -> Person:
    return make_user()


@pytest.fixture
def tenant(
    tiny: Running, stack: Stack, person: Person, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Tenant]:
    """The second look comes at once, and what was written in the same second counts as later."""
    monkeypatch.setattr(job, "_PAUSE", 0)
    monkeypatch.setattr("s3gw.buckets.release._ROUNDING", timedelta(0))
    keys = {"access_key": person.access_key, "secret_key": person.secret_key}
    with (
        closing(s3_client(tiny.endpoint, stack, **keys)) as s3,
        closing(s3api_client(stack, **keys)) as s3api,
        closing(as_person(stack, person)) as swift,
    ):
        yield Tenant(person, settings_for(stack), s3, s3api, swift, Wire())
        empty(swift)


def empty(swift: swiftclient.Connection) -> None:
    """Delete what the account has, but for what versions keep: the job reads all of it."""
    for entry in swift.get_account(full_listing=True)[1]:
        container = entry["name"]
        if "x-versions-enabled" not in swift.head_container(container):
            for name in held(swift, container):
                swift.delete_object(container, name)
            swift.delete_container(container)


def made(s3: Any, bucket: str, key: str, bodies: Sequence[bytes] = PARTS) -> Upload:
    """A completed upload."""
    upload = begin(s3, bucket, key)
    for number, body in enumerate(bodies, 1):
        upload.put(number, body)
    upload.complete()
    return upload


def parts(*uploads: Upload) -> list[str]:
    """The names of the uploads' parts."""
    return sorted(
        f"{upload.key}/{upload.upload_id}/{number}" for upload in uploads for number in upload.etags
    )


# --- they go ---


def test_what_either_side_left_behind_goes_and_is_counted(tenant: Tenant) -> None:
    bucket = tenant.bucket()
    single = [b"only"]  # s3api takes no more parts that are so small
    ways = [
        (tenant.s3, tenant.s3api, PARTS),
        (tenant.s3api, tenant.s3, single),
        (tenant.s3api, tenant.s3api, single),
    ]
    for n, (writer, other, bodies) in enumerate(ways):
        made(writer, bucket, f"over/{n} é", bodies)
        other.put_object(Bucket=bucket, Key=f"over/{n} é", Body=b"plain")
        made(writer, bucket, f"gone/{n}", bodies)
        tenant.swift.delete_object(bucket, f"gone/{n}")
    kept = made(tenant.s3, bucket, "kept")
    report = tenant.collect()
    found = report.found[f"{tenant.account}/{bucket}"]
    assert (found.uploads, found.objects, found.size) == (6, 8, 28)
    assert report.deleted == found
    assert not report.failed
    assert segments(tenant.swift, bucket) == parts(kept)
    assert kept.read() == b"onetwo"
    assert tenant.s3.get_object(Bucket=bucket, Key="over/1 é")["Body"].read() == b"plain"


def test_a_part_that_complete_did_not_name_goes_and_the_others_stay(tenant: Tenant) -> None:
    bucket = tenant.bucket()
    upload = begin(tenant.s3, bucket)
    for number in range(1, 6):
        upload.put(number, b"%d" % number)
    upload.complete(2, 4)
    report = tenant.collect()
    assert (report.deleted.objects, report.deleted.size) == (3, 3)
    names = segments(tenant.swift, bucket)
    assert [name.rpartition("/")[2] for name in names] == ["2", "4"]
    assert upload.read() == b"24"


def test_parts_of_a_bucket_that_is_gone_go(tenant: Tenant) -> None:
    bucket = tenant.bucket()
    made(tenant.s3, bucket, "k")
    tenant.swift.delete_object(bucket, "k")
    tenant.swift.delete_container(bucket)
    tenant.collect()
    assert segments(tenant.swift, bucket) == []


def test_another_bucket_than_the_one_that_was_named_is_left_alone(tenant: Tenant) -> None:
    one, other = tenant.bucket(), tenant.bucket()
    for bucket in (one, other):
        made(tenant.s3, bucket, "k")
        tenant.swift.delete_object(bucket, "k")
    tenant.collect(bucket=one)
    assert segments(tenant.swift, one) == []
    assert len(segments(tenant.swift, other)) == 2


def test_sub_manifests_that_nobody_needs_go_with_their_parts(tenant: Tenant) -> None:
    bucket = tenant.bucket()
    kept, gone = nested(tenant, bucket, "kept"), nested(tenant, bucket, "gone")
    assert len(segments(tenant.swift, bucket)) == 6
    tenant.swift.delete_object(bucket, "gone")
    report = tenant.collect(bucket=bucket)
    assert (report.deleted.objects, report.deleted.size) == (3, 6)
    assert segments(tenant.swift, bucket) == [*parts(kept), f"kept/{kept.upload_id}/20000"]
    assert kept.read() == b"onetwo"
    assert gone.upload_id not in str(segments(tenant.swift, bucket))


def nested(tenant: Tenant, bucket: str, key: str) -> Upload:
    """An upload completed as one whose parts are too many for one manifest."""
    upload = begin(tenant.s3, bucket, key)
    for number, body in enumerate(PARTS, 1):
        upload.put(number, body)
    store, name = f"{bucket}+segments", f"{key}/{upload.upload_id}"
    manifest = [{"path": f"/{store}/{name}/{number}"} for number in (1, 2)]
    tenant.swift.put_object(store, f"{name}/20000", json.dumps(manifest), query_string=PUT)
    top = json.dumps([{"path": f"/{store}/{name}/20000"}])
    tenant.swift.put_object(bucket, key, top, query_string=PUT)
    tenant.swift.delete_object(store, name)
    return upload


# --- they stay ---


def _open(tenant: Tenant, upload: Upload) -> None:
    name = f"{upload.key}/{upload.upload_id}"
    tenant.swift.put_object(f"{upload.bucket}+segments", name, b"")
    _gone(tenant, upload)


def _gone(tenant: Tenant, upload: Upload) -> None:
    tenant.swift.delete_object(upload.bucket, upload.key)


def _copied(tenant: Tenant, upload: Upload) -> None:
    """A manifest like it, in another bucket."""
    manifest = tenant.swift.get_object(upload.bucket, upload.key, query_string=RAW)[1]
    tenant.swift.put_object(tenant.bucket(), "copy", manifest, query_string=PUT)
    _gone(tenant, upload)


def _below_a_copy(tenant: Tenant, upload: Upload) -> None:
    """A manifest, in another bucket, of a manifest like it."""
    _copied(tenant, upload)
    bucket = _newest_bucket(tenant)
    top = json.dumps([{"path": f"/{bucket}/copy"}])
    tenant.swift.put_object(tenant.bucket(), "top", top, query_string=PUT)


def _old_version_elsewhere(tenant: Tenant, upload: Upload) -> None:
    """A manifest like it, which is no longer the newest version in another bucket."""
    bucket = tenant.bucket()
    tenant.swift.post_container(bucket, {"X-Versions-Enabled": "true"})
    manifest = tenant.swift.get_object(upload.bucket, upload.key, query_string=RAW)[1]
    tenant.swift.put_object(bucket, "copy", manifest, query_string=PUT)
    tenant.swift.put_object(bucket, "copy", b"newer")
    tenant.swift.delete_object(bucket, "copy")
    _gone(tenant, upload)


def _linked(tenant: Tenant, upload: Upload) -> None:
    """Links to the parts, in another bucket."""
    bucket = tenant.bucket()
    for number in upload.etags:
        path = f"{upload.bucket}+segments/{upload.key}/{upload.upload_id}/{number}"
        tenant.swift.put_object(bucket, f"{number}", b"", headers={"X-Symlink-Target": path})
    _gone(tenant, upload)


def _dynamic(tenant: Tenant, upload: Upload) -> None:
    """Swift's other kind of large object, over the same parts."""
    prefix = f"{upload.bucket}+segments/{upload.key}/{upload.upload_id}/"
    headers = {"X-Object-Manifest": prefix}
    tenant.swift.put_object(upload.bucket, upload.key, b"", headers=headers)


def _versioned(tenant: Tenant, upload: Upload) -> None:
    tenant.swift.post_container(upload.bucket, {"X-Versions-Enabled": "true"})
    tenant.s3.put_object(Bucket=upload.bucket, Key=upload.key, Body=b"newer")


def _suspended(tenant: Tenant, upload: Upload) -> None:
    _versioned(tenant, upload)
    tenant.swift.post_container(upload.bucket, {"X-Versions-Enabled": "false"})


def _archived(tenant: Tenant, upload: Upload) -> None:
    tenant.swift.put_container(f"{upload.bucket}-old")
    headers = {"X-History-Location": f"{upload.bucket}-old"}
    tenant.swift.post_container(upload.bucket, headers)
    tenant.s3.put_object(Bucket=upload.bucket, Key=upload.key, Body=b"newer")


def _newest_bucket(tenant: Tenant) -> str:
    """Where the copy is."""
    names = [entry["name"] for entry in tenant.swift.get_account()[1]]
    (bucket,) = [name for name in names if "copy" in held(tenant.swift, name)][-1:]
    return str(bucket)


KEEPERS = [
    _open, _copied, _below_a_copy, _old_version_elsewhere, _linked, _dynamic, _versioned,
    _suspended, _archived,
]  # fmt: skip


@pytest.mark.parametrize("keep", KEEPERS)
def test_parts_that_something_needs_stay(
    tenant: Tenant, keep: Callable[[Tenant, Upload], None]
) -> None:
    upload = made(tenant.s3, tenant.bucket(), "a +%é")
    keep(tenant, upload)
    report = tenant.collect(bucket=upload.bucket)
    assert report.deleted.objects == 0
    assert set(parts(upload)) <= set(segments(tenant.swift, upload.bucket))
    assert not report.failed


def test_young_parts_stay_and_are_counted(tenant: Tenant) -> None:
    upload = made(tenant.s3, tenant.bucket(), "k")
    _gone(tenant, upload)
    report = tenant.collect(older_than=timedelta(hours=1), bucket=upload.bucket)
    assert (report.deleted.objects, report.young, dict(report.found)) == (0, 1, {})
    assert segments(tenant.swift, upload.bucket) == parts(upload)


def test_what_is_not_of_the_layout_stays(tenant: Tenant) -> None:
    """Others may keep what they like in a container of such a name."""
    upload = made(tenant.s3, tenant.bucket(), "k")
    _gone(tenant, upload)
    store = f"{upload.bucket}+segments"
    names = ["1", "k/1", "k/short/1", f"k/{'1' * 48}/1", f"k/{'a' * 49}/1", f"k/{'a' * 48}/x"]
    odd = [
        f"k/{letter * 48}/{number}"
        for letter, number in zip("bcd", ("007", "99999", "0"), strict=True)
    ]
    for name in names + odd:
        tenant.swift.put_object(store, name, b"1")
    tenant.collect(bucket=upload.bucket)
    assert segments(tenant.swift, upload.bucket) == sorted(names + odd)


def test_who_does_not_agree_keeps_everything(tenant: Tenant) -> None:
    upload = made(tenant.s3, tenant.bucket(), "k")
    _gone(tenant, upload)
    told: list[Tally] = []

    def refuse(report: Report) -> bool:
        told.extend(report.found.values())
        return False

    report = tenant.collect(refuse, bucket=upload.bucket)
    assert [(tally.objects, tally.size) for tally in told] == [(2, 6)]
    assert report.deleted.objects == 0
    assert segments(tenant.swift, upload.bucket) == parts(upload)


# --- between two looks ---


@pytest.mark.parametrize("keep", [_open, _copied, _versioned, _linked, _archived])
def test_what_is_needed_again_at_the_second_look_stays(
    tenant: Tenant, keep: Callable[[Tenant, Upload], None]
) -> None:
    upload = made(tenant.s3, tenant.bucket(), "k")
    manifest = tenant.swift.get_object(upload.bucket, "k", query_string=RAW)[1]
    _gone(tenant, upload)

    def again(report: Report) -> None:
        assert report.found
        tenant.swift.put_object(upload.bucket, "k", manifest, query_string=PUT)
        keep(tenant, upload)

    report = tenant.collect(again, bucket=upload.bucket)
    assert report.deleted.objects == 0
    assert set(parts(upload)) <= set(segments(tenant.swift, upload.bucket))


def test_a_key_that_shows_its_object_again_keeps_the_parts(tenant: Tenant) -> None:
    """Also at the very last look, just before they go."""
    upload = made(tenant.s3, tenant.bucket(), "k")
    manifest = tenant.swift.get_object(upload.bucket, "k", query_string=RAW)[1]
    _gone(tenant, upload)
    flag = f"/{upload.bucket}+segments/k/{upload.upload_id}/30000"

    async def after(sent: Any) -> None:
        if (sent.method, sent.path) == ("PUT", flag):
            tenant.swift.put_object(upload.bucket, "k", manifest, query_string=PUT)

    tenant.wire.after = after
    assert tenant.collect(bucket=upload.bucket).deleted.objects == 0
    assert upload.read() == b"onetwo"
    assert segments(tenant.swift, upload.bucket) == parts(upload)


# --- trouble ---


@pytest.mark.parametrize(
    ("request_", "nth", "status"),
    [
        ("HEAD /{bucket}/k$", 1, 403),
        ("HEAD /{bucket}/k$", 2, 503),
        ("HEAD {marker}$", 1, 503),
        ("HEAD {marker}$", 2, 403),
        ("HEAD /{bucket}$", 1, 403),
        ("HEAD /{bucket}$", 2, 503),
        ("GET /{bucket}$", 1, 503),
        ("GET /{bucket}$", 2, 403),
        ("GET /$", 2, 503),
    ],
)
def test_whatever_cannot_be_looked_at_keeps_the_parts_and_is_told(
    tenant: Tenant, request_: str, nth: int, status: int
) -> None:
    upload = made(tenant.s3, tenant.bucket(), "k")
    _gone(tenant, upload)
    method, _, path = request_.format(bucket=upload.bucket, marker=upload.marker).partition(" ")
    tenant.wire.before = failing = Failing(Which(method, path, nth=nth), answered(status))
    report = tenant.collect(bucket=upload.bucket)
    assert failing.seen >= nth
    assert (report.deleted.objects, len(report.failed)) == (0, 1)
    assert segments(tenant.swift, upload.bucket) == parts(upload)


# --- beside everybody else ---

STEPS = 12
KEYS = 3
WORKERS = 4


@dataclass
class Worker:
    """Somebody who writes and deletes at random, and remembers what has to be there."""

    tenant: Tenant
    bucket: str
    number: int
    expected: dict[str, bytes] = field(default_factory=dict)
    open: list[tuple[Upload, bytes]] = field(default_factory=list)
    shared: set[bytes] = field(default_factory=set)
    steps: int = 0

    def run(self) -> None:
        chance = random.Random(self.number)  # noqa: S311 - no secret: the same on each run
        steps = [
            self.put, self.multipart, self.multipart, self.multipart, self.of_s3api, self.delete,
            self.begin, self.abort, self.finish, self.contend,
        ]  # fmt: skip
        for self.steps in range(STEPS):
            chance.choice(steps)(f"k{self.number}/{chance.randrange(KEYS)}")

    def body(self) -> bytes:
        return f"<{self.number}.{self.steps}>".encode()

    def put(self, key: str) -> None:
        self.tenant.s3.put_object(Bucket=self.bucket, Key=key, Body=self.body())
        self.expected[key] = self.body()

    def multipart(self, key: str) -> None:
        bodies = [self.body(), b"left out", self.body()]
        upload = self.uploaded(key, bodies)
        upload.complete(1, 3)
        self.expected[key] = bodies[0] + bodies[2]

    def of_s3api(self, key: str) -> None:
        made(self.tenant.s3api, self.bucket, key, [self.body()])
        self.expected[key] = self.body()

    def delete(self, key: str) -> None:
        self.tenant.s3.delete_object(Bucket=self.bucket, Key=key)
        self.expected.pop(key, None)

    def begin(self, key: str) -> None:
        self.open.append((self.uploaded(key, [self.body()]), self.body()))

    def abort(self, key: str) -> None:
        self.uploaded(key, [self.body()]).abort()

    def finish(self, key: str) -> None:
        del key
        if self.open:
            upload, body = self.open.pop(0)
            upload.complete()
            self.expected[upload.key] = body

    def contend(self, key: str) -> None:
        """One key that all write at the same time."""
        del key
        upload = self.uploaded("shared", [self.body(), b"."])
        upload.complete()
        self.shared.add(self.body() + b".")

    def uploaded(self, key: str, bodies: list[bytes]) -> Upload:
        upload = begin(self.tenant.s3, self.bucket, key)
        for number, body in enumerate(bodies, 1):
            upload.put(number, body)
        return upload


def test_beside_uploads_completes_overwrites_and_aborts_nothing_is_lost(tenant: Tenant) -> None:
    bucket = tenant.bucket()
    workers = [Worker(tenant, bucket, number) for number in range(WORKERS)]
    deleted = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        running_workers = [pool.submit(worker.run) for worker in workers]
        while not all(each.done() for each in running_workers):
            report = tenant.collect(bucket=bucket)
            assert not report.failed
            deleted += report.deleted.objects
        for each in running_workers:
            each.result()
    assert deleted > 0
    for worker in workers:
        while worker.open:
            worker.finish("")
    tenant.collect(bucket=bucket)

    def read(key: str) -> bytes:
        body: bytes = tenant.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    expected = {key: body for worker in workers for key, body in worker.expected.items()}
    listed = set(held(tenant.swift, bucket)) - {"shared"}
    assert {key: read(key) for key in listed} == expected
    if any(worker.shared for worker in workers):
        assert read("shared") in set().union(*(worker.shared for worker in workers))
    assert set(segments(tenant.swift, bucket)) == set(named(tenant, bucket))


def named(tenant: Tenant, bucket: str) -> Iterator[str]:
    """All parts that the bucket's manifests name."""
    for entry in tenant.swift.get_container(bucket, full_listing=True)[1]:
        if "slo_etag" in entry:
            manifest = json.loads(
                tenant.swift.get_object(bucket, entry["name"], query_string=RAW)[1]
            )
            for segment in manifest:
                yield segment["path"].removeprefix(f"/{bucket}+segments/")


# --- who runs it ---


@pytest.fixture
def left(tiny: Running, stack: Stack, tenant: Tenant) -> Iterator[tuple[str, str]]:
    """Buckets of the tenant and of another project, with parts that nobody needs."""
    mine = tenant.bucket()
    other = f"bucket-{uuid4().hex[:20]}"
    with closing(s3_client(tiny.endpoint, stack)) as theirs:
        theirs.create_bucket(Bucket=other)
        for client, name in ((tenant.s3, mine), (theirs, other)):
            made(client, name, "k")
            client.put_object(Bucket=name, Key="k", Body=b"plain")
        yield mine, other


def command(
    tables: dict[str, dict[str, Any]], path: Path, *arguments: str, answer: str = ""
) -> Result:
    """Run it as people do."""
    lines = [
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    given = ["jobs", "collect-segments", f"--config={path}", "--older-than=0s", *arguments]
    return CliRunner().invoke(main, given, input=answer)


def keystone_tables(stack: Stack) -> dict[str, dict[str, Any]]:
    """Settings with the gateway's user in Keystone."""
    service = {
        "username": stack.service_user.name,
        "password": stack.service_user.password,
        "user_domain_id": "default",
        "system_scope": "all",
    }
    return {"identity": {"auth_url": stack.keystone.auth_url}, "identity.service": service}


def test_an_operator_sees_all_accounts_and_is_asked_before_anything_goes(
    stack: Stack, identity: Adapter, tenant: Tenant, left: tuple[str, str],
    swift: swiftclient.Connection, tmp_path: Path,
) -> None:  # fmt: skip
    service = service_user(identity, project_role="ResellerAdmin")
    tables = {**keystone_tables(stack), "access.service": service}
    path, bucket = tmp_path / "s3gw.toml", left[1]
    account = stack.swift.storage_url.rpartition("/")[2]
    told = f"not needed {account}/{bucket}: 2 objects of 1 uploads, 6 bytes"
    for arguments, answer in ((["--dry-run"], ""), ([], "n\n"), ([], "")):
        result = command(tables, path, f"--bucket={bucket}", *arguments, answer=answer)
        assert told in result.stdout.splitlines()
        assert ("Delete them?" in result.stdout) == (not arguments)
        assert len(segments(swift, bucket)) == 2
    result = command(tables, path, f"--bucket={bucket}", answer="y\n")
    assert result.exit_code == 0
    assert "2 objects of 1 uploads, 6 bytes deleted" in result.stdout
    assert (segments(swift, bucket), len(segments(tenant.swift, left[0]))) == ([], 2)


def test_a_tenant_frees_an_account_of_ones_own_with_ones_own_login(
    stack: Stack, tenant: Tenant, left: tuple[str, str], swift: swiftclient.Connection,
    tmp_path: Path,
) -> None:  # fmt: skip
    """Here without any right in Keystone, by a file of keys."""
    login = {
        "auth_url": stack.keystone.auth_url,
        "username": tenant.person.name,
        "password": tenant.person.password,
        "project_id": tenant.person.project_id,
        "user_domain_id": "default",
    }
    keys = tmp_path / "keys.toml"
    lines = [f"{name} = {json.dumps(value)}" for name, value in login.items()]
    head = f'[keys.{tenant.person.access_key}]\nsecret = "s"\n'
    keys.write_text("\n".join([head, f"[keys.{tenant.person.access_key}.login]", *lines]))
    tables = {"identity": {"provider": "static", "static_file": str(keys)}}
    result = command(tables, tmp_path / "s3gw.toml", "--yes")
    assert result.exit_code == 0
    assert (segments(tenant.swift, left[0]), len(segments(swift, left[1]))) == ([], 2)


def test_a_key_that_nobody_has_frees_nothing(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "s3gw.toml"
    result = command(keystone_tables(stack), path, "--yes", "--access-key=nobodys")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "s3gw: nobody has the access key nobodys"
    result = command(keystone_tables(stack), path, "--yes")
    assert (result.exit_code, "access.service" in result.stderr) == (2, True)


@pytest.mark.parametrize("age", ["7", "d", "-1d", "1w", "1.5h", "", "9999999d"])
def test_an_age_that_is_none_is_told(age: str) -> None:
    result = CliRunner().invoke(main, ["jobs", "collect-segments", f"--older-than={age}"])
    assert result.exit_code == 2
    assert "is not a number with d, h, m or s behind it" in result.stderr
