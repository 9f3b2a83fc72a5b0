"""/probe on the real server, over the test fleet."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from olaudit.model import finding_id
from olaudit.serve.web import probe_timeout
from tests.serve.harness import ServiceHarness, get, parse_samples, wait_until_ready


def test_probe_audits_one_host_immediately(expected: Path) -> None:
    harness = ServiceHarness(expected)
    with harness.serve() as port:
        wait_until_ready(port)
        time.sleep(1.0)  # a fresher audit would answer the probe
        harness.transport.behaviors["ol-a"] = "Plan 9"
        samples = parse_samples(get(port, "/probe?target=ol-a").body)
        assert samples['olaudit_drift{check="kernel.name",host="ol-a",severity="warning",subject="kernel"}'] == 1
        others = {series.partition("{")[0] for series in samples if 'host="ol-a"' not in series}
        assert others == {"olaudit_build_info", "olaudit_expected_info", "olaudit_config_reload_success"}
        assert sorted(harness.transport.audited) == ["ol-a", "ol-a", "ol-b", "ol-c"]
        assert 'host="ol-a",severity="warning",subject="kernel"} 1.0' in get(port, "/metrics").body


def test_probe_exports_the_waivers_of_its_host(expected: Path) -> None:
    keys = "observed: Minix, owner: mek, reason: soon, ticket: '#1', expires: 2026-12-31"
    (expected / "waivers.yaml").write_text(
        f"waivers:\n"
        f"  - {{host: ol-a, check: kernel.name, subject: kernel, {keys}}}\n"
        f"  - {{finding: {finding_id('ol-b', 'kernel.name', 'kernel')}, {keys}}}\n"
    )
    waiver_names = {
        "ol-a": "ol-a/kernel.name/kernel",
        "ol-b": finding_id("ol-b", "kernel.name", "kernel"),
    }
    with ServiceHarness(expected).serve() as port:
        wait_until_ready(port)
        for host in ("ol-a", "ol-b", "ol-c"):
            samples = parse_samples(get(port, f"/probe?target={host}").body)
            expiries = {
                series: end for series, end in samples.items() if series.startswith("olaudit_waiver_expiry")
            }
            end_of_the_year = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
            series = f'olaudit_waiver_expiry_timestamp_seconds{{waiver="{waiver_names.get(host)}"}}'
            assert expiries == ({series: end_of_the_year} if host in waiver_names else {})


@pytest.mark.parametrize("target", ["ol-b", "OL-B", "ol-b.example.org"])
def test_target_may_be_short_or_fully_qualified(port: int, target: str) -> None:
    assert 'olaudit_host_up{host="ol-b"} 1.0' in get(port, f"/probe?target={target}").body


@pytest.mark.parametrize(
    "query",
    [
        "", "?", "?target", "?target=", "?target=ol-z", "?target=127.0.0.1", "?target=localhost", "?target=*",
        "?target=ol-a&target=ol-b", "?target=@every", "?target=ol-a:22", "?target=ol-a.evil.example",
        "?target=%0d%0aSet-Cookie:%20a=b", "?target=<script>", "?target=ol-a%00", "?host=ol-a", "?target=../ol-a",
        "?" + "&".join("a" for _ in range(50)),
    ],
)  # fmt: skip
def test_invalid_target_is_400_and_causes_no_audit(
    harness: ServiceHarness, port: int, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(harness.transport.audited)
    lookups: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **_: lookups.append(arguments))
    connection = socket.socket()
    connection.connect(("127.0.0.1", port))
    with connection:
        connection.sendall(f"GET /probe{query} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    assert answer.startswith("HTTP/1.1 400 ")
    head, _, body = answer.partition("\r\n\r\n")
    assert body == "The target parameter must name one host of the expected files; /targets lists them\n"
    assert "set-cookie" not in head.lower()
    assert len(harness.transport.audited) == before
    assert not lookups


def test_parallel_probes_of_a_host_share_one_audit(expected: Path) -> None:
    release = threading.Event()
    harness = ServiceHarness(expected, {"ol-a": release}, interval=0.0)
    with harness.serve() as port, ThreadPoolExecutor(50) as pool:
        probes = [pool.submit(get, port, "/probe?target=ol-a") for _ in range(50)]
        time.sleep(0.5)
        release.set()
        bodies = {probe.result(20).body for probe in probes}
    assert harness.transport.audited == ["ol-a"]
    assert len(bodies) == 1


def test_hanging_host_delays_no_other_request(expected: Path) -> None:
    release = threading.Event()
    harness = ServiceHarness(expected, {"ol-a": release}, jobs=1)  # the scheduled audits all wait for it
    with harness.serve() as port, ThreadPoolExecutor(1) as pool:
        hanging_probe = pool.submit(get, port, "/probe?target=ol-a")
        for _ in range(5):
            assert get(port, "/metrics").status == 200
            assert 'olaudit_host_up{host="ol-b"} 1.0' in get(port, "/probe?target=ol-b").body
            assert get(port, "/").status == 200
        assert not hanging_probe.done()
        release.set()


def test_scrape_timeout_ends_the_probe_but_not_the_audit(expected: Path) -> None:
    release = threading.Event()
    harness = ServiceHarness(expected, {"ol-a": release}, interval=0.0)
    with harness.serve() as port:
        started = time.monotonic()
        samples = parse_samples(get(port, "/probe?target=ol-a", {"X-Prometheus-Scrape-Timeout-Seconds": "1"}).body)
        assert 0.4 < time.monotonic() - started < harness.timeout / 2
        assert samples['olaudit_host_up{host="ol-a"}'] == 0
        assert samples['olaudit_host_failure{host="ol-a",reason="timeout"}'] == 1
        assert samples['olaudit_checks{host="ol-a",verdict="unknown"}'] == 1
        assert not any(series.startswith("olaudit_drift") for series in samples)
        assert "ol-a" not in get(port, "/metrics").body  # the timeout of a scrape is not a result of the audit
        release.set()
        assert 'olaudit_host_up{host="ol-a"} 1.0' in get(port, "/probe?target=ol-a").body
    assert harness.transport.audited == ["ol-a"]


def test_host_that_misses_its_deadline_is_unreachable(expected: Path) -> None:
    with ServiceHarness(expected, {"ol-a": threading.Event()}, interval=0.0, timeout=0.2).serve() as port:
        assert 'olaudit_host_failure{host="ol-a",reason="timeout"} 1.0' in get(port, "/probe?target=ol-a").body


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("10", 9.5),
        ("0.6", 0.3),
        ("100", 30),
        ("", 30),
        ("x", 30),
        ("-1", 30),
        ("nan", 30),
        ("inf", 30),
        ("1e9", 30),
    ],
)
def test_probe_timeout_is_limited_by_scrape_and_audit(header: str, seconds: float) -> None:
    assert probe_timeout(header, 30.0) == pytest.approx(seconds)


def test_internal_error_on_one_host_is_logged(expected: Path) -> None:
    harness = ServiceHarness(expected, {"ol-a": ZeroDivisionError("oh")})
    with harness.serve() as port:
        wait_until_ready(port)
        assert 'olaudit_host_up{host="ol-b"} 1.0' in get(port, "/metrics").body
        assert 'olaudit_host_up{host="ol-a"} 0.0' in get(port, "/metrics").body
    assert any(line.startswith("ol-a: internal error while asking the host: Traceback") for line in harness.log)


def test_probe_of_a_removed_host_ends_with_400(expected: Path) -> None:
    harness = ServiceHarness(expected, {"ol-a": threading.Event()})
    with harness.serve() as port, ThreadPoolExecutor(1) as pool:
        probe = pool.submit(get, port, "/probe?target=ol-a")
        while "ol-a" not in harness.transport.audited:
            time.sleep(0.01)
        (expected / "hosts" / "ol-a.yaml").unlink()
        harness.service.reload()
        reply = probe.result(10)
        assert reply.status == 400
        assert reply.body == "The host was removed from the expected files; /targets lists the hosts\n"


def test_pending_probe_gets_503_at_shutdown(expected: Path) -> None:
    harness = ServiceHarness(expected, {"ol-a": threading.Event()}, interval=0.0)
    with ThreadPoolExecutor(1) as pool:
        with harness.serve() as port:
            probe = pool.submit(get, port, "/probe?target=ol-a")
            while "ol-a" not in harness.transport.audited:
                time.sleep(0.01)
        assert probe.result(10).status == 503
