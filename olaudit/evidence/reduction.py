"""Reduction of answers to the values that findings compare, without secrets, for storage and display."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from olaudit.evidence.configuration import compared_lines
from olaudit.evidence.matching import container_name, name_matches, search_terms
from olaudit.model import Answer, Answered, Command, ContainerChanges, ContainerFields, Finding, Probe, Unanswered
from olaudit.redaction import redact, redact_json

SHORT_ANSWER = 20
"""Maximum number of lines of an answer that is kept completely."""

_MAX_MATCHES = 200  # lines of one answer that match the findings
_OMITTED = re.compile(r"\((\d+) lines that do not name it are left out\)")


def reduce(probe: Probe, answer: Answer, findings: Collection[Finding]) -> Answer:
    """Reduce an answer to what `findings` need. The result can be reduced again for some of these findings."""
    if isinstance(answer, Unanswered):
        return Unanswered(redact(answer.reason, prose=True))
    if not isinstance(probe, Command) and (document := _document(answer)) is not None:
        reduced = redact_json(_reduce_document(probe, document, findings))
        return replace(answer, stdout=json.dumps(reduced, ensure_ascii=False), stderr=redact(answer.stderr))
    lines, omitted = _split_lines(redact(answer.stdout))
    compared = compared_lines(probe, lines, findings) if isinstance(probe, Command) else None
    if compared is not None:
        selected, omitted = list(compared), omitted + max(0, len(lines) - len(compared))
    else:
        selected, unmatched = _matching_lines(lines, findings)
        omitted += unmatched
    note = [f"({omitted} lines that do not name it are left out)"] if omitted else []
    stderr = "\n".join(redact(answer.stderr).split("\n")[:SHORT_ANSWER])
    return replace(answer, stdout="\n".join([*selected, *note]), stderr=stderr)


def _document(answer: Answered) -> Any:
    try:
        return json.loads(answer.stdout)
    except (ValueError, RecursionError):
        return None  # not JSON: it is kept as text


def _reduce_document(probe: Probe, document: Any, findings: Iterable[Finding]) -> Any:
    """Keep the containers that findings are about, and the name and state of the other containers."""
    if isinstance(probe, ContainerChanges) and isinstance(document, dict):
        return {
            name: changes
            for name, changes in document.items()
            if any(name_matches(name, finding) for finding in findings)
        }
    if isinstance(probe, ContainerFields) and isinstance(document, list):
        return [
            item if not isinstance(item, dict) or _is_subject(item, findings) else _outline(item)
            for item in document
        ]
    return document


def _is_subject(container: dict[str, Any], findings: Iterable[Finding]) -> bool:
    labels = _mapping(_mapping(container.get("Config")).get("Labels"))
    names = (
        container_name(container),
        "-".join(str(labels.get(f"com.docker.compose.{key}", "")) for key in _COMPOSE_LABELS),
    )
    return any(name_matches(name, finding) for finding in findings for name in names)


_COMPOSE_LABELS = ("project", "service", "container-number")


def _outline(container: dict[str, Any]) -> dict[str, Any]:
    status = _mapping(container.get("State")).get("Status")
    return {"Name": container.get("Name"), "State": {"Status": status}}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _split_lines(text: str) -> tuple[list[str], int]:
    """Split an answer into its lines and the number of lines that an earlier reduction omitted."""
    lines = text.strip("\n").split("\n") if text.strip() else []
    if lines and (match := _OMITTED.fullmatch(lines[-1])):
        return lines[:-1], int(match[1][:9])
    return lines, 0


def _matching_lines(lines: Sequence[str], findings: Iterable[Finding]) -> tuple[list[str], int]:
    """Return the lines to keep, and the number of the others.

    A short answer is kept completely. Of a long one, the lines that match the findings are kept, else the first
    ones.
    """
    if len(lines) <= SHORT_ANSWER:
        return list(lines), 0
    terms = tuple({term for finding in findings for term in search_terms(finding)})
    matches = [line for line in lines if any(term in line for term in terms)]
    selected = matches[:_MAX_MATCHES] or list(lines[:SHORT_ANSWER])
    return selected, len(lines) - len(selected)
