"""/probe on the real server, over a toy fleet."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from olaudit.model import finding_id
from olaudit.serve.web import deadline
from tests.serve.running import Toy, get, ready, samples


def test_a_probe_audits_now_and_tells_of_that_host_alone(expected: Path) -> None:
    toy = Toy(expected)
    with toy.served() as port:
        ready(port)
        time.sleep(1.0)  # an audit that has just ended would answer too
        toy.transport.said["ol-a"] = "Plan 9"
        found = samples(get(port, "/probe?target=ol-a").body)
        assert found['olaudit_drift{check="kernel.name",host="ol-a",severity="warning",subject="kernel"}'] == 1
        others = {series.partition("{")[0] for series in found if 'host="ol-a"' not in series}
        assert others == {"olaudit_build_info", "olaudit_expected_info", "olaudit_config_reload_success"}
        assert sorted(toy.transport.asked) == ["ol-a", "ol-a", "ol-b", "ol-c"]
        assert 'host="ol-a",severity="warning",subject="kernel"} 1.0' in get(port, "/metrics").body


def test_a_probe_tells_of_the_waivers_that_are_about_its_host(expected: Path) -> None:
    words = "observed: Minix, owner: mek, reason: soon, ticket: '#1', expires: 2026-12-31"
    (expected / "waivers.yaml").write_text(
        f"waivers:\n"
        f"  - {{host: ol-a, check: kernel.name, subject: kernel, {words}}}\n"
        f"  - {{finding: {finding_id('ol-b', 'kernel.name', 'kernel')}, {words}}}\n"
    )
    named = {
        "ol-a": "ol-a/kernel.name/kernel",
        "ol-b": finding_id("ol-b", "kernel.name", "kernel"),
    }
    with Toy(expected).served() as port:
        ready(port)
        for host in ("ol-a", "ol-b", "ol-c"):
            found = samples(get(port, f"/probe?target={host}").body)
            told = {series: end for series, end in found.items() if series.startswith("olaudit_waiver_expiry")}
            end_of_the_year = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
            wanted = f'olaudit_waiver_expiry_timestamp_seconds{{waiver="{named.get(host)}"}}'
            assert told == ({wanted: end_of_the_year} if host in named else {})


@pytest.mark.parametrize("target", ["ol-b", "OL-B", "ol-b.example.org"])
def test_a_host_may_be_named_short_or_in_full(port: int, target: str) -> None:
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
def test_a_probe_of_anything_else_is_400_and_asks_nobody(
    toy: Toy, port: int, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(toy.transport.asked)
    looked_up: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *said, **_: looked_up.append(said))
    connection = socket.socket()
    connection.connect(("127.0.0.1", port))
    with connection:
        connection.sendall(f"GET /probe{query} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    assert answer.startswith("HTTP/1.1 400 ")
    head, _, body = answer.partition("\r\n\r\n")
    assert body == "target= must name one host of the expected files; /targets lists them\n"
    assert "set-cookie" not in head.lower()
    assert len(toy.transport.asked) == before
    assert not looked_up


def test_fifty_probes_at_once_cost_one_audit(expected: Path) -> None:
    held = threading.Event()
    toy = Toy(expected, {"ol-a": held}, interval=0.0)
    with toy.served() as port, ThreadPoolExecutor(50) as pool:
        probes = [pool.submit(get, port, "/probe?target=ol-a") for _ in range(50)]
        time.sleep(0.5)
        held.set()
        bodies = {probe.result(20).body for probe in probes}
    assert toy.transport.asked == ["ol-a"]
    assert len(bodies) == 1


def test_a_host_that_hangs_delays_no_other_probe_and_no_scrape_of_all(expected: Path) -> None:
    held = threading.Event()
    toy = Toy(expected, {"ol-a": held}, jobs=1)  # the clock's audits are all stuck behind it
    with toy.served() as port, ThreadPoolExecutor(1) as pool:
        hung = pool.submit(get, port, "/probe?target=ol-a")
        for _ in range(5):
            assert get(port, "/metrics").status == 200
            assert 'olaudit_host_up{host="ol-b"} 1.0' in get(port, "/probe?target=ol-b").body
            assert get(port, "/").status == 200
        assert not hung.done()
        held.set()


def test_the_timeout_of_the_scrape_is_kept_and_the_audit_goes_on(expected: Path) -> None:
    held = threading.Event()
    toy = Toy(expected, {"ol-a": held}, interval=0.0)
    with toy.served() as port:
        started = time.monotonic()
        found = samples(get(port, "/probe?target=ol-a", {"X-Prometheus-Scrape-Timeout-Seconds": "1"}).body)
        assert 0.4 < time.monotonic() - started < toy.timeout / 2
        assert found['olaudit_host_up{host="ol-a"}'] == 0
        assert found['olaudit_host_failure{host="ol-a",reason="timeout"}'] == 1
        assert found['olaudit_checks{host="ol-a",verdict="unknown"}'] == 1
        assert not any(series.startswith("olaudit_drift") for series in found)
        assert "ol-a" not in get(port, "/metrics").body  # what one scrape could not wait for is no audit
        held.set()
        assert 'olaudit_host_up{host="ol-a"} 1.0' in get(port, "/probe?target=ol-a").body
    assert toy.transport.asked == ["ol-a"]


def test_a_host_that_does_not_answer_by_its_deadline_failed(expected: Path) -> None:
    with Toy(expected, {"ol-a": threading.Event()}, interval=0.0, timeout=0.2).served() as port:
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
def test_a_probe_waits_as_long_as_the_scrape_leaves_and_never_longer_than_an_audit(
    header: str, seconds: float
) -> None:
    assert deadline(header, 30.0) == pytest.approx(seconds)


def test_a_bug_with_one_host_is_logged_and_costs_nobody_the_others(expected: Path) -> None:
    toy = Toy(expected, {"ol-a": ZeroDivisionError("oh")})
    with toy.served() as port:
        ready(port)
        assert 'olaudit_host_up{host="ol-b"} 1.0' in get(port, "/metrics").body
        assert 'olaudit_host_up{host="ol-a"} 0.0' in get(port, "/metrics").body
    assert any(line.startswith("ol-a: internal error while asking the host: Traceback") for line in toy.log)


def test_a_probe_of_a_host_that_is_reloaded_away_ends_as_400(expected: Path) -> None:
    toy = Toy(expected, {"ol-a": threading.Event()})
    with toy.served() as port, ThreadPoolExecutor(1) as pool:
        probe = pool.submit(get, port, "/probe?target=ol-a")
        while "ol-a" not in toy.transport.asked:
            time.sleep(0.01)
        (expected / "hosts" / "ol-a.yaml").unlink()
        toy.service.reload()
        got = probe.result(10)
        assert (got.status, got.body.partition(";")[0]) == (400, "that host is in the expected files no more")


def test_a_probe_that_waits_when_it_is_stopped_is_told_so(expected: Path) -> None:
    toy = Toy(expected, {"ol-a": threading.Event()}, interval=0.0)
    with ThreadPoolExecutor(1) as pool:
        with toy.served() as port:
            probe = pool.submit(get, port, "/probe?target=ol-a")
            while "ol-a" not in toy.transport.asked:
                time.sleep(0.01)
        assert probe.result(10).status == 503
