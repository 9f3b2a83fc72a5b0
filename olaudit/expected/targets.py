"""Which folder of expected files, and which of its hosts, a command line means."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from olaudit.errors import UsageError
from olaudit.expected.messages import suggest
from olaudit.expected.spec import FleetSpec, HostSpec

VARIABLE = "OLAUDIT_EXPECTED"


def find_expected(option: Path | None, environ: Mapping[str, str]) -> Path:
    """Find the folder: the option, else $OLAUDIT_EXPECTED, else ./expected, else the copy that was installed.

    Raises UsageError if a folder was named and is not there.
    """
    named = environ.get(VARIABLE, "")
    for path, by in ((option, "-e/--expected"), (Path(named) if named else None, f"${VARIABLE}")):
        if path is not None and not path.is_dir():
            raise UsageError(f"there is no folder {path}", f"{by} names it: it must be a folder of expected files")
        if path is not None:
            return path
    here = Path("expected")
    return here if here.is_dir() else Path(str(importlib.resources.files("olaudit"))) / "shipped"


def select_hosts(fleet: FleetSpec, targets: Sequence[str]) -> tuple[HostSpec, ...]:
    """Choose hosts by name (short or fully qualified), glob or @role; no target means the whole fleet.

    Each host comes once, in the fleet's order. Raises UsageError naming every target that fits no host.
    """
    if not targets:
        return tuple(fleet.hosts.values())
    chosen = {target: frozenset(_fitting(fleet, target.lower())) for target in targets}
    if unknown := [target for target, hosts in chosen.items() if not hosts]:
        roles = sorted({f"@{role}" for host in fleet.hosts.values() for role in host.roles})
        raise UsageError(
            "; ".join(_unknown(fleet, target, roles) for target in unknown),
            f"hosts: {', '.join(fleet.hosts)}; roles: {', '.join(roles)}",
        )
    wanted = frozenset[str]().union(*chosen.values())
    return tuple(host for name, host in fleet.hosts.items() if name in wanted)


def _fitting(fleet: FleetSpec, target: str) -> Iterator[str]:
    for name, host in fleet.hosts.items():
        if target.startswith("@"):
            fits = target[1:] in host.roles
        else:
            fits = any(fnmatchcase(written, target) for written in (name, f"{name}.{fleet.domain}"))
        if fits:
            yield name


def _unknown(fleet: FleetSpec, target: str, roles: Sequence[str]) -> str:
    short = target.removesuffix(f".{fleet.domain}")
    if old := fleet.retired.get(short):
        return f"{target} is retired: {old.replaced_by} took over ({old.issue})"
    if target.startswith("@"):
        return f"no host has the role {target!r}{_near(target, roles)}"
    if any(sign in target for sign in "*?["):
        return f"no host's name fits {target!r}"
    return f"there is no host {target!r}{_near(short, tuple(fleet.hosts))}"


def _near(word: str, known: Sequence[str]) -> str:
    """Say "did you mean" or nothing: the hint lists all there is."""
    said = suggest(word, known)
    return said if "did you mean" in said else ""
