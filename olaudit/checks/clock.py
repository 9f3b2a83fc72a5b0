"""clock.skew: the host's clock agrees with the auditor's.

The host read its clock between the auditor's request and the arrival of the answer. So its clock is compared with
the middle of that round trip, and half of the round trip is added to the limit.
"""

from collections.abc import Iterator
from functools import partial

from pydantic import PositiveFloat

from olaudit.checker import Checker
from olaudit.facts.clock import HOST_TIME, ROUND_TRIP
from olaudit.language import Section
from olaudit.model import Check, Expectation, Facts, Result, Severity, combine


class ClockSpec(Section):
    """The allowed difference between the host's clock and the auditor's, in seconds, in either direction.

    NTP keeps clocks within milliseconds, so a difference of two seconds means that it does not run. With a smaller
    limit, the delays of a busy auditor could look like skew.
    """

    limit_seconds: PositiveFloat = 2.0
    severity: Severity | None = None


SKEW = Check(
    "clock.skew",
    # A warning: the order of log lines is lost at once; signed requests and certificates fail only later.
    Severity.WARNING,
    "the host's clock is further from the auditor's than the limit",
    "restart the time service of the host: chrony, systemd-timesyncd or ntp",
)

# The host runs one of these; the last command is for releases without systemd.
_FIX = "systemctl restart chrony || systemctl restart systemd-timesyncd || service ntp restart"


def evaluate(spec: ClockSpec, facts: Facts) -> Iterator[Result]:
    """Compare the clocks. A round trip too long for the limit is unknown, unless the clocks certainly differ."""
    expected = f"within {spec.limit_seconds:g} s of the auditor's clock"
    at, based_on = ("clock", "limit_seconds"), (HOST_TIME, ROUND_TRIP)
    expectation = SKEW.expect("clock", at, expected, severity=spec.severity, based_on=based_on)
    times = combine(facts[HOST_TIME], facts[ROUND_TRIP])
    yield expectation.evaluate(times, partial(_evaluate, expectation, spec.limit_seconds))


def _evaluate(expectation: Expectation, limit: float, times: tuple[float, tuple[float, float]]) -> Result:
    host_time, (sent, received) = times
    skew, half = host_time - (sent + received) / 2, (received - sent) / 2
    observed = f"{skew:+.2f} s, uncertainty {half:.2f} s"
    if abs(skew) > limit + half:
        direction = "ahead of" if skew > 0 else "behind"
        duration = _format_duration(abs(skew))
        message = f"the host's clock is {duration} {direction} the auditor's: one of the two is not synchronized"
        return expectation.drift(observed, message, _FIX)
    if half > limit:
        return expectation.unknown(
            f"the answer took {received - sent:.1f} s, too long to compare the clocks within {limit:g} s"
        )
    return expectation.ok(observed)


def _format_duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


CHECKER = Checker(
    section="clock",
    model=ClockSpec,
    checks=(SKEW,),
    collected="`date -u +%s.%N`, between two readings of the auditor's clock; half the round trip is tolerated",
    facts=lambda _spec: (HOST_TIME, ROUND_TRIP),
    evaluate=evaluate,
)
