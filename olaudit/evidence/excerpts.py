"""Excerpts of raw answers for display: the part that a finding is based on, visible and bounded."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from olaudit.evidence.reduction import reduce
from olaudit.model import Answer, Answered, Basis, Command, ContainerFields, Unanswered
from olaudit.text import visible

MAX_LINES = 40
"""Maximum number of lines of an excerpt."""

_MAX_ERROR_LINES = 5  # lines of standard error
_MAX_OUTPUT_LINES = MAX_LINES - _MAX_ERROR_LINES - 2  # leaves lines for standard error and the exit status
_MAX_WIDTH = 400  # characters of one line: enough for a long command line

_Container = Mapping[str, Any]


def excerpt(basis: Basis, answer: Answer) -> str:
    """Return the part of a raw answer that `basis` names: visible, in at most `MAX_LINES` lines."""
    answer = reduce([basis], answer)
    if isinstance(answer, Unanswered):
        return f"(no answer: {_display(answer.reason)})"
    if isinstance(basis.fact.probe, ContainerFields) and (containers := _containers(answer)) is not None:
        return "\n".join(_container_lines(containers, frozenset(basis.keys)))
    lines = _limit([_display(line) for line in _lines(basis, answer)], _MAX_OUTPUT_LINES)
    if errors := answer.stderr.strip():
        lines += _limit([f"stderr: {_display(line)}" for line in errors.split("\n")], _MAX_ERROR_LINES)
    if answer.status:
        lines.append(f"(exit status {answer.status})")
    return "\n".join(lines or ["(empty)"])


def _lines(basis: Basis, answer: Answered) -> list[str]:
    """Split an answer into lines. Valid JSON in an answer to a probe other than a command has a value per line."""
    if not isinstance(basis.fact.probe, Command):
        try:
            return json.dumps(json.loads(answer.stdout), indent=1, ensure_ascii=False).split("\n")
        except (ValueError, RecursionError):
            pass  # invalid JSON is displayed as it is
    return answer.stdout.strip("\n").split("\n") if answer.stdout.strip() else []


def _containers(answer: Answered) -> Sequence[_Container] | None:
    """Parse a list of containers; None if the answer is not a list. Items that are not mappings are ignored."""
    try:
        document = json.loads(answer.stdout)
    except (ValueError, RecursionError):
        return None
    return [item for item in document if isinstance(item, dict)] if isinstance(document, list) else None


def _container_lines(containers: Sequence[_Container], keys: frozenset[str]) -> list[str]:
    """Format the containers that the keys name, by name or id; if there is none, the names and states of all."""
    matches = [container for container in containers if {_name(container), str(container.get("Id"))} & keys]
    if matches:
        lines = [_display(line) for container in matches for line in _format_container(container)]
        others = len(containers) - len(matches)
        note = [f"({others} other container{'' if others == 1 else 's'} omitted)"] if others else []
        return [*_limit(lines, MAX_LINES - 1), *note]
    if not containers:
        return ["(no containers)"]
    states = (_display(_state(container)) for container in containers)
    return _limit([f"(none of the {len(containers)} containers matches)", *states], MAX_LINES)


def _format_container(container: _Container) -> Iterator[str]:
    """Format a container with a line per key, and per item of a list, so that it fits on a screen."""
    for key, value in container.items():
        if isinstance(value, list) and value:
            yield f"{key}:"
            yield from (f"  {json.dumps(item, ensure_ascii=False)}" for item in value)
        else:
            yield f"{key}: {json.dumps(value, ensure_ascii=False)}"


def _state(container: _Container) -> str:
    state = container.get("State")
    return f"{_name(container)}: {state.get('Status') if isinstance(state, dict) else 'unknown'}"


def _name(container: _Container) -> str:
    return str(container.get("Name")).removeprefix("/")


def _limit(lines: Sequence[str], maximum: int) -> list[str]:
    excess = len(lines) - maximum + 1
    return list(lines) if excess <= 1 else [*lines[: maximum - 1], f"... ({excess} more lines)"]


def _display(line: str) -> str:
    excess = len(line) - _MAX_WIDTH
    return visible(line.rstrip("\r")) if excess <= 0 else f"{visible(line[:_MAX_WIDTH])}... ({excess} more)"
