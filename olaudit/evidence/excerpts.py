"""Excerpts of raw answers for display: the relevant part, visible and bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from olaudit.evidence.matching import (
    InspectedContainer,
    container_name,
    matching_containers,
    parse_containers,
)
from olaudit.evidence.reduction import reduce
from olaudit.model import Answer, Answered, Command, ContainerFields, Finding, Probe, Unanswered
from olaudit.text import visible

MAX_LINES = 40
"""Maximum number of lines of an excerpt."""

_MAX_ERROR_LINES = 5  # lines of standard error
_MAX_OUTPUT_LINES = MAX_LINES - _MAX_ERROR_LINES - 2  # leaves lines for standard error and the exit status
_MAX_WIDTH = 400  # characters of one line: enough for a long command line


def excerpt(probe: Probe, answer: Answer, finding: Finding) -> str:
    """Return the relevant part of a raw answer: visible, in at most `MAX_LINES` lines, and count the others."""
    answer = reduce(probe, answer, [finding])
    if isinstance(answer, Unanswered):
        return f"(no answer: {_display(answer.reason)})"
    containers = parse_containers(answer) if isinstance(probe, ContainerFields) else None
    if containers is not None:
        return "\n".join(_container_lines(containers, finding))
    lines = _limit([_display(line) for line in _lines(probe, answer)], _MAX_OUTPUT_LINES)
    if errors := answer.stderr.strip():
        lines += _limit([f"stderr: {_display(line)}" for line in errors.split("\n")], _MAX_ERROR_LINES)
    if answer.status:
        lines.append(f"(exit status {answer.status})")
    return "\n".join(lines or ["(empty)"])


def _lines(probe: Probe, answer: Answered) -> list[str]:
    """Split an answer into lines. Valid JSON in an answer to a probe other than a command has a value per line."""
    if not isinstance(probe, Command):
        try:
            return json.dumps(json.loads(answer.stdout), indent=1, ensure_ascii=False).split("\n")
        except (ValueError, RecursionError):
            pass  # invalid JSON is displayed as it is
    return answer.stdout.strip("\n").split("\n") if answer.stdout.strip() else []


def _container_lines(containers: Sequence[InspectedContainer], finding: Finding) -> list[str]:
    """Format the containers that the finding is about; if there is none, the names and states of all."""
    matches = list(matching_containers(containers, finding))
    if matches:
        lines = [_display(line) for container in matches for line in _format_container(container)]
        others = len(containers) - len(matches)
        note = [f"({others} other container{'' if others == 1 else 's'} omitted)"] if others else []
        return [*_limit(lines, MAX_LINES - 1), *note]
    if not containers:
        return ["(no containers)"]
    states = (_display(_state(container)) for container in containers)
    return _limit([f"(none of the {len(containers)} containers matches)", *states], MAX_LINES)


def _format_container(container: InspectedContainer) -> Iterator[str]:
    """Format a container with a line per key, and per item of a list, so that it fits on a screen."""
    for key, value in container.items():
        if isinstance(value, list) and value:
            yield f"{key}:"
            yield from (f"  {json.dumps(item, ensure_ascii=False)}" for item in value)
        else:
            yield f"{key}: {json.dumps(value, ensure_ascii=False)}"


def _state(container: InspectedContainer) -> str:
    state = container.get("State")
    return f"{container_name(container)}: {state.get('Status') if isinstance(state, dict) else 'unknown'}"


def _limit(lines: Sequence[str], maximum: int) -> list[str]:
    excess = len(lines) - maximum + 1
    return list(lines) if excess <= 1 else [*lines[: maximum - 1], f"... ({excess} more lines)"]


def _display(line: str) -> str:
    excess = len(line) - _MAX_WIDTH
    return visible(line.rstrip("\r")) if excess <= 0 else f"{visible(line[:_MAX_WIDTH])}... ({excess} more)"
