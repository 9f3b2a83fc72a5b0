"""Audit the rows of one run together with two healthy hosts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from olaudit.checks import CHECKERS
from olaudit.demo.fleet import simulated
from olaudit.expected import load
from tests.faults.engines import Request, engine
from tests.faults.judging import HEALTHY, problems, said, seconds
from tests.faults.measure import Measured, audit
from tests.faults.row import Auditor, Row, Target
from tests.faults.scene import Scene, write_expected
from tests.faults.sshd import sshd
from tests.fleet.lab import Lab


@dataclass(frozen=True)
class Outcome:
    """What a run gave for one row. `problems` is empty where all is as expected."""

    row: Row
    seconds: float
    peak_mib: float
    problems: tuple[str, ...]
    said: str = ""


def runs(rows: Iterable[Row]) -> list[tuple[Row, ...]]:
    """Group rows into the runs in which they are audited together."""
    return [tuple(group) for _, group in groupby(sorted(rows, key=_run), key=_run)]


def _run(row: Row) -> str:
    return row.run or f"~{row.id}"


def outcomes(rows: Sequence[Row], folder: Path, lab: Lab | None = None) -> list[Outcome]:
    """Inject the faults of all `rows`, audit once, and judge."""
    scene = Scene(folder, lab)
    with ExitStack() as stack:
        for row in rows:
            scene.id = row.id
            scene.roles[row.id] = row.role
            scene.targets[row.id] = stack.enter_context(row.inject(scene))
        stack.enter_context(healthy(scene))
        scene.write()
        how = stack.enter_context(rows[0].auditor(scene)) if rows[0].auditor else Auditor()
        measured = audit(scene, how, rows[0].timeout)
    return [_outcome(row, measured, scene) for row in rows]


def _outcome(row: Row, measured: Measured, scene: Scene) -> Outcome:
    violations = (text for name, text in scene.violations if name == row.id)
    found = (*violations, *problems(row, measured))
    return Outcome(row, seconds(row, measured), measured.peak_mib, found, said(row, measured))


@contextmanager
def healthy(scene: Scene) -> Iterator[None]:
    """Add two hosts without a fault: real ones where that is possible, else simulated ones."""
    scene.roles |= {HEALTHY[0]: "shell", HEALTHY[1]: "engine"}
    with ExitStack() as stack:
        if os.geteuid() == 0:
            for name, inject in zip(HEALTHY, (sshd, engine(Request.well)), strict=True):
                scene.id = name
                scene.targets[name] = stack.enter_context(inject(scene))
        else:
            write_expected(scene.expected, scene.roles)
            fleet = load(scene.expected, CHECKERS)
            hosts = {name: fleet.hosts[name] for name in HEALTHY}
            simulation = stack.enter_context(simulated(replace(fleet, hosts=hosts)))
            scene.targets |= _targets(simulation.ssh_config)
        yield


def _targets(ssh_config: Path) -> dict[str, Target]:
    """Take the hosts of a simulated fleet, each with the lines that are common to all of them."""
    blocks = [block.split("\n") for block in ssh_config.read_text(encoding="ascii").split("Host ")[1:]]
    common = [line.strip() for line in blocks[-1][1:] if line]
    return {
        block[0]: Target((*(line.strip() for line in block[1:] if line), *common), identity=False)
        for block in blocks[:-1]
    }
