"""Sections of host and role files: their models, which checkers define, and the defaults of list items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from olaudit.checker import AnyChecker
from olaudit.expected.tree import Items, Table
from olaudit.expected.validate import LocatedMessage, validate


class Sections:
    """All sections by name. Checkers that share a section have the same model."""

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
        """Add the default keys that an item of a list lacks. A default keeps the place where it is written."""
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

    def validate(self, table: Table, *, partial: bool = False) -> tuple[Mapping[str, Any], list[LocatedMessage]]:
        """Validate the sections in `table`, and return their values; defaults are validated, but not returned."""
        values: dict[str, Any] = {}
        messages: list[LocatedMessage] = []
        for name, node in table.entries.items():
            if name in self._adapters:
                value, section_messages = validate(self._adapters[name], node, name, partial=partial)
                messages += section_messages
                if name not in self.defaults.values():
                    values[name] = MappingProxyType(value) if isinstance(value, dict) else value
        return MappingProxyType(values), messages
