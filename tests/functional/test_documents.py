"""Documents of a bucket in a real Swift: which one holds, and what becomes of the others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
import swiftclient

from s3gw.app import open_transport
from s3gw.buckets import documents
from s3gw.buckets.facts import ContainerFacts, read_facts
from s3gw.mapping.layout import Document, document_header
from s3gw.s3.errors import NoSuchBucket, ServiceUnavailable
from s3gw.swift.account import Account, Login
from s3gw.swift.errors import SwiftStatus
from tests.functional.gates import Failing, Which, answered
from tests.functional.gateway import Running, WatchedTransport, Wire, settings_for
from tests.functional.stack import Stack
from tests.functional.witness import is_there, names

ACL, TAGGING = Document.ACL, Document.TAGGING


@dataclass(frozen=True, slots=True)
class _Owner:
    """The bucket's owner, who is also his login."""

    token: str = field(repr=False)
    storage_url: str

    async def login(self) -> "_Owner":
        return self

    def forget(self, login: Login) -> None:
        raise AssertionError(login)


@dataclass(frozen=True, slots=True)
class Ours:
    """A bucket's account, its wire, and Swift itself beside it."""

    account: Account
    wire: Wire
    bucket: str
    swift: swiftclient.Connection

    async def facts(self) -> ContainerFacts:
        found = await read_facts(self.account, self.bucket)
        assert found is not None
        return found

    async def read(self, document: Document) -> bytes | None:
        return await documents.read(self.account, self.bucket, document, await self.facts())

    async def write(self, document: Document, content: bytes) -> None:
        await documents.write(self.account, self.bucket, document, content)

    def kept(self) -> list[str]:
        """The names of all the bucket's documents, without the bucket."""
        if not is_there(self.swift, ".s3gw"):
            return []
        _, entries = self.swift.get_container(".s3gw", prefix=f"{self.bucket}/")
        return [entry["name"].removeprefix(f"{self.bucket}/") for entry in entries]

    async def named(self, document: Document) -> list[str]:
        return [f"{document}/{(await self.facts()).documents[document]}"]


@asynccontextmanager
async def _ours(stack: Stack, swift: swiftclient.Connection, bucket: str) -> AsyncIterator[Ours]:
    wire = Wire()
    transport = WatchedTransport(open_transport(settings_for(stack)), wire)
    try:
        yield Ours(Account(transport, _Owner(swift.token, swift.url)), wire, bucket, swift)
    finally:
        await transport.aclose()


@pytest.fixture
async def ours(stack: Stack, swift: swiftclient.Connection, bucket: str) -> AsyncIterator[Ours]:
    async with _ours(stack, swift, bucket) as found:
        yield found


async def test_a_document_is_written_read_replaced_and_deleted(ours: Ours) -> None:
    assert await ours.read(TAGGING) is None
    await ours.write(TAGGING, b"one")
    assert await ours.read(TAGGING) == b"one"
    await ours.write(TAGGING, b"two")
    assert await ours.read(TAGGING) == b"two"
    assert ours.kept() == await ours.named(TAGGING)
    await documents.delete(ours.account, ours.bucket, TAGGING)
    assert await ours.read(TAGGING) is None
    assert ours.kept() == []
    await documents.delete(ours.account, ours.bucket, TAGGING)


async def test_reading_is_one_request_or_none(ours: Ours) -> None:
    facts = await ours.facts()
    ours.wire.sent.clear()
    assert await documents.read(ours.account, ours.bucket, TAGGING, facts) is None
    assert ours.wire.sent == []
    await ours.write(TAGGING, b"one")
    facts = await ours.facts()
    ours.wire.sent.clear()
    assert await documents.read(ours.account, ours.bucket, TAGGING, facts) == b"one"
    assert ours.wire.methods() == ["GET"]


async def test_documents_written_at_once_do_not_lose_each_other(ours: Ours) -> None:
    """Hazard 18: every writer has read the bucket before any other's header is there."""
    await ours.write(ACL, b"before")
    first = [Which("PUT", f"/.s3gw/{ours.bucket}/{document}/") for document in Document]
    seen: set[Document] = set()
    all_there = anyio.Event()

    async def meet(sent: Any) -> None:
        seen.update(which for which, one in zip(Document, first, strict=True) if one.fits(sent))
        if any(one.fits(sent) for one in first):
            if len(seen) == len(Document):
                all_there.set()
            await all_there.wait()

    ours.wire.before = meet
    async with anyio.create_task_group() as group:
        for document in Document:
            group.start_soon(ours.write, document, f"{document} now".encode())
    for document in Document:
        assert await ours.read(document) == f"{document} now".encode()
    assert len(ours.kept()) == len(Document)


