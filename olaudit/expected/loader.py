"""A folder of expected files to a `FleetSpec`: everything checked, every problem told, roles laid under hosts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from functools import reduce
from pathlib import Path
from types import MappingProxyType

from pydantic import TypeAdapter

from olaudit.checker import AnyChecker
from olaudit.expected.folder import Folder, Sheet, read
from olaudit.expected.headers import FleetFile, HostHeader
from olaudit.expected.messages import suggest
from olaudit.expected.problems import Problems
from olaudit.expected.sections import Sections
from olaudit.expected.spec import FleetSpec, HostSpec, Place, Retired, WaiverSpec
from olaudit.expected.tree import Items, Scalar, Table, blanks, fill, merge, walk
from olaudit.expected.validate import validate
from olaudit.expected.waivers import waivers
from olaudit.model import SectionPath

_HEAD = tuple(HostHeader.model_fields)


def load(root: Path, checkers: Sequence[AnyChecker], today: date | None = None) -> FleetSpec:
    """Load the folder `root`; the sections that files may hold are those of `kinds`.

    `today` (UTC) is what waivers may end at most a year after; None: they may end whenever they like.
    Raises ExpectedError with all problems of all files.
    """
    faults = Problems(root)
    folder = read(root, faults)
    accepted = waivers(folder, [check.id for checker in checkers for check in checker.ids], today, faults)
    return _Loader(folder, Sections(checkers), faults).fleet(root, accepted)


class _Loader:
    """One run over one folder. Faults are added as they are met, and values made as far as that goes."""

    def __init__(self, folder: Folder, sections: Sections, faults: Problems) -> None:
        self._folder = folder
        self._sections = sections
        self._faults = faults
        self._described: dict[str, Place] = {}

    def fleet(self, root: Path, accepted: tuple[WaiverSpec, ...]) -> FleetSpec:
        fleet = self._fleet_head()
        for role in self._folder.roles.values():
            self._check_keys(role, ())
            self._check_alone(role)
        hosts = [self._host(sheet, fleet) for sheet in self._folder.hosts.values()]
        if self._faults or fleet is None:
            raise self._faults.error()
        return FleetSpec(
            root=root,
            name=fleet.name,
            domain=fleet.domain,
            revision=self._folder.revision,
            hosts=MappingProxyType(
                {host.name: host for host in sorted(filter(None, hosts), key=lambda h: h.name)}
            ),
            rollout=fleet.rollout,
            retired=MappingProxyType(
                {name: Retired(old.replaced_by, old.issue) for name, old in fleet.retired.items()}
            ),
            waivers=accepted,
        )

    # --- heads ---

    def _fleet_head(self) -> FleetFile | None:
        sheet = self._folder.fleet
        if not sheet or not sheet.table:
            return None
        head, faults = validate(TypeAdapter(FleetFile), sheet.table)
        self._add(faults)
        self._check_names(sheet.table, "every_host", "role", self._folder.roles)
        self._check_names(sheet.table, "rollout", "host", self._folder.hosts)
        return head

    def _host_head(self, sheet: Sheet, table: Table, fleet: FleetFile | None) -> HostHeader | None:
        entries = {key: node for key, node in table.entries.items() if key in _HEAD}
        head, faults = validate(TypeAdapter(HostHeader), Table(sheet.top, entries))
        self._add(faults)
        self._check_names(table, "roles", "role", self._folder.roles)
        if head:
            self._check_name(head.host, sheet.name, entries["host"].place)
        if head and fleet:
            if head.host in fleet.retired:
                self._faults.add(entries["host"].place, f"{head.host} is retired, by fleet.yaml")
            for role in set(head.roles) & set(fleet.every_host):
                self._faults.add(entries["roles"].place, f"{role!r} is every host's role already, by fleet.yaml")
        return head

    def _check_name(self, host: str, file: str, place: Place) -> None:
        """Check that a host is described once, and in the file that is called so."""
        first = self._described.setdefault(host, place)
        if first != place:
            self._faults.add(place, f"{host} is described twice: {self._faults.show(first)} describes it too")
        elif host != file:
            self._faults.add(place, f"the host is called {host}, its file {file}: call both the same")

    def _check_names(self, table: Table, key: str, noun: str, known: Collection[str]) -> None:
        """Check that the list at `key` names only what there are files for."""
        node = table.entries.get(key)
        for item in node.items if isinstance(node, Items) else ():
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.value not in known:
                self._faults.add(item.place, f"unknown {noun} {item.value!r}{suggest(item.value, known)}")

    # --- sections ---

    def _check_keys(self, sheet: Sheet, head: tuple[str, ...]) -> None:
        """Check the keys at the top of a file, and the words in braces anywhere in it."""
        if not sheet.table:
            return
        known = (*head, *self._sections.models)
        for key, node in sheet.table.entries.items():
            if key not in known:
                self._faults.add(node.place, f"unknown key {key!r}{suggest(key, known)}")
        for place, word in blanks(sheet.table):
            if word not in {"host", "domain"}:
                self._faults.add(place, f"{{{word}}} is not filled in: only {{host}} and {{domain}} are")

    def _check_alone(self, sheet: Sheet) -> None:
        """Check a file's sections by themselves; what they lack may come from a file laid over or under it."""
        if sheet.table:
            self._add(self._sections.validate(sheet.table, partial=True)[1])

    def _host(self, sheet: Sheet, fleet: FleetFile | None) -> HostSpec | None:
        if not sheet.table:
            return None
        self._check_keys(sheet, _HEAD)
        head = self._host_head(sheet, sheet.table, fleet)
        if not head or not fleet or (roles := self._roles((*fleet.every_host, *head.roles))) is None:
            self._check_alone(sheet)
            return None
        words = {"host": head.host, "domain": fleet.domain}
        whole = reduce(merge, [fill(layer, words) for layer in (*roles.values(), sheet.table)])
        whole = self._sections.with_defaults(whole)
        values, faults = self._sections.validate(whole)
        for place, message in faults:
            # What is wrong in a role has been said of the role; what a role lacks is said once, not for each host.
            if place.file == sheet.top.file or not self._faults.at(place):
                self._faults.add(place, message)
        return HostSpec(head.host, tuple(roles), values, MappingProxyType(dict(_places(whole, sheet.top))))

    def _roles(self, names: tuple[str, ...]) -> dict[str, Table] | None:
        """Find the named roles; None if one of them is unknown or cannot be read, which has been said."""
        sheets = [self._folder.roles.get(name) for name in names]
        tables = {sheet.name: sheet.table for sheet in sheets if sheet and sheet.table}
        return tables if len(tables) == len(names) else None

    def _add(self, faults: Sequence[tuple[Place, str]]) -> None:
        for place, message in faults:
            self._faults.add(place, message)


def _places(whole: Table, top: Place) -> Iterator[tuple[SectionPath, Place]]:
    yield from ((at, node.place) for at, node in walk(whole))
    yield (), top
