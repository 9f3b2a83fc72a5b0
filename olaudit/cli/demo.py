"""`olaudit demo`: an audit of a simulated fleet."""

import contextlib
import importlib.resources
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import click

from olaudit.audit import exit_code
from olaudit.cli.fleet_audit import Tools, audit_fleet
from olaudit.cli.options import AuditOptions
from olaudit.cli.output import emit, stdout_style
from olaudit.expected import FleetSpec, load
from olaudit.model import Report
from olaudit.render import RENDERERS
from olaudit.transport import Transport

_TIMEOUT_SECONDS = 10.0
_INTERNAL_ERROR = 70


@click.command(short_help="Audit a simulated fleet. Needs no hosts, root or network.")
@click.option("--keep", is_flag=True, help="Keep the simulated fleet running until interrupted.")
@click.pass_context
def demo(context: click.Context, /, *, keep: bool) -> None:
    """Audit a simulated fleet. Needs no hosts, root or network.

    The command simulates the fleet of the shipped expected files from recordings of real hosts, behind real SSH
    servers on the loopback interface. The simulated hosts drift on purpose: the command audits them and explains
    the findings.

    \b
    Examples:
      olaudit demo
      olaudit demo --keep

    \b
    Exit codes: 0 the audit found exactly the simulated drift, 70 it did not
    (a bug in olaudit).
    """  # noqa: D301 - the backspace is for click
    from olaudit.demo import messages  # noqa: PLC0415 - the simulation imports paramiko; other commands do not
    from olaudit.demo.comparison import compare_findings  # noqa: PLC0415
    from olaudit.demo.drifts import DRIFTS  # noqa: PLC0415
    from olaudit.demo.fleet import simulated  # noqa: PLC0415

    tools: Tools = context.obj
    expected = Path(str(importlib.resources.files("olaudit"))) / "shipped"
    fleet = load(expected, tools.checkers)
    style = stdout_style("auto", os.environ, everything=False)
    with simulated(fleet, DRIFTS) as simulation:
        emit(messages.introduction(len(fleet.hosts), style.width))
        options = AuditOptions(expected=expected, ssh_config=simulation.ssh_config, timeout=_TIMEOUT_SECONDS)
        report = _audit(fleet, options, tools)
        emit(RENDERERS["table"](report, style))
        if not report.run.complete:
            context.exit(130)
        result = compare_findings(report, simulation.drifts)
        emit(messages.drift_summary(simulation.drifts, result, exit_code(report), style.width))
        if keep:
            emit(messages.access_instructions(expected, simulation.ssh_config, next(iter(fleet.hosts))))
            _wait()
        elif result.is_exact:
            emit(messages.next_steps(expected))
    context.exit(0 if result.is_exact else _INTERNAL_ERROR)


def _audit(fleet: FleetSpec, options: AuditOptions, tools: Tools) -> Report:
    """Audit the simulated fleet, whose names only this command can resolve."""
    from olaudit.demo.network import StaticDnsTransport, dns_records  # noqa: PLC0415 - as above

    def make_transport(options: AuditOptions) -> Transport:
        return StaticDnsTransport(tools.make_transport(options), dns_records(fleet))

    return audit_fleet(options, replace(tools, make_transport=make_transport)).report


def _wait() -> None:
    """Wait for an interrupt. SIGTERM acts as one, so that the files of the simulation are removed."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        threading.Event().wait()
