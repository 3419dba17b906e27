"""What a proxy says of the client's request, and whom that is believed."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.forwarded import as_sent, client_of, is_trusted
from s3gw.s3.request import Headers

TRUSTED = [ip_network(text) for text in ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")]


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("10.255.0.1", True),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("::ffff:10.1.1.1", True),
        ("::ffff:11.1.1.1", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("", False),
        ("10.0.0.1, 1.1.1.1", False),
        ("testclient", False),
    ],
)
def test_an_address_is_trusted_by_its_network(address: str, *, trusted: bool) -> None:
    assert is_trusted(address, TRUSTED) is trusted
    assert not is_trusted(address, [])


@pytest.mark.parametrize(
    ("sent", "host", "scheme"),
    [
        ({}, "inner:8333", "http"),
        ({"proto": "https"}, "inner:8333", "https"),
        ({"proto": "HTTPS, http"}, "inner:8333", "https"),
        ({"proto": "gopher"}, "inner:8333", "http"),
        ({"host": "s3.example.com"}, "s3.example.com", "http"),
        ({"host": "s3.example.com:8443, inner", "proto": "https"}, "s3.example.com:8443", "https"),
        ({"host": "s3.example.com", "port": "443", "proto": "https"}, "s3.example.com", "https"),
        ({"host": "a.example", "port": "8443", "proto": "https"}, "a.example:8443", "https"),
        ({"host": "s3.example.com:1", "port": "2"}, "s3.example.com:1", "http"),
        ({"host": "[2001:db8::1]", "port": "8333"}, "[2001:db8::1]:8333", "http"),
        ({"host": "[2001:db8::1]:1", "port": "2"}, "[2001:db8::1]:1", "http"),
        ({"host": "s3.example.com", "port": "x"}, "s3.example.com", "http"),
        ({"host": "evil/path"}, "inner:8333", "http"),
        ({"host": "user@evil"}, "inner:8333", "http"),
        ({"host": "<script>"}, "inner:8333", "http"),
        ({"host": ""}, "inner:8333", "http"),
        ({"port": "8443"}, "inner:8333", "http"),
    ],
)  # fmt: skip
def test_what_has_the_form_is_taken(sent: dict[str, str], host: str, scheme: str) -> None:
    forwarded = [(f"X-Forwarded-{name}", value) for name, value in sent.items()]
    given = Headers([("Host", "inner:8333"), ("x-a", "1"), *forwarded])
    headers, found = as_sent(given, "http")
    assert (headers.all("host"), found) == ([host], scheme)
    assert headers.get("x-a") == "1"


@given(st.text(max_size=30), st.text(max_size=10), st.text(max_size=10))
def test_nothing_else_gets_into_a_url(host: str, port: str, proto: str) -> None:
    named = {"x-forwarded-host": host, "x-forwarded-port": port, "x-forwarded-proto": proto}
    headers, scheme = as_sent(Headers(named.items()), "http")
    assert scheme in {"http", "https"}
    assert not set(headers.get("host") or "") & set("/?#@ \r\n<>\"'")


@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        # A client's own beginning is not believed, however it looks.
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.9, 198.51.100.1"], "198.51.100.1"),
        # Two trusted proxies, in one header or in two.
        ("10.0.0.1", ["198.51.100.1, 192.0.2.7"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1", "192.0.2.7"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # What is no address is nobody's.
        ("10.0.0.1", ['"}\x1b[31m'], "10.0.0.1"),
        ("10.0.0.1", ["unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["2001:DB9::0001"], "2001:db9::1"),
        # Nobody else is believed at all.
        ("198.51.100.1", ["203.0.113.9"], "198.51.100.1"),
        ("", ["203.0.113.9"], ""),
    ],
)
def test_a_client_is_who_came_to_the_outermost_trusted_proxy(
    peer: str, told: list[str], client: str
) -> None:
    headers = Headers([("X-Forwarded-For", value) for value in told])
    assert client_of(headers, peer, TRUSTED) == client


@given(st.text(alphabet="0123456789abcdef.:, \x00\n", max_size=60))
def test_whatever_is_told_a_client_is_an_address(told: str) -> None:
    headers = Headers([("X-Forwarded-For", told)])
    client = client_of(headers, "10.0.0.1", TRUSTED)
    assert str(ip_address(client)) == client
