"""Swift and Keystone fail on the wire: clients hear the truth, and nothing is left behind.

Every operation meets every fault on each of its calls with S3GW_TEST_FAULTS=all (`make faults`);
otherwise each takes its turn with some.
"""

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import swiftclient
from botocore.exceptions import ClientError, ResponseStreamingError

from tests.functional.faultproxy import (
    Fault,
    FaultProxy,
    Rule,
    answering,
    babbling,
    before_another_one,
    behind_interim_ones,
    corrupting,
    drips,
    dying,
    dying_behind,
    dying_in_body,
    ends_with_the_connection,
    filling,
    in_chunks,
    proxied,
    reshaping,
    slow,
    stalling,
    stalling_behind,
    stalling_in_answer,
    truncating,
)
from tests.functional.gateway import Running, running, s3_client, settings_for
from tests.functional.scenarios import LARGE, SCENARIOS, Case, PartlyFailed, World
from tests.functional.stack import Stack
from tests.functional.uploads import begin

ALL = os.environ.pop("S3GW_TEST_FAULTS", "") == "all"

UNAVAILABLE, SLOW_DOWN = (503, "ServiceUnavailable"), (503, "SlowDown")
GONE = {(404, "NoSuchKey"), (404, "NoSuchBucket"), (404, "NoSuchUpload"), UNAVAILABLE}
ANSWERS: dict[int, set[tuple[int, str]]] = {
    401: set(),  # a new token, and then it is done
    403: {(403, "AccessDenied")},
    404: GONE,
    408: {UNAVAILABLE},
    409: {(409, "OperationAborted"), (409, "BrokenMPU"), (409, "BucketNotEmpty")},
    # Swift also says so of a name that it cannot have.
    412: {(412, "PreconditionFailed"), (404, "NoSuchKey")},
    413: {(400, "EntityTooLarge"), (400, "InvalidRequest"), UNAVAILABLE},
    422: {(400, "BadDigest"), UNAVAILABLE},
    429: {SLOW_DOWN},
    498: {SLOW_DOWN},
    499: {UNAVAILABLE},
    500: {UNAVAILABLE},
    503: {UNAVAILABLE},
    507: {UNAVAILABLE},
}
BREAKS: dict[str, Fault] = {
    "dies": dying,
    "dies behind": dying_behind,
    "truncates": truncating(5),
    "sends half a document": corrupting(lambda body: body[: len(body) // 2]),
    "sends another document": corrupting(lambda _: b'[{"key": null}]'),
    "speaks no HTTP": babbling,
}
SHAPES: dict[str, Fault] = {
    "drips": reshaping(drips),
    "ends with the connection": reshaping(ends_with_the_connection, ending=True),
    "in chunks": reshaping(in_chunks),
    "behind interim ones": reshaping(behind_interim_ones),
    "before another one": reshaping(before_another_one, ending=True),
}
STALLS: dict[str, Fault] = {
    "at once": stalling,
    "behind the request": stalling_behind,
    "in the answer": stalling_in_answer(3),
}
PATIENCE = 1.0  # seconds that the impatient gateway waits for Swift
WAITED_FOR = [
    "ListObjectsV2",
    "PutObject",
    "PutObject, streamed",
    "GetObject",
    "CopyObject",
    "UploadPart, streamed",
    "CompleteMultipartUpload",
]
_GOING = 5.0  # seconds
_SPARE = 12  # file descriptors of idle connections


@dataclass(frozen=True, slots=True)
class Broken:
    """A gateway behind which Swift can be broken."""

    gateway: Running
    proxy: FaultProxy
    world: World
    fds: int
    tasks: int
    places: dict[str, list[int]] = field(default_factory=dict)
    """Of each operation's calls on the wire, those that its answer waits for."""

    def settle(self) -> None:
        """Nothing is under way any more, and nothing is left of it."""
        self.gateway.wait_until_idle()
        self.proxy.wait_until_idle()
        end = time.monotonic() + _GOING
        while self.gateway.tasks() > self.tasks:  # one that was told to end does so a moment later
            assert time.monotonic() < end, "tasks are left"
            time.sleep(0.005)
        assert self.proxy.connections <= _SPARE
        assert _fds() <= self.fds + _SPARE


def _fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture(scope="module")
def broken(stack: Stack, s3: Any, swift: swiftclient.Connection) -> Iterator[Broken]:
    """A gateway that waits for Swift as long as the tests of others do."""
    with _broken(stack, World(s3, s3, swift, f"bucket-{uuid4().hex[:20]}"), 20.0) as found:
        yield found


@pytest.fixture(scope="module")
def impatient(stack: Stack, s3: Any, swift: swiftclient.Connection) -> Iterator[Broken]:
    """A gateway that does not wait long for Swift."""
    with _broken(stack, World(s3, s3, swift, f"bucket-{uuid4().hex[:20]}"), PATIENCE) as found:
        yield found


@contextmanager
def _broken(stack: Stack, world: World, patience: float) -> Iterator[Broken]:
    """The bucket has had an upload, so that its `+segments` is there."""
    with proxied(stack.swift.proxy_url) as proxy:
        template = f"{proxy.url}/v1/AUTH_{{project_id}}"
        settings = settings_for(
            stack,
            limits={"min_part_size": 1},
            swift={"storage_url_template": template, "timeout": patience},
            buckets={"facts_ttl": 0},
        )
        with running(settings) as found, closing(s3_client(found.endpoint, stack)) as client:
            world.calm.create_bucket(Bucket=world.bucket)
            begin(world.calm, world.bucket, "warm").abort()
            client.list_buckets()
            yield Broken(found, proxy, replace(world, s3=client), _fds(), found.tasks())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a client heard: an answer, an error, or that the answer broke off."""

    case: Case
    answer: Any = None
    errors: frozenset[tuple[int, str]] = frozenset()
    broke_off: bool = False

    @property
    def is_done(self) -> bool:
        """It was acknowledged."""
        return not self.errors and not self.broke_off

    def check(self) -> None:
        """What was acknowledged is so; after an error nothing is half done."""
        case, held = self.case, self.case.look()
        if self.is_done:
            assert (self.answer, held) == (case.answer, case.after)
        elif case.loose:
            assert all(
                now in {before, after}
                for now, before, after in zip(held, case.before, case.after, strict=True)
            )
        else:
            assert held in (case.before, case.after)


def outcome(case: Case) -> Outcome:
    """Run it; anything but these three ends fails the test."""
    try:
        return Outcome(case, case.run())
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = error.response["Error"]["Code"]
        assert code != "InternalError"
        return Outcome(case, errors=frozenset({(status, code)}))
    except PartlyFailed as failed:
        return Outcome(case, errors=frozenset((503, code) for code in failed.codes))
    except ResponseStreamingError:
        return Outcome(case, broke_off=True)


def calls_of(broken: Broken, scenario: str) -> list[int]:
    """See Broken.places."""
    if scenario in broken.places:
        return broken.places[scenario]
    # The first of its kind also learns what the next one knows.
    assert outcome(SCENARIOS[scenario](broken.world)).is_done
    case = SCENARIOS[scenario](broken.world)
    with broken.gateway.watched() as wire, broken.proxy.breaking() as proxy:
        assert outcome(case).is_done
        broken.settle()
        waited_for = [f"{sent.method} {sent.path}".rstrip("/") for sent in wire.sent]
        places = []
        for place, seen in enumerate(proxy.seen, 1):
            plain = _without_account(seen)
            if plain in waited_for:
                waited_for.remove(plain)
                places.append(place)
    assert places
    broken.places[scenario] = places
    return places


def _without_account(seen: str) -> str:
    method, _, target = seen.partition(" ")
    return f"{method} /{'/'.join(target.partition('?')[0].split('/')[3:])}".rstrip("/")


def some(scenario: str, faults: list[Any], places: list[int], most: int) -> Iterator[Any]:
    """Pairs of a fault and a place: all, or so many, others for each operation."""
    if ALL:
        yield from ((fault, place) for place in places for fault in faults)
        return
    start = list(SCENARIOS).index(scenario) * most
    for turn in range(start, start + most):
        yield faults[turn % len(faults)], places[turn % len(places)]


@contextmanager
def breaking(broken: Broken, fault: Fault, place: int) -> Iterator[None]:
    """Swift breaks one call, and is well again after it."""
    with broken.proxy.breaking(Rule(fault, nth=place)):
        yield
        broken.settle()


def assert_recovered(broken: Broken, scenario: str) -> None:
    """The next request is served."""
    again = outcome(SCENARIOS[scenario](broken.world))
    assert again.is_done
    again.check()
    broken.settle()


# --- Swift's statuses ---


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_status_of_swift_is_told_in_s3s_words_and_does_no_harm(
    broken: Broken, scenario: str
) -> None:
    for status, place in some(scenario, list(ANSWERS), calls_of(broken, scenario), 4):
        case = SCENARIOS[scenario](broken.world)
        with breaking(broken, answering(status), place):
            found = outcome(case)
        assert found.errors <= _as_heard(scenario, ANSWERS[status]), (status, place)
        if status != 404:  # then it is Swift who lies
            found.check()
    assert_recovered(broken, scenario)


def _as_heard(scenario: str, errors: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """A HEAD has no document to read a code from."""
    if scenario == "HeadObject":
        return {(status, str(status)) for status, _ in errors}
    return errors


@pytest.mark.parametrize("scenario", ["PutObject", "PutObject, streamed", "UploadPart, streamed"])
@pytest.mark.parametrize("status", [499, 500, 503, 507])
def test_a_disk_that_is_full_behind_the_body_leaves_what_was_there(
    broken: Broken, scenario: str, status: int
) -> None:
    case = SCENARIOS[scenario](broken.world)
    with broken.proxy.breaking(Rule(filling(status), method="PUT")):
        assert outcome(case).errors == {UNAVAILABLE}
        broken.settle()
    assert case.look() == case.before


# --- connections that die, and answers that are none ---


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_answer_that_is_none_is_not_taken_for_one(broken: Broken, scenario: str) -> None:
    for name, place in some(scenario, list(BREAKS), calls_of(broken, scenario), 2):
        case = SCENARIOS[scenario](broken.world)
        with breaking(broken, BREAKS[name], place):
            found = outcome(case)
        if name.startswith("sends") and scenario.startswith("GetObject"):
            continue  # that is what Swift holds, as far as anybody can tell
        assert found.errors <= _as_heard(scenario, {UNAVAILABLE}), (name, place)
        found.check()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_answer_in_an_odd_shape_is_the_same_answer(broken: Broken, scenario: str) -> None:
    for name, place in some(scenario, list(SHAPES), calls_of(broken, scenario), 1):
        case = SCENARIOS[scenario](broken.world)
        with breaking(broken, SHAPES[name], place):
            found = outcome(case)
        # Bytes behind an answer may also be taken for a Swift that has gone mad.
        may = _as_heard(scenario, {UNAVAILABLE}) if name == "before another one" else set()
        assert found.errors <= may, (name, place)
        assert not found.broke_off, (name, place)
        found.check()
    assert_recovered(broken, scenario)


@pytest.mark.parametrize("scenario", ["PutObject, streamed", "UploadPart, streamed"])
@pytest.mark.parametrize("size", [1, 100_000, len(LARGE) - 1])
def test_swift_dies_in_the_middle_of_a_body(broken: Broken, scenario: str, size: int) -> None:
    case = SCENARIOS[scenario](broken.world)
    with broken.proxy.breaking(Rule(dying_in_body(size), method="PUT")) as proxy:
        found = outcome(case)
        broken.settle()
        assert [seen.partition(" ")[0] for seen in proxy.seen].count("PUT") == 1
    assert found.errors == {UNAVAILABLE}
    assert case.look() == case.before


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_only_what_changes_nothing_is_sent_twice_and_only_once_more(
    broken: Broken, scenario: str
) -> None:
    reads = {"GET", "HEAD"}
    places = calls_of(broken, scenario)
    for place in places if ALL else places[-1:]:
        case = SCENARIOS[scenario](broken.world)
        with broken.proxy.breaking(Rule(dying_behind, nth=place)) as proxy:
            found = outcome(case)
            broken.settle()
            broke = proxy.seen[place - 1]
            again = proxy.seen[place - 1 :].count(broke) - 1
        if broke.partition(" ")[0] in reads:
            assert found.is_done
        else:
            assert (again, found.errors) in {(0, frozenset({UNAVAILABLE})), (0, frozenset())}
        found.check()


def test_what_dies_twice_is_not_asked_for_a_third_time(broken: Broken) -> None:
    case = SCENARIOS["GetObject"](broken.world)
    with broken.proxy.breaking(Rule(dying, method="GET", times=9)) as proxy:
        assert outcome(case).errors == {UNAVAILABLE}
        broken.settle()
        assert len(proxy.seen) == 2


# --- silence ---


@pytest.mark.parametrize("scenario", SCENARIOS if ALL else WAITED_FOR)
def test_nobody_waits_for_a_swift_that_is_silent(impatient: Broken, scenario: str) -> None:
    broken = impatient
    for name, place in some(scenario, list(STALLS), calls_of(broken, scenario), 1):
        case = SCENARIOS[scenario](broken.world)
        since = time.monotonic()
        with breaking(broken, STALLS[name], place):
            found = outcome(case)
            assert time.monotonic() - since < 10 * PATIENCE
        assert found.errors <= _as_heard(scenario, {UNAVAILABLE}), (name, place)
        found.check()
    assert_recovered(broken, scenario)


def test_a_download_that_stalls_is_cut_and_not_ended(impatient: Broken) -> None:
    case = SCENARIOS["GetObject, streamed"](impatient.world)
    with breaking(impatient, stalling_in_answer(len(LARGE) // 2), 1):
        assert outcome(case).broke_off


# --- tokens ---


def test_a_token_that_swift_refuses_is_renewed_once(broken: Broken, stack: Stack) -> None:
    with proxied(stack.keystone.auth_url) as keystone:
        auth_url = f"{keystone.url}/v3"
        template = f"{broken.proxy.url}/v1/AUTH_{{project_id}}"
        swift = {"storage_url_template": template}
        with (
            running(settings_for(stack, identity={"auth_url": auth_url}, swift=swift)) as gateway,
            closing(s3_client(gateway.endpoint, stack)) as client,
        ):
            client.list_buckets()
            with broken.proxy.breaking(Rule(answering(401))) as swift_proxy, keystone.breaking():
                client.list_buckets()
                assert len(swift_proxy.seen) == 2
                assert keystone.seen == ["POST /v3/ec2tokens"]
            with broken.proxy.breaking(Rule(answering(401), times=9)) as swift_proxy:
                case = Case(client.list_buckets)
                assert outcome(case).errors == {(403, "AccessDenied")}
                assert len(swift_proxy.seen) == 2
            client.list_buckets()
            gateway.wait_until_idle()


# --- Keystone ---


KEYSTONE: dict[str, Fault] = {
    "dies": dying,
    "dies behind": dying_behind,
    "speaks no HTTP": babbling,
    "is silent": stalling,
    "is silent behind": stalling_behind,
    "truncates": truncating(20),
    "500": answering(500),
    "503": answering(503),
    "429": answering(429),
    "sends half a document": corrupting(lambda body: body[: len(body) // 2]),
    "sends null": corrupting(lambda _: b"null"),
    "sends a nest": corrupting(lambda _: b"[" * 100_000),
}


@dataclass(frozen=True, slots=True)
class Forgetful:
    """A gateway that asks Keystone anew at each request, and the client of it."""

    keystone: FaultProxy
    client: Any
    gateway: Running
    fds: int


@pytest.fixture(scope="module")
def forgetful(broken: Broken, stack: Stack) -> Iterator[Forgetful]:
    with proxied(stack.keystone.auth_url) as keystone:
        identity = {
            "auth_url": f"{keystone.url}/v3",
            "timeout": PATIENCE,
            "secret_ttl": 0.001,
            "stale_ttl": 0,
        }
        swift = {"storage_url_template": f"{broken.proxy.url}/v1/AUTH_{{project_id}}"}
        with (
            running(settings_for(stack, identity=identity, swift=swift)) as gateway,
            closing(s3_client(gateway.endpoint, stack)) as client,
        ):
            client.list_buckets()
            yield Forgetful(keystone, client, gateway, _fds())


REFUSED_BEFORE = {
    "/credentials/": "",
    "/auth/tokens": "/credentials/",
    "/ec2tokens": "/v1/",  # by Swift
}


@pytest.mark.parametrize("name", KEYSTONE)
@pytest.mark.parametrize("path", REFUSED_BEFORE)
def test_a_keystone_that_fails_is_told_of_and_asked_again(
    forgetful: Forgetful, broken: Broken, path: str, name: str
) -> None:
    keystone, client = forgetful.keystone, forgetful.client
    fault = Rule(KEYSTONE[name], path=path)
    ended = Rule(answering(401), path=REFUSED_BEFORE[path] or "nothing")
    with keystone.breaking(fault, ended), broken.proxy.breaking(ended):
        assert outcome(Case(client.list_buckets)).errors == {UNAVAILABLE}
        assert fault.seen == 1
        if "silent" in name:
            time.sleep(0.1)  # the thread that waits gives up just behind the request
        client.list_buckets()
    forgetful.gateway.wait_until_idle()
    keystone.wait_until_idle()
    assert forgetful.gateway.tasks() <= broken.tasks
    assert _fds() <= forgetful.fds + _SPARE


def test_a_slow_keystone_is_waited_for(stack: Stack) -> None:
    with proxied(stack.keystone.auth_url) as keystone:
        identity = {"auth_url": f"{keystone.url}/v3"}
        with (
            running(settings_for(stack, identity=identity)) as gateway,
            closing(s3_client(gateway.endpoint, stack)) as client,
            keystone.breaking(Rule(slow(0.3), path="/credentials/")),
        ):
            client.list_buckets()
