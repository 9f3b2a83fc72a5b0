"""Benchmark of `olaudit serve`: memory over 1,000 scrapes, response times while hosts hang, and large fleets.

    python -m benchmarks.serve

It prints tables and asserts nothing. Memory should stay constant, and hanging hosts should not affect the response
times. The fleet is simulated; `olaudit serve` is a separate process.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import TypeVar

from tabulate import tabulate

from olaudit.audit import select_checks
from olaudit.checks import CHECKERS
from olaudit.demo.faults import HostFault
from olaudit.demo.fleet import simulated
from olaudit.model import Answers
from olaudit.render.html.page import render_page
from olaudit.render.style import Style
from olaudit.serve.fleet_exposition import FleetExposition
from olaudit.serve.fleet_state import FleetState
from olaudit.serve.snapshot import ReportBuilder, RunHistory
from tests.demo.auditing import collect_answers, copies_of, shipped_fleet
from tests.serve.harness import get, wait_until_ready
from tests.serve.process import serving

T = TypeVar("T")

SCRAPES = 1000
HANGING = {"ol-home0": HostFault.RUNS_NO_COMMAND, "ol-db1": HostFault.SENDS_NO_GREETING}


def memory(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def response_times(port: int, path: str, times: int) -> list[float]:
    """Request `path` several times; return the milliseconds of each request."""
    milliseconds = []
    for _ in range(times):
        started = perf_counter()
        if get(port, path).status != 200:
            raise SystemExit(f"{path} failed")
        milliseconds.append(1000 * (perf_counter() - started))
    return milliseconds


def spread(milliseconds: list[float]) -> list[str]:
    """Return the median, the 99th percentile and the maximum."""
    return [
        f"{statistics.median(milliseconds):.1f}",
        f"{statistics.quantiles(milliseconds, n=100, method='inclusive')[98]:.1f}",
        f"{max(milliseconds):.1f}",
    ]


def measure_scrapes() -> list[list[str]]:
    """Scrape a fleet without drift; return one row for each hundred scrapes."""
    rows = []
    with simulated(shipped_fleet()) as simulation, serving(simulation.ssh_config) as (process, port):
        wait_until_ready(port)
        for number in range(0, SCRAPES, 100):
            milliseconds = response_times(port, "/metrics", 100)
            rows.append([f"{number + 1} to {number + 100}", *spread(milliseconds), f"{memory(process.pid):.1f}"])
    return rows


def measure_with_hanging_hosts() -> list[list[str]]:
    """Request pages while two hosts hang, with an audit of each always running."""
    options = ("--interval", "20", "--timeout", "60")
    with (
        simulated(shipped_fleet(), faults=HANGING) as simulation,
        serving(simulation.ssh_config, *options) as (_, port),
    ):
        while get(port, "/metrics").body.count("olaudit_host_up{") < len(shipped_fleet().hosts) - len(HANGING):
            pass
        others = [host for host in shipped_fleet().hosts if host not in HANGING]
        time.sleep(1)  # a fresher audit would answer the probes
        probe_times = [
            milliseconds for host in others for milliseconds in response_times(port, f"/probe?target={host}", 1)
        ]
        paths = {"/metrics": 300, "/": 50}
        rows = [[path, *spread(response_times(port, path, times))] for path, times in paths.items()]
        return [*rows, [f"/probe of each of {len(others)} others", *spread(probe_times)]]


def measure_large_fleet(count: int) -> list[str]:
    """Evaluate, expose and render a fleet of copies of one host."""
    fleet = copies_of(count, "ol-web1")
    with simulated(copies_of(1, "ol-web1")) as simulation:
        (answers,) = collect_answers(copies_of(1, "ol-web1"), simulation.ssh_config).hosts
    if not isinstance(answers.outcome, Answers):
        raise SystemExit(str(answers.outcome))
    now = datetime.now(UTC)
    build = ReportBuilder(checkers=CHECKERS, check_ids=select_checks(CHECKERS), version="0")
    state = FleetState(fleet, RunHistory(), build, now)
    later, exposition = now + timedelta(seconds=30), FleetExposition()

    def audit(hosts: Iterable[str], at: datetime) -> None:
        for host in hosts:
            state.store_answers(replace(answers, host=host), at)

    evaluating, _ = cpu_milliseconds(lambda: audit(fleet.hosts, now))
    exposition.encode(state.snapshot(now), "")
    audit(list(fleet.hosts)[: count // 10 or 1], later)  # as in 30 s of rounds of five minutes
    composing, snapshot = cpu_milliseconds(lambda: state.snapshot(later))
    exposing, (body, _) = cpu_milliseconds(lambda: exposition.encode(snapshot, ""))
    rendering, html = cpu_milliseconds(lambda: render_page(snapshot.report, Style()))
    milliseconds = [f"{value:.1f}" for value in (evaluating / count, composing, exposing, rendering)]
    return [str(count), *milliseconds, f"{len(body) / 1e6:.2f}", f"{len(html) / 1e6:.2f}"]


def cpu_milliseconds(work: Callable[[], T]) -> tuple[float, T]:
    """Return the CPU time of `work` in milliseconds, and its result."""
    started = process_time()
    result = work()
    return 1000 * (process_time() - started), result


def main() -> None:
    """Print the tables."""
    milliseconds = ["median (ms)", "99 % (ms)", "worst (ms)"]
    print(
        tabulate(measure_scrapes(), ["scrapes of /metrics", *milliseconds, "memory (MiB)"], disable_numparse=True)
    )
    print()
    print(tabulate(measure_with_hanging_hosts(), ["while two hosts hang", *milliseconds], disable_numparse=True))
    print()
    cpu = ["evaluation of a host", "snapshot", "/metrics", "page"]
    head = ["hosts", *(f"{name} (CPU ms)" for name in cpu), "/metrics (MB)", "page (MB)"]
    print(tabulate([measure_large_fleet(count) for count in (14, 200, 1000)], head, disable_numparse=True))


if __name__ == "__main__":
    main()
