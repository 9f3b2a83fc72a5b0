"""Parsing of the engine's list of containers."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from olaudit.transport.engine.decoding import bounded
from olaudit.transport.engine.errors import InvalidAnswer

MAX_CONTAINERS = 1000

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")  # no character that could lead to another path of the API
_MAX_NAME_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class ListedContainer:
    """A container in the engine's list. `reason` explains why it cannot be inspected; "" if it can."""

    id: str
    name: str
    reason: str = ""


def parse_listing(answer: object) -> list[ListedContainer]:
    """Parse `GET /containers/json`. An invalid row becomes a container with a reason. Raises InvalidAnswer."""
    if not isinstance(answer, list):
        raise InvalidAnswer("Docker's answer could not be parsed: no list of containers")
    if len(answer) > MAX_CONTAINERS:
        raise InvalidAnswer(
            f"Docker lists {len(answer):,} containers, more than the {MAX_CONTAINERS:,} that are supported"
        )
    containers = [_parse_row(row) for row in answer]
    ids = Counter(container.id for container in containers if container.id)
    names = Counter(container.name for container in containers if container.name)
    return [_with_duplicate_reason(container, ids, names) for container in containers]


def _parse_row(row: Any) -> ListedContainer:
    id_, names = (row.get("Id"), row.get("Names")) if isinstance(row, dict) else (None, None)
    name = _own_name(names)
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        return ListedContainer("", name, "its row in Docker's list of containers has no valid id")
    return ListedContainer(id_, name, "" if name else "its row in Docker's list of containers has no name")


def _own_name(names: object) -> str:
    """Return a container's own name. Names of links to it have a second slash: "/web/db"."""
    for name in names if isinstance(names, list) else ():
        if isinstance(name, str) and name.rfind("/") == 0 and 1 < len(name) < _MAX_NAME_LENGTH:
            return str(bounded(name[1:]))
    return ""


def _with_duplicate_reason(container: ListedContainer, ids: Counter[str], names: Counter[str]) -> ListedContainer:
    if container.reason:
        return container
    if ids[container.id] > 1:
        return replace(container, reason=f"Docker lists {ids[container.id]} containers with this id")
    if names[container.name] > 1:
        return replace(container, reason=duplicate_name_reason(names[container.name]))
    return container


def duplicate_name_reason(count: int) -> str:
    """Render the reason for a name that `count` containers have."""
    return f"Docker lists {count} containers with this name"


def still_listed(
    containers: Iterable[ListedContainer], not_found: Sequence[ListedContainer]
) -> set[ListedContainer]:
    """Select from `not_found` what a second listing contains, by id, or by name as a replacement."""
    ids, names = set(), set()
    for container in containers:
        ids.add(container.id)
        names.add(container.name)
    return {container for container in not_found if container.id in ids or container.name in names}
