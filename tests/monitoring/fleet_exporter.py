"""Reports of a drifting fleet, rendered as metrics and served on loopback for Prometheus."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from olaudit.checks.memcached import LIMIT_BYTES, TOTAL_BYTES
from olaudit.model import (
    FLEET,
    Failure,
    FailureReason,
    Finding,
    HostResult,
    Measurement,
    Report,
    Severity,
    Verdict,
    Waiver,
)
from olaudit.render.prometheus import render
from olaudit.render.style import Style
from tests import values

GIB = 1024**3
WAIVER = Waiver(
    name="ol-home0 container.restarts",
    owner="ops",
    reason="it restarts at each deploy",
    ticket="",
    expires="2027-01-31",
    source="expected/waivers.yaml:3",
)
HOSTS = ("ol-home0", "ol-mem0", "ol-mem2", "ol-web1")
SINCE = "2026-11-20T03:00:00Z"


class Exporter:
    """A server of metrics: it responds with `text` to every request."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.address = ""


@contextmanager
def exporter(text: str) -> Iterator[Exporter]:
    """Serve metrics on a free loopback port."""
    metrics = Exporter(text)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = metrics.text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    metrics.address = f"127.0.0.1:{server.server_port}"
    try:
        yield metrics
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def first_report() -> Report:
    """Build the first report: one host drifts, and `ol-old0` is removed from the fleet afterwards."""
    return _report(
        "aaaaaaaaaaaa", [*HOSTS, "ol-old0"], {"ol-mem2": [("host.os", "host", Verdict.DRIFT, Severity.WARNING)]}
    )


def second_report() -> Report:
    """Build the second report, with new expected files: drift, unknown checks, and a host that failed."""
    results = {
        "ol-home0": [
            ("container.state", "openlibrary-web-1", Verdict.DRIFT, Severity.CRITICAL),
            ("container.unexpected", "unnamed-1", Verdict.DRIFT, Severity.WARNING),
            ("container.restarts", "openlibrary-web-1", Verdict.WAIVED, Severity.WARNING),
        ],
        "ol-mem0": [("memcached.limit", "memcached", Verdict.DRIFT, Severity.WARNING)],
        "ol-web1": [
            ("host.os", "host", Verdict.DRIFT, Severity.INFO),
            ("path.mode", "/opt/openlibrary", Verdict.UNKNOWN, Severity.WARNING),
        ],
        "ol-mem2": [("host.reachable", "host", Verdict.UNKNOWN, Severity.CRITICAL)],
        FLEET: [("waiver.unused", "ol-db1 disk.free", Verdict.DRIFT, Severity.INFO)],
    }
    failure = Failure(FailureReason.TIMEOUT, "no answer within 30 s")
    return _report("bbbbbbbbbbbb", HOSTS, results, {"ol-mem2": failure})


def metrics_text(report: Report, *, reloaded: bool) -> str:
    """Render the metrics that `olaudit serve` exports for a report."""
    reload_type = "# TYPE olaudit_config_reload_success gauge\n"
    return render(report, Style()) + f"{reload_type}olaudit_config_reload_success {int(reloaded)}\n"


CheckResults = list[tuple[str, str, Verdict, Severity]]


def _report(
    revision: str,
    names: Iterable[str],
    results: Mapping[str, CheckResults],
    failures: Mapping[str, Failure] | None = None,
) -> Report:
    hosts = tuple(_host(name, (failures or {}).get(name)) for name in names)
    ok = {
        host.host: [("host.hostname", "host", Verdict.OK, Severity.WARNING)] for host in hosts if not host.failure
    }
    findings = [
        _finding(host, *result)
        for by_host in (ok, results)
        for host, of_host in by_host.items()
        for result in of_host
    ]
    run = values.run(finished_at="2026-11-22T03:00:04Z", duration_seconds=4.25, expected_revision=revision)
    return values.report(findings, hosts, run)


def _host(name: str, failure: Failure | None) -> HostResult:
    measures = [
        Measurement(TOTAL_BYTES, 8 * GIB),
        *(Measurement(LIMIT_BYTES, limit * GIB, source) for source, limit in LIMITS.items()),
    ]
    return values.host_result(
        host=name,
        verdict=Verdict.UNKNOWN if failure else Verdict.OK,
        failure=failure,
        duration_seconds=1.5,
        measurements=tuple(measures) if name.startswith("ol-mem") and not failure else (),
        subjects=frozenset({"host", "openlibrary-web-1", "memcached", "/opt/openlibrary"}),
    )


def _finding(host: str, check: str, subject: str, verdict: Verdict, severity: Severity) -> Finding:
    return values.finding(
        host=host,
        check=check,
        subject=subject,
        verdict=verdict,
        severity=severity,
        expected="",
        observed="",
        message="",
        fix=None,
        source="expected/fleet.yaml:1",
        first_seen=None if verdict is Verdict.OK else SINCE,
        waiver=WAIVER if verdict is Verdict.WAIVED else None,
    )


LIMITS = {"configured": 6, "running": 6, "served": 4}
