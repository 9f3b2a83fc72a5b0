"""Answers reduced to what findings need: the values compared, without secrets; to be stored, and to be shown."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from olaudit.evidence.configuration import compared_lines
from olaudit.evidence.terms import name_fits, name_of, terms
from olaudit.model import Answer, Answered, Command, ContainerChanges, EngineQuery, Finding, Probe, Unanswered
from olaudit.redaction import redact, redact_json

WHOLE = 20
"""An answer of at most so many lines is kept whole."""

_MOST = 200  # lines of one answer that name what findings are about
_OMITTED = re.compile(r"\((\d+) lines that do not name it are left out\)")


def reduce(probe: Probe, answer: Answer, findings: Collection[Finding]) -> Answer:
    """Keep of an answer what `findings` need; reducing it again for some of them is possible."""
    if isinstance(answer, Unanswered):
        return Unanswered(redact(answer.reason, prose=True))
    if not isinstance(probe, Command) and (document := _document(answer)) is not None:
        kept = redact_json(_needed(probe, document, findings))
        return replace(answer, stdout=json.dumps(kept, ensure_ascii=False), stderr=redact(answer.stderr))
    lines, omitted = _split(redact(answer.stdout))
    compared = compared_lines(probe, lines, findings) if isinstance(probe, Command) else None
    if compared is not None:
        kept, omitted = list(compared), omitted + max(0, len(lines) - len(compared))
    else:
        kept, left_out = _naming(lines, findings)
        omitted += left_out
    note = [f"({omitted} lines that do not name it are left out)"] if omitted else []
    stderr = "\n".join(redact(answer.stderr).split("\n")[:WHOLE])
    return replace(answer, stdout="\n".join([*kept, *note]), stderr=stderr)


def _document(answer: Answered) -> Any:
    try:
        return json.loads(answer.stdout)
    except (ValueError, RecursionError):
        return None  # it is no JSON, and is kept as text


def _needed(probe: Probe, document: Any, findings: Iterable[Finding]) -> Any:
    """Keep the containers that findings are about; of the others, which there are and in what state."""
    if isinstance(probe, ContainerChanges) and isinstance(document, dict):
        return {
            name: changes for name, changes in document.items() if any(name_fits(name, one) for one in findings)
        }
    if probe is EngineQuery.CONTAINERS and isinstance(document, list):
        return [
            one if not isinstance(one, dict) or _is_meant(one, findings) else _outline(one) for one in document
        ]
    return document


def _is_meant(container: dict[str, Any], findings: Iterable[Finding]) -> bool:
    labels = _mapping(_mapping(container.get("Config")).get("Labels"))
    compose = "-".join(str(labels.get(f"com.docker.compose.{key}", "")) for key in _COMPOSE)
    return any(name_fits(name_of(container), one) or name_fits(compose, one) for one in findings)


_COMPOSE = ("project", "service", "container-number")


def _outline(container: dict[str, Any]) -> dict[str, Any]:
    status = _mapping(container.get("State")).get("Status")
    return {"Name": container.get("Name"), "State": {"Status": status}}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _split(text: str) -> tuple[list[str], int]:
    """Split an answer into lines, and take off what an earlier reduction says that it left out."""
    lines = text.strip("\n").split("\n") if text.strip() else []
    if lines and (match := _OMITTED.fullmatch(lines[-1])):
        return lines[:-1], int(match[1][:9])
    return lines, 0


def _naming(lines: Sequence[str], findings: Iterable[Finding]) -> tuple[list[str], int]:
    """Keep a short answer whole, of a long one the lines that name what it is about, else the first ones."""
    if len(lines) <= WHOLE:
        return list(lines), 0
    wanted = tuple({term for finding in findings for term in terms(finding)})
    kept = [line for line in lines if any(term in line for term in wanted)][:_MOST] or list(lines[:WHOLE])
    return kept, len(lines) - len(kept)
