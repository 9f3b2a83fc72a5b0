"""State of a service by init system: whether it runs, and whether it starts at boot."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from olaudit.checks.service.probes import ServiceProperties
from olaudit.model import Unanswered


@dataclass(frozen=True, slots=True)
class ServiceState:
    """State of a service. `running` and `boot` are the text to show instead of the default text, if any."""

    is_running: bool
    starts_at_boot: bool
    running: str = ""
    boot: str = ""

    def __str__(self) -> str:
        """Format the state on one line."""
        running = self.running or ("running" if self.is_running else "stopped")
        return f"{running}, {self.boot or ('started at boot' if self.starts_at_boot else 'not started at boot')}"


ServiceStatus = ServiceState | Unanswered | None
"""The state of a service, or why it is not known; None if the service does not exist."""

_PULLED_IN = frozenset({"static", "indirect", "generated"})
"""Unit file states of units that other units start; a generated unit has an init script."""


def parse_systemd(properties: ServiceProperties) -> ServiceStatus:
    """Parse the output of `systemctl show`.

    An active unit counts as running even if it has exited: such a unit only starts others.
    """
    load, active, sub = properties.last("LoadState"), properties.last("ActiveState"), properties.last("SubState")
    if load == "not-found":
        return None
    if not load or not active:
        return Unanswered("systemctl printed nothing about the service")
    if load not in ("loaded", "masked"):
        return Unanswered(f"systemd could not load the unit: {load}")
    unit = "masked" if load == "masked" else properties.last("UnitFileState")
    is_running = active in ("active", "reloading")
    starts_at_boot = unit == "enabled" or (
        unit in _PULLED_IN and bool(properties.last("WantedBy") or properties.last("RequiredBy"))
    )
    running = "" if is_running or active == "inactive" else _format_state(active, sub)
    return ServiceState(is_running, starts_at_boot, running, "masked" if unit == "masked" else "")


def _format_state(active: str, sub: str) -> str:
    if sub == "auto-restart":
        return "crash-looping"
    return active if active == sub else f"{active} ({sub})"


_JOB = re.compile(r"\S+(?: \(.*\))? (start|stop)/([a-z-]+).*")


def parse_upstart(properties: ServiceProperties) -> ServiceStatus:
    """Parse `initctl status` and the job's start condition; a service without a job is parsed as System V."""
    jobs = [match for key, value in properties.pairs if key == "job" and (match := _JOB.fullmatch(value))]
    if not any(key == "job" for key, _ in properties.pairs):
        if any(key == "stanza" for key, _ in properties.pairs):
            return Unanswered("initctl printed nothing about the service")
        return parse_system_v(properties)
    if not jobs:
        return Unanswered(f"cannot parse the output of initctl: {properties.last('job')[:200]!r}")
    is_running = any(match.groups() == ("start", "running") for match in jobs)
    goal, state = jobs[-1].groups()
    running = "" if is_running or goal == "stop" else f"{goal}/{state}"
    return ServiceState(is_running, properties.last("stanza").startswith("start"), running)


def parse_system_v(properties: ServiceProperties) -> ServiceStatus:
    """Parse the LSB status of an init script: 0 running, 1 to 3 stopped, other values unknown."""
    if properties.last("absent"):
        return None
    status, output = properties.last("status"), properties.last("said").strip()
    # Scripts without a `status` action print their usage, and exit as if the service were stopped.
    if status not in ("0", "1", "2", "3") or "usage:" in output.lower():
        return Unanswered(
            f"the init script reports no status of the service (exit status {status[:5]}): {output[:200]!r}"
        )
    return ServiceState(status == "0", bool(properties.last("boot")))


PARSERS: Mapping[str, Callable[[ServiceProperties], ServiceStatus]] = MappingProxyType(
    {"systemd": parse_systemd, "upstart": parse_upstart, "init": parse_system_v}
)
"""Parsers by the init system that the script detected."""


def parse_status(init: str, properties: ServiceProperties) -> ServiceStatus:
    """Parse the properties of one service, unless the program that printed them failed."""
    if (shown := properties.last("shown")) == "bus":
        return Unanswered(
            "no message bus (D-Bus) runs on this host, and systemctl was not run because it would start one"
        )
    if shown != "0":
        return Unanswered(f"the command for the status of the service ended with status {shown[:5]}")
    return PARSERS[init](properties)
