"""The host's clock, and the auditor's clock around its answer."""

import re

from olaudit.facts.answers import parse_json, unparsable
from olaudit.model import Answered, Command, ConnectionProbe, Fact, Unknown


def _parse_time(answer: Answered) -> float | Unknown:
    is_time = re.fullmatch(r"-?[0-9]{1,12}\.[0-9]{9}\n", answer.stdout)
    return float(answer.stdout) if is_time else unparsable("date", answer)


def _parse_seconds(answer: Answered) -> int | Unknown:
    return int(answer.stdout) if re.fullmatch(r"[0-9]{1,11}\n", answer.stdout) else unparsable("date", answer)


def _parse_round_trip(answer: Answered) -> tuple[float, float] | Unknown:
    document = parse_json(answer)
    times = document if isinstance(document, dict) else {}
    try:
        sent, received = float(times["sent"]), float(times["received"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return Unknown("the auditor's own clock was not recorded")
    if not 0 <= sent <= received < 1e12:
        return Unknown("the times of the auditor's own clock are not valid")
    return sent, received


HOST_TIME: Fact[float] = Fact("clock.host_time", Command(("date", "-u", "+%s.%N")), _parse_time)
"""The host's own clock, in seconds since 1970."""

SECONDS: Fact[int] = Fact("clock.seconds", Command(("date", "-u", "+%s")), _parse_seconds)
"""The time in seconds since 1970: for the age of what the same clock has dated, such as a container's start."""

ROUND_TRIP: Fact[tuple[float, float]] = Fact("clock.round_trip", ConnectionProbe.CLOCK, _parse_round_trip)
"""The times of the auditor's request and of the answer's arrival, in seconds since 1970 by the auditor's clock."""
