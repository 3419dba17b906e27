"""Browsers at a bucket: its cross-origin rules, preflights, and what a page may see of an answer.

A real browser sends what these tests send; the preflights carry no signature of their own.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import swiftclient
from keystoneauth1.adapter import Adapter

from tests.functional.fixtures import MakeUser
from tests.functional.gates import Failing, Which, answered
from tests.functional.gateway import Running, running, s3_client, settings_for
from tests.functional.parties import Answer, Nobody, Parties, parties, refusal
from tests.functional.rawclient import UNSIGNED, ask, keys_of, sign
from tests.functional.stack import Stack
from tests.functional.witness import is_there

A, B = "https://a.example", "https://b.example"
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
RULES = [
    {
        "ID": "one",
        "AllowedOrigins": [A, "https://*.a.example"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["Content-*", "x-amz-acl"],
        "ExposeHeaders": ["ETag", "x-amz-request-id"],
        "MaxAgeSeconds": 3000,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]
GRANTED = {
    "access-control-allow-origin": A,
    "access-control-allow-methods": "GET, PUT",
    "access-control-expose-headers": "ETag, x-amz-request-id",
    "access-control-max-age": "3000",
    "access-control-allow-credentials": "true",
    "vary": VARY,
}


def cors_of(answer: Answer | Mapping[str, str]) -> dict[str, str]:
    """The headers that tell a browser what the page may see."""
    headers = answer.headers if isinstance(answer, Answer) else answer
    return {
        name: value
        for name, value in headers.items()
        if name.startswith("access-control-") or name == "vary"
    }


@pytest.fixture(scope="module")
def three(stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
    with parties(stack, identity, make_user()) as found:
        yield found


@pytest.fixture(scope="module")
def defaults(stack: Stack) -> Iterator[Running]:
    """A gateway with rules in its settings, and without global names."""
    cors = {"allowed_origins": [A], "allowed_methods": ["GET", "PUT"]}
    with running(settings_for(stack, cors=cors)) as found:
        yield found


@pytest.fixture(scope="module")
def ruled(three: Parties) -> str:
    """A bucket with rules and an object, for all who change nothing."""
    return new_bucket(three)


@pytest.fixture
def bucket(three: Parties) -> str:
    """A new bucket with rules and an object."""
    return new_bucket(three)


def new_bucket(three: Parties) -> str:
    name = f"cors-{uuid4().hex[:20]}"
    three.owner_s3.create_bucket(Bucket=name)
    three.owner_s3.put_object(Bucket=name, Key="k", Body=b"content")
    three.owner_s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": RULES})
    return name


def preflight(
    nobody: Nobody, target: str, origin: str | None, method: str | None, *headers: str
) -> Answer:
    """What a browser sends before it acts."""
    sent = {"Origin": origin, "Access-Control-Request-Method": method}
    given = {name: value for name, value in sent.items() if value is not None}
    if headers:
        given["Access-Control-Request-Headers"] = ",".join(headers)
    return nobody("OPTIONS", target, given)


class TestRules:
    """Put, get and delete."""

    def test_they_are_kept_where_everybody_may_read_but_not_list(
        self, three: Parties, bucket: str, swift: swiftclient.Connection
    ) -> None:
        assert three.owner_s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES
        assert swift.head_container(".s3gw+public")["x-container-read"] == ".r:*"
        assert (
            f"{A}</AllowedOrigin>".encode() in swift.get_object(".s3gw+public", f"{bucket}/cors")[1]
        )

    def test_they_are_replaced_and_deleted(
        self, three: Parties, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3 = three.owner_s3
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES[1:]})
        assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES[1:]
        assert preflight(three.nobody, f"/{bucket}/k", A, "PUT").status == 403
        for _ in range(2):
            answer = s3.delete_bucket_cors(Bucket=bucket)
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert refusal(s3.get_bucket_cors, Bucket=bucket) == (404, "NoSuchCORSConfiguration")
        assert not is_there(swift, ".s3gw+public", f"{bucket}/cors")

    def test_what_is_no_rule_changes_nothing(self, three: Parties, bucket: str) -> None:
        s3 = three.owner_s3
        wrong = [{"AllowedOrigins": ["*"], "AllowedMethods": ["PATCH"]}]
        refused = refusal(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": wrong})
        assert refused == (400, "InvalidRequest")
        refused = refusal(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": []})
        assert refused == (400, "MalformedXML")
        many = [{"AllowedOrigins": ["x" * 1000] * 70, "AllowedMethods": ["GET"]}]
        refused = refusal(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": many})
        assert refused == (400, "MaxMessageLengthExceeded")
        assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES

    def test_a_digest_must_vouch_for_them(self, gateway: Running, stack: Stack, s3: Any) -> None:
        name = f"cors-{uuid4().hex[:20]}"
        s3.create_bucket(Bucket=name)
        body = b"<CORSConfiguration/>"
        url = f"{gateway.endpoint}/{name}?cors="
        length = [("Content-Length", str(len(body)))]
        signed = sign(keys_of(stack), "PUT", url, payload=UNSIGNED)
        reply = ask(gateway.endpoint, signed, body, more=length)
        assert (reply.status, reply.code) == (400, "InvalidRequest")
        assert "Content-MD5 OR x-amz-checksum-*" in reply.error["Message"]

    def test_they_are_the_owners(self, three: Parties, bucket: str) -> None:
        s3, rules = three.other_s3, {"CORSRules": RULES[1:]}
        denied = (403, "AccessDenied")
        assert refusal(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration=rules) == denied
        assert refusal(s3.get_bucket_cors, Bucket=bucket) == denied
        assert refusal(s3.delete_bucket_cors, Bucket=bucket) == denied
        assert three.owner_s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES

    def test_a_bucket_that_is_not_there_has_none(
        self, s3: Any, swift: swiftclient.Connection
    ) -> None:
        gone = {"Bucket": f"never-{uuid4().hex}"}
        expected = (404, "NoSuchBucket")
        assert refusal(s3.get_bucket_cors, **gone) == expected
        assert refusal(s3.delete_bucket_cors, **gone) == expected
        rules = {"CORSRules": RULES}
        assert refusal(s3.put_bucket_cors, CORSConfiguration=rules, **gone) == expected
        if is_there(swift, ".s3gw+public"):
            assert not is_there(swift, ".s3gw+public", f"{gone['Bucket']}/cors")

    def test_they_go_with_the_bucket(
        self, three: Parties, bucket: str, swift: swiftclient.Connection
    ) -> None:
        three.owner_s3.delete_object(Bucket=bucket, Key="k")
        three.owner_s3.delete_bucket(Bucket=bucket)
        assert not is_there(swift, ".s3gw+public", f"{bucket}/cors")
        refused = preflight(three.nobody, f"/{bucket}/k", A, "PUT")
        assert (refused.status, b"Bucket not found" in refused.body) == (403, True)

    def test_a_new_bucket_does_not_inherit_those_of_one_that_was_deleted_natively(
        self, three: Parties, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.delete_object(bucket, "k")
        swift.delete_container(bucket)
        three.owner_s3.create_bucket(Bucket=bucket)
        assert preflight(three.nobody, f"/{bucket}/k", A, "PUT").status == 403
        assert refusal(three.owner_s3.get_bucket_cors, Bucket=bucket)[0] == 404

    def test_a_document_that_makes_no_sense_allows_nothing(
        self, three: Parties, bucket: str, swift: swiftclient.Connection
    ) -> None:
        for content in (b"", b"<x/>", b"\xff" * 100):
            swift.put_object(".s3gw+public", f"{bucket}/cors", content)
            assert refusal(three.owner_s3.get_bucket_cors, Bucket=bucket)[0] == 404
        with three.watched():
            assert preflight(three.nobody, f"/{bucket}/k", A, "PUT").status == 403

    def test_a_container_that_was_closed_natively_is_opened_by_the_next_rules(
        self, three: Parties, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.post_container(".s3gw+public", {"X-Container-Read": ""})
        try:
            other = f"{bucket}-2"
            three.owner_s3.create_bucket(Bucket=other)
            assert preflight(three.nobody, f"/{other}/k", A, "PUT").status == 403
        finally:
            rules = {"CORSRules": RULES}
            three.owner_s3.put_bucket_cors(Bucket=other, CORSConfiguration=rules)
        assert preflight(three.nobody, f"/{other}/k", A, "PUT").status == 200


class TestPreflight:
    """A browser asks nobody's permission: there is no signature, and no token."""

    @pytest.mark.parametrize("key", ["/k", "/never", ""])
    def test_what_a_rule_allows_is_told(self, three: Parties, ruled: str, key: str) -> None:
        answer = preflight(three.nobody, f"/{ruled}{key}", A, "PUT", "content-type", "X-Amz-ACL")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-length"] == "0"
        asked = {"access-control-allow-headers": "content-type, x-amz-acl"}
        assert cors_of(answer) == GRANTED | asked

    def test_it_is_answered_without_a_token_and_when_warm_without_swift(
        self, three: Parties, bucket: str
    ) -> None:
        with three.watched() as sent:
            preflight(three.nobody, f"/{bucket}/k", A, "PUT")
        reads = [("none", f"GET /.s3gw+public/{bucket}/cors")]
        assert [entry for entry in sent if entry[0] != "service"] == reads
        with three.watched() as sent:
            preflight(three.nobody, f"/{bucket}/k", A, "PUT")
        assert sent == []

    @pytest.mark.parametrize("method", ["put_object", "get_object"])
    def test_the_signature_in_the_url_is_of_the_request_to_come(
        self, three: Parties, ruled: str, method: str
    ) -> None:
        url = three.owner_s3.generate_presigned_url(method, {"Bucket": ruled, "Key": "k"})
        parts = urlsplit(url)
        answer = preflight(three.nobody, f"{parts.path}?{parts.query}", A, "PUT", "content-type")
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, A)

    def test_whatever_the_request_to_come_may_be(self, three: Parties, ruled: str) -> None:
        for query in ("uploadId=x&partNumber=1", "uploads", "delete", "tagging&x=1", "acl&cors"):
            assert preflight(three.nobody, f"/{ruled}/k?{query}", A, "PUT").status == 200

    @pytest.mark.parametrize(
        ("origin", "method", "headers", "scope"),
        [
            (B, "PUT", (), "OBJECT"),
            (A, "DELETE", (), "OBJECT"),
            (A, "PUT", ("x-other",), "OBJECT"),
            (B, "PUT", (), "BUCKET"),
        ],
    )
    def test_what_no_rule_allows_is_refused(
        self,
        three: Parties,
        ruled: str,
        origin: str,
        method: str,
        headers: tuple[str, ...],
        scope: str,
    ) -> None:
        target = f"/{ruled}" + ("/k" if scope == "OBJECT" else "")
        answer = preflight(three.nobody, target, origin, method, *headers)
        assert (answer.status, answer.code) == (403, "AccessForbidden")
        assert f"<Method>{method}</Method><ResourceType>{scope}<".encode() in answer.body
        assert b"This CORS request is not allowed" in answer.body
        assert cors_of(answer) == {}

    def test_without_an_origin_it_is_a_bad_request(self, three: Parties, ruled: str) -> None:
        for target in (f"/{ruled}/k", f"/{ruled}", "/", "/never-was/k"):
            answer = preflight(three.nobody, target, None, "PUT")
            assert (answer.status, answer.code) == (400, "BadRequest")
            assert b"Origin request header needed" in answer.body

    def test_without_a_method_it_is_a_bad_request(self, three: Parties, ruled: str) -> None:
        answer = preflight(three.nobody, f"/{ruled}/k", A, None)
        assert (answer.status, answer.code) == (400, "BadRequest")
        assert b"Invalid Access-Control-Request-Method: null" in answer.body

    def test_a_bucket_without_rules_allows_nothing(self, three: Parties) -> None:
        name = f"cors-{uuid4().hex[:20]}"
        three.owner_s3.create_bucket(Bucket=name)
        answer = preflight(three.nobody, f"/{name}/k", A, "PUT")
        assert (answer.status, answer.code) == (403, "AccessForbidden")
        assert b"CORS is not enabled for this bucket" in answer.body

    def test_a_bucket_that_is_in_no_registry_is_not_found(self, three: Parties, s3: Any) -> None:
        name = f"cors-{uuid4().hex[:20]}"
        s3.create_bucket(Bucket=name)
        s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": RULES})
        answer = preflight(three.nobody, f"/{name}/k", A, "PUT")
        assert (answer.status, b"Bucket not found" in answer.body) == (403, True)

    @pytest.mark.parametrize("target", ["/.s3gw/k", "/b+segments/k"])
    def test_what_is_no_bucket_is_refused(self, three: Parties, target: str) -> None:
        assert preflight(three.nobody, target, A, "PUT").status == 403

    def test_trouble_with_the_rules_is_told(self, three: Parties, bucket: str) -> None:
        with three.running.watched() as wire:
            wire.before = Failing(Which("GET", "/.s3gw+public"), answered(503))
            assert preflight(three.nobody, f"/{bucket}/k", A, "PUT").status == 503


