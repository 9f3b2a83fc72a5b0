"""One audit: load the expected files, collect answers from hosts, evaluate them."""

import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import click

from olaudit import recording, waivers
from olaudit.audit import audit, plan, select_checks
from olaudit.checker import AnyChecker
from olaudit.cli.options import AuditOptions
from olaudit.cli.progress import show_progress
from olaudit.collect import CollectedAnswers, Job, collect
from olaudit.errors import UsageError
from olaudit.expected import FleetSpec, HostSpec, find_expected, load, select_hosts
from olaudit.model import Report, Run
from olaudit.text import visible
from olaudit.transport import Transport


@dataclass(frozen=True, slots=True)
class Tools:
    """The dependencies of the commands, passed by `main`: the checkers, the transport, the clock."""

    checkers: Sequence[AnyChecker]
    make_transport: Callable[[AuditOptions], Transport]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def make_transport(options: AuditOptions) -> Transport:
    """Return the transport that the options select. Its libraries load slowly, so they are imported only here."""
    if options.local:
        from olaudit.transport.local import LocalTransport  # noqa: PLC0415 - loads slowly

        return LocalTransport()
    from olaudit.transport.ssh import SshTransport  # noqa: PLC0415 - loads slowly
    from olaudit.transport.ssh.settings import SshConfig  # noqa: PLC0415 - loads slowly

    config = SshConfig(options.ssh_config)
    for notice in config.notices:
        click.echo(f"olaudit: warning: {visible(notice)}", err=True)
    return SshTransport(config)


@dataclass(frozen=True, slots=True)
class FleetAudit:
    """An audit's report with its inputs: the answers, the expected files, and the ids of the selected checks."""

    report: Report
    collected: CollectedAnswers
    fleet: FleetSpec
    check_ids: frozenset[str]


def audit_fleet(options: AuditOptions, tools: Tools) -> FleetAudit:
    """Audit the hosts that `options` select.

    Raises ExpectedError and UsageError before it connects to any host.
    """
    fleet = load(find_expected(options.expected, os.environ), tools.checkers, tools.now().date())
    hosts = _selected_hosts(options, fleet)
    check_ids = select_checks(tools.checkers, options.only, options.skip, waivers.CHECKS)
    started, clock = tools.now(), time.monotonic()
    if options.replay:
        collected = recording.load(options.replay)
        hosts = _recorded_hosts(options, hosts, collected)
    else:
        jobs = [Job(host.name, plan(host, tools.checkers, check_ids)) for host in hosts]
        with closing(tools.make_transport(options)) as transport, show_progress() as watch:
            collected = collect(jobs, transport, parallel=options.jobs, timeout=options.timeout, on_progress=watch)
    duration = round(time.monotonic() - clock, 3)
    run = Run(
        id=f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}",
        started_at=_rfc3339(started),
        finished_at=_rfc3339(started + timedelta(seconds=duration)),
        duration_seconds=duration,
        olaudit_version=version("olaudit"),
        expected_revision=fleet.revision,
        complete=collected.complete,
    )
    evaluated = audit(hosts, collected.hosts, tools.checkers, check_ids, run)
    report = waivers.apply(evaluated, fleet, check_ids, select_checks(tools.checkers), started.date())
    return FleetAudit(report, collected, fleet, check_ids)


def _selected_hosts(options: AuditOptions, fleet: FleetSpec) -> tuple[HostSpec, ...]:
    """Return the selected hosts; with --local, the host that this machine is."""
    if not options.local:
        return select_hosts(fleet, options.targets)
    try:
        hosts = select_hosts(fleet, options.targets or (socket.gethostname(),))
    except UsageError as error:
        hint = "pass the host's name in the expected files: `olaudit check --local HOST`"
        raise UsageError(error.message, error.hint if options.targets else hint) from None
    if len(hosts) > 1:
        raise UsageError(f"--local audits this machine only: {options.targets[0]!r} matches {len(hosts)} hosts")
    return hosts


def _recorded_hosts(
    options: AuditOptions, hosts: Sequence[HostSpec], collected: CollectedAnswers
) -> tuple[HostSpec, ...]:
    """Return the hosts in a recording. Missing hosts cause an error if TARGETs select them, else a warning."""
    recorded = {answers.host for answers in collected.hosts}
    if missing := [host.name for host in hosts if host.name not in recorded]:
        message = f"{options.replay} does not contain {', '.join(missing)}"
        if options.targets:
            raise UsageError(message, f"it contains {', '.join(sorted(recorded)) or 'no host'}")
        click.echo(f"olaudit: {message}", err=True)
    return tuple(host for host in hosts if host.name in recorded)


def _rfc3339(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
