"""Verdicts, severities, and results of one check on one subject of one host."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from olaudit.model.fact import Basis, Fact, Unknown

T = TypeVar("T")


class Verdict(StrEnum):
    """The verdict of a check on a subject. UNKNOWN is never ok and never drift."""

    OK = "ok"
    DRIFT = "drift"
    UNKNOWN = "unknown"
    WAIVED = "waived"


class Severity(StrEnum):
    """How urgent a drift is. INFO never changes an exit code."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


SectionPath = tuple[str | int, ...]
"""A place in a host's expected state, as keys and list positions: ("containers", 0, "hostname")."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its public id (`kind.aspect`), severity, condition of drift, and fix.

    `drift_when` and `fix` are one clause each; `docs/checks.md` is generated from them.
    """

    id: str
    severity: Severity
    drift_when: str
    fix: str = ""

    def expect(
        self,
        subject: str,
        at: SectionPath,
        expected: str = "",
        *,
        severity: Severity | None = None,
        based_on: Iterable[Fact[Any] | Basis] = (),
    ) -> "Expectation":
        """Build the expectation of this check about a subject; see `Expectation`."""
        bases = tuple(basis if isinstance(basis, Basis) else Basis(basis) for basis in based_on)
        return Expectation(self, subject, at, expected, severity or self.severity, bases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one check on one subject of one host. Only the methods of `Expectation` build results."""

    check: Check
    subject: str
    verdict: Verdict
    expected: str
    observed: str
    message: str
    fix: str | None
    at: SectionPath
    severity: Severity
    based_on: tuple[Basis, ...]


@dataclass(frozen=True, slots=True)
class Expectation:
    """The expectation of one check about one subject; its methods build the possible results.

    `Check.expect` builds expectations. `at` is the place of the expectation in the host's expected state.
    `severity` is that of the check, unless the expected file sets another one. `based_on` names all facts that the
    result rests on: without any other fact, the result is the same.
    """

    check: Check
    subject: str
    at: SectionPath
    expected: str
    severity: Severity
    based_on: tuple[Basis, ...]

    def ok(self, observed: str = "", message: str = "as expected") -> Result:
        """Build the result for an observed value that is the expected one, or an accepted alternative."""
        return self._result(Verdict.OK, observed, message, None)

    def drift(self, observed: str, message: str, fix: str | None = None) -> Result:
        """Build the result for another observed value; `message` is one sentence, `fix` a command for the host."""
        return self._result(Verdict.DRIFT, observed, message, fix)

    def unknown(self, reason: str) -> Result:
        """Build the result for a value that could not be observed; trailing colons of `reason` are removed."""
        return self._result(Verdict.UNKNOWN, "", reason.rstrip(": \t\r\n") or "no reason was given", None)

    def evaluate(self, value: T | Unknown, rule: Callable[[T], Result]) -> Result:
        """Apply `rule` to a known value; an unknown one gives the unknown result with its reason."""
        return self.unknown(value.reason) if isinstance(value, Unknown) else rule(value)

    def compare(
        self, value: T | Unknown, observe: Callable[[T], tuple[str, str]], fix: str | None = None
    ) -> Result:
        """Evaluate a value: `observe` returns the observed text, and the message of the drift if it is one."""
        if isinstance(value, Unknown):
            return self.unknown(value.reason)
        observed, problem = observe(value)
        return self.drift(observed, problem, fix) if problem else self.ok(observed)

    def _result(self, verdict: Verdict, observed: str, message: str, fix: str | None) -> Result:
        return Result(
            check=self.check,
            subject=self.subject,
            verdict=verdict,
            expected=self.expected,
            observed=observed,
            message=message,
            fix=fix,
            at=self.at,
            severity=self.severity,
            based_on=self.based_on,
        )


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a number that is measured on hosts: its name without prefix (unit last), and its help text.

    `by_source` is set if one host may have several such numbers, from different sources.
    """

    name: str
    help: str
    by_source: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number of a host that is exported as a metric, in base units.

    `source` distinguishes numbers of the same metric on one host; it is a constant of olaudit, never text from a
    host.
    """

    metric: Metric
    value: float
    source: str = ""


@dataclass(frozen=True, slots=True)
class Vote:
    """The value of one host that should equal that of the other hosts with a vote on the same check and topic.

    `expectation` is that of this host; its expected value is replaced with the value of most hosts. `topic` names
    what is compared in messages, such as "the commit of olsystem".
    """

    expectation: Expectation
    topic: str
    value: str | Unknown
