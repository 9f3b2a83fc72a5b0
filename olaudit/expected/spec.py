"""What the expected files come to: a fleet of hosts, each with its sections and where each value is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from olaudit.model import At


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
    places: Mapping[At, Place]

    def source(self, at: At) -> str:
        """Say where the expectation at `at` is written: the nearest enclosing place that has a line."""
        while at and at not in self.places:
            at = at[:-1]
        return str(self.places[at])


@dataclass(frozen=True, slots=True)
class Retired:
    """A host name that is out of use: the host that took over, and the issue that tells of it."""

    replaced_by: str
    issue: str


@dataclass(frozen=True, slots=True)
class FleetSpec:
    """What the whole fleet should be. `revision` changes exactly when the content of a file does.

    `hosts` is sorted by name. `rollout` is the order in which hosts are upgraded; hosts that it does not name
    have no place in it. `retired` is by the name that is out of use.
    """

    root: Path
    name: str
    domain: str
    revision: str
    hosts: Mapping[str, HostSpec]
    rollout: tuple[str, ...] = ()
    retired: Mapping[str, Retired] = field(default_factory=lambda: MappingProxyType({}))
