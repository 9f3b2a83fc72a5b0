"""Benchmark of the history: the size of a year of nightly runs of the shipped fleet, and the time of queries.

    python benchmarks/history.py [RUNS]

The runs are simulated with the checks of the shipped expected files. It prints a table and asserts nothing.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from operator import attrgetter
from pathlib import Path

from tabulate import tabulate

from olaudit.audit import audit, select_checks, worst_verdict
from olaudit.checks import CHECKERS
from olaudit.expected import load
from olaudit.history import History, RunScope
from olaudit.model import Answers, Failure, FailureReason, Finding, HostAnswers, HostResult, Report, Run, Verdict

FIRST = datetime(2026, 1, 1, 3, tzinfo=UTC)
RECORDING = 300_000  # characters; the answers of the hosts in one run
UNSTABLE = 8  # findings that drift in every run, with a different observed value each time


def run(number: int) -> Run:
    """Build the run of a given day."""
    started = FIRST + timedelta(days=number)
    return Run(
        id=f"{started:%Y%m%dT%H%M%SZ}-{number:04x}",
        started_at=f"{started:%Y-%m-%dT%H:%M:%SZ}",
        finished_at=f"{started + timedelta(seconds=40):%Y-%m-%dT%H:%M:%SZ}",
        duration_seconds=40.0,
        olaudit_version="0.1.0",
        expected_revision="0123456789ab",
        complete=True,
    )


def shipped_report() -> tuple[Report, RunScope]:
    """Return a report with every check of the shipped fleet, all without answers, and its scope."""
    fleet, check_ids = load(Path(str(files("olaudit"))) / "shipped", CHECKERS), select_checks(CHECKERS)
    answers = [HostAnswers(name, Answers({}), 1.0) for name in fleet.hosts]
    report = audit(fleet.hosts.values(), answers, CHECKERS, check_ids, run(0))
    return report, RunScope(frozenset(fleet.hosts), check_ids)


def simulate_runs(base: Report, count: int, chance: random.Random) -> Iterator[Report]:
    """Simulate runs: in half of them a drift starts, in a tenth a host is down, and some answers are missing."""
    drifting: dict[str, int] = {}
    unstable = {finding.id for finding in chance.sample(base.findings, UNSTABLE)}
    for number in range(count):
        drifting = {id_: until for id_, until in drifting.items() if until > number}
        if chance.random() < 0.5:
            drifting[chance.choice(base.findings).id] = number + chance.randint(1, 60)
        down = chance.choice(base.hosts).host if chance.random() < 0.1 else None
        ids = {*drifting, *unstable}
        findings = [_evaluate(finding, number, ids, chance) for finding in base.findings if finding.host != down]
        findings += [
            finding for finding in base.findings if finding.host == down and finding.check == "host.reachable"
        ]
        yield Report(
            run=run(number),
            hosts=tuple(_host_result(host, down, findings) for host in base.hosts),
            findings=tuple(sorted(findings, key=attrgetter("host", "check", "subject"))),
        )


def _evaluate(finding: Finding, number: int, drifting: set[str], chance: random.Random) -> Finding:
    if finding.id in drifting:
        observed = f"{finding.expected}, changed in run {number} {'x' * 150}"
        fix = f"sudo docker compose up --no-deps -d {finding.subject}"
        return replace(finding, verdict=Verdict.DRIFT, observed=observed, message=f"it is {observed}", fix=fix)
    if chance.random() < 0.002:
        return replace(finding, verdict=Verdict.UNKNOWN, message="it took longer than 10 s")
    return replace(finding, verdict=Verdict.OK, observed=finding.expected, message="as expected")


def _host_result(host: HostResult, down: str | None, findings: list[Finding]) -> HostResult:
    failure = (
        Failure(FailureReason.TIMEOUT, f"{host.host} did not answer within 30 s") if host.host == down else None
    )
    return replace(
        host, verdict=worst_verdict(finding for finding in findings if finding.host == host.host), failure=failure
    )


def recording(chance: random.Random) -> str:
    """Return text that compresses about as well as the answers of hosts (JSON with digests and times)."""
    lines = (
        f'{{"shell": ["stat", "/opt/olsystem"], "stdout": "{chance.getrandbits(128):032x}"}}\n'
        for _ in range(9999)
    )
    return "".join(lines)[:RECORDING]


def fill(file: Path, count: int) -> tuple[int, list[float]]:
    """Store the runs; return the number of checks in a run, and the time to store each run (seconds)."""
    chance, seconds = random.Random(1), []
    base, scope = shipped_report()
    for report in simulate_runs(base, count, chance):
        answers = recording(chance)
        started = time.perf_counter()
        with History.open(file) as history:
            history.add_run(report, scope, answers)
            history.commit()
        seconds.append(time.perf_counter() - started)
    return len(base.findings), seconds


def query_time(file: Path, *arguments: str) -> float:
    """Return the duration of an `olaudit` process: the best of five, in seconds."""
    argv = [sys.executable, "-m", "olaudit", *arguments, "--history", str(file)]

    def run_once() -> float:
        started = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    return min(run_once() for _ in range(5))


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if sys.argv[1:] else 365
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "history.sqlite"
        checks, seconds = fill(file, count)
        with History.open(file, create=False) as history:
            finding = history.findings("latest")[0]
        rows = [
            ("runs, checks per run", f"{count}, {checks}", ""),
            ("file size", f"{file.stat().st_size / 1e6:.1f} MB", "< 50 MB"),
            ("open, store and commit, median", f"{sorted(seconds)[count // 2]:.3f} s", ""),
            ("open, store and commit, maximum", f"{max(seconds):.3f} s", ""),
            ("olaudit --help, for comparison", f"{help_time():.3f} s", ""),
            ("olaudit history", f"{query_time(file, 'history'):.3f} s", "< 0.5 s"),
            ("olaudit history HOST", f"{query_time(file, 'history', finding.host):.3f} s", "< 0.5 s"),
            ("olaudit history FINDING", f"{query_time(file, 'history', finding.id):.3f} s", "< 0.5 s"),
            ("olaudit compare RUN RUN", f"{query_time(file, 'compare', '2026-01-01', 'latest'):.3f} s", "< 0.5 s"),
        ]
        print(tabulate(rows, headers=("", "measured", "target"), disable_numparse=True))


def help_time() -> float:
    """Return the duration of `olaudit --help` in seconds: the time to start a process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "olaudit", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