async def test_of_two_writes_of_one_document_one_holds_and_the_other_is_swept_later(
    ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with anyio.create_task_group() as group:
        for content in (b"one", b"two"):
            group.start_soon(ours.write, TAGGING, content)
    held = await ours.read(TAGGING)
    assert held in {b"one", b"two"}
    monkeypatch.setattr(documents, "_STRAY_AGE", -10.0)
    await ours.write(TAGGING, b"three")
    assert ours.kept() == await ours.named(TAGGING)


async def test_the_same_content_written_anew_survives_the_deletion_of_the_former(
    ours: Ours,
) -> None:
    """A → B → A: who deletes the old A must not hit the new one."""
    await ours.write(TAGGING, b"A")
    (former,) = ours.kept()
    await ours.write(TAGGING, b"B")
    await ours.write(TAGGING, b"A")
    assert former not in ours.kept()
    assert await ours.read(TAGGING) == b"A"


async def test_who_remembers_what_has_been_replaced_looks_again(ours: Ours) -> None:
    await ours.write(TAGGING, b"old")
    remembered = await ours.facts()
    await ours.write(TAGGING, b"new")
    read = documents.read(ours.account, ours.bucket, TAGGING, remembered)
    assert await read == b"new"
    await documents.delete(ours.account, ours.bucket, TAGGING)
    read = documents.read(ours.account, ours.bucket, TAGGING, remembered)
    assert await read is None


async def test_a_document_that_is_lost_or_was_changed_is_no_absence(
    ours: Ours, swift: swiftclient.Connection
) -> None:
    await ours.write(ACL, b"private")
    (name,) = [f"{ours.bucket}/{name}" for name in ours.kept()]
    swift.put_object(".s3gw", name, b"public")
    with pytest.raises(ServiceUnavailable):
        await ours.read(ACL)
    swift.delete_object(".s3gw", name)
    with pytest.raises(ServiceUnavailable):
        await ours.read(ACL)


@pytest.mark.parametrize("document_id", ["x", "../other/acl/x", "a" * 64])
async def test_an_id_that_nobody_wrote_names_nothing(
    ours: Ours, swift: swiftclient.Connection, document_id: str
) -> None:
    swift.post_container(ours.bucket, {document_header(ACL): document_id})
    with pytest.raises(ServiceUnavailable):
        await ours.read(ACL)
    await ours.write(ACL, b"mended")
    assert await ours.read(ACL) == b"mended"


async def test_a_write_that_swift_refuses_changes_and_leaves_nothing(ours: Ours) -> None:
    await ours.write(TAGGING, b"before")
    before = ours.kept()
    ours.wire.before = Failing(Which("POST", f"/{ours.bucket}"), answered(403))
    with pytest.raises(SwiftStatus, match="403"):
        await ours.write(TAGGING, b"after")
    assert await ours.read(TAGGING) == b"before"
    assert ours.kept() == before


async def test_what_the_bucket_still_names_is_never_swept(
    ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header is written by a proxy whose clock is behind: the former one goes on holding."""
    await ours.write(TAGGING, b"before")
    monkeypatch.setattr(documents, "_STRAY_AGE", -10.0)

    async def late(_: str, __: object) -> None:
        return

    monkeypatch.setattr(ours.account, "post_container", late)
    await ours.write(TAGGING, b"too late")
    assert await ours.read(TAGGING) == b"before"
    assert ours.kept() == await ours.named(TAGGING)


async def test_a_failed_sweep_fails_no_write(ours: Ours) -> None:
    await ours.write(TAGGING, b"one")
    ours.wire.before = Failing(Which("DELETE", "/.s3gw/"), answered(503))
    await ours.write(TAGGING, b"two")
    assert await ours.read(TAGGING) == b"two"
    assert len(ours.kept()) == 2


async def test_a_bucket_that_is_not_there_has_no_documents(
    ours: Ours, swift: swiftclient.Connection
) -> None:
    facts = await ours.facts()
    swift.delete_container(ours.bucket)
    for work in (
        documents.write(ours.account, ours.bucket, TAGGING, b"x"),
        documents.delete(ours.account, ours.bucket, TAGGING),
    ):
        with pytest.raises(NoSuchBucket):
            await work
    assert await documents.read(ours.account, ours.bucket, TAGGING, facts) is None
    assert ours.kept() == []


class TestDeleteBucket:
    """Documents go after the bucket (hazard 6)."""

    async def test_they_go_after_the_bucket_and_its_parts(
        self, ours: Ours, gateway: Running, s3: Any
    ) -> None:
        await ours.write(TAGGING, b"x")
        await ours.write(ACL, b"x")
        with gateway.watched() as wire:
            s3.delete_bucket(Bucket=ours.bucket)
            sent = [one.path for one in wire.sent if one.method == "DELETE"]
        assert sent[:2] == [f"/{ours.bucket}", f"/{ours.bucket}+segments"]
        assert sent[-1] == f"/.s3gw+public/{ours.bucket}/cors"
        assert {path.rpartition("/")[0] for path in sent[2:-1]} == {
            f"/.s3gw/{ours.bucket}/acl",
            f"/.s3gw/{ours.bucket}/tagging",
        }
        assert ours.kept() == []

    async def test_a_bucket_that_is_not_empty_keeps_them(
        self, ours: Ours, s3: Any, swift: swiftclient.Connection
    ) -> None:
        await ours.write(TAGGING, b"x")
        swift.put_object(ours.bucket, "k", b"1")
        with pytest.raises(s3.exceptions.ClientError, match="BucketNotEmpty"):
            s3.delete_bucket(Bucket=ours.bucket)
        assert await ours.read(TAGGING) == b"x"

    async def test_a_new_bucket_of_that_name_does_not_inherit_what_stayed_behind(
        self, ours: Ours, gateway: Running, s3: Any
    ) -> None:
        await ours.write(TAGGING, b"x")
        with gateway.watched() as wire:
            wire.before = Failing(Which("GET", "/.s3gw"), answered(503))
            s3.delete_bucket(Bucket=ours.bucket)
        assert len(ours.kept()) == 1
        s3.create_bucket(Bucket=ours.bucket)
        assert await ours.read(TAGGING) is None

    async def test_other_buckets_documents_stay(
        self, ours: Ours, s3: Any, swift: swiftclient.Connection
    ) -> None:
        longer = f"{ours.bucket}-2"
        s3.create_bucket(Bucket=longer)
        await documents.write(ours.account, longer, TAGGING, b"x")
        s3.delete_bucket(Bucket=ours.bucket)
        assert [name for name in names(swift, ".s3gw") if name.startswith(f"{longer}/")]
