"""What `olaudit serve` costs: memory over 1,000 scrapes, how fast it answers while a host hangs, and large fleets.

    python -m benchmarks.serve

It prints tables and judges nothing: memory should stay flat, and a host that hangs should not show in the answers.
The fleet is simulated; `olaudit serve` is a process of its own.
"""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from tabulate import tabulate

from olaudit.audit import select_checks
from olaudit.checks import CHECKERS
from olaudit.demo.faults import HostFault
from olaudit.demo.fleet import simulated
from olaudit.model import Answers
from olaudit.render.html.page import shipped_fleet as page_of
from olaudit.render.style import Style
from olaudit.serve.exposition import FleetCollector, encode
from olaudit.serve.snapshot import LastAnswers, Reloaded, ReportBuilder, Snapshot
from tests.demo.auditing import collect_answers, copies_of, shipped_fleet
from tests.serve.process import serving
from tests.serve.running import get, ready

SCRAPES = 1000
HANGING = {"ol-home0": HostFault.RUNS_NO_COMMAND, "ol-db1": HostFault.SENDS_NO_GREETING}


def memory(pid: int) -> float:
    """Give what a process has in memory, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def timed(port: int, path: str, times: int) -> list[float]:
    """Ask `times` times; give the milliseconds of each."""
    spent = []
    for _ in range(times):
        began = perf_counter()
        if get(port, path).status != 200:
            raise SystemExit(f"{path} failed")
        spent.append(1000 * (perf_counter() - began))
    return spent


def spread(spent: list[float]) -> list[str]:
    """Say the middle, what 99 of 100 stay below, and the worst."""
    return [
        f"{statistics.median(spent):.1f}",
        f"{statistics.quantiles(spent, n=100, method='inclusive')[98]:.1f}",
        f"{max(spent):.1f}",
    ]


def scraped() -> list[list[str]]:
    """Scrape a fleet in which all is well: one row for each hundred."""
    rows = []
    with simulated(shipped_fleet()) as simulation, serving(simulation.ssh_config) as (process, port):
        ready(port)
        for number in range(0, SCRAPES, 100):
            spent = timed(port, "/metrics", 100)
            rows.append([f"{number + 1} to {number + 100}", *spread(spent), f"{memory(process.pid):.1f}"])
    return rows


def hung() -> list[list[str]]:
    """Ask while two hosts hang, with audits of them always under way."""
    slow = ("--interval", "20", "--timeout", "60")
    with (
        simulated(shipped_fleet(), faults=HANGING) as simulation,
        serving(simulation.ssh_config, *slow) as (_, port),
    ):
        while get(port, "/metrics").body.count("olaudit_host_up{") < len(shipped_fleet().hosts) - len(HANGING):
            pass
        others = [host for host in shipped_fleet().hosts if host not in HANGING]
        time.sleep(1)  # an audit that has just ended would answer a probe too
        probed = [spent for host in others for spent in timed(port, f"/probe?target={host}", 1)]
        rows = [[path, *spread(timed(port, path, times))] for path, times in {"/metrics": 300, "/": 50}.items()]
        return [*rows, [f"/probe of each of {len(others)} others", *spread(probed)]]


def large(count: int) -> list[str]:
    """Judge and tell a fleet of copies of one host."""
    fleet = copies_of(count, "ol-web1")
    with simulated(copies_of(1, "ol-web1")) as simulation:
        (one,) = collect_answers(copies_of(1, "ol-web1"), simulation.ssh_config).hosts
    if not isinstance(one.outcome, Answers):
        raise SystemExit(str(one.outcome))
    now = datetime.now(UTC)
    last = {host: LastAnswers(type(one)(host, one.outcome, one.duration_seconds), now) for host in fleet.hosts}
    build = ReportBuilder(checkers=CHECKERS, wanted=select_checks(CHECKERS), version="0")
    began = perf_counter()
    _, report = build(fleet, last, {}, now)
    judged = perf_counter()
    known = Snapshot(
        fleet=fleet,
        report=report,
        run_audit=dict.fromkeys(last, now.timestamp()),
        reloaded=Reloaded(success=True, at=now),
    )
    body, _ = encode(FleetCollector(known), "")
    exposed = perf_counter()
    html = page_of(report, Style())
    shown = perf_counter()
    spent = (
        f"{1000 * (end - start):.0f}" for start, end in ((began, judged), (judged, exposed), (exposed, shown))
    )
    return [str(count), *spent, f"{len(body) / 1e6:.2f}", f"{len(html) / 1e6:.2f}"]


def main() -> None:
    """Measure, and print."""
    milliseconds = ["median (ms)", "99 % (ms)", "worst (ms)"]
    print(tabulate(scraped(), ["scrapes of /metrics", *milliseconds, "memory (MiB)"], disable_numparse=True))
    print()
    print(tabulate(hung(), ["while two hosts hang", *milliseconds], disable_numparse=True))
    print()
    head = ["hosts", "judging (ms)", "/metrics (ms)", "page (ms)", "/metrics (MB)", "page (MB)"]
    print(tabulate([large(count) for count in (14, 100, 1000)], head, disable_numparse=True))


if __name__ == "__main__":
    main()
