"""clock.skew: the host's clock agrees with the auditor's.

The host read its clock between the auditor's request and the arrival of the answer. So its clock is compared with
the middle of that round trip, and half of the round trip is added to the limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pydantic import PositiveFloat

from olaudit.checker import Checker
from olaudit.language import Section
from olaudit.model import (
    Answer,
    Answers,
    Check,
    Command,
    ConnectionProbe,
    Expectation,
    Probe,
    Result,
    Severity,
    Unanswered,
)

TIME = Command(("date", "-u", "+%s.%N"))
"""The host's own clock, in seconds since 1970."""

_TIME = re.compile(r"(-?[0-9]{1,12}\.[0-9]{9})\n")


class ClockSpec(Section):
    """The allowed difference between the host's clock and the auditor's, in seconds, in either direction.

    NTP keeps clocks within milliseconds, so a difference of two seconds means that it does not run. With a smaller
    limit, the delays of a busy auditor could look like skew.
    """

    limit_seconds: PositiveFloat = 2.0
    severity: Severity | None = None


def probes(_spec: ClockSpec) -> tuple[Probe, ...]:
    """List the probes: the host's clock, and the auditor's clock before and after it."""
    return (TIME, ConnectionProbe.CLOCK)


def evaluate(spec: ClockSpec, answers: Answers) -> Iterator[Result]:
    """Compare the clocks. A round trip too long for the limit is unknown, unless the clocks certainly differ."""
    limit = spec.limit_seconds
    expectation = Expectation(
        check="clock.skew",
        subject="clock",
        at=("clock", "limit_seconds"),
        expected=f"within {limit:g} s of the auditor's clock",
        severity=spec.severity,
    )
    host_time = _parse_host_time(answers[TIME])
    round_trip = _parse_round_trip(answers[ConnectionProbe.CLOCK])
    if isinstance(host_time, Unanswered):
        yield expectation.unknown(host_time.reason)
    elif isinstance(round_trip, Unanswered):
        yield expectation.unknown(round_trip.reason)
    else:
        sent, received = round_trip
        skew, half = host_time - (sent + received) / 2, (received - sent) / 2
        observed = f"{skew:+.2f} s, uncertainty {half:.2f} s"
        if abs(skew) > limit + half:
            direction = "ahead of" if skew > 0 else "behind"
            message = (
                f"the host's clock is {_format_duration(abs(skew))} {direction} the auditor's: "
                "one of the two is not synchronized"
            )
            yield expectation.drift(observed, message, _FIX)
        elif half > limit:
            yield expectation.unknown(
                f"the answer took {received - sent:.1f} s, too long to compare the clocks within {limit:g} s"
            )
        else:
            yield expectation.ok(observed)


# The host runs one of these; the last command is for releases without systemd.
_FIX = "systemctl restart chrony || systemctl restart systemd-timesyncd || service ntp restart"


def _parse_host_time(answer: Answer) -> float | Unanswered:
    if isinstance(answer, Unanswered):
        return answer
    if not (match := _TIME.fullmatch(answer.stdout)):
        return Unanswered(f"date returned no time: {(answer.stderr or answer.stdout)[:200]!r}")
    return float(match[1])


def _parse_round_trip(answer: Answer) -> tuple[float, float] | Unanswered:
    """Parse the times of the auditor's request and of the answer's arrival, in seconds since 1970."""
    if isinstance(answer, Unanswered):
        return answer
    try:
        times = json.loads(answer.stdout)
        sent, received = float(times["sent"]), float(times["received"])
    except (ValueError, RecursionError, TypeError, KeyError, OverflowError):
        return Unanswered("the auditor's own clock was not recorded")
    return (
        (sent, received)
        if 0 <= sent <= received < 1e12
        else Unanswered("the times of the auditor's own clock are not valid")
    )


def _format_duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


CHECKER = Checker(
    section="clock",
    model=ClockSpec,
    checks=(
        Check(
            "clock.skew",
            # A warning: the order of log lines is lost at once; signed requests and certificates fail only later.
            Severity.WARNING,
            "the host's clock is further from the auditor's than the limit",
            "restart the time service of the host: chrony, systemd-timesyncd or ntp",
        ),
    ),
    collected="`date -u +%s.%N`, between two readings of the auditor's clock; half the round trip is tolerated",
    facts=probes,
    evaluate=evaluate,
)
