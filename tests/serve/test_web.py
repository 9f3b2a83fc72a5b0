"""The other paths of the real server, and misbehaving clients."""

from __future__ import annotations

import json
import select
import socket
import time
from itertools import pairwise
from pathlib import Path

import pytest

from olaudit.serve import server, web
from tests.serve.harness import ServiceHarness, get, wait_until_ready


def test_targets_have_the_service_discovery_format(port: int) -> None:
    reply = get(port, "/targets")
    assert reply.headers["content-type"] == "application/json"
    assert json.loads(reply.body) == [{"targets": ["ol-a", "ol-b", "ol-c"], "labels": {}}]


def test_health_and_readiness_are_ok(port: int) -> None:
    assert get(port, "/healthz").body == "ok\n"
    assert get(port, "/readyz").body == "ok\n"


def test_probe_only_service_is_ready_immediately(expected: Path) -> None:
    with ServiceHarness(expected, interval=0.0).serve() as port:
        assert get(port, "/readyz").status == 200


def test_page_has_a_strict_content_security_policy(port: int) -> None:
    reply = get(port, "/")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("; frame-ancestors 'none'")
    assert "unsafe" not in policy
    assert "ol-b" in reply.body
    assert "Live" in reply.body


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/probe?target=ol-a", "/targets", "/healthz", "/nothing", "/probe"]
)
def test_every_response_has_security_headers(port: int, path: str) -> None:
    headers = get(port, path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/probe?target=ol-a"])
def test_methods_other_than_get_and_head_are_refused(
    harness: ServiceHarness, port: int, method: str, path: str
) -> None:
    before = len(harness.transport.audited)
    reply = get(port, path, method=method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
    assert len(harness.transport.audited) == before


def test_head_returns_only_the_headers(port: int) -> None:
    head, full = get(port, "/targets", method="HEAD"), get(port, "/targets")
    assert head.body == ""
    assert head.headers["content-length"] == full.headers["content-length"] == str(len(full.body))


@pytest.mark.parametrize(
    "path", ["/nothing", "/metrics/", "/%3Cscript%3Ealert(1)%3C/script%3E", "//", "/../etc/passwd"]
)
def test_unknown_path_is_404_with_the_available_paths(port: int, path: str) -> None:
    reply = get(port, path)
    assert reply.status == 404
    assert reply.body == "Not found. Available: /, /metrics, /probe?target=HOST, /targets, /healthz, /readyz\n"


def test_internal_error_in_one_response_is_logged(
    harness: ServiceHarness, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "discovery_targets", lambda _: 1 / 0)
    assert get(port, "/targets").status == 500
    assert "ZeroDivisionError" not in get(port, "/targets").body
    assert any("ZeroDivisionError" in line for line in harness.log)
    assert get(port, "/metrics").status == 200


# --- misbehaving clients ---------------------------------------------------------------------------------------


def send_raw(port: int, sent: bytes) -> bytes:
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
def test_invalid_or_too_large_request_is_refused(port: int, sent: bytes) -> None:
    assert send_raw(port, sent).startswith(b"HTTP/1.1 400 ")
    assert get(port, "/healthz").status == 200


def test_request_body_is_not_read(port: int) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000000\r\n\r\n"
    assert send_raw(port, head + b"x" * 1000).startswith(b"HTTP/1.1 200 ")


def test_idle_and_slow_clients_are_disconnected(expected: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CLIENT_TIMEOUT_SECONDS", 3)
    monkeypatch.setattr(server, "_MAX_CONNECTIONS", 50)
    with ServiceHarness(expected).serve() as port:
        wait_until_ready(port)
        idle = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(100)]
        for client in idle[80:]:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: ")
        started = time.monotonic()
        assert get(port, "/metrics").status == 200
        assert time.monotonic() - started < server.CLIENT_TIMEOUT_SECONDS, (
            "the request waited for the timeout of the idle clients"
        )
        disconnected, _, _ = select.select(idle, (), (), 0)
        assert len(disconnected) >= 50, "excess connections are closed immediately"
        for client in idle:
            assert _is_closed(client)
            client.close()


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_connection_can_be_reused(port: int) -> None:
    import http.client  # noqa: PLC0415 - only used here

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    sockets = []
    for _ in range(3):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"ok\n"
        sockets.append(connection.sock)
    assert all(previous is current for previous, current in pairwise(sockets))
    connection.close()
