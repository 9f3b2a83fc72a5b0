"""The memory of the machine."""

import re
from dataclasses import replace

from olaudit.model import Answered, Command, Fact, Unknown

_TOTAL = re.compile(r"MemTotal: +([0-9]{1,15}) kB\n")


def _parse_total(answer: Answered) -> int | Unknown:
    """Parse MemTotal from /proc/meminfo, in bytes."""
    match = _TOTAL.match(answer.stdout)
    return int(match[1]) * 1024 if match else Unknown("/proc/meminfo does not begin with MemTotal")


def _reduce(answer: Answered, _keys: frozenset[str]) -> Answered:
    """Keep the first line, which is MemTotal's."""
    line, newline, _ = answer.stdout.partition("\n")
    return replace(answer, stdout=line + newline)


TOTAL: Fact[int] = Fact("memory.total", Command(("head", "-c", "4096", "/proc/meminfo")), _parse_total, _reduce)
"""The memory that the kernel manages, in bytes."""
