"""What a cluster says of itself, and what is assumed while it does not."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, strategies as st

from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.info import ClusterInfo, InfoCache, info_url, parse_info
from s3gw.swift.transport import SwiftResponse, Traffic, Upload
from tests.unit.swift.test_account import Answer, Headers

DEFAULT = ClusterInfo(bulk_delete=False, object_versioning=False)


def test_limits_are_read_from_the_document() -> None:
    info = parse_info(
        {
            "swift": {"max_file_size": 100, "max_meta_count": 7, "max_meta_name_length": 8},
            "slo": {"max_manifest_segments": 50},
            "bulk_delete": {"max_deletes_per_request": 10},
            "object_versioning": {},
        }
    )
    assert (info.max_file_size, info.max_meta_count, info.max_meta_name_length) == (100, 7, 8)
    assert info.max_manifest_segments == 50
    assert info.object_versioning
    assert (info.bulk_delete, info.max_deletes_per_request) == (True, 10)
    assert info.max_meta_value_length == 256


@pytest.mark.parametrize(
    ("slo", "allowed"),
    [
        ({"allow_async_delete": True}, True),
        ({"allow_async_delete": False}, False),
        ({"allow_async_delete": "true"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_segments_go_to_the_expirer_only_where_swift_says_so(slo: object, *, allowed: bool) -> None:
    assert parse_info({"slo": slo}).slo_async_delete is allowed


@pytest.mark.parametrize("odd", [None, 0, -1, "100", 1.5, True, [], {}])
def test_a_limit_that_is_none_is_swifts_default(odd: object) -> None:
    assert parse_info({"swift": {"max_file_size": odd}}) == DEFAULT
    assert parse_info({"swift": odd}) == DEFAULT


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["swift", "slo", "x"]), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["swift", "slo", "bulk_delete"]), json_values))
def test_no_document_is_too_odd(document: dict[str, object]) -> None:
    assert parse_info(document).max_file_size > 0


@pytest.mark.parametrize(
    ("storage_url", "url"),
    [
        ("http://swift:8080/v1/AUTH_p", "http://swift:8080/info"),
        ("https://h/swift/v1/AUTH_p", "https://h/swift/info"),
        ("https://h/v1.0/p", "https://h/info"),
    ],
)
def test_a_cluster_tells_beside_its_accounts(storage_url: str, url: str) -> None:
    assert info_url(storage_url) == url


@dataclass(slots=True)
class Cluster:
    """A transport whose /info can be changed."""

    answer: Answer | None = None
    asked: list[str] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)

    async def request(
        self,
        method: str,
        url: str,
        headers: Headers,
        body: bytes | Upload | None = None,
        *,
        extra_time: float = 0.0,
    ) -> SwiftResponse:
        assert (method, headers, body, extra_time) == ("GET", {}, None, 0.0)
        self.asked.append(url)
        if self.answer is None:
            raise SwiftUnreachable("no answer")
        return self.answer

    async def aclose(self) -> None:
        pass


STORAGE = "http://swift/v1/AUTH_p"
SMALL = Answer(200, {}, b'{"swift": {"max_file_size": 100}}')


async def test_a_cluster_is_asked_once_an_hour_for_all_its_accounts() -> None:
    now = 0.0
    cluster = Cluster(SMALL)
    cache = InfoCache(cluster, lambda: now)
    assert (await cache.get(STORAGE)).max_file_size == 100
    assert (await cache.get(f"{STORAGE}2")).max_file_size == 100
    now = 3599
    await cache.get(STORAGE)
    assert cluster.asked == ["http://swift/info"]
    now = 3600
    await cache.get(STORAGE)
    assert len(cluster.asked) == 2


@pytest.mark.parametrize(
    "answer", [None, Answer(404, {}, b"{}"), Answer(200, {}, b"<html>"), Answer(200, {}, b"[]")]
)
async def test_a_cluster_that_does_not_tell_is_asked_again_soon(answer: Answer | None) -> None:
    now = 0.0
    cluster = Cluster(answer)
    cache = InfoCache(cluster, lambda: now)
    assert await cache.get(STORAGE) == ClusterInfo()
    now = 9.9
    await cache.get(STORAGE)
    assert len(cluster.asked) == 1
    now, cluster.answer = 10.0, SMALL
    assert (await cache.get(STORAGE)).max_file_size == 100


async def test_what_a_cluster_told_once_holds_while_it_is_silent() -> None:
    now = 0.0
    cluster = Cluster(SMALL)
    cache = InfoCache(cluster, lambda: now)
    await cache.get(STORAGE)
    now, cluster.answer = 4000.0, None
    assert (await cache.get(STORAGE)).max_file_size == 100
