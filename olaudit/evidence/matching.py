"""Matching of findings with answers: the texts to search for, and the containers that a finding is about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from olaudit.model import Answer, Answered, Finding

InspectedContainer = Mapping[str, Any]
"""The engine's JSON of one container. Only that it is a mapping has been checked."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_COMPOSE_LABELS = ("project", "service", "container-number")


def search_terms(finding: Finding) -> tuple[str, ...]:
    """Return the texts to search for in an answer: the observed value, and the subject (of a glob, its prefix)."""
    subject = re.split(r"[*?\[]", finding.subject)[0]
    return tuple(text for text in (subject, finding.observed) if len(text.strip()) > 1)


def parse_containers(answer: Answer | None) -> tuple[InspectedContainer, ...] | None:
    """Parse a list of containers; None if the answer is not a list. Items that are not mappings are ignored."""
    try:
        document = json.loads(answer.stdout) if isinstance(answer, Answered) else None
    except (ValueError, RecursionError):
        return None
    return tuple(item for item in document if isinstance(item, dict)) if isinstance(document, list) else None


def matching_containers(
    containers: Iterable[InspectedContainer], finding: Finding
) -> Iterator[InspectedContainer]:
    """Yield the containers that a finding is about, by name with any separators, or by the labels of Compose."""
    for container in containers:
        config = container.get("Config")
        labels = config.get("Labels") if isinstance(config, dict) else None
        labels = labels if isinstance(labels, dict) else {}
        compose_name = "-".join(str(labels.get(f"com.docker.compose.{key}", "")) for key in _COMPOSE_LABELS)
        if name_matches(container_name(container), finding) or name_matches(compose_name, finding):
            yield container


def name_matches(name: str, finding: Finding) -> bool:
    """Return whether a container with this name is the subject of the finding, or was observed instead of it."""
    normalized = _normalize(name)
    return bool(normalized) and normalized in {_normalize(finding.subject), _normalize(finding.observed)}


def container_name(container: InspectedContainer) -> str:
    """Return the name of a container on its host."""
    return str(container.get("Name")).removeprefix("/")


def name_for_command(finding: Finding, answer: Answer | None) -> str:
    """Return the container's name on its host if it is safe in a command, else "".

    Without an answer that lists the containers, the name is taken from the finding.
    """
    containers = parse_containers(answer)
    if containers is not None:
        names = tuple(container_name(container) for container in matching_containers(containers, finding))
    else:
        other_names = {"container.name": finding.observed, "container.missing": ""}
        names = (other_names.get(finding.check, finding.subject),)
    return next((name for name in names if _NAME.fullmatch(name)), "")


def _normalize(name: str) -> str:
    """Remove the prefix of a failed recreate from a name, and use one separator."""
    return re.sub(r"^[0-9a-f]{12}_", "", name).replace("_", "-")
