"""Findings: judgements with everything the world is told about them, and the waivers that accept some."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from olaudit.model.result import Severity, Verdict

FLEET = "(fleet)"
"""Stands for a host in findings about the fleet as a whole; no host can be called so."""


def finding_id(host: str, check: str, subject: str) -> str:
    """Name a finding: twelve hex digits that stay the same in every run, whatever else the run holds."""
    return hashlib.sha256(f"{host}\0{check}\0{subject}".encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Somebody's word for a drift: who accepts it, why, and until when.

    `name` says what is waived, and is the same in every run. `ticket` is where it is written up, or nothing.
    `expires` is the last day (UTC) on which it holds, as YYYY-MM-DD. `source` is the file and line it stands at.
    """

    name: str
    owner: str
    reason: str
    ticket: str
    expires: str
    source: str

    @property
    def accepted_by(self) -> str:
        """The owner, and the ticket where there is one."""
        return f"{self.owner} ({self.ticket})" if self.ticket else self.owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A judgement with everything the world is told about it.

    `first_seen` (RFC 3339 UTC, None where no history was asked) is since when it has been so: of drift and waived
    drift, the run that first saw it; of an unknown, the drift's that it hides, else the first unknown in a row.
    `waiver` is set exactly when the verdict is WAIVED.
    """

    host: str
    check: str
    subject: str
    verdict: Verdict
    severity: Severity
    expected: str
    observed: str
    message: str
    fix: str | None
    source: str
    first_seen: str | None = None
    waiver: Waiver | None = None

    @property
    def id(self) -> str:
        """The finding's stable name."""
        return finding_id(self.host, self.check, self.subject)
