"""config/haproxy and config/nginx: their times go with the settings, and they change nothing."""

import re
from pathlib import Path

from s3gw.config import Limits, Server, Swift

ROOT = Path(__file__).parents[2]
HAPROXY = (ROOT / "config" / "haproxy" / "haproxy.cfg").read_text(encoding="utf-8")
NGINX = (ROOT / "config" / "nginx" / "s3gw.conf").read_text(encoding="utf-8")


def of_haproxy(name: str) -> float:
    """A time of HAProxy's, in seconds."""
    number, unit = re.findall(rf"^ +timeout {name} (\d+)(ms|s)$", HAPROXY, re.MULTILINE)[0]
    return int(number) * {"ms": 0.001, "s": 1}[unit]


def of_nginx(name: str) -> str:
    """What a directive of nginx's, of which there is one, says."""
    (value,) = re.findall(rf"^ +{name} ([^;]+);$", NGINX, re.MULTILINE)
    return str(value)


def seconds(name: str) -> int:
    return int(of_nginx(name).removesuffix("s"))


def test_the_times_of_haproxy_go_with_the_settings() -> None:
    server, swift = Server(), Swift()
    assert of_haproxy("http-request") == server.header_timeout
    assert of_haproxy("http-keep-alive") < server.idle_timeout
    for side in ("client", "server"):
        assert of_haproxy(side) > max(server.body_timeout, swift.timeout)


def test_the_times_of_nginx_go_with_the_settings() -> None:
    server, swift = Server(), Swift()
    assert seconds("client_header_timeout") == server.header_timeout
    (upstream, client) = re.findall(r"^ +keepalive_timeout (\d+)s;$", NGINX, re.MULTILINE)
    assert max(int(upstream), int(client)) < server.idle_timeout
    for name in ("client_body_timeout", "send_timeout", "proxy_read_timeout", "proxy_send_timeout"):
        assert seconds(name) > max(server.body_timeout, swift.timeout)


def test_a_header_of_the_gateways_limit_fits_into_their_buffers() -> None:
    limit = Limits().header_size
    (size,) = re.findall(r"^ +tune.bufsize (\d+)$", HAPROXY, re.MULTILINE)
    assert int(size) >= limit + 4096
    assert int(of_nginx("large_client_header_buffers").split()[1].removesuffix("k")) * 1024 > limit


def test_haproxy_notices_a_server_that_stops_before_its_port_closes() -> None:
    interval, falls = re.findall(r"inter (\d+)ms fall (\d+)", HAPROXY)[0]
    (drain,) = re.findall(r"server\.drain = (\d+)", HAPROXY)
    assert int(interval) / 1000 * (int(falls) + 1) < int(drain)
