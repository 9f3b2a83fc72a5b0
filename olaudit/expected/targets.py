"""Resolution of the command line's folder of expected files, and of its targets to hosts."""

import importlib.resources
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from olaudit.errors import UsageError
from olaudit.expected.messages import did_you_mean
from olaudit.expected.spec import FleetSpec, HostSpec

VARIABLE = "OLAUDIT_EXPECTED"


def find_expected(option: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the folder: the option, else $OLAUDIT_EXPECTED, else ./expected, else the installed copy.

    Raises UsageError if the option or the variable names a folder that does not exist.
    """
    value = environ.get(VARIABLE, "")
    for path, origin in ((option, "-e/--expected"), (Path(value) if value else None, f"${VARIABLE}")):
        if path is not None and not path.is_dir():
            raise UsageError(f"there is no folder {path}", f"{origin} must name a folder of expected files")
        if path is not None:
            return path
    default = Path("expected")
    return default if default.is_dir() else Path(str(importlib.resources.files("olaudit"))) / "shipped"


def select_hosts(fleet: FleetSpec, targets: Sequence[str]) -> tuple[HostSpec, ...]:
    """Select hosts by name (short or fully qualified), glob or @role; no target selects the whole fleet.

    Each host is returned once, in the order of the fleet. Raises UsageError that names all targets without a host.
    """
    if not targets:
        return tuple(fleet.hosts.values())
    matches = {target: frozenset(_matching_hosts(fleet, target.lower())) for target in targets}
    if unknown := [target for target, hosts in matches.items() if not hosts]:
        roles = sorted({f"@{role}" for host in fleet.hosts.values() for role in host.roles})
        raise UsageError(
            "; ".join(_unknown_target(fleet, target, roles) for target in unknown),
            f"hosts: {', '.join(fleet.hosts)}; roles: {', '.join(roles)}",
        )
    selected = frozenset[str]().union(*matches.values())
    return tuple(host for name, host in fleet.hosts.items() if name in selected)


def _matching_hosts(fleet: FleetSpec, target: str) -> Iterator[str]:
    for name, host in fleet.hosts.items():
        if target.startswith("@"):
            matches = target[1:] in host.roles
        else:
            matches = any(fnmatchcase(full_or_short, target) for full_or_short in (name, f"{name}.{fleet.domain}"))
        if matches:
            yield name


def _unknown_target(fleet: FleetSpec, target: str, roles: Sequence[str]) -> str:
    short = target.removesuffix(f".{fleet.domain}")
    if old := fleet.retired.get(short):
        return f"{target} is retired: {old.replaced_by} replaced it ({old.issue})"
    if target.startswith("@"):
        return f"no host has the role {target!r}{did_you_mean(target, roles)}"
    if any(sign in target for sign in "*?["):
        return f"no host name matches {target!r}"
    return f"there is no host {target!r}{did_you_mean(short, fleet.hosts)}"
