"""The schedule of audits: each host has a slot in the interval. Pure: no clock."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

_JITTER = 0.1
"""The maximum shift of a host's slot, as a fraction of the interval. It keeps exporters from synchronizing."""


@dataclass(slots=True)
class Slots:
    """The times at which hosts are due, in seconds of the caller's clock.

    With an interval of 0 no host is ever due.
    """

    interval: float
    _offsets: dict[str, float] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)

    def assign(self, hosts: Iterable[str], now: float, jitter: Mapping[str, float]) -> None:
        """Assign a slot to each of `hosts`, shifted by its jitter (0 to 1); new hosts are due immediately."""
        if not self.interval:
            return
        names = sorted(hosts)
        spacing = self.interval / max(1, len(names))
        self._offsets = {
            host: number * spacing + jitter[host] * _JITTER * self.interval for number, host in enumerate(names)
        }
        self._due = {host: self._due.get(host, now) for host in names}

    def audit_started(self, host: str, now: float) -> None:
        """Schedule the next audit of `host` after one that started now: at least half an interval away."""
        if host in self._due:
            earliest = now + self.interval / 2
            offset = self._offsets[host]
            self._due[host] = offset + self.interval * math.ceil((earliest - offset) / self.interval)

    def make_due(self, host: str, now: float) -> None:
        """Make a host due immediately."""
        if host in self._due:
            self._due[host] = now

    def due(self, now: float) -> list[str]:
        """List the hosts that are due, the longest overdue first."""
        return sorted((host for host, moment in self._due.items() if moment <= now), key=self._due.__getitem__)

    def next_due(self, exclude: Collection[str] = ()) -> float | None:
        """Return when the next host outside `exclude` is due; None if there is none."""
        return min((moment for host, moment in self._due.items() if host not in exclude), default=None)
