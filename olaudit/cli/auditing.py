"""An audit from the command line's options to the report: files in, hosts asked, answers judged."""

from __future__ import annotations

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
from olaudit.cli.options import Options
from olaudit.cli.progress import watching
from olaudit.collect import CollectedAnswers, Job, collect
from olaudit.errors import UsageError
from olaudit.expected import FleetSpec, HostSpec, find_expected, load, select_hosts
from olaudit.model import Report, Run
from olaudit.text import visible
from olaudit.transport import Transport


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Tools:
    """What commands work with, handed to them by `main`: the kinds of checks, the way to ask hosts, the clock."""

    checkers: Sequence[AnyChecker]
    make_transport: Callable[[Options], Transport]
    now: Callable[[], datetime] = _now


def make_transport(options: Options) -> Transport:
    """Choose the way to ask hosts. Its libraries are imported only when a host is to be asked."""
    if options.local:
        from olaudit.transport.local import LocalTransport  # noqa: PLC0415 - as said above

        return LocalTransport()
    from olaudit.transport.ssh import SshTransport  # noqa: PLC0415 - as said above
    from olaudit.transport.ssh.settings import SshConfig  # noqa: PLC0415 - as said above

    config = SshConfig(options.ssh_config)
    for notice in config.notices:
        click.echo(f"olaudit: warning: {visible(notice)}", err=True)
    return SshTransport(config)


@dataclass(frozen=True, slots=True)
class Audited:
    """An audit's report, and what it was made of: answers, expected files, and the ids of the checks made."""

    report: Report
    collected: CollectedAnswers
    fleet: FleetSpec
    wanted: frozenset[str]


def audit_fleet(options: Options, tools: Tools) -> Audited:
    """Audit what `options` ask for. Raises ExpectedError and UsageError before any host is asked."""
    fleet = load(find_expected(options.expected, os.environ), tools.checkers, tools.now().date())
    hosts = _hosts(options, fleet)
    wanted = select_checks(tools.checkers, options.only, options.skip, waivers.CHECKS)
    started, clock = tools.now(), time.monotonic()
    if options.replay:
        collected = recording.load(options.replay)
        hosts = _recorded(options, hosts, collected)
    else:
        jobs = [Job(host.name, plan(host, tools.checkers, wanted)) for host in hosts]
        with closing(tools.make_transport(options)) as transport, watching() as watch:
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
    judged = audit(hosts, collected.hosts, tools.checkers, wanted, run)
    report = waivers.apply(judged, fleet, wanted, select_checks(tools.checkers), started.date())
    return Audited(report, collected, fleet, wanted)


def _hosts(options: Options, fleet: FleetSpec) -> tuple[HostSpec, ...]:
    """Choose the hosts; with --local, the one that this machine is."""
    if not options.local:
        return select_hosts(fleet, options.targets)
    try:
        hosts = select_hosts(fleet, options.targets or (socket.gethostname(),))
    except UsageError as error:
        hint = "say which host this machine is: `olaudit check --local HOST`"
        raise UsageError(error.message, error.hint if options.targets else hint) from None
    if len(hosts) > 1:
        raise UsageError(f"--local audits one host, this machine: {options.targets[0]!r} fits {len(hosts)}")
    return hosts


def _recorded(options: Options, hosts: Sequence[HostSpec], collected: CollectedAnswers) -> tuple[HostSpec, ...]:
    """Keep the hosts that a recording holds; the others are named, as an error where they were asked for."""
    held = {answers.host for answers in collected.hosts}
    if lacking := [host.name for host in hosts if host.name not in held]:
        message = f"{options.replay} does not hold {', '.join(lacking)}"
        if options.targets:
            raise UsageError(message, f"it holds {', '.join(sorted(held)) or 'no host'}")
        click.echo(f"olaudit: {message}", err=True)
    return tuple(host for host in hosts if host.name in held)


def _rfc3339(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
