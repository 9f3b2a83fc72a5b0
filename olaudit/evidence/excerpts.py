"""The part of a raw answer that matters, visible and bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from olaudit.evidence.reduction import reduce
from olaudit.evidence.terms import Inspected, meant, name_of, read
from olaudit.model import Answer, Answered, Command, EngineQuery, Finding, Probe, Unanswered
from olaudit.text import visible

MAX_LINES = 40
"""How many lines of one answer are shown at most."""

_ERRORS = 5  # lines of what a command complained about; leaves room within MOST for its exit status
_NAMING = MAX_LINES - _ERRORS - 2
_WIDEST = 400  # characters of one line: enough for any command line worth reading


def excerpt(probe: Probe, answer: Answer, finding: Finding) -> str:
    """Give what matters of a raw answer: visible, at most `MOST` lines, saying how many more there are."""
    answer = reduce(probe, answer, [finding])
    if isinstance(answer, Unanswered):
        return f"(no answer: {_shown(answer.reason)})"
    containers = read(answer) if probe is EngineQuery.CONTAINERS else None
    if containers is not None:
        return "\n".join(_inspected(containers, finding))
    lines = _cut([_shown(line) for line in _lines(probe, answer)], _NAMING)
    if complaints := answer.stderr.strip():
        lines += _cut([f"stderr: {_shown(line)}" for line in complaints.split("\n")], _ERRORS)
    if answer.status:
        lines.append(f"(exit status {answer.status})")
    return "\n".join(lines or ["(nothing)"])


def _lines(probe: Probe, answer: Answered) -> list[str]:
    """Split an answer; what is to be JSON and is, comes with a value per line."""
    if not isinstance(probe, Command):
        try:
            return json.dumps(json.loads(answer.stdout), indent=1, ensure_ascii=False).split("\n")
        except (ValueError, RecursionError):
            pass  # nonsense, and as such it is to be seen
    return answer.stdout.strip("\n").split("\n") if answer.stdout.strip() else []


def _inspected(containers: Sequence[Inspected], finding: Finding) -> list[str]:
    """Show the containers that are meant; where there is none, the names of all."""
    found = list(meant(containers, finding))
    if found:
        lines = [_shown(line) for one in found for line in _inspect(one)]
        others = len(containers) - len(found)
        rest = [f"({others} other container{'' if others == 1 else 's'} left out)"] if others else []
        return [*_cut(lines, MAX_LINES - 1), *rest]
    if not containers:
        return ["(no containers at all)"]
    return _cut(
        [f"(none of these {len(containers)} is it)", *(_shown(_state(one)) for one in containers)], MAX_LINES
    )


def _inspect(container: Inspected) -> Iterator[str]:
    """Write a container with a line per key, and per item of a list: all of it is to fit on a screen."""
    for key, value in container.items():
        if isinstance(value, list) and value:
            yield f"{key}:"
            yield from (f"  {json.dumps(item, ensure_ascii=False)}" for item in value)
        else:
            yield f"{key}: {json.dumps(value, ensure_ascii=False)}"


def _state(container: Inspected) -> str:
    state = container.get("State")
    return f"{name_of(container)}: {state.get('Status') if isinstance(state, dict) else 'unknown'}"


def _cut(lines: Sequence[str], most: int) -> list[str]:
    more = len(lines) - most + 1
    return list(lines) if more <= 1 else [*lines[: most - 1], f"... ({more} more lines)"]


def _shown(line: str) -> str:
    more = len(line) - _WIDEST
    return visible(line.rstrip("\r")) if more <= 0 else f"{visible(line[:_WIDEST])}... ({more} more)"
