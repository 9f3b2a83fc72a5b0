"""Benchmark of the history: the size of a year of nightly runs of the shipped fleet, and the time of queries.

    python benchmarks/history.py [RUNS [HOSTS]]

The runs are simulated with the checks of the shipped expected files, whose hosts are repeated up to HOSTS. The
table compares spans, as the history stores them, with one row per run and finding (decision 9).
"""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.resources import files
from itertools import cycle, islice
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

from history_observations import Observations
from tabulate import tabulate

from olaudit.audit import audit, select_checks
from olaudit.checks import CHECKERS
from olaudit.expected import load
from olaudit.history import History, RunScope
from olaudit.model import Answers, Failure, FailureReason, Finding, HostAnswers, HostResult, Report, Run, Verdict

T = TypeVar("T")
Row = tuple[str, str, str, str]
"""What was measured, for spans, for observations, and the target."""

FIRST = datetime(2026, 1, 1, 3, tzinfo=UTC)
RECORDING = 300_000  # characters; the answers of the hosts in one run
# of 14 hosts
UNSTABLE = 8  # findings that drift in every run, with a different observed value each time
CONSTANT = 20  # findings that drift in every run, with the same observed value
STARTING = 0.5  # chance in a run that a drift of up to 60 runs starts
DOWN = 0.1  # chance in a run that a host is down


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


def shipped_report(count: int) -> tuple[Report, RunScope]:
    """Return a report with every check of the shipped fleet, all without answers, and its scope.

    The hosts are repeated until there are `count`; 0: each once.
    """
    fleet, check_ids = load(Path(str(files("olaudit"))) / "shipped", CHECKERS), select_checks(CHECKERS)
    answers = [HostAnswers(name, Answers({}), 1.0) for name in fleet.hosts]
    report = audit(fleet.hosts.values(), answers, CHECKERS, check_ids, run(0))
    names = {f"{host.host}-{number}": host for number, host in enumerate(islice(cycle(report.hosts), count))}
    names = names or {host.host: host for host in report.hosts}
    findings = [
        replace(finding, host=name)
        for name, host in names.items()
        for finding in report.findings
        if finding.host == host.host
    ]
    hosts = tuple(replace(host, host=name) for name, host in names.items())
    return replace(report, hosts=hosts, findings=tuple(findings)), RunScope(frozenset(names), check_ids)


@dataclass
class Drift:
    """Ids of the findings that drift: always, with a new or the same observed value, or in a range of runs."""

    unstable: frozenset[str]
    constant: frozenset[str]
    passing: dict[str, tuple[int, int]] = field(default_factory=dict)

    def since(self, finding_id: str, number: int) -> int | None:
        """Return since which run a finding has had its observed value; None if it does not drift."""
        if finding_id in self.unstable:
            return number
        first, last = (0, number) if finding_id in self.constant else self.passing.get(finding_id, (0, -1))
        return first if number <= last else None


def simulate_runs(base: Report, count: int, chance: random.Random) -> Iterator[Report]:
    """Simulate runs: drift starts and ends, hosts are down, and some answers are missing."""
    scale, ids = len(base.hosts) / 14, [finding.id for finding in base.findings]
    unstable, constant = (chance.sample(ids, round(number * scale)) for number in (UNSTABLE, CONSTANT))
    drift = Drift(frozenset(unstable), frozenset(constant))
    for number in range(count):
        for _ in base.hosts:
            if chance.random() < STARTING / 14:
                drift.passing[chance.choice(ids)] = number, number + chance.randint(0, 59)
        down = {host.host for host in base.hosts if chance.random() < DOWN / 14}
        findings = [
            _evaluate(finding, drift.since(id_, number), chance)
            for id_, finding in zip(ids, base.findings, strict=True)
            if finding.host not in down
        ]
        findings += [
            finding for finding in base.findings if finding.host in down and finding.check == "host.reachable"
        ]
        yield Report(
            run=run(number),
            hosts=tuple(_host_result(host, down) for host in base.hosts),
            findings=tuple(sorted(findings, key=attrgetter("host", "check", "subject"))),
        )


def _evaluate(finding: Finding, since: int | None, chance: random.Random) -> Finding:
    if since is not None:
        observed = f"{finding.expected}, changed in run {since} {'x' * 150}"
        fix = f"sudo docker compose up --no-deps -d {finding.subject}"
        return replace(finding, verdict=Verdict.DRIFT, observed=observed, message=f"it is {observed}", fix=fix)
    if chance.random() < 0.002:
        return replace(finding, verdict=Verdict.UNKNOWN, message="it took longer than 10 s")
    return replace(finding, verdict=Verdict.OK, observed=finding.expected, message="as expected")


def _host_result(host: HostResult, down: set[str]) -> HostResult:
    if host.host in down:
        return replace(host, failure=Failure(FailureReason.TIMEOUT, f"{host.host} did not answer within 30 s"))
    return replace(host, failure=None)


