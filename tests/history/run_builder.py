"""Builders of findings and reports, for runs that tests add to a history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from olaudit.history import History, RunScope
from olaudit.model import (
    FLEET,
    Failure,
    FailureReason,
    Finding,
    Report,
    Verdict,
    Waiver,
    finding_id,
)
from tests import values

WAIVER = Waiver(
    name="a disk",
    owner="Ann",
    reason="a larger disk is ordered",
    ticket="T-1",
    expires="2026-12-01",
    source="expected/waivers.yaml:2",
)
HOSTS = frozenset({"ol-a", "ol-b"})
CHECKS = frozenset({"disk.free", "path.mode", "host.reachable", "waiver.unused"})
SCOPE = RunScope(HOSTS, CHECKS)

DISK_ID = finding_id("ol-a", "disk.free", "/x")
MODE_ID = finding_id("ol-a", "path.mode", "/x")
UNUSED_ID = finding_id(FLEET, "waiver.unused", "/x")
REACHABLE_ID = finding_id("ol-a", "host.reachable", "host")


def start_of(number: int) -> str:
    """Return when the run of this number started: on that day of November, from 1 on."""
    return f"2026-11-{number:02}T03:00:00Z"


def make_finding(host: str, check: str, verdict: str, *, subject: str = "/x", observed: str = "full") -> Finding:
    return values.finding(
        host=host,
        check=check,
        subject=subject,
        verdict=Verdict(verdict),
        expected="free",
        observed=observed,
        message=f"expected free, observed {observed}",
        fix="rm" if verdict == Verdict.DRIFT else None,
        source="expected/hosts/x.yaml:1",
        waiver=WAIVER if verdict == Verdict.WAIVED else None,
    )


def disk_finding(verdict: str, observed: str = "full") -> Finding:
    """Return the finding that most tests use, with the id DISK_ID."""
    return make_finding("ol-a", "disk.free", verdict, observed=observed)


A_REACHABLE = make_finding("ol-a", "host.reachable", "ok", subject="host")
B_REACHABLE = replace(A_REACHABLE, host="ol-b")


def make_report(
    number: int,
    findings: Iterable[Finding] = (),
    *,
    audited: Iterable[str] = HOSTS,
    failed: Mapping[str, FailureReason] | None = None,
    started: str = "",
) -> Report:
    """Build the report of a run; `failed` hosts have an unknown host.reachable, and are not among `audited`."""
    failures = {host: Failure(reason, f"{host}: {reason}") for host, reason in (failed or {}).items()}
    unreachable = [make_finding(host, "host.reachable", "unknown", subject="host") for host in failures]
    moment = started or start_of(number)
    return values.report(
        (*findings, *unreachable),
        [values.host_result(host=host, failure=failures.get(host)) for host in sorted({*audited, *failures})],
        values.run(
            id=f"{moment.replace('-', '').replace(':', '')}-{number:04x}",
            started_at=moment,
            finished_at=moment,
            duration_seconds=1.5,
            expected_revision="abc",
        ),
    )


def write_five_runs(folder: Path) -> Path:
    """Create `folder` with a history: a disk is drift, unobserved and waived; ol-b is down in two runs."""
    folder.mkdir()
    b_mode = make_finding("ol-b", "path.mode", "drift", subject="/opt/olsystem", observed="0777")
    a_mode = make_finding("ol-a", "path.mode", "drift")
    down = {"ol-b": FailureReason.TIMEOUT}
    interrupted = make_report(5, [A_REACHABLE, disk_finding("waived"), B_REACHABLE, b_mode])
    reports = [
        make_report(1, [A_REACHABLE, disk_finding("ok"), B_REACHABLE, b_mode]),
        make_report(2, [A_REACHABLE, disk_finding("drift"), B_REACHABLE, b_mode]),
        make_report(3, [A_REACHABLE, disk_finding("unknown", "timeout"), a_mode], failed=down),
        make_report(4, [A_REACHABLE, disk_finding("drift"), make_finding("ol-a", "path.mode", "ok")], failed=down),
        replace(interrupted, run=replace(interrupted.run, complete=False)),
    ]
    for report in reports:
        with History.open(folder / "history.sqlite") as history:
            history.add_run(report, SCOPE)
            history.commit()
    return folder
