"""Audits of simulated fleets, through the transport and the collector that real audits use."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

from olaudit.audit import audit, plan, select_checks
from olaudit.checks import CHECKERS
from olaudit.collect import CollectedAnswers, Job, collect
from olaudit.demo.network import Named, names
from olaudit.expected import FleetSpec, load
from olaudit.model import Finding, Report, Verdict
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.settings import SshConfig
from tests.values import RUN


@cache
def page() -> FleetSpec:
    """Load the shipped expected files."""
    return load(Path(str(importlib.resources.files("olaudit"))) / "shipped", CHECKERS)


def only(*hosts: str) -> FleetSpec:
    """Reduce the page's fleet to some hosts."""
    return replace(page(), hosts={host: page().hosts[host] for host in hosts})


def many(count: int, like: str) -> FleetSpec:
    """Make a fleet of copies of one host."""
    names = [f"{like}-{number}" for number in range(count)]
    return replace(page(), hosts={name: replace(page().hosts[like], name=name) for name in names})


PATIENCE = 60.0
"""Seconds, where no test is about deadlines: this machine is all of the fleet, and busy with other tests."""


def asked(fleet: FleetSpec, ssh_config: Path, timeout: float = PATIENCE) -> CollectedAnswers:
    """Ask a fleet everything."""
    wanted = select_checks(CHECKERS)
    jobs = [Job(host.name, plan(host, CHECKERS, wanted)) for host in fleet.hosts.values()]
    with closing(Named(SshTransport(SshConfig(ssh_config)), names(fleet))) as transport:
        return collect(jobs, transport, parallel=32, timeout=timeout)


def audited(fleet: FleetSpec, ssh_config: Path, timeout: float = PATIENCE) -> Report:
    """Audit a fleet."""
    collected = asked(fleet, ssh_config, timeout)
    return audit(fleet.hosts.values(), collected.hosts, CHECKERS, select_checks(CHECKERS), RUN)


def loud(findings: Iterable[Finding]) -> list[tuple[str, str, str, str]]:
    """List what is not ok, as (verdict, host, check, subject), but for what the simulation was not taught.

    Nor for clocks that cannot be compared because this machine, which is all of the fleet too, was too busy.
    """
    quiet = ("no such command there", "too long to compare the clocks")
    return [
        (one.verdict.value, one.host, one.check, one.subject)
        for one in findings
        if one.verdict is not Verdict.OK and not any(words in one.message for words in quiet)
    ]
