"""Loading of a folder of expected files into a `FleetSpec`: validation of all files, and merging of roles."""

from collections.abc import Collection, Sequence
from datetime import date
from functools import reduce
from pathlib import Path
from types import MappingProxyType

from pydantic import TypeAdapter

from olaudit.checker import AnyChecker
from olaudit.expected.folder import ExpectedFolder, YamlFile, read_folder
from olaudit.expected.headers import FleetFile, HostHeader
from olaudit.expected.messages import suggest
from olaudit.expected.problems import Problems
from olaudit.expected.spec import FleetSpec, HostSpec, Place, RetiredHost, WaiverSpec
from olaudit.expected.tree import Items, Scalar, Table, fill_placeholders, merge, placeholders, walk
from olaudit.expected.validate import LocatedMessage, Sections, validate
from olaudit.expected.waivers import load_waivers

_HOST_KEYS = tuple(HostHeader.model_fields)


def load(root: Path, checkers: Sequence[AnyChecker], today: date | None = None) -> FleetSpec:
    """Load the folder `root`; its files may hold the sections of `checkers`.

    A waiver may last until a year after `today` (UTC); None: without a limit. Raises ExpectedError with all
    problems of all files.
    """
    problems = Problems(root)
    folder = read_folder(root, problems)
    check_ids = [check.id for checker in checkers for check in checker.checks]
    waivers = load_waivers(folder, check_ids, today, problems)
    return _Loader(folder, Sections(checkers), problems).fleet(root, waivers)


class _Loader:
    """Loader of one folder. It adds problems, and continues to build values as far as possible."""

    def __init__(self, folder: ExpectedFolder, sections: Sections, problems: Problems) -> None:
        self._folder = folder
        self._sections = sections
        self._problems = problems
        self._host_places: dict[str, Place] = {}

    def fleet(self, root: Path, waivers: tuple[WaiverSpec, ...]) -> FleetSpec:
        fleet = self._fleet_file()
        for role in self._folder.roles.values():
            self._check_keys(role, ())
            self._check_sections(role)
        hosts = [self._host(file, fleet) for file in self._folder.hosts.values()]
        if self._problems or fleet is None:
            raise self._problems.error()
        return FleetSpec(
            root=root,
            name=fleet.name,
            domain=fleet.domain,
            revision=self._folder.revision,
            hosts=MappingProxyType(
                {host.name: host for host in sorted(filter(None, hosts), key=lambda host: host.name)}
            ),
            rollout=fleet.rollout,
            retired=MappingProxyType(
                {name: RetiredHost(old.replaced_by, old.issue) for name, old in fleet.retired.items()}
            ),
            waivers=waivers,
        )

    # --- headers ---

    def _fleet_file(self) -> FleetFile | None:
        file = self._folder.fleet
        if not file or not file.table:
            return None
        header, messages = validate(TypeAdapter(FleetFile), file.table)
        self._add(messages)
        self._check_names(file.table, "every_host", "role", self._folder.roles)
        self._check_names(file.table, "rollout", "host", self._folder.hosts)
        return header

    def _host_header(self, file: YamlFile, table: Table, fleet: FleetFile | None) -> HostHeader | None:
        entries = {key: node for key, node in table.entries.items() if key in _HOST_KEYS}
        header, messages = validate(TypeAdapter(HostHeader), Table(file.top, entries))
        self._add(messages)
        self._check_names(table, "roles", "role", self._folder.roles)
        if header:
            self._check_host_name(header.host, file.name, entries["host"].place)
        if header and fleet:
            if header.host in fleet.retired:
                self._problems.add(entries["host"].place, f"{header.host} is retired in fleet.yaml")
            for role in set(header.roles) & set(fleet.every_host):
                message = f"every host already has the role {role!r}, by fleet.yaml"
                self._problems.add(entries["roles"].place, message)
        return header

    def _check_host_name(self, host: str, file_name: str, place: Place) -> None:
        """Check that a host is defined once, and in the file with its name."""
        first = self._host_places.setdefault(host, place)
        if first != place:
            first_place = self._problems.format_place(first)
            self._problems.add(place, f"{host} is defined twice: {first_place} defines it too")
        elif host != file_name:
            message = f"the host is named {host}, but its file {file_name}: give both the same name"
            self._problems.add(place, message)

    def _check_names(self, table: Table, key: str, noun: str, choices: Collection[str]) -> None:
        """Check that every name in the list at `key` has a file."""
        node = table.entries.get(key)
        for item in node.items if isinstance(node, Items) else ():
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.value not in choices:
                self._problems.add(item.place, f"unknown {noun} {item.value!r}{suggest(item.value, choices)}")

    # --- sections ---

    def _check_keys(self, file: YamlFile, header_keys: tuple[str, ...]) -> None:
        """Check the top-level keys of a file, and all placeholders in it."""
        if not file.table:
            return
        keys = (*header_keys, *self._sections.models)
        for key, node in file.table.entries.items():
            if key not in keys:
                self._problems.add(node.place, f"unknown key {key!r}{suggest(key, keys)}")
        for place, name in placeholders(file.table):
            if name not in {"host", "domain"}:
                message = f"unknown placeholder {{{name}}}: only {{host}} and {{domain}} are replaced"
                self._problems.add(place, message)

    def _check_sections(self, file: YamlFile) -> None:
        """Check the sections of one file alone; missing keys may come from a file that it is merged with."""
        if file.table:
            self._add(self._sections.validate(file.table, partial=True)[1])

    def _host(self, file: YamlFile, fleet: FleetFile | None) -> HostSpec | None:
        if not file.table:
            return None
        self._check_keys(file, _HOST_KEYS)
        header = self._host_header(file, file.table, fleet)
        if not header or not fleet or (roles := self._roles((*fleet.every_host, *header.roles))) is None:
            self._check_sections(file)
            return None
        values = {"host": header.host, "domain": fleet.domain}
        merged = reduce(merge, [fill_placeholders(layer, values) for layer in (*roles.values(), file.table)])
        merged = self._sections.with_defaults(merged)
        sections, messages = self._sections.validate(merged)
        for place, message in messages:
            # an invalid value of a role is reported once, with the role; a missing key is reported once, not per
            # host
            if place.file == file.top.file or not self._problems.at(place):
                self._problems.add(place, message)
        places = {path: node.place for path, node in walk(merged)} | {(): file.top}
        return HostSpec(header.host, tuple(roles), sections, MappingProxyType(places))

    def _roles(self, names: tuple[str, ...]) -> dict[str, Table] | None:
        """Return the content of the named roles; None if one is unknown or invalid, which is already a problem."""
        files = [self._folder.roles.get(name) for name in names]
        tables = {file.name: file.table for file in files if file and file.table}
        return tables if len(tables) == len(names) else None

    def _add(self, messages: Sequence[LocatedMessage]) -> None:
        for place, message in messages:
            self._problems.add(place, message)
