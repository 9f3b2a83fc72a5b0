"""Nights to enter into a history, written as short as they can be."""

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
    name="a disk", owner="Ann", reason="a new one is ordered", ticket="T-1", expires="2026-12-01", source="w:1"
)
HOSTS = frozenset({"ol-a", "ol-b"})
CHECKS = frozenset({"disk.free", "path.mode", "host.reachable", "waiver.unused"})
SCOPE = RunScope(HOSTS, CHECKS)


def start(night: int) -> str:
    """Give when the run of a night (of November, from 1 on) started."""
    return f"2026-11-{night:02}T03:00:00Z"


def found(host: str, check: str, verdict: str, *, subject: str = "/x", observed: str = "full") -> Finding:
    said = Verdict(verdict)
    return values.finding(
        host=host,
        check=check,
        subject=subject,
        verdict=said,
        expected="room",
        observed=observed,
        message=f"it is {observed}",
        fix="rm" if said is Verdict.DRIFT else None,
        source="expected/hosts/x.yaml:1",
        waiver=WAIVER if said is Verdict.WAIVED else None,
    )


def report(
    night: int,
    findings: Iterable[Finding] = (),
    *,
    audited: Iterable[str] = HOSTS,
    failed: Mapping[str, FailureReason] | None = None,
    started: str = "",
) -> Report:
    """Make the report of a night; `failed` hosts have an unknown host.reachable, and are not among `audited`."""
    failures = {host: Failure(reason, f"{host}: {reason}") for host, reason in (failed or {}).items()}
    lost = [found(host, "host.reachable", "unknown", subject="host") for host in failures]
    hosts = sorted({*audited, *failures})
    moment = started or start(night)
    return values.report(
        (*findings, *lost),
        [values.host_result(host=host, failure=failures.get(host)) for host in hosts],
        values.run(
            id=f"{moment.replace('-', '').replace(':', '')}-{night:04x}",
            started_at=moment,
            finished_at=moment,
            duration_seconds=1.5,
            expected_revision="abc",
        ),
    )


DISK = finding_id("ol-a", "disk.free", "/x")
MODE = finding_id("ol-a", "path.mode", "/x")
UNUSED = finding_id(FLEET, "waiver.unused", "/x")
REACHABLE = finding_id("ol-a", "host.reachable", "host")


def disk(verdict: str, observed: str = "full") -> Finding:
    """Give the finding that most tests are about."""
    return found("ol-a", "disk.free", verdict, observed=observed)


UP = found("ol-a", "host.reachable", "ok", subject="host")
B_UP = replace(UP, host="ol-b")


def five_nights(folder: Path) -> Path:
    """Make `folder`, with a history in it: a disk drifts, hides and is waived; ol-b is down for two nights."""
    folder.mkdir()
    on_b = found("ol-b", "path.mode", "drift", subject="/opt/olsystem", observed="0777")
    down = {"ol-b": FailureReason.TIMEOUT}
    interrupted = report(5, [UP, disk("waived"), B_UP, on_b])
    nights = [
        report(1, [UP, disk("ok"), B_UP, on_b]),
        report(2, [UP, disk("drift"), B_UP, on_b]),
        report(3, [UP, disk("unknown", "asked too late"), found("ol-a", "path.mode", "drift")], failed=down),
        report(4, [UP, disk("drift"), found("ol-a", "path.mode", "ok")], failed=down),
        replace(interrupted, run=replace(interrupted.run, complete=False)),
    ]
    for night in nights:
        with History.open(folder / "history.sqlite") as history:
            history.add_run(night, SCOPE)
            history.commit()
    return folder
