"""What the demo tells besides the report: what was put wrong, whether the audit saw it, and what to try next."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from olaudit.demo.comparison import Comparison
from olaudit.demo.drifts import Drift


def introduction(hosts: int, width: int) -> str:
    """Say first what this is, so that nobody takes it for a fleet of theirs."""
    text = (
        f"A simulated fleet on this machine, not yours: {hosts} hosts after Open Library's wiki page, each behind "
        "an SSH server of its own on the loopback interface, audited exactly as `olaudit check` audits real ones."
    )
    return "\n".join([*_wrapped(text, width), "", ""])


def drift_summary(drifts: Sequence[Drift], comparison: Comparison, exit_code: int, width: int) -> str:
    """Tell, drift by drift, what was put in; then whether the audit found that and nothing else."""
    lines = ["", "What is wrong there on purpose, and whether the audit saw it:"]
    missed = {(host, check) for host, check, _ in comparison.missing}
    for drift in drifts:
        checks = [check for check, _ in drift.findings]
        seen = "MISSED" if any((drift.host, check) in missed for check in checks) else "seen"
        lines += [f"  {seen:<6}  {drift.host}  {', '.join(checks)}", *_wrapped(drift.description, width, " " * 10)]
    lines += ["", *_conclusion(comparison, exit_code, width)]
    return "\n".join(lines) + "\n"


def _conclusion(comparison: Comparison, exit_code: int, width: int) -> Iterator[str]:
    if comparison.is_exact:
        yield from _wrapped(
            f"All of it was found, and nothing else. `olaudit check` would have ended with exit code {exit_code} "
            "(0: all as expected, 1: drift, 3: no drift, but something could not be looked at).",
            width,
        )
        if comparison.unsupported:
            yield from _wrapped(
                f"{comparison.unsupported} checks are unknown only because the simulation does not support their probes.",
                width,
            )
        return
    yield from _wrapped("The audit did not find exactly what was put in. This is a bug in olaudit:", width)
    for host, check, subject in comparison.missing:
        yield f"  not found: {host}  {check}  {subject}"
    for finding in comparison.unexpected:
        yield f"  not put in: {finding.host}  {finding.check}  {finding.subject}"


def next_steps(expected: Path) -> str:
    """Say what to try next."""
    return (
        "\nNext:\n"
        "  olaudit demo --keep       leaves this fleet running, to try the options of `olaudit check` on\n"
        f"  {expected}\n"
        "                            are its expected files: copy them to ./expected and make them your own\n"
        "  olaudit validate          tells what is wrong with them, before any host is asked\n"
        "  olaudit check HOST        audits a host of yours, reached as your ~/.ssh/config says\n"
    )


def access_instructions(expected: Path, ssh_config: Path, host: str) -> str:
    """Say how the fleet that is left running is audited and visited."""
    check = shlex.join(("olaudit", "check", "-e", str(expected), "--ssh-config", str(ssh_config)))
    visit = shlex.join(("ssh", "-F", str(ssh_config), host, "uname", "-n"))
    return f"\nThe simulated fleet runs until ^C. From another terminal:\n  {check}\n  {visit}\n"


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