class TestAnswers:
    """What a page may see of an answer, whatever it is."""

    def test_a_page_sees_an_object_and_a_listing(self, three: Parties, ruled: str) -> None:
        for target in (f"/{ruled}/k", f"/{ruled}?list-type=2"):
            answer = self.ask(three, "GET", target, A)
            assert answer.status == 200
            assert cors_of(answer) == GRANTED

    def test_a_page_sees_a_streamed_object(self, three: Parties, bucket: str) -> None:
        three.owner_s3.put_object(Bucket=bucket, Key="large", Body=bytes(3 * 1024 * 1024))
        answer = self.ask(three, "GET", f"/{bucket}/large", A)
        assert (len(answer.body), cors_of(answer)) == (3 * 1024 * 1024, GRANTED)

    def test_a_page_sees_why_it_was_refused(self, three: Parties, ruled: str) -> None:
        missing = self.ask(three, "GET", f"/{ruled}/never", A)
        assert (missing.status, missing.code, cors_of(missing)) == (404, "NoSuchKey", GRANTED)
        denied = three.nobody("GET", f"/{ruled}/k", {"Origin": A})
        assert (denied.status, denied.code, cors_of(denied)) == (403, "AccessDenied", GRANTED)
        signature = "AWSAccessKeyId=x&Signature=y&Expires=9999999999"
        forged = three.nobody("GET", f"/{ruled}/k?{signature}", {"Origin": A})
        assert (forged.code, cors_of(forged)) == ("InvalidAccessKeyId", GRANTED)
        unknown = three.nobody("PUT", f"/{ruled}/k?torrent", {"Origin": A})
        assert (unknown.status, cors_of(unknown)) == (501, GRANTED)

    def test_a_page_of_another_origin_sees_nothing_but_is_served(
        self, three: Parties, ruled: str
    ) -> None:
        answer = self.ask(three, "GET", f"/{ruled}/k", B)
        assert (answer.status, answer.body, cors_of(answer)) == (200, b"content", {})

    def test_a_method_of_another_rule_has_that_rules_headers(
        self, three: Parties, ruled: str
    ) -> None:
        answer = self.ask(three, "HEAD", f"/{ruled}/k", B)
        assert cors_of(answer) == {
            "access-control-allow-origin": "*",
            "access-control-allow-methods": "HEAD",
            "vary": VARY,
        }

    def test_without_an_origin_nothing_is_said_and_nothing_is_asked(
        self, three: Parties, ruled: str
    ) -> None:
        with three.watched() as sent:
            answer = self.ask(three, "GET", f"/{ruled}/k", None)
        assert cors_of(answer) == {}
        assert sent == [("owner", f"GET /{ruled}/k")]

    def test_with_an_origin_the_rules_are_asked_for_once(self, three: Parties, bucket: str) -> None:
        with three.watched() as sent:
            self.ask(three, "GET", f"/{bucket}/k", A)
            self.ask(three, "GET", f"/{bucket}/k", A)
        assert sent == [
            ("owner", f"GET /{bucket}/k"),
            ("none", f"GET /.s3gw+public/{bucket}/cors"),
            ("owner", f"GET /{bucket}/k"),
        ]

    def test_trouble_with_the_rules_spoils_no_answer(self, three: Parties, bucket: str) -> None:
        with three.running.watched() as wire:
            wire.before = Failing(Which("GET", "/.s3gw+public"))
            answer = self.ask(three, "GET", f"/{bucket}/k", A)
        assert (answer.status, answer.body, cors_of(answer)) == (200, b"content", {})

    @staticmethod
    def ask(three: Parties, method: str, target: str, origin: str | None) -> Answer:
        """The owner asks, with a presigned URL as pages do."""
        bucket, _, key = target.removeprefix("/").partition("?")[0].partition("/")
        operation = {"GET": "get_object", "HEAD": "head_object"}[method]
        given = {"Bucket": bucket, "Key": key}
        if not key:
            operation = "list_objects_v2"
            given = {"Bucket": bucket}
        parts = urlsplit(three.owner_s3.generate_presigned_url(operation, given))
        headers = {} if origin is None else {"Origin": origin}
        return three.nobody(method, f"{parts.path}?{parts.query}", headers)


