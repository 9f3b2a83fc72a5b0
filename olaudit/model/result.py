"""Verdicts, severities, and judgements: what one check says of one subject on one host."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What an audit says of one subject. UNKNOWN is never ok and never drift."""

    OK = "ok"
    DRIFT = "drift"
    UNKNOWN = "unknown"
    WAIVED = "waived"


class Severity(StrEnum):
    """What a drift means at three in the morning. INFO never changes an exit code."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


SectionPath = tuple[str | int, ...]
"""A place in a host's expected state, as keys and list positions: ("containers", 0, "hostname")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one check says of one subject on one host. Made by `Question`, never by hand."""

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
    """One check id about one subject, before the answer is known; its methods are the only ways to answer it.

    `at` is the place of the expectation. `severity` overrides the check's own where the expected file does.
    """

    check: str
    subject: str
    at: SectionPath
    expected: str = ""
    severity: Severity | None = None

    def ok(self, observed: str = "", message: str = "as expected") -> Result:
        """Say that what was observed is what was expected, or an accepted alternative."""
        return self._result(Verdict.OK, observed, message, None)

    def drift(self, observed: str, message: str, fix: str | None = None) -> Result:
        """Say that something else was observed; `message` is one sentence, `fix` a command for the host."""
        return self._result(Verdict.DRIFT, observed, message, fix)

    def unknown(self, reason: str) -> Result:
        """Say that it could not be observed, and why: a reason that breaks off does not end in a colon."""
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
    """A number that a host told and that is worth a curve, in base units.

    `name` is its metric's, without the prefix; `source` tells numbers of one name on one host apart, and is a word
    of ours, never a host's.
    """

    name: str
    value: float
    source: str = ""
