"""access.mode = "s3": what a stranger reads, and what he hears of the rest (hazards 10 and 11).

Each test asserts both ends: what the client got, and whose token, if any, Swift saw.
"""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from keystoneauth1.adapter import Adapter

from s3gw.access.acl import CANNED
from tests.functional.fixtures import MakeUser
from tests.functional.parties import Answer, Parties, refusal
from tests.functional.sealing import acl_header, s3_parties, sealed
from tests.functional.stack import Stack
from tests.functional.uploads import begin

_DENIED = (403, "AccessDenied")


@pytest.fixture(scope="module")
def three(stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
    # What is remembered decides nothing: it is kept for ever.
    names = {"global_names": True, "facts_ttl": 3600}
    with s3_parties(stack, identity, make_user(), buckets=names) as found:
        yield found


@pytest.fixture(scope="module")
def bucket(three: Parties, swift: Any) -> str:
    """A private bucket of the owner with the objects `open`, `members` and `closed`."""
    name = f"read-{uuid4().hex[:20]}"
    three.owner_s3.create_bucket(Bucket=name)
    acls = {"open": "public-read", "members": "authenticated-read", "closed": "private"}
    owner = three.stack.project.id
    for key, canned in acls.items():
        three.owner_s3.put_object(Bucket=name, Key=key, Body=b"content", ContentType="text/plain")
        header = acl_header(sealed(CANNED[canned](owner, owner), name, key))
        swift.post_object(name, key, header)
    return name


@pytest.fixture(scope="module")
def listed(three: Parties, swift: Any) -> str:
    """A bucket whose container ACL lets everybody read and list, with the object `k`."""
    name = f"read-{uuid4().hex[:20]}"
    three.owner_s3.create_bucket(Bucket=name)
    three.owner_s3.put_object(Bucket=name, Key="k", Body=b"content")
    swift.post_container(name, {"X-Container-Read": ".r:*,.rlistings"})
    return name


def of_swift(sent: list[tuple[Any, str]]) -> list[tuple[Any, str]]:
    """The requests to the bucket's account, without what says how links are read."""
    return [
        (
            power,
            request.removesuffix("?symlink=get").removesuffix(
                "?symlink=get&multipart-manifest=get"
            ),
        )
        for power, request in sent
        if "/s3gw-buckets/" not in request
    ]


class TestObjects:
    """Of an object its own ACL decides."""

    def test_everybody_reads_a_public_object_in_a_private_bucket_in_one_request(
        self, three: Parties, bucket: str
    ) -> None:
        three.nobody("GET", f"/{bucket}/open")
        for method in ("GET", "HEAD"):
            with three.watched() as sent:
                answer = three.nobody(method, f"/{bucket}/open")
            assert (answer.status, answer.headers["content-type"]) == (200, "text/plain")
            assert answer.body == (b"content" if method == "GET" else b"")
            assert not [name for name in answer.headers if "s3gw" in name]
            query = "symlink=get" + ("&multipart-manifest=get" if method == "GET" else "")
            assert sent == [("service", f"{method} /{bucket}/open?{query}")]

    def test_authenticated_is_who_signs(self, three: Parties, bucket: str) -> None:
        got = three.other_s3.get_object(Bucket=bucket, Key="members")
        assert got["Body"].read() == b"content"
        assert three.nobody("GET", f"/{bucket}/members").code == "AccessDenied"

    def test_a_private_object_is_the_owners(self, three: Parties, bucket: str) -> None:
        for key in ("closed", "missing"):
            with three.watched() as sent:
                answer = three.nobody("GET", f"/{bucket}/{key}")
                assert (answer.status, answer.code) == _DENIED
            assert of_swift(sent) == [
                ("service", f"GET /{bucket}/{key}"),
                ("service", f"HEAD /{bucket}"),
            ]
            assert refusal(three.other_s3.get_object, Bucket=bucket, Key=key) == _DENIED
            assert refusal(three.other_s3.head_object, Bucket=bucket, Key=key)[0] == 403
        with three.watched() as sent:
            assert three.owner_s3.get_object(Bucket=bucket, Key="closed")["ContentLength"] == 7
        assert sent == [("owner", f"GET /{bucket}/closed")]

    def test_an_object_without_an_acl_is_private(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        swift.put_object(bucket, "native", b"1")
        assert three.nobody("GET", f"/{bucket}/native").code == "AccessDenied"

    def test_what_is_written_over_an_object_has_no_acl(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        owner = three.stack.project.id
        header = acl_header(sealed(CANNED["public-read"](owner, owner), bucket, "over"))
        swift.put_object(bucket, "over", b"1", headers=header)
        assert three.nobody("GET", f"/{bucket}/over").status == 200
        three.owner_s3.put_object(Bucket=bucket, Key="over", Body=b"2")
        assert three.nobody("GET", f"/{bucket}/over").code == "AccessDenied"

    def test_settings_and_tags_of_an_object_are_its_owners(
        self, three: Parties, bucket: str
    ) -> None:
        with three.watched() as sent:
            for query in ("?tagging", "?retention", "?legal-hold", "?uploadId=x"):
                assert three.nobody("GET", f"/{bucket}/open{query}").code == "AccessDenied"
            assert refusal(three.other_s3.get_object_tagging, Bucket=bucket, Key="open") == _DENIED
            assert refusal(three.other_s3.get_object_acl, Bucket=bucket, Key="open") == _DENIED
        assert not [entry for entry in sent if entry[0] == "owner"]


class TestConditionsAndRanges:
    """Hazard 10: they are judged after the verdict."""

    HEADERS = (
        {"Range": "bytes=1-2"}, {"Range": "bytes=99-"}, {"If-Match": '"0"'}, {"If-Match": "*"},
        {"If-None-Match": "*"}, {"If-None-Match": '"9a0364b9e99bb480dd25e1f0284c8555"'},
        {"If-Modified-Since": "Wed, 01 Jan 2020 00:00:00 GMT"},
        {"If-Modified-Since": "Wed, 01 Jan 2025 00:00:00 GMT"},
        {"If-Unmodified-Since": "Wed, 01 Jan 2020 00:00:00 GMT"},
        {"Range": "bytes=99-", "If-None-Match": "*"},
    )  # fmt: skip

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_none_of_them_tells_a_private_object_from_none(
        self, three: Parties, bucket: str, method: str
    ) -> None:
        for headers in self.HEADERS:
            answers = [
                three.nobody(method, f"/{bucket}/{key}", headers) for key in ("closed", "missing")
            ]
            assert [answer.status for answer in answers] == [403, 403]
            shown = [
                {name: value for name, value in answer.headers.items() if name not in _VARYING}
                for answer in answers
            ]
            assert shown[0] == shown[1]
            if method == "GET":
                assert {answer.code for answer in answers} == {"AccessDenied"}

    def test_whoever_may_read_gets_what_they_ask(self, three: Parties, bucket: str) -> None:
        whole = three.nobody("GET", f"/{bucket}/open")
        etag, time = whole.headers["etag"], whole.headers["last-modified"]

        def ask(**headers: str) -> Answer:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return three.nobody("GET", f"/{bucket}/open", named)

        answer = ask(Range="bytes=1-2")
        assert (answer.status, answer.body) == (206, b"on")
        assert answer.headers["content-range"] == "bytes 1-2/7"
        assert ask(Range="bytes=99-").code == "InvalidRange"
        assert ask(If_None_Match=etag).status == 304
        assert ask(If_Modified_Since=time).status == 304
        assert ask(If_Match='"0"').code == "PreconditionFailed"
        assert ask(If_Match=etag, Range="bytes=0-0").body == b"c"
        assert ask(If_Unmodified_Since="Wed, 01 Jan 2020 00:00:00 GMT").status == 412
        answer = three.nobody("HEAD", f"/{bucket}/open", {"Range": "bytes=1-2"})
        assert (answer.status, answer.headers["content-length"]) == (206, "2")

    def test_a_range_is_of_the_content_that_the_verdict_was_on(
        self, three: Parties, bucket: str
    ) -> None:
        with three.watched() as sent:
            assert three.nobody("GET", f"/{bucket}/open", {"Range": "bytes=0-0"}).body == b"c"
        assert of_swift(sent) == [
            ("service", f"HEAD /{bucket}/open"),
            ("service", f"GET /{bucket}/open"),
        ]
        asked = three.running.wire.sent[-1].headers
        assert asked["Range"] == "bytes=0-0"
        assert asked["If-Match"] == '"9a0364b9e99bb480dd25e1f0284c8555"'

    def test_a_private_object_that_comes_between_verdict_and_range_is_not_read(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        owner = three.stack.project.id
        header = acl_header(sealed(CANNED["public-read"](owner, owner), bucket, "race"))
        for content in (b"open", b"shut"):
            swift.put_object(bucket, "race", b"open", headers=header)
            with three.running.watched() as wire:

                async def swap(sent: Any, content: bytes = content) -> None:
                    if sent.method == "GET" and sent.path.endswith("/race"):
                        wire.before = None
                        # Once with the same content, so that the ETag does not tell.
                        swift.put_object(bucket, "race", content)

                wire.before = swap
                answer = three.nobody("GET", f"/{bucket}/race", {"Range": "bytes=0-1"})
            assert (answer.status, answer.code) == _DENIED


_VARYING = frozenset(("date", "x-amz-request-id", "x-amz-id-2", "content-length"))


class TestWhatContainersGrant:
    """A container's own ACL, that of a native client, is Swift's to judge."""

    def test_it_opens_every_object_with_the_strangers_own_power(
        self, three: Parties, listed: str
    ) -> None:
        with three.watched() as sent:
            assert three.nobody("GET", f"/{listed}/k").body == b"content"
        assert of_swift(sent)[-1] == ("none", f"GET /{listed}/k")
        with three.watched() as sent:
            answer = three.nobody("GET", f"/{listed}/k", {"Range": "bytes=0-1"})
            assert (answer.status, answer.body) == (206, b"co")
        assert of_swift(sent)[-1] == ("none", f"GET /{listed}/k")

    def test_who_may_list_hears_what_is_missing(self, three: Parties, listed: str) -> None:
        for method in ("GET", "HEAD"):
            assert three.nobody(method, f"/{listed}/missing").status == 404
            answer = three.nobody(method, f"/{listed}/missing", {"Range": "bytes=0-1"})
            assert answer.status == 404
        assert three.nobody("GET", f"/{listed}?list-type=2").status == 200
        assert three.nobody("HEAD", f"/{listed}").status == 200

    def test_a_project_reads_and_writes_what_it_grants_it(self, three: Parties, swift: Any) -> None:
        name = f"read-{uuid4().hex[:20]}"
        three.owner_s3.create_bucket(Bucket=name)
        three.owner_s3.put_object(Bucket=name, Key="k", Body=b"content")
        everybody = f"{three.other.project_id}:*"
        swift.post_container(name, {"X-Container-Read": everybody})
        s3 = three.other_s3
        with three.watched() as sent:
            assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"content"
            assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 1
        assert ("other", f"GET /{name}/k") in of_swift(sent)
        assert refusal(s3.put_object, Bucket=name, Key="new", Body=b"1") == _DENIED
        swift.post_container(name, {"X-Container-Write": everybody})
        s3.put_object(Bucket=name, Key="new", Body=b"1")
        s3.delete_object(Bucket=name, Key="new")
        assert three.nobody("GET", f"/{name}/k").code == "AccessDenied"

    def test_what_is_taken_away_ends_at_once(self, three: Parties, swift: Any) -> None:
        name = f"read-{uuid4().hex[:20]}"
        three.owner_s3.create_bucket(Bucket=name)
        three.owner_s3.put_object(Bucket=name, Key="k", Body=b"content")
        swift.post_container(name, {"X-Container-Read": ".r:*"})
        assert three.nobody("GET", f"/{name}/k").status == 200
        swift.post_container(name, {"X-Container-Read": ""})
        assert three.nobody("GET", f"/{name}/k").code == "AccessDenied"
        assert three.nobody("GET", f"/{name}?list-type=2").code == "AccessDenied"


class TestNames:
    """What is no bucket has no door."""

    def test_reserved_names_are_refused_before_swift_hears_of_them(
        self, three: Parties, listed: str, swift: Any
    ) -> None:
        swift.put_container(f"{listed}+segments", {"X-Container-Read": ".r:*,.rlistings"})
        swift.put_object(f"{listed}+segments", "part", b"part")
        targets = (
            f"/{listed}+segments/part", f"/{listed}%2Bsegments/part", f"/{listed}+segments",
            "/.s3gw/x", "/.s3gw", "/.s3gw+public/x", f"/{listed}/..%2F{listed}+segments/part",
            f"/{listed}/../{listed}+segments/part", f"/{listed}/a/./b", f"/{listed}/..",
        )  # fmt: skip
        three.nobody("GET", f"/{listed}/k")
        with three.watched() as sent:
            for target in targets:
                assert three.nobody("GET", target).code == "AccessDenied"
        assert sent == []

    def test_a_bucket_that_nobody_has_is_told(self, three: Parties) -> None:
        name = f"never-{uuid4().hex}"
        assert three.nobody("GET", f"/{name}/k").code == "NoSuchBucket"
        assert refusal(three.other_s3.head_bucket, Bucket=name)[0] == 404

    def test_no_header_of_the_client_reaches_swift(self, three: Parties, bucket: str) -> None:
        sneaky = {
            "X-Auth-Token": "stolen", "X-Service-Token": "stolen", "X-Storage-Token": "stolen",
            "Referer": "https://elsewhere.example", "X-Copy-From": "/private/k", "Cookie": "a=b",
            "X-Backend-Storage-Policy-Index": "1", "X-Newest": "yes", "X-Symlink-Target": "c/k",
            "X-Object-Meta-S3gw-Acl-0": "x",
        }  # fmt: skip
        with three.running.watched() as wire:
            assert three.nobody("GET", f"/{bucket}/open", sneaky).status == 200
            assert three.nobody("GET", f"/{bucket}/closed", sneaky).status == 403
            assert three.nobody("GET", f"/{bucket}?list-type=2", sneaky).status == 403
            sent = [request for request in wire.sent if "/s3gw-buckets/" not in request.path]
        assert {name for request in sent for name in request.headers} <= {
            "X-Auth-Token", "X-Newest"
        }  # fmt: skip
        assert all(request.headers["X-Auth-Token"] != "stolen" for request in sent)
        assert all(request.headers.get("X-Newest") != "yes" for request in sent)


class TestRoundTrips:
    """What strangers cost (docs/mapping.md); the registry's answer is known to readers."""

    def test_reads(self, three: Parties, bucket: str, listed: str) -> None:
        for key in ("open", "closed"):
            three.nobody("GET", f"/{bucket}/{key}")
        three.nobody("GET", f"/{listed}/k")
        for target, headers, cost in (
            (f"/{bucket}/open", {}, 1),
            (f"/{bucket}/open", {"Range": "bytes=0-0"}, 2),
            (f"/{bucket}/open", {"If-None-Match": "*"}, 2),
            (f"/{bucket}/closed", {}, 2),
            (f"/{listed}/k", {}, 3),
            (f"/{listed}?list-type=2", {}, 2),
        ):
            with three.watched() as sent:
                three.nobody("GET", target, headers)
            assert len(sent) == cost, sent

    def test_a_multipart_object_is_its_manifest_a_look_and_its_parts(
        self, three: Parties, bucket: str
    ) -> None:
        upload = begin(three.owner_s3, bucket, "parts", ACL="public-read")
        upload.put(1, b"in parts")
        upload.complete()
        etag = three.nobody("HEAD", f"/{bucket}/parts").headers["etag"]
        for method, headers, cost in (
            ("GET", {}, 3),
            ("HEAD", {}, 1),
            ("GET", {"Range": "bytes=0-0"}, 3),
            ("GET", {"If-None-Match": etag}, 3),
        ):
            with three.watched() as sent:
                assert three.nobody(method, f"/{bucket}/parts", headers).status in {200, 206, 304}
            assert len(sent) == cost, sent

    def test_a_write_is_the_registry_the_acl_and_a_put(self, three: Parties, bucket: str) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
        three.nobody("PUT", f"/{bucket}/w", body=b"1")
        with three.watched() as sent:
            three.nobody("PUT", f"/{bucket}/w", body=b"1")
        assert sent == [
            ("service", f"GET /s3gw-buckets/{bucket}"),
            ("service", f"HEAD /{bucket}"),
            ("service", f"PUT /{bucket}/w"),
        ]
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="private")

    def test_an_owner_costs_no_more_than_in_the_other_mode(
        self, three: Parties, bucket: str
    ) -> None:
        s3, named = three.owner_s3, {"Bucket": bucket, "Key": "mine"}
        s3.put_object(**named, Body=b"1")
        asks: list[tuple[Callable[..., Any], dict[str, Any], int]] = [
            (s3.put_object, {**named, "Body": b"1", "ACL": "public-read"}, 1),
            (s3.get_object, named, 1),
            (s3.head_object, named, 1),
            (s3.list_objects_v2, {"Bucket": bucket}, 1),
            (s3.delete_object, named, 2),
        ]
        for ask, options, cost in asks:
            with three.watched() as sent:
                ask(**options)
            assert (len(sent), {power for power, _ in sent}) == (cost, {"owner"})
