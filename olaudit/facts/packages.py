"""Packages in dpkg's database."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from olaudit.facts.answers import error_lines, match_lines, unparsable
from olaudit.model import Answered, Command, Fact, Unknown

_FORMAT = "--showformat=${Package}\\t${Version}\\t${Status}\\n"
_REFERENCE = "dpkg"
"""A package on every host with dpkg: if its row is missing, dpkg-query did not read the database."""

_NOT_FOUND = re.compile(r"(?:dpkg-query: )?no packages found matching (\S+)")
_ROW = re.compile(r"([^\t]+)\t([^\t]*)\t(\S+) (\S+) (\S+)")


@dataclass(frozen=True, slots=True)
class Package:
    """One package in dpkg's database; `status` is "installed" if its installation is complete."""

    name: str
    version: str
    status: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}" + ("" if self.status == "installed" else f" ({self.status})")


def packages(names: Iterable[str]) -> Fact[Mapping[str, Package]]:
    """Build the fact of those of `names` (plain names, no patterns) that are installed, at least in part."""
    queried = tuple(sorted({_REFERENCE, *names}))
    # 1: at least one name is not in the database
    probe = Command(("dpkg-query", "--show", _FORMAT, *queried), statuses=(0, 1))
    return Fact("packages", probe, partial(_parse, queried))


def _parse(names: tuple[str, ...], answer: Answered) -> Mapping[str, Package] | Unknown:
    """Parse dpkg-query's output: each of `names` has a row, or an error line that no such package was found.

    A package that was removed or was never installed may still have a row.
    """
    rows, errors = match_lines(_ROW, answer.stdout), error_lines(answer.stderr)
    not_found = [match[1].rstrip(".") for line in errors if (match := _NOT_FOUND.match(line))]
    if rows is None or len(not_found) != len(errors) or {*not_found, *(row[1] for row in rows)} != set(names):
        return unparsable("dpkg-query", answer)
    installed = {
        name: Package(name, version[:100], status if error == "ok" else error)
        for name, version, _, error, status in (row.groups() for row in rows)
        if status not in ("not-installed", "config-files")
    }
    if _REFERENCE not in installed:
        return Unknown(f"dpkg-query does not list {_REFERENCE}: no package database")
    return installed
