"""/metrics on the real server, over the test fleet."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.serve.harness import ServiceHarness, get, parse_samples

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"


def test_metrics_show_last_audits_without_new_audits(harness: ServiceHarness, port: int) -> None:
    before = list(harness.transport.audited)
    for _ in range(3):
        samples = parse_samples(get(port, "/metrics").body)
    assert harness.transport.audited == before
    assert samples['olaudit_host_up{host="ol-a"}'] == 1
    assert samples['olaudit_host_up{host="ol-c"}'] == 0
    assert samples['olaudit_drift{check="kernel.name",host="ol-a",severity="warning",subject="kernel"}'] == 0
    assert samples['olaudit_drift{check="kernel.name",host="ol-b",severity="warning",subject="kernel"}'] == 1
    assert not any(series.startswith("olaudit_drift") and "ol-c" in series for series in samples)
    assert samples['olaudit_build_info{version="1.2.3"}'] == 1
    assert samples["olaudit_config_reload_success"] == 1
    assert abs(samples["olaudit_config_last_reload_success_timestamp_seconds"] - time.time()) < 20
    assert abs(samples["olaudit_last_run_timestamp_seconds"] - time.time()) < 20
    assert abs(samples['olaudit_last_audit_timestamp_seconds{host="ol-c"}'] - time.time()) < 20


def test_series_are_missing_until_the_first_audit(expected: Path) -> None:
    with ServiceHarness(expected, {"ol-b": threading.Event()}).serve() as port:
        for _ in range(500):
            if sum("host_up" in series for series in parse_samples(get(port, "/metrics").body)) == 2:
                break
            time.sleep(0.01)
        body = get(port, "/metrics").body
        assert "ol-b" not in body
        assert "olaudit_run_" not in body
        assert "olaudit_last_run_" not in body
        readyz = get(port, "/readyz")
        assert (readyz.status, readyz.body) == (503, "Hosts not audited yet: 1\n")


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=ol-b"])
def test_openmetrics_contain_the_same_samples(port: int, path: str) -> None:
    text, openmetrics = get(port, path), get(port, path, {"Accept": OPENMETRICS})
    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert openmetrics.body.endswith("# EOF\n")
    text_samples = {family.name: family.samples for family in parse_text(text.body)}
    openmetrics_samples = {family.name: family.samples for family in parse_openmetrics(openmetrics.body)}  # type: ignore[no-untyped-call]
    assert text_samples.keys() == openmetrics_samples.keys()
    assert len(text_samples) > 5


@pytest.mark.parametrize("version", ["9.9.9", "x", "1.0.0; charset=evil", ""])
def test_unsupported_version_is_not_echoed(port: int, version: str) -> None:
    reply = get(port, "/metrics", {"Accept": f"application/openmetrics-text; version={version}"})
    assert reply.status == 200
    assert "evil" not in reply.headers["content-type"]
    assert "9.9.9" not in reply.headers["content-type"]


def test_promtool_accepts_the_metrics(port: int) -> None:
    for path in ("/metrics", "/probe?target=ol-b"):
        process = subprocess.run(
            ["promtool", "check", "metrics"],
            input=get(port, path).body,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


def test_responses_are_compressed_if_gzip_is_accepted(port: int) -> None:
    import gzip  # noqa: PLC0415 - only used here
    import urllib.request  # noqa: PLC0415

    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(response.read()).startswith(b"# HELP olaudit_build_info")


def test_scrapes_do_not_leak_memory(port: int) -> None:
    def scrape(times: int) -> int:
        for number in range(times):
            get(port, "/metrics", {"Accept": OPENMETRICS if number % 2 else f"text/plain;q=0.{number}"})
        status = Path("/proc/self/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

    before = scrape(100)
    assert scrape(300) - before < 4096  # KiB
