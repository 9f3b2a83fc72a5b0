"""Mutations of an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from olaudit.model import Answer, Answered, Command, Probe, Unanswered

STATUSES = (1, 2, 3, 124, 125, 126, 127, 128, 137, 139, 255)
GARBAGE = ("garbage\n", "\0\ufffd\x1b[31m\t/ //\n\n=:,\n", "9" * 5000, " \n", "\n")
JSON = (
    "null",
    "{}",
    "true",
    '"text"',
    "17",
    "[null]",
    "[{}]",
    "[[]]",
    "[" * 100_000,
    '{"a":' * 50_000,
    '{"addresses": {}, "names": {}}',
    '{"addresses": "", "names": {}}',
    '{"addresses": null, "names": []}',
    '{"sent": null, "received": null}',
    '{"Version": {}}',
    '{"Version": ""}',
)


def destroy(probe: Probe, answer: Answered) -> Iterator[tuple[str, Answer]]:
    """Destroy the evidence in `answer`: no result that depends on it may be ok."""
    yield "removed", Unanswered("removed")
    if answer.stdout:
        yield "emptied", replace(answer, stdout="")
        yield "emptied, errors too", replace(answer, stdout="", stderr="")
    for text in GARBAGE:
        yield f"garbage {text[:9]!r}", replace(answer, stdout=text)
    documented = probe.statuses if isinstance(probe, Command) else (0,)
    for status in STATUSES:
        if status not in documented:
            yield f"status {status}", replace(answer, status=status)
    if not isinstance(probe, Command):
        for text in JSON:
            yield f"JSON {text[:30]}", replace(answer, stdout=text)


def truncate(answer: Answered) -> Iterator[tuple[str, Answer]]:
    """Truncate `answer` at lines, within lines, and before its last character."""
    text = answer.stdout
    line_ends = [index + 1 for index, character in enumerate(text) if character == "\n"][:-1]
    positions = {0, 1, len(text) // 4, len(text) // 2, len(text) * 3 // 4, len(text) - 2, len(text) - 1}
    for position in sorted({*positions, *line_ends[:4], *line_ends[-4:]}):
        if 0 <= position < len(text):
            where = "at a line" if position in line_ends else "within a line"
            yield where, replace(answer, stdout=text[:position])


def alter(answer: Answered) -> Iterator[tuple[str, Answer]]:
    """Alter `answer` in ways that may preserve its evidence."""
    yield "error added", replace(answer, stderr=f"{answer.stderr}\nprogram: /etc: Permission denied".strip())
    yield "absence added", replace(answer, stderr=f"{answer.stderr}\nx: '/x': No such file or directory".strip())
    yield "errors removed", replace(answer, stderr="")
    lines = answer.stdout.splitlines(keepends=True)
    yield "lines duplicated", replace(answer, stdout="".join(line * 2 for line in lines))
    yield "answer duplicated", replace(answer, stdout=answer.stdout * 2)
    yield "lines reversed", replace(answer, stdout="".join(reversed(lines)))
    for text in GARBAGE:
        yield f"garbage appended {text[:9]!r}", replace(answer, stdout=answer.stdout + text)
    for status in STATUSES:
        yield f"status {status}", replace(answer, status=status)
