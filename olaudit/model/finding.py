"""Findings, which are results with everything that is reported about them, and waivers."""

import hashlib
from dataclasses import dataclass, field

from olaudit.model.fact import Basis
from olaudit.model.result import Severity, Verdict

FLEET = "(fleet)"
"""The host of findings about the whole fleet; it is not a valid host name."""


def finding_id(host: str, check: str, subject: str) -> str:
    """Return the id of a finding: twelve hex digits that are the same in every run."""
    return hashlib.sha256(f"{host}\0{check}\0{subject}".encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """An accepted drift, with its owner, reason and expiry date.

    `name` identifies what is waived, and is the same in every run. `ticket` is a reference to an issue, or empty.
    `expires` is the last day (UTC) on which the waiver is valid, as YYYY-MM-DD. `source` is its file and line.
    """

    name: str
    owner: str
    reason: str
    ticket: str
    expires: str
    source: str

    @property
    def accepted_by(self) -> str:
        """The owner, followed by the ticket if there is one."""
        return f"{self.owner} ({self.ticket})" if self.ticket else self.owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict of one check on one subject of one host.

    `first_seen` (RFC 3339 UTC) is the start of the run in which the condition began; None without a history. For
    drift and waived drift, this is the run that first saw the drift. For an unknown finding, it is that of the
    drift that the unknown finding hides, else the first of the consecutive unknown ones. `waiver` is set if and
    only if the verdict is WAIVED.
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
    based_on: tuple[Basis, ...] = field(default=(), compare=False, repr=False)
    id: str = field(init=False, compare=False, repr=False)
    """The id, which is the same in every run. It is computed once: each snapshot of a fleet needs all ids."""

    def __post_init__(self) -> None:
        """Compute the id."""
        object.__setattr__(self, "id", finding_id(self.host, self.check, self.subject))
