"""clock.skew: the host's clock agrees with the auditor's.

The host said its time at some moment between the auditor's asking and the arrival of the answer. So its clock is
compared with the middle of that span, and half of it is allowed for on top of the limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pydantic import PositiveFloat

from olaudit.checker import Check, Checker
from olaudit.language import Section
from olaudit.model import (
    Answer,
    Answers,
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
    """How far the host's clock may be from the auditor's, in seconds, either way.

    NTP keeps machines within milliseconds, so two seconds already mean that it does not run; with a smaller limit,
    a busy auditor's own delays could be mistaken for skew.
    """

    limit_seconds: PositiveFloat = 2.0
    severity: Severity | None = None


def probes(_spec: ClockSpec) -> tuple[Probe, ...]:
    """Ask for the host's time, and for the auditor's around it."""
    return (TIME, ConnectionProbe.CLOCK)


def evaluate(spec: ClockSpec, answers: Answers) -> Iterator[Result]:
    """Compare the clocks. A span too long to tell them apart is unknown, unless they surely differ."""
    limit = spec.limit_seconds
    expectation = Expectation(
        check="clock.skew",
        subject="clock",
        at=("clock", "limit_seconds"),
        expected=f"within {limit:g} s of the auditor's clock",
        severity=spec.severity,
    )
    host, around = _host(answers[TIME]), _around(answers[ConnectionProbe.CLOCK])
    if isinstance(host, Unanswered):
        yield expectation.unknown(host.reason)
    elif isinstance(around, Unanswered):
        yield expectation.unknown(around.reason)
    else:
        sent, received = around
        skew, half = host - (sent + received) / 2, (received - sent) / 2
        observed = f"{skew:+.2f} s, give or take {half:.2f} s"
        if abs(skew) > limit + half:
            way = "ahead of" if skew > 0 else "behind"
            message = (
                f"the clock is {_long(abs(skew))} {way} the auditor's: time is not kept in step there, or here"
            )
            yield expectation.drift(observed, message, _FIX)
        elif half > limit:
            yield expectation.unknown(
                f"the answer took {received - sent:.1f} s, too long to tell clocks apart within {limit:g} s"
            )
        else:
            yield expectation.ok(observed)


# Whichever of these keeps the time there; the last one is for releases without systemd.
_FIX = "systemctl restart chrony || systemctl restart systemd-timesyncd || service ntp restart"


def _host(answer: Answer) -> float | Unanswered:
    if isinstance(answer, Unanswered):
        return answer
    if not (match := _TIME.fullmatch(answer.stdout)):
        return Unanswered(f"date did not say a time: {(answer.stderr or answer.stdout)[:200]!r}")
    return float(match[1])


def _around(answer: Answer) -> tuple[float, float] | Unanswered:
    """Read when the auditor asked and had the answer, in seconds since 1970."""
    if isinstance(answer, Unanswered):
        return answer
    try:
        said = json.loads(answer.stdout)
        sent, received = float(said["sent"]), float(said["received"])
    except (ValueError, RecursionError, TypeError, KeyError, OverflowError):
        return Unanswered("the auditor's own clock was not recorded")
    return (
        (sent, received) if 0 <= sent <= received < 1e12 else Unanswered("the auditor's own clock makes no sense")
    )


def _long(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


CHECKER = Checker(
    section="clock",
    model=ClockSpec,
    ids=(
        Check(
            "clock.skew",
            # Logs no longer tell what came first, and signed requests and certificates fail later on: mend by day.
            Severity.WARNING,
            "the host's clock is further from the auditor's than the limit",
            "restart what keeps the time there: chrony, systemd-timesyncd or ntp",
        ),
    ),
    collected="`date -u +%s.%N`, between two looks at the auditor's clock; half the round trip is allowed for",
    probes=probes,
    evaluate=evaluate,
)
