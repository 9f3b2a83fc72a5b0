"""When each host is audited next: in a place of its own in the interval. Pure, and without a clock."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

_JITTER = 0.1
"""How far a host's place may be moved, as a part of the interval: exporters must not come in step."""


@dataclass(slots=True)
class Slots:
    """When hosts are due, in seconds of the caller's clock. With an interval of 0 none ever is."""

    interval: float
    _places: dict[str, float] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)

    def place(self, hosts: Iterable[str], now: float, jitter: Mapping[str, float]) -> None:
        """Give each of `hosts` its place, moved by its jitter (0 to 1); new ones are due at once."""
        if not self.interval:
            return
        names = sorted(hosts)
        spacing = self.interval / max(1, len(names))
        self._places = {
            host: number * spacing + jitter[host] * _JITTER * self.interval for number, host in enumerate(names)
        }
        self._due = {host: self._due.get(host, now) for host in names}

    def audited(self, host: str, now: float) -> None:
        """Note that an audit of `host` began, whoever asked: the next is at least half an interval away."""
        if host in self._due:
            earliest = now + self.interval / 2
            place = self._places[host]
            self._due[host] = place + self.interval * math.ceil((earliest - place) / self.interval)

    def hurry(self, host: str, now: float) -> None:
        """Make a host due at once."""
        if host in self._due:
            self._due[host] = now

    def due(self, now: float) -> list[str]:
        """List the hosts that are due, the longest due first."""
        return sorted(
            (host for host, moment in self._due.items() if moment <= now), key=lambda one: self._due[one]
        )

    def next(self, but: Collection[str] = ()) -> float | None:
        """Say when the next host is due, if any ever is, leaving some out."""
        return min((moment for host, moment in self._due.items() if host not in but), default=None)