def recording(chance: random.Random) -> str:
    """Return text that compresses about as well as the answers of hosts (JSON with digests and times)."""
    lines = (
        f'{{"shell": ["stat", "/opt/olsystem"], "stdout": "{chance.getrandbits(128):032x}"}}\n'
        for _ in range(9999)
    )
    return "".join(lines)[:RECORDING]


def timed(action: Callable[[], T], repeat: int = 1) -> tuple[float, T]:
    """Return the duration of an action, the best of `repeat` (seconds), and its result."""
    seconds = []
    for _ in range(repeat):
        started = time.perf_counter()
        result = action()
        seconds.append(time.perf_counter() - started)
    return min(seconds), result


def add_to_history(file: Path, report: Report, scope: RunScope, answers: str) -> Report:
    """Open the history, add a run, and commit."""
    with History.open(file) as history:
        after = history.add_run(report, scope, answers)
        history.commit()
    return after


def fill(history: Path, observations: Path, count: int, hosts: int) -> Iterator[Row]:
    """Store the runs in both files; yield their sizes, and the time to store a run."""
    chance, seconds = random.Random(1), []
    base, scope = shipped_report(hosts)
    for report in simulate_runs(base, count, chance):
        duration, after = timed(partial(add_to_history, history, report, scope, recording(chance)))
        with Observations.open(observations) as other:
            assert other.add_run(report, scope).findings == after.findings
        seconds.append(duration)
    yield f"{count} runs of {len(base.hosts)} hosts, findings per run", f"{len(base.findings)}", "", ""
    with closing(sqlite3.connect(history)) as database:
        (recordings,) = database.execute("SELECT sum(length(text)) FROM recordings").fetchone()
    size = history.stat().st_size
    yield "file size", megabytes(size), megabytes(observations.stat().st_size + recordings), "< 50 MB"
    yield "without the recordings", megabytes(size - recordings), megabytes(observations.stat().st_size), ""
    for name, index in (("median", count // 2), ("maximum", -1)):
        yield f"open, store and commit, {name}", f"{sorted(seconds)[index]:.3f} s", "", ""


def megabytes(size: int) -> str:
    """Format a size in bytes."""
    return f"{size / 1e6:.1f} MB"


def query(history: Path, observations: Path) -> Iterator[Row]:
    """Time the same queries of both files, each of which is opened for it; the best of five."""
    with History.open(history, create=False) as store:
        finding = max(store.findings("latest"), key=lambda finding: len(store.spans(finding.id)))
        first, last = store.runs(10_000)[-1], store.find_run("latest")
    queries: dict[str, Callable[[History | Observations], object]] = {
        "states (the ages of a report)": lambda store: store.states(),
        "episodes of a host": lambda store: sorted(map(repr, store.host_episodes(finding.host))),
        "episodes and spans of a finding": lambda store: (store.episodes(finding.id), store.spans(finding.id)),
        "findings of the first run": lambda store: [finding.message for finding in store.findings(first.id)],
        "findings of the last run": lambda store: [finding.message for finding in store.findings(last.id)],
    }

    def ask(open_: Callable[[], AbstractContextManager[T]], query: Callable[[T], object]) -> object:
        with open_() as store:
            return query(store)

    for name, action in queries.items():
        of_history, answer = timed(partial(ask, partial(History.open, history, create=False), action), 5)
        of_observations, expected = timed(partial(ask, partial(Observations.open, observations), action), 5)
        assert answer == expected
        yield name, f"{of_history:.4f} s", f"{of_observations:.4f} s", "< 0.5 s"
    of_file = ["--history", str(history)]
    commands = {
        "olaudit history": ["history", *of_file],
        "olaudit history HOST": ["history", finding.host, *of_file],
        "olaudit history FINDING": ["history", finding.id, *of_file],
        "olaudit compare RUN RUN": ["compare", first.id, last.id, *of_file],
        "olaudit --help, for comparison": ["--help"],
    }
    for name, arguments in commands.items():
        argv = [sys.executable, "-m", "olaudit", *arguments]
        seconds, _ = timed(partial(subprocess.run, argv, check=True, stdout=subprocess.DEVNULL), 5)
        yield name, f"{seconds:.3f} s", "", "< 0.5 s"


def main() -> None:
    """Print the table."""
    count, hosts = int(sys.argv[1]) if sys.argv[1:] else 365, int(sys.argv[2]) if sys.argv[2:] else 0
    with tempfile.TemporaryDirectory() as folder:
        stores = Path(folder) / "history.sqlite", Path(folder) / "observations.sqlite"
        rows = [*fill(*stores, count, hosts), *query(*stores)]
    print(tabulate(rows, headers=("", "spans", "observations", "target"), disable_numparse=True))


if __name__ == "__main__":
    main()
