"""The host's own clock."""

from __future__ import annotations

import re

from olaudit.facts.answers import unparsable
from olaudit.model import Answered, Command, Fact, Unknown


def _parse_seconds(answer: Answered) -> int | Unknown:
    text = answer.stdout.strip()
    return int(text) if re.fullmatch(r"[0-9]{1,11}", text) else unparsable("date", answer)


SECONDS: Fact[int] = Fact("clock.seconds", Command(("date", "-u", "+%s")), _parse_seconds)
"""The time in seconds since 1970: for the age of what the same clock has dated, such as a container's start."""
