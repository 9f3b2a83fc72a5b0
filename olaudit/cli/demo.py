"""`olaudit demo`: a fleet that is simulated here, audited as a real one."""

from __future__ import annotations

import contextlib
import importlib.resources
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import click

from olaudit.audit import exit_code
from olaudit.cli.auditing import Tools, audit_fleet
from olaudit.cli.options import Options
from olaudit.cli.output import emit, stdout_style
from olaudit.expected import load
from olaudit.render import RENDERERS

_TIMEOUT_SECONDS = 10.0
_BUG = 70


@click.command(short_help="Audit a simulated fleet, here and now: no fleet, no root and no network needed.")
@click.option("--keep", is_flag=True, help="Leave the simulated fleet running until ^C, to play with.")
@click.pass_context
def demo(context: click.Context, /, *, keep: bool) -> None:
    """Audit a simulated fleet, here and now: no fleet, no root and no network needed.

    The fleet of the shipped expected files is simulated in memory, behind real SSH servers on the loopback
    interface. Some things are wrong there on purpose. They are audited, and then explained.

    \b
    Examples:
      olaudit demo
      olaudit demo --keep

    \b
    Exit codes: 0 what is wrong was found, and nothing else; 70 it was not, which is a bug.
    """  # noqa: D301 - click reads the backspace itself
    # The simulation brings paramiko along, which other commands need not wait for.
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
        knowing = replace(
            tools,
            make_transport=lambda options: StaticDnsTransport(tools.make_transport(options), dns_records(fleet)),
        )
        report = audit_fleet(_options(expected, simulation.ssh_config), knowing).report
        emit(RENDERERS["table"](report, style))
        if not report.run.complete:
            context.exit(130)
        found = compare_findings(report, simulation.drifts)
        emit(messages.drift_summary(simulation.drifts, found, exit_code(report), style.width))
        if keep:
            emit(messages.access_instructions(expected, simulation.ssh_config, next(iter(fleet.hosts))))
            _wait()
    if not found.is_exact:
        context.exit(_BUG)
    if not keep:
        emit(messages.next_steps(expected))


def _options(expected: Path, ssh_config: Path) -> Options:
    """Give what `olaudit check -e EXPECTED --ssh-config SSH_CONFIG` would make of its command line."""
    return Options(
        expected=expected,
        ssh_config=ssh_config,
        format="table",
        output=(),
        only=(),
        skip=(),
        jobs=32,
        timeout=_TIMEOUT_SECONDS,
        record=None,
        replay=None,
        color="auto",
    )


def _wait() -> None:
    """Wait until the user has seen enough. SIGTERM means the same: the simulation's files have to go."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        threading.Event().wait()
