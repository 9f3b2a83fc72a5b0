"""/metrics on the real server, over a toy fleet."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.serve.running import Got, Toy, get, samples

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"


def test_metrics_tell_the_last_audits_and_ask_nobody(toy: Toy, port: int) -> None:
    before = list(toy.transport.asked)
    for _ in range(3):
        found = samples(get(port, "/metrics").body)
    assert toy.transport.asked == before
    assert found['olaudit_host_up{host="ol-a"}'] == 1
    assert found['olaudit_host_up{host="ol-c"}'] == 0
    assert found['olaudit_drift{check="kernel.name",host="ol-a",severity="warning",subject="kernel"}'] == 0
    assert found['olaudit_drift{check="kernel.name",host="ol-b",severity="warning",subject="kernel"}'] == 1
    assert not any(series.startswith("olaudit_drift") and "ol-c" in series for series in found)
    assert found['olaudit_build_info{version="1.2.3"}'] == 1
    assert found["olaudit_config_reload_success"] == 1
    assert abs(found["olaudit_config_last_reload_success_timestamp_seconds"] - time.time()) < 20
    assert abs(found["olaudit_last_run_timestamp_seconds"] - time.time()) < 20
    assert abs(found['olaudit_last_audit_timestamp_seconds{host="ol-c"}'] - time.time()) < 20


def test_a_host_that_was_never_audited_has_no_series_and_there_was_no_run_yet(expected: Path) -> None:
    with Toy(expected, {"ol-b": threading.Event()}).served() as port:
        for _ in range(500):
            if len([one for one in samples(get(port, "/metrics").body) if "host_up" in one]) == 2:
                break
            time.sleep(0.01)
        body = get(port, "/metrics").body
        assert "ol-b" not in body
        assert "olaudit_run_" not in body
        assert "olaudit_last_run_" not in body
        assert get(port, "/readyz") == Got(503, get(port, "/readyz").headers, "1 hosts were not audited yet\n")


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=ol-b"])
def test_openmetrics_are_told_to_whoever_wants_them_and_are_the_same(port: int, path: str) -> None:
    text, open_ = get(port, path), get(port, path, {"Accept": OPENMETRICS})
    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert open_.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_.body.endswith("# EOF\n")
    one = {family.name: family.samples for family in parse_text(text.body)}
    other = {family.name: family.samples for family in parse_openmetrics(open_.body)}  # type: ignore[no-untyped-call]  # as above
    assert one.keys() == other.keys()
    assert len(one) > 5


@pytest.mark.parametrize("version", ["9.9.9", "x", "1.0.0; charset=evil", ""])
def test_a_version_nobody_knows_is_not_repeated(port: int, version: str) -> None:
    got = get(port, "/metrics", {"Accept": f"application/openmetrics-text; version={version}"})
    assert got.status == 200
    assert "evil" not in got.headers["content-type"]
    assert "9.9.9" not in got.headers["content-type"]


def test_promtool_finds_nothing_wrong(port: int) -> None:
    for path in ("/metrics", "/probe?target=ol-b"):
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=get(port, path).body,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_answers_are_zipped_for_whoever_takes_that(port: int) -> None:
    import gzip  # noqa: PLC0415 - here alone
    import urllib.request  # noqa: PLC0415

    wanted = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(wanted) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(response.read()).startswith(b"# HELP olaudit_build_info")


def test_scrapes_leave_memory_as_it_was(port: int) -> None:
    def scrape(times: int) -> int:
        for number in range(times):
            get(port, "/metrics", {"Accept": OPENMETRICS if number % 2 else f"text/plain;q=0.{number}"})
        status = Path("/proc/self/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

    before = scrape(100)
    assert scrape(300) - before < 4096  # KiB