class TestDefaultRules:
    """Of the settings, for people who cannot set rules on their buckets."""

    EXPOSED = "ETag, x-amz-request-id, x-amz-id-2, x-amz-version-id"

    def granted(self) -> dict[str, str]:
        return {**GRANTED, "access-control-expose-headers": self.EXPOSED}

    def test_a_preflight_without_names_asks_nobody(self, defaults: Running) -> None:
        nobody = Nobody(defaults.endpoint)
        with defaults.watched() as wire:
            for target in ("/any-bucket/k", "/any-bucket", "/"):
                answer = preflight(nobody, target, A, "PUT", "x-any")
                assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, A)
                assert preflight(nobody, target, B, "PUT").status == 403
                assert preflight(nobody, target, A, "DELETE").status == 403
            assert wire.sent == []

    def test_a_page_sees_answers_and_errors_also_of_what_is_no_bucket(
        self, defaults: Running
    ) -> None:
        nobody = Nobody(defaults.endpoint)
        for target in ("/any-bucket/k", "/any-bucket", "/", "/%ff/k"):
            answer = nobody("GET", target, {"Origin": A})
            assert answer.status in {400, 403}
            assert cors_of(answer) == self.granted()
            assert cors_of(nobody("GET", target, {"Origin": B})) == {}

    def test_rules_of_a_bucket_take_their_place(self, defaults: Running, stack: Stack) -> None:
        s3 = s3_client(defaults.endpoint, stack)
        name = f"cors-{uuid4().hex[:20]}"
        s3.create_bucket(Bucket=name)
        url = urlsplit(s3.generate_presigned_url("list_objects_v2", {"Bucket": name}))

        def ask(origin: str) -> Answer:
            nobody = Nobody(defaults.endpoint)
            return nobody("GET", f"{url.path}?{url.query}", {"Origin": origin})

        assert cors_of(ask(A)) == self.granted()
        rules = [{"AllowedOrigins": [B], "AllowedMethods": ["GET"]}]
        s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
        assert cors_of(ask(A)) == {}
        assert ask(B).headers["access-control-allow-origin"] == B
