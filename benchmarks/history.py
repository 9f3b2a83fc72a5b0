"""How large a year of nightly runs of the shipped fleet is, and how fast it answers.

    python benchmarks/history.py [NIGHTS]

Simulated: the checks are the shipped files' own, the nights churn as a fleet does. Prints; asserts nothing.
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
from pathlib import Path

from tabulate import tabulate

from olaudit.audit import audit, select_checks, worst_verdict
from olaudit.checks import CHECKERS
from olaudit.expected import load
from olaudit.history import History, RunScope
from olaudit.model import Answers, Failure, FailureReason, Finding, HostAnswers, HostResult, Report, Run, Verdict

FIRST = datetime(2026, 1, 1, 3, tzinfo=UTC)
RECORDING = 300_000  # characters; the hosts' answers of one night
CHURNING = 8  # findings that are drift every night, with another observed value each time


def run(night: int) -> Run:
    """Give the circumstances of a night's run."""
    started = FIRST + timedelta(days=night)
    return Run(
        id=f"{started:%Y%m%dT%H%M%SZ}-{night:04x}",
        started_at=f"{started:%Y-%m-%dT%H:%M:%SZ}",
        finished_at=f"{started + timedelta(seconds=40):%Y-%m-%dT%H:%M:%SZ}",
        duration_seconds=40.0,
        olaudit_version="0.1.0",
        expected_revision="0123456789ab",
        complete=True,
    )


def shipped() -> tuple[Report, RunScope]:
    """Give every check of the shipped fleet (unanswered, as nobody is asked), and their scope."""
    fleet, wanted = load(Path(str(files("olaudit"))) / "shipped", CHECKERS), select_checks(CHECKERS)
    answers = [HostAnswers(name, Answers({}), 1.0) for name in fleet.hosts]
    return audit(fleet.hosts.values(), answers, CHECKERS, wanted, run(0)), RunScope(frozenset(fleet.hosts), wanted)


def nights(base: Report, count: int, chance: random.Random) -> Iterator[Report]:
    """Simulate: drifts come (one night in two) and go, answers fail, a host is down one night in ten."""
    drifting: dict[str, int] = {}
    churning = {finding.id for finding in chance.sample(base.findings, CHURNING)}
    for night in range(count):
        drifting = {id_: until for id_, until in drifting.items() if until > night}
        if chance.random() < 0.5:
            drifting[chance.choice(base.findings).id] = night + chance.randint(1, 60)
        down = chance.choice(base.hosts).host if chance.random() < 0.1 else None
        found = [_judged(one, night, {*drifting, *churning}, chance) for one in base.findings if one.host != down]
        found += [one for one in base.findings if one.host == down and one.check == "host.reachable"]
        yield Report(
            run=run(night),
            hosts=tuple(_host(host, down, found) for host in base.hosts),
            findings=tuple(sorted(found, key=lambda one: (one.host, one.check, one.subject))),
        )


def _judged(finding: Finding, night: int, drifting: set[str], chance: random.Random) -> Finding:
    if finding.id in drifting:
        observed = f"{finding.expected} but for the one of night {night} {'x' * 150}"
        fix = f"sudo docker compose up --no-deps -d {finding.subject}"
        return replace(finding, verdict=Verdict.DRIFT, observed=observed, message=f"it is {observed}", fix=fix)
    if chance.random() < 0.002:
        return replace(finding, verdict=Verdict.UNKNOWN, message="it took longer than 10 s")
    return replace(finding, verdict=Verdict.OK, observed=finding.expected, message="as expected")


def _host(host: HostResult, down: str | None, found: list[Finding]) -> HostResult:
    failure = (
        Failure(FailureReason.TIMEOUT, f"{host.host} did not answer within 30 s") if host.host == down else None
    )
    return replace(host, verdict=worst_verdict(one for one in found if one.host == host.host), failure=failure)


def recording(chance: random.Random) -> str:
    """Give text that compresses about as well as hosts' answers do (JSON, with digests and times in it)."""
    lines = (
        f'{{"shell": ["stat", "/opt/olsystem"], "stdout": "{chance.getrandbits(128):032x}"}}\n'
        for _ in range(9999)
    )
    return "".join(lines)[:RECORDING]


def fill(file: Path, count: int) -> tuple[int, list[float]]:
    """Enter the runs; give how many checks one has, and how long each took (seconds)."""
    chance, seconds = random.Random(1), []
    base, scope = shipped()
    for report in nights(base, count, chance):
        kept = recording(chance)
        started = time.perf_counter()
        with History.open(file) as history:
            history.add_run(report, scope, kept)
            history.commit()
        seconds.append(time.perf_counter() - started)
    return len(base.findings), seconds


def answer(file: Path, *words: str) -> float:
    """Give how long a whole process takes to answer: the best of five, in seconds."""
    argv = [sys.executable, "-m", "olaudit", *words, "--history", str(file)]

    def once() -> float:
        started = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    return min(once() for _ in range(5))


def main() -> None:
    """Measure, and print a table."""
    count = int(sys.argv[1]) if sys.argv[1:] else 365
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "history.sqlite"
        checks, seconds = fill(file, count)
        with History.open(file, create=False) as history:
            finding = history.findings("latest")[0]
        rows = [
            ("nights, checks of each", f"{count}, {checks}", ""),
            ("size of the file", f"{file.stat().st_size / 1e6:.1f} MB", "< 50 MB"),
            ("open, enter and commit, median", f"{sorted(seconds)[count // 2]:.3f} s", ""),
            ("open, enter and commit, slowest", f"{max(seconds):.3f} s", ""),
            ("olaudit --help, for comparison", f"{answer_help():.3f} s", ""),
            ("olaudit history", f"{answer(file, 'history'):.3f} s", "< 0.5 s"),
            ("olaudit history HOST", f"{answer(file, 'history', finding.host):.3f} s", "< 0.5 s"),
            ("olaudit history FINDING", f"{answer(file, 'history', finding.id):.3f} s", "< 0.5 s"),
            ("olaudit compare RUN RUN", f"{answer(file, 'compare', '2026-01-01', 'latest'):.3f} s", "< 0.5 s"),
        ]
        print(tabulate(rows, headers=("", "measured", "wanted"), disable_numparse=True))


def answer_help() -> float:
    """Give how long a process takes that only starts, in seconds."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "olaudit", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
