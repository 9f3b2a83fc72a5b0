"""What the expected files come to: a fleet of hosts, each with its sections and where each value is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from olaudit.model import SectionPath


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a value is written: the file below the expected folder, and the line, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        """Render as the contract's `source`, the same wherever the folder lies."""
        return f"expected/{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class HostSpec:
    """What one host should be. `sections` holds, by section name, what that section's kinds were validated to.

    `roles` holds the roles of every host too, in the order in which they were laid over each other.
    """

    name: str
    roles: tuple[str, ...]
    sections: Mapping[str, Any]
    places: Mapping[SectionPath, Place]

    def source(self, at: SectionPath) -> str:
        """Say where the expectation at `at` is written: the nearest enclosing place that has a line."""
        while at and at not in self.places:
            at = at[:-1]
        return str(self.places[at])


@dataclass(frozen=True, slots=True)
class Retired:
    """A host name that is out of use: the host that took over, and the issue that tells of it."""

    replaced_by: str
    issue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverSpec:
    """One entry of waivers.yaml: drift that somebody accepts as long as its observed value is `observed`.

    It is about the one finding with the id `finding`, or, where that is empty, about what fits `host` (a glob),
    `check` (an id) and `subject` (a glob). `expires` is the last day (UTC) on which it holds.
    """

    finding: str = ""
    host: str = ""
    check: str = ""
    subject: str = ""
    observed: str
    owner: str
    reason: str
    ticket: str
    expires: date
    place: Place

    @property
    def name(self) -> str:
        """What is waived, in one word; no two waivers of a fleet have the same."""
        return self.finding or f"{self.host}/{self.check}/{self.subject}"

    @property
    def exact(self) -> bool:
        """Whether one finding alone can be meant."""
        return not any(sign in self.host + self.subject for sign in "*?[")


@dataclass(frozen=True, slots=True)
class FleetSpec:
    """What the whole fleet should be. `revision` changes exactly when the content of a file does.

    `hosts` is sorted by name. `rollout` is the order in which hosts are upgraded; hosts that it does not name
    have no place in it. `retired` is by the name that is out of use. `waivers` are in the order of their file.
    """

    root: Path
    name: str
    domain: str
    revision: str
    hosts: Mapping[str, HostSpec]
    rollout: tuple[str, ...] = ()
    retired: Mapping[str, Retired] = field(default_factory=lambda: MappingProxyType({}))
    waivers: tuple[WaiverSpec, ...] = ()
