"""What each init system says of a service, as two facts: does it run, and will it after a reboot."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from olaudit.checks.service.probes import Facts
from olaudit.model import Unanswered


@dataclass(frozen=True, slots=True)
class State:
    """What a service is. `running` and `boot` are what is said of them in a word or two, if not plainly so."""

    is_running: bool
    starts_at_boot: bool
    running: str = ""
    boot: str = ""

    def __str__(self) -> str:
        """Show both on one line."""
        running = self.running or ("running" if self.is_running else "stopped")
        return f"{running}, {self.boot or ('started at boot' if self.starts_at_boot else 'not started at boot')}"


Seen = State | Unanswered | None
"""The state of a service; None if there is no such service."""

_PULLED_IN = frozenset({"static", "indirect", "generated"})
"""Unit file states that leave it to other units whether this one starts; a generated one has an init script."""


def systemd(facts: Facts) -> Seen:
    """Read `systemctl show`. An active unit that has exited is one that only starts others."""
    load, active, sub = facts.last("LoadState"), facts.last("ActiveState"), facts.last("SubState")
    if load == "not-found":
        return None
    if not load or not active:
        return Unanswered("systemctl said nothing of it")
    if load not in ("loaded", "masked"):
        return Unanswered(f"systemd could not load its unit: {load}")
    unit = "masked" if load == "masked" else facts.last("UnitFileState")
    is_running = active in ("active", "reloading")
    boots = unit == "enabled" or (unit in _PULLED_IN and bool(facts.last("WantedBy") or facts.last("RequiredBy")))
    plain = is_running or active == "inactive"
    return State(is_running, boots, "" if plain else _words(active, sub), "masked" if unit == "masked" else "")


def _words(active: str, sub: str) -> str:
    if sub == "auto-restart":
        return "crash-looping"
    return active if active == sub else f"{active} ({sub})"


_JOB = re.compile(r"\S+(?: \(.*\))? (start|stop)/([a-z-]+).*")


def upstart(facts: Facts) -> Seen:
    """Read `initctl status`, and the job's own words on when it starts; else as System V."""
    jobs = [match for key, value in facts.pairs if key == "job" and (match := _JOB.fullmatch(value))]
    if not any(key == "job" for key, _ in facts.pairs):
        if any(key == "stanza" for key, _ in facts.pairs):
            return Unanswered("initctl said nothing of it")
        return system_v(facts)
    if not jobs:
        return Unanswered(f"initctl's answer makes no sense: {facts.last('job')[:200]!r}")
    is_running = any(match.groups() == ("start", "running") for match in jobs)
    goal, state = jobs[-1].groups()
    running = "" if is_running or goal == "stop" else f"{goal}/{state}"
    return State(is_running, facts.last("stanza").startswith("start"), running)


def system_v(facts: Facts) -> Seen:
    """Read an init script's `status` as LSB has it: 0 runs, 1 to 3 does not, anything else is not known."""
    if facts.last("absent"):
        return None
    status, said = facts.last("status"), facts.last("said").strip()
    # Scripts that know no `status` say how they are used, and end as if the service were down.
    if status not in ("0", "1", "2", "3") or "usage:" in said.lower():
        return Unanswered(f"its init script does not tell whether it runs (status {status[:5]}): {said[:200]!r}")
    return State(status == "0", bool(facts.last("boot")))


READERS: Mapping[str, Callable[[Facts], Seen]] = MappingProxyType(
    {"systemd": systemd, "upstart": upstart, "init": system_v}
)
"""How to read what was said, by the init system that the script found."""


def read(init: str, facts: Facts) -> Seen:
    """Read what was said of one service, unless the program that was asked failed."""
    if (shown := facts.last("shown")) == "bus":
        return Unanswered(
            "no message bus (D-Bus) runs there, and systemctl was not run because it would start one"
        )
    if shown != "0":
        return Unanswered(f"the command that was asked about it ended with status {shown[:5]}")
    return READERS[init](facts)
