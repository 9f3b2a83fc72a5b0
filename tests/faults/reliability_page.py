"""docs/reliability.md: the fault matrix as a page, with the seconds of its last update."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.faults.row import Kind, Row

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"

_HEAD = """\
# Reliability

What olaudit reports when a host, a network, a Docker Engine or the auditor's own machine fails. Each row is a
test: it injects the fault, audits the faulty host together with two healthy hosts, and compares the result with
this table.

For every row, the test also requires that:

- the audit ends within its deadline (`--timeout`, {timeouts} seconds here) plus one second;
- the auditing process stays below 300 MB of memory;
- both healthy hosts are audited as usual, within {healthy:g} seconds and with all checks ok, unless the fault
  concerns the auditor's whole machine;
- every unknown finding gives its reason, and no check that the fault does not concern changes its verdict.

`python -m tests.faults --write` generates this page (as root, in about three minutes). The seconds are those of
the last refresh: what the audit of the faulty host took. Rows about the command itself give its whole time.
Reasons are shortened.

{rows} faults, {real} of them on a real sshd or dockerd.
"""

_KINDS = {
    Kind.NETWORK: (
        "Names, TCP and key exchanges",
        "Simulated: sockets on loopback that send what no server should.",
    ),
    Kind.SSH_PEER: (
        "Hostile SSH servers",
        "Simulated: an SSH server that misbehaves at one step of a connection.",
    ),
    Kind.SSHD: (
        "Real sshd",
        "Real: OpenSSH's sshd as the first process of a host with its own /etc, /run, accounts and processes.",
    ),
    Kind.ENGINE_BEHIND_SSHD: (
        "Hostile Docker Engines",
        "The host and its sshd are real; what listens on its Docker socket is simulated.",
    ),
    Kind.DOCKERD: (
        "Real Docker Engines",
        "Real: dockerd with running containers, and sshd, in network namespaces.",
    ),
    Kind.AUDITOR: (
        "The auditor's side",
        "Real: the fault is on the machine that audits; the hosts run a real sshd.",
    ),
}

_COLUMNS = "| id | fault | verdict | reason | seconds |\n|---|---|---|---|---:|\n"
_ROW = re.compile(r"^\| `([^`]+)` \|.*\| ([0-9.]+|-) \|$", re.MULTILINE)


def page(rows: Sequence[Row], seconds: Mapping[str, str], healthy: float) -> str:
    """Render the page; `seconds` maps row ids to text."""
    timeouts = sorted({row.timeout for row in rows})
    head = _HEAD.format(
        timeouts=" or ".join(f"{timeout:g}" for timeout in timeouts),
        healthy=healthy,
        rows=len(rows),
        real=sum(row.real_host for row in rows),
    )
    return head + "".join(_section(kind, rows, seconds) for kind in _KINDS)


def _section(kind: Kind, rows: Iterable[Row], seconds: Mapping[str, str]) -> str:
    title, description = _KINDS[kind]
    lines = "".join(_line(row, seconds.get(row.id, "-")) for row in rows if row.kind is kind)
    return f"\n## {title}\n\n{description}\n\n{_COLUMNS}{lines}"


def _line(row: Row, seconds: str) -> str:
    reason = row.expect.text.replace("|", "\\|")
    return f"| `{row.id}` | {row.title} | {row.expect.verdict} | {reason} | {seconds} |\n"


def seconds_of(text: str) -> dict[str, str]:
    """Parse the seconds of a page, by row id."""
    return dict(_ROW.findall(text))
