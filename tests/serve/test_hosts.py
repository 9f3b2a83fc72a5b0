"""Defence against DNS rebinding: a malicious site cannot read responses under its own host name."""

from __future__ import annotations

import socket

import pytest

from olaudit.serve.guard import is_served, own_names, request_target, served_names
from olaudit.serve.web_config import certificate_names

NAMES = served_names("audit.example.org", "*.wild.example.org", "ol-home0")


@pytest.mark.parametrize(
    ("host", "served"),
    [
        ("127.0.0.1:9877", True),
        ("127.0.0.1", True),
        ("10.1.2.3:9877", True),
        ("[::1]:9877", True),
        ("[::1]", True),
        ("[fe80::1]:1", True),
        ("localhost", True),
        ("LOCALHOST:9877", True),
        ("localhost.", True),
        ("Audit.Example.ORG.:9877", True),
        ("a.wild.example.org", True),
        ("a.b.wild.example.org", False),
        ("ol-home0", True),
        ("ol-home0:1", True),
        ("evil.example.org", False),
        ("audit.example.org.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("user@localhost", False),
        ("localhost:9877:1", False),
        ("localhost:http", False),
        ("::1", False),
        ("[::1", False),
        ("[evil]", False),
        ("", False),
        (" ", False),
        ("localhost\x00", False),
        ("localhost/x", False),
        ("2130706433", False),  # browsers convert this number to an address before they send it
    ],
)
def test_addresses_and_own_names_are_served(host: str, served: bool) -> None:
    assert is_served(host, NAMES) is served


def test_own_names_contain_the_host_name() -> None:
    assert socket.gethostname() in own_names()


def test_absolute_request_target_adds_its_authority() -> None:
    assert request_target("/x", ["a"]) == (("a",), "/x")
    assert request_target("http://b/x", ["a"]) == (("b", "a"), "/x")
    assert request_target("HTTPS://b", []) == (("b",), "/")


def test_invalid_certificate_has_no_names() -> None:
    assert certificate_names(b"nonsense") == ()


def request_status(port: int, request: bytes) -> int:
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(request)
        return int(client.recv(4096).split()[1])


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\nhOsT: LocalHost.:80\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\nHost: [::1]:9877\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\nHost: evil.example:9877\r\n\r\n", 421),
        (b"GET /metrics HTTP/1.1\r\nHost: \r\n\r\n", 421),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 200),  # browsers always send Host
        (b"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 421),
        (b"GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET http://u@localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 421),
        (b"GET //evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    ],
)
def test_unknown_host_name_is_misdirected(port: int, request_: bytes, status: int) -> None:
    assert request_status(port, request_) == status
