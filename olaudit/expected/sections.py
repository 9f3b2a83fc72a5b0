"""The sections that host and role files may hold: what the kinds of check read, and defaults of list items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from olaudit.checker import AnyChecker
from olaudit.expected.tree import Items, Table
from olaudit.expected.validate import Fault, validate


class Sections:
    """All sections by name. Kinds that read the same section mean the same model by it."""

    def __init__(self, checkers: Sequence[AnyChecker]) -> None:
        self.models: dict[str, Any] = {}
        self.defaults: dict[str, str] = {}
        for checker in checkers:
            self.models.setdefault(checker.section, checker.model)
            if checker.defaults:
                self.defaults[checker.section] = checker.defaults[0]
                self.models.setdefault(*checker.defaults)
        self._adapters: dict[str, TypeAdapter[Any]] = {
            name: TypeAdapter(model) for name, model in self.models.items()
        }

    def with_defaults(self, table: Table) -> Table:
        """Give every item of a list the default keys that it lacks. A default keeps its own place."""
        entries = dict(table.entries)
        for section, key in self.defaults.items():
            items, defaults = entries.get(section), entries.get(key)
            if isinstance(items, Items) and isinstance(defaults, Table):
                filled = [
                    Table(item.place, {**defaults.entries, **item.entries}) if isinstance(item, Table) else item
                    for item in items.items
                ]
                entries[section] = Items(items.place, tuple(filled))
        return Table(table.place, entries)

    def validate(self, table: Table, *, partial: bool = False) -> tuple[Mapping[str, Any], list[Fault]]:
        """Make the value of each section in `table`; defaults are checked, but are no value of their own."""
        values: dict[str, Any] = {}
        faults: list[Fault] = []
        for name, node in table.entries.items():
            if name in self._adapters:
                value, found = validate(self._adapters[name], node, name, partial=partial)
                faults += found
                if name not in self.defaults.values():
                    values[name] = MappingProxyType(value) if isinstance(value, dict) else value
        return MappingProxyType(values), faults
