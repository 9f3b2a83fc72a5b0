"""Comparison of two files on the host, also of files that only root may read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

from olaudit.facts.answers import is_absent
from olaudit.model import Answered, Command, Fact, Unknown

_DIFFER = re.compile(r"differ: (?:byte|char) [0-9]+, line ([0-9]{1,9})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two files are equal; `line` is the first that differs (None if one is the start of the other)."""

    equal: bool
    line: int | None = None


def comparison(path: str, other: str) -> Fact[Comparison | None]:
    """Build the fact of how `path` compares with `other`; None if `path` does not exist."""
    # 2: one of the files could not be read
    probe = Command(("cmp", "--", path, other), may_hang=True, sudo=True, statuses=(0, 1, 2))
    return Fact("comparison", probe, partial(_parse, path, other))


def _parse(path: str, other: str, answer: Answered) -> Comparison | Unknown | None:
    has_output = bool(answer.stdout or answer.stderr)
    if answer.status == 0 and not has_output:
        return Comparison(equal=True)
    if answer.status == 1 and has_output:
        match = _DIFFER.search(answer.stdout)
        return Comparison(equal=False, line=int(match[1]) if match else None)
    error = answer.stderr.partition("\n")[0]
    if answer.status == 2 and error.startswith(f"cmp: {path}: ") and is_absent(error):
        return None
    return Unknown(f"cannot compare {path} with {other}: {error[:200]!r}")
