"""Text that the demo prints around the report: introduction, injected drift, next steps."""

import shlex
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from olaudit.demo.comparison import DriftComparison
from olaudit.demo.drifts import Drift


def introduction(hosts: int, width: int) -> str:
    """Render the introduction; it states first that the fleet is simulated."""
    text = (
        f"This is a simulated fleet on this machine: {hosts} hosts as described by Open Library's wiki page, each "
        "behind its own SSH server on the loopback interface. `olaudit check` audits real hosts in the same way."
    )
    return "\n".join([*_wrapped(text, width), "", ""])


def drift_summary(drifts: Sequence[Drift], comparison: DriftComparison, exit_code: int, width: int) -> str:
    """Render each injected drift and whether the audit reported it, then the conclusion."""
    lines = ["", "Injected drift, and whether the audit reported it:"]
    missing = {(host, check) for host, check, _ in comparison.missing}
    for drift in drifts:
        checks = [check for check, _ in drift.findings]
        status = "MISSED" if any((drift.host, check) in missing for check in checks) else "reported"
        lines += [
            f"  {status:<8}  {drift.host}  {', '.join(checks)}",
            *_wrapped(drift.description, width, " " * 12),
        ]
    lines += ["", *_conclusion(comparison, exit_code, width)]
    return "\n".join(lines) + "\n"


def _conclusion(comparison: DriftComparison, exit_code: int, width: int) -> Iterator[str]:
    if comparison.is_exact:
        yield from _wrapped(
            f"The audit reported all injected drift and nothing else. `olaudit check` would exit with {exit_code} "
            "(0: all as expected, 1: drift, 3: no drift, but something could not be audited).",
            width,
        )
        if comparison.unsupported:
            yield from _wrapped(
                f"{comparison.unsupported} checks are unknown: the simulation has no answers to their probes.",
                width,
            )
        return
    yield from _wrapped("The audit did not report exactly the injected drift. This is a bug in olaudit:", width)
    for host, check, subject in comparison.missing:
        yield f"  not reported: {host}  {check}  {subject}"
    for finding in comparison.unexpected:
        yield f"  not injected: {finding.host}  {finding.check}  {finding.subject}"


def next_steps(expected: Path) -> str:
    """Render what to try next."""
    return (
        "\nNext steps:\n"
        "  olaudit demo --keep       leaves this fleet running, to try `olaudit check` on it\n"
        f"  {expected}\n"
        "                            contains its expected files: copy them to ./expected and adapt them\n"
        "  olaudit validate          checks the expected files without contacting a host\n"
        "  olaudit check HOST        audits one of your hosts, reached through ~/.ssh/config\n"
    )


def access_instructions(expected: Path, ssh_config: Path, host: str) -> str:
    """Render the commands that audit the running simulated fleet and log in to a host of it."""
    check = shlex.join(("olaudit", "check", "-e", str(expected), "--ssh-config", str(ssh_config)))
    login = shlex.join(("ssh", "-F", str(ssh_config), host, "uname", "-n"))
    return (
        f"\nThe simulated fleet runs until ^C. From another terminal:\n  {check}\n  {login}\n"
        "The hosts answer the commands that were recorded: `help` in place of `uname -n` lists them.\n"
    )


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
