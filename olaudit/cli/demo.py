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
from olaudit.expected import load
from olaudit.render import RENDERERS

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
    # The simulation imports paramiko, which other commands do not need.
    from olaudit.demo import messages  # noqa: PLC0415
    from olaudit.demo.comparison import compare_findings  # noqa: PLC0415
    from olaudit.demo.drifts import DRIFTS  # noqa: PLC0415
    from olaudit.demo.fleet import simulated  # noqa: PLC0415
    from olaudit.demo.network import StaticDnsTransport, dns_records  # noqa: PLC0415

    tools: Tools = context.obj
    expected = Path(str(importlib.resources.files("olaudit"))) / "shipped"
    fleet = load(expected, tools.checkers)
    style = stdout_style("auto", os.environ, everything=False)
    with simulated(fleet, DRIFTS) as simulation:
        emit(messages.introduction(len(fleet.hosts), style.width))
        demo_tools = replace(
            tools,
            make_transport=lambda options: StaticDnsTransport(tools.make_transport(options), dns_records(fleet)),
        )
        options = AuditOptions(expected=expected, ssh_config=simulation.ssh_config, timeout=_TIMEOUT_SECONDS)
        report = audit_fleet(options, demo_tools).report
        emit(RENDERERS["table"](report, style))
        if not report.run.complete:
            context.exit(130)
        result = compare_findings(report, simulation.drifts)
        emit(messages.drift_summary(simulation.drifts, result, exit_code(report), style.width))
        if keep:
            emit(messages.access_instructions(expected, simulation.ssh_config, next(iter(fleet.hosts))))
            _wait()
    if not result.is_exact:
        context.exit(_INTERNAL_ERROR)
    if not keep:
        emit(messages.next_steps(expected))


def _wait() -> None:
    """Wait for an interrupt. SIGTERM acts as one, so that the files of the simulation are removed."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        threading.Event().wait()
