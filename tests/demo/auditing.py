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
from olaudit.demo.network import StaticDnsTransport, dns_records
from olaudit.expected import FleetSpec, load
from olaudit.model import Finding, Report, Verdict
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.settings import SshConfig
from tests.values import RUN


@cache
def shipped_fleet() -> FleetSpec:
    """Return the fleet of the shipped expected files."""
    return load(Path(str(importlib.resources.files("olaudit"))) / "shipped", CHECKERS)


def subset(*hosts: str) -> FleetSpec:
    """Return the shipped fleet reduced to some hosts."""
    return replace(shipped_fleet(), hosts={host: shipped_fleet().hosts[host] for host in hosts})


def copies_of(count: int, like: str) -> FleetSpec:
    """Return a fleet of `count` copies of one host."""
    names = [f"{like}-{number}" for number in range(count)]
    return replace(
        shipped_fleet(), hosts={name: replace(shipped_fleet().hosts[like], name=name) for name in names}
    )


TIMEOUT_SECONDS = 60.0
"""Deadline of tests that are not about deadlines: this machine runs the fleet and other tests too."""


def collect_answers(fleet: FleetSpec, ssh_config: Path, timeout: float = TIMEOUT_SECONDS) -> CollectedAnswers:
    """Collect the answers to all probes from a fleet."""
    checks = select_checks(CHECKERS)
    jobs = [Job(host.name, plan(host, CHECKERS, checks)) for host in fleet.hosts.values()]
    with closing(StaticDnsTransport(SshTransport(SshConfig(ssh_config)), dns_records(fleet))) as transport:
        return collect(jobs, transport, parallel=32, timeout=timeout)


def run_audit(fleet: FleetSpec, ssh_config: Path, timeout: float = TIMEOUT_SECONDS) -> Report:
    """Audit a fleet."""
    collected = collect_answers(fleet, ssh_config, timeout)
    return audit(fleet.hosts.values(), collected.hosts, CHECKERS, select_checks(CHECKERS), RUN)


def not_ok(findings: Iterable[Finding]) -> list[tuple[str, str, str, str]]:
    """List the findings that are not ok, as (verdict, host, check, subject).

    It omits clocks that cannot be compared, because this machine runs the fleet too and may be busy.
    """
    return [
        (finding.verdict.value, finding.host, finding.check, finding.subject)
        for finding in findings
        if finding.verdict is not Verdict.OK and "too long to compare the clocks" not in finding.message
    ]
