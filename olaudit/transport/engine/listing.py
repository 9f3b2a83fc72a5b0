"""The rows of a list of containers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from olaudit.transport.engine.decoding import bounded
from olaudit.transport.engine.errors import BadAnswer

MOST_CONTAINERS = 1000

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")  # nothing that could lead to another path of the API
_LONGEST_NAME = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """A container as it is listed. `reason` says why it cannot be asked for, and is empty where it can be."""

    id: str
    name: str
    reason: str = ""


def read_rows(listed: object) -> list[Row]:
    """Read `GET /containers/json`. A row that cannot be read becomes one with a reason."""
    if not isinstance(listed, list):
        raise BadAnswer("Docker's answer could not be parsed: no list of containers")
    if len(listed) > MOST_CONTAINERS:
        raise BadAnswer(
            f"Docker lists {len(listed):,} containers, more than the {MOST_CONTAINERS:,} that are read"
        )
    rows = [_row(row) for row in listed]
    ids = Counter(row.id for row in rows if row.id)
    names = Counter(row.name for row in rows if row.name)
    return [_unambiguous(row, ids, names) for row in rows]


def _row(row: Any) -> Row:
    id_, names = (row.get("Id"), row.get("Names")) if isinstance(row, dict) else (None, None)
    name = _name(names)
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        return Row("", name, "its row in Docker's list of containers has no valid id")
    return Row(id_, name, "" if name else "its row in Docker's list of containers has no name")


def _name(names: object) -> str:
    """Find a container's own name. Names of links to it have a second slash: "/web/db"."""
    own = [name for name in names if _is_own(name)] if isinstance(names, list) else []
    return str(bounded(own[0][1:])) if own else ""


def _is_own(name: object) -> bool:
    return isinstance(name, str) and name.rfind("/") == 0 and 1 < len(name) < _LONGEST_NAME


def _unambiguous(row: Row, ids: Counter[str], names: Counter[str]) -> Row:
    if row.reason:
        return row
    if ids[row.id] > 1:
        return replace(row, reason=f"Docker lists {ids[row.id]} containers of its id")
    if names[row.name] > 1:
        return replace(row, reason=shared_name(names[row.name]))
    return row


def shared_name(count: int) -> str:
    """Give the reason for a name that several containers have."""
    return f"Docker names {count} containers so"


def still_listed(rows: Iterable[Row], not_found: Sequence[Row]) -> set[Row]:
    """Find the rows that a second list still holds, under their id or as a successor under their name."""
    ids, names = set(), set()
    for row in rows:
        ids.add(row.id)
        names.add(row.name)
    return {row for row in not_found if row.id in ids or row.name in names}
