"""The rest of the real server, and clients that behave badly."""

from __future__ import annotations

import json
import select
import socket
import time
from itertools import pairwise
from pathlib import Path

import pytest

from olaudit.serve import server, web
from tests.serve.running import Toy, get, ready


def test_targets_are_http_service_discovery(port: int) -> None:
    got = get(port, "/targets")
    assert got.headers["content-type"] == "application/json"
    assert json.loads(got.body) == [{"targets": ["ol-a", "ol-b", "ol-c"], "labels": {}}]


def test_health_and_readiness(port: int) -> None:
    assert get(port, "/healthz").body == "ok\n"
    assert get(port, "/readyz").body == "ok\n"


def test_what_is_only_probed_is_ready_at_once(expected: Path) -> None:
    with Toy(expected, interval=0.0).served() as port:
        assert get(port, "/readyz").status == 200


def test_the_page_is_told_behind_a_strict_policy(port: int) -> None:
    got = get(port, "/")
    assert got.headers["content-type"] == "text/html; charset=utf-8"
    policy = got.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("; frame-ancestors 'none'")
    assert "unsafe" not in policy
    assert "ol-b" in got.body
    assert "Live" in got.body


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/probe?target=ol-a", "/targets", "/healthz", "/nothing", "/probe"]
)
def test_every_answer_forbids_what_it_does_not_need(port: int, path: str) -> None:
    headers = get(port, path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/probe?target=ol-a"])
def test_nothing_but_get_and_head_is_allowed(toy: Toy, port: int, method: str, path: str) -> None:
    before = len(toy.transport.asked)
    got = get(port, path, method=method)
    assert (got.status, got.headers["allow"]) == (405, "GET, HEAD")
    assert len(toy.transport.asked) == before


def test_head_tells_the_headers_alone(port: int) -> None:
    head, whole = get(port, "/targets", method="HEAD"), get(port, "/targets")
    assert head.body == ""
    assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize(
    "path", ["/nothing", "/metrics/", "/%3Cscript%3Ealert(1)%3C/script%3E", "//", "/../etc/passwd"]
)
def test_what_is_not_there_is_404_with_what_there_is(port: int, path: str) -> None:
    got = get(port, path)
    assert got.status == 404
    assert got.body == "there is nothing here; there is / /metrics /probe?target=HOST /targets /healthz /readyz\n"


def test_a_bug_in_one_answer_is_logged_and_costs_nobody_the_others(
    toy: Toy, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "targets", lambda _: 1 / 0)
    assert get(port, "/targets").status == 500
    assert "ZeroDivisionError" not in get(port, "/targets").body
    assert any("ZeroDivisionError" in line for line in toy.log)
    assert get(port, "/metrics").status == 200


# --- clients that behave badly -----------------------------------------------------------------------------------


def raw(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        return connection.recv(4096)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100 + b"\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /" + b"a" * 70_000,
    ],
)
def test_what_is_no_request_or_too_large_is_refused(port: int, sent: bytes) -> None:
    assert raw(port, sent).startswith(b"HTTP/1.1 400 ")
    assert get(port, "/healthz").status == 200


def test_the_body_of_a_request_is_not_taken(port: int) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000000\r\n\r\n"
    assert raw(port, head + b"x" * 1000).startswith(b"HTTP/1.1 200 ")


def test_idle_and_slow_clients_starve_nobody_and_are_hung_up_on(
    expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PATIENCE_SECONDS", 3)
    monkeypatch.setattr(server, "_CONNECTIONS", 50)
    with Toy(expected).served() as port:
        ready(port)
        idle = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(100)]
        for one in idle[80:]:
            one.sendall(b"GET /metrics HTTP/1.1\r\nHost: ")
        started = time.monotonic()
        assert get(port, "/metrics").status == 200
        assert time.monotonic() - started < server.PATIENCE_SECONDS, "it did not wait until their time was up"
        hung_up_on, _, _ = select.select(idle, (), (), 0)
        assert len(hung_up_on) >= 50, "those that are too many go at once"
        for one in idle:
            assert _gone(one)
            one.close()


def _gone(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_connection_may_be_kept(port: int) -> None:
    import http.client  # noqa: PLC0415 - here alone

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    sockets = []
    for _ in range(3):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"ok\n"
        sockets.append(connection.sock)
    assert all(one is other for one, other in pairwise(sockets))
    connection.close()
