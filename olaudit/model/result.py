"""Verdicts, severities, and results of one check on one subject of one host."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one check on one subject of one host. Only the methods of `Expectation` build results."""

    check: str
    subject: str
    verdict: Verdict
    expected: str
    observed: str
    message: str
    fix: str | None
    at: SectionPath
    severity: Severity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The expectation of one check about one subject; its methods build the possible results.

    `at` is the place of the expectation in the host's expected state. `severity`, where the expected file sets it,
    overrides the severity of the check.
    """

    check: str
    subject: str
    at: SectionPath
    expected: str = ""
    severity: Severity | None = None

    def ok(self, observed: str = "", message: str = "as expected") -> Result:
        """Build the result for an observed value that is the expected one, or an accepted alternative."""
        return self._result(Verdict.OK, observed, message, None)

    def drift(self, observed: str, message: str, fix: str | None = None) -> Result:
        """Build the result for another observed value; `message` is one sentence, `fix` a command for the host."""
        return self._result(Verdict.DRIFT, observed, message, fix)

    def unknown(self, reason: str) -> Result:
        """Build the result for a value that could not be observed; trailing colons of `reason` are removed."""
        return self._result(Verdict.UNKNOWN, "", reason.rstrip(": \t\r\n") or "no reason was given", None)

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
        )


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number from a host's answers that is exported as a metric, in base units.

    `name` is the name of the metric without its prefix. `source` distinguishes numbers with the same name on one
    host; it is a constant of olaudit, never text from a host.
    """

    name: str
    value: float
    source: str = ""
