"""Audits of the rows of a run, together with two healthy hosts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from olaudit.audit import plan, select_checks
from olaudit.checks import CHECKERS
from olaudit.demo.fleet import simulated
from olaudit.demo.recorded import RecordedHost, recorded_host
from olaudit.expected import HostSpec, load
from olaudit.model import Answered, Command
from olaudit.transport import Deadline
from olaudit.transport.local import LocalTransport
from tests.faults.engines import Request, conforming_engine, engine
from tests.faults.evaluation import HEALTHY, problems, reported_text, seconds
from tests.faults.measure import Measurement, audit
from tests.faults.row import AuditorSetup, Row, Target
from tests.faults.scene import Scene, write_expected
from tests.faults.sshd import sshd
from tests.fleet.lab import Lab


@dataclass(frozen=True)
class RowResult:
    """Result of a run for one row. `problems` is empty if everything is as expected."""

    row: Row
    seconds: float
    peak_mib: float
    problems: tuple[str, ...]
    reported_text: str = ""


def group_runs(rows: Iterable[Row]) -> list[tuple[Row, ...]]:
    """Group rows by the run that audits them together."""
    return [tuple(group) for _, group in groupby(sorted(rows, key=_run), key=_run)]


def _run(row: Row) -> str:
    return row.run or f"~{row.id}"


def run_rows(rows: Sequence[Row], folder: Path, lab: Lab | None = None) -> list[RowResult]:
    """Inject the faults of all `rows`, audit once, and compare the results with the expectations."""
    scene = Scene(folder, lab)
    with ExitStack() as stack:
        for row in rows:
            scene.id = row.id
            scene.roles[row.id] = row.role
            scene.targets[row.id] = stack.enter_context(row.inject(scene))
        stack.enter_context(healthy(scene))
        scene.write()
        setup = stack.enter_context(rows[0].auditor(scene)) if rows[0].auditor else AuditorSetup()
        measurement = audit(scene, setup, rows[0].timeout)
    return [_row_result(row, measurement, scene) for row in rows]


def _row_result(row: Row, measurement: Measurement, scene: Scene) -> RowResult:
    violations = (text for name, text in scene.violations if name == row.id)
    return RowResult(
        row=row,
        seconds=seconds(row, measurement),
        peak_mib=measurement.peak_mib,
        problems=(*violations, *problems(row, measurement)),
        reported_text=reported_text(row, measurement),
    )


@contextmanager
def healthy(scene: Scene) -> Iterator[None]:
    """Add two hosts without a fault: real hosts with root, else simulated ones."""
    scene.roles |= {HEALTHY[0]: "shell", HEALTHY[1]: "engine"}
    with ExitStack() as stack:
        if os.geteuid() == 0:
            for name, inject in zip(HEALTHY, (sshd, engine(Request.reply_normally)), strict=True):
                scene.id = name
                scene.targets[name] = stack.enter_context(inject(scene))
        else:
            write_expected(scene.expected, scene.roles)
            fleet = load(scene.expected, CHECKERS)
            hosts = {name: fleet.hosts[name] for name in HEALTHY}
            recorded = {name: _recorded(host) for name, host in hosts.items()}
            simulation = stack.enter_context(simulated(replace(fleet, hosts=hosts), recorded=recorded))
            scene.targets |= _targets(simulation.ssh_config)
        yield


def _recorded(host: HostSpec) -> RecordedHost:
    """Return the answers of ol-web1, and those of this machine to commands that are not recorded."""
    web = replace(recorded_host("ol-web1"), engine=conforming_engine())
    probes = plan(host, CHECKERS, select_checks(CHECKERS))
    others = tuple(probe for probe in probes if isinstance(probe, Command) and probe.argv not in web.commands)
    answers = LocalTransport().ask(host.name, others, Deadline.after(20.0))
    own = {probe.argv: answer for probe in others if isinstance(answer := answers.raw()[probe], Answered)}
    return replace(web, commands={**web.commands, **own, ("uname", "-n"): Answered(f"{host.name}\n")})


def _targets(ssh_config: Path) -> dict[str, Target]:
    """Parse the hosts of a simulated fleet from its ssh_config, each with the lines common to all."""
    blocks = [block.split("\n") for block in ssh_config.read_text(encoding="ascii").split("Host ")[1:]]
    common = [line.strip() for line in blocks[-1][1:] if line]
    return {
        block[0]: Target((*(line.strip() for line in block[1:] if line), *common), identity=False)
        for block in blocks[:-1]
    }
