"""Expected state of a fleet, as loaded from the expected files: hosts, sections, and the place of each value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from olaudit.model import SectionPath


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """The place of a value: the file below the expected folder, and the line, which counts from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        """Format as `expected/FILE:LINE`, independent of the path of the folder."""
        return f"expected/{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class HostSpec:
    """Expected state of one host. `sections` maps section names to values of the sections' models.

    `roles` includes the roles of every host, in the order in which they were merged.
    """

    name: str
    roles: tuple[str, ...]
    sections: Mapping[str, Any]
    places: Mapping[SectionPath, Place]

    def source(self, at: SectionPath) -> str:
        """Return the source of the expectation at `at`: the place of the innermost enclosing value with a line."""
        while at and at not in self.places:
            at = at[:-1]
        return str(self.places[at])


@dataclass(frozen=True, slots=True)
class RetiredHost:
    """A retired host name: the host that replaced it, and the issue that documents the replacement."""

    replaced_by: str
    issue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverSpec:
    """One entry of waivers.yaml: a drift that is accepted as long as its observed value is `observed`.

    It names the finding with the id `finding`. If that is empty, it names the findings that match `host` (a glob),
    `check` (an id) and `subject` (a glob). `expires` is the last day (UTC) on which it is valid.
    """

    finding: str = ""
    host: str = ""
    check: str = ""
    subject: str = ""
    observed: str
    owner: str
    reason: str
    ticket: str = ""
    expires: date
    place: Place

    @property
    def name(self) -> str:
        """A text that identifies what is waived; it is unique among the waivers of a fleet."""
        return self.finding or f"{self.host}/{self.check}/{self.subject}"

    @property
    def exact(self) -> bool:
        """Whether the waiver can match only one finding."""
        return not any(sign in self.host + self.subject for sign in "*?[")


@dataclass(frozen=True, slots=True)
class FleetSpec:
    """Expected state of the fleet. `revision` changes if and only if a file's name or content changes.

    `hosts` is sorted by name. `rollout` is the order in which hosts are upgraded; it need not contain all hosts.
    `retired` is mapped by the retired name. `waivers` are in the order of their file.
    """

    root: Path
    name: str
    domain: str
    revision: str
    hosts: Mapping[str, HostSpec]
    rollout: tuple[str, ...] = ()
    retired: Mapping[str, RetiredHost] = field(default_factory=lambda: MappingProxyType({}))
    waivers: tuple[WaiverSpec, ...] = ()
