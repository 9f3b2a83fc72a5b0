"""By which words an answer is known to be about a finding, and which of a host's containers is meant by one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from olaudit.model import Answer, Answered, Finding

Inspected = Mapping[str, Any]
"""What the engine says of one container, believed in nothing but that it is a mapping."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_COMPOSE = ("project", "service", "container-number")


def terms(finding: Finding) -> tuple[str, ...]:
    """Give the texts to look for in an answer: what was observed, and the subject (of a glob, its beginning)."""
    subject = re.split(r"[*?\[]", finding.subject)[0]
    return tuple(text for text in (subject, finding.observed) if len(text.strip()) > 1)


def read(answer: Answer | None) -> tuple[Inspected, ...] | None:
    """Read a list of containers; None if it is none. Whatever in it is no mapping is passed over."""
    try:
        found = json.loads(answer.stdout) if isinstance(answer, Answered) else None
    except (ValueError, RecursionError):
        return None
    return tuple(one for one in found if isinstance(one, dict)) if isinstance(found, list) else None


def meant(containers: Iterable[Inspected], finding: Finding) -> Iterator[Inspected]:
    """Pick the containers a finding is about: by name, whatever its separators, else by Compose's labels."""
    for one in containers:
        config = one.get("Config")
        labels = config.get("Labels") if isinstance(config, dict) else None
        labels = labels if isinstance(labels, dict) else {}
        named = "-".join(str(labels.get(f"com.docker.compose.{key}", "")) for key in _COMPOSE)
        if name_fits(name_of(one), finding) or name_fits(named, finding):
            yield one


def name_fits(name: str, finding: Finding) -> bool:
    """Say whether a container of this name is meant: the subject, or what was observed in its place."""
    return bool(_bare(name)) and _bare(name) in {_bare(finding.subject), _bare(finding.observed)}


def name_of(container: Inspected) -> str:
    """Give the name of a container as the host says it."""
    return str(container.get("Name")).removeprefix("/")


def nameable(finding: Finding, answer: Answer | None) -> str:
    """Give the name by which the host knows the container, fit for a command; "" if it has none.

    Without an answer to tell, it is what the finding says: most likely, it is so.
    """
    containers = read(answer)
    if containers is not None:
        names = tuple(name_of(one) for one in meant(containers, finding))
    else:
        said = {"container.name": finding.observed, "container.missing": ""}
        names = (said.get(finding.check, finding.subject),)
    return next((name for name in names if _NAME.fullmatch(name)), "")


def _bare(name: str) -> str:
    """Reduce a name to what stays the same: no prefix of a failed recreate, one kind of separator."""
    return re.sub(r"^[0-9a-f]{12}_", "", name).replace("_", "-")
