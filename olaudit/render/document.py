"""The report as a JSON document: the public schema, from which JSON Schema is made and reports are read back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from olaudit.model import FailureReason, Report, Severity, Verdict
from olaudit.render.style import Style


def _is_moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        msg = f"{text!r} has no time zone"
        raise ValueError(msg)
    return text


Time = Annotated[str, AfterValidator(_is_moment), Field(json_schema_extra={"format": "date-time"})]
"""A moment as RFC 3339, UTC."""


class _Part(BaseModel):
    """A part of the document: frozen, strict, and closed to unknown keys. Key order is the order here."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", from_attributes=True, use_attribute_docstrings=True
    )


class RunPart(_Part):
    """The circumstances of the run."""

    id: str
    """Names the run, and sorts by its start."""
    started_at: Time
    finished_at: Time
    duration_seconds: float
    olaudit_version: str
    expected_revision: str
    """Changes exactly when the content of the expected files does."""
    complete: bool
    """False when the run was interrupted."""


class SummaryPart(_Part):
    """How much was looked at, and what came of it."""

    hosts: int
    unreachable: int
    """Hosts that could not be audited at all."""
    checks: int
    """All that was judged: the sum of the four below."""
    ok: int
    drift: int
    unknown: int
    """Could not be asked or answered: neither ok nor drift."""
    waived: int

    @classmethod
    def of(cls, report: Report) -> Self:
        """Count."""
        return cls(
            hosts=len(report.hosts),
            unreachable=report.unreachable,
            checks=len(report.findings),
            **{verdict.value: report.count(verdict) for verdict in Verdict},
        )


class FailurePart(_Part):
    """Why a host could not be audited."""

    reason: FailureReason
    message: str


class HostPart(_Part):
    """One host that was to be audited."""

    host: str
    """The name in the expected files."""
    verdict: Literal[Verdict.OK, Verdict.DRIFT, Verdict.UNKNOWN]
    """The worst of its findings; those of severity info have no say."""
    failure: FailurePart | None
    duration_seconds: float


class WaiverPart(_Part):
    """Somebody's word for a drift."""

    name: str
    """What is waived; the same in every run."""
    owner: str
    reason: str
    ticket: str
    """Where it is written up; may be empty."""
    expires: Annotated[str, Field(json_schema_extra={"format": "date"})]
    """The last day on which it holds, UTC."""
    source: str
    """Where it is written: file and line."""


class FindingPart(_Part):
    """What one check says of one subject on one host."""

    id: str
    """Twelve hex digits that are the same in every run."""
    host: str
    check: str
    subject: str
    """The thing judged: a container's name, a path, a service, a package, else the kind of check."""
    verdict: Verdict
    severity: Severity
    expected: str
    observed: str
    message: str
    """One sentence."""
    fix: str | None
    """A command for the host."""
    source: str
    """Where the expectation is written: file and line."""
    first_seen: Time | None
    """Since when it has been so; null where no history was asked."""
    waiver: WaiverPart | None
    """Set exactly when the verdict is waived."""


class Document(_Part):
    """A report of olaudit. Findings are sorted by host, check and subject."""

    schema_version: Literal[1] = 1
    run: RunPart
    summary: SummaryPart
    hosts: tuple[HostPart, ...]
    findings: tuple[FindingPart, ...]
    """Everything that is not ok; the ok ones too where they were asked for."""

    @classmethod
    def of(cls, report: Report, style: Style) -> Self:
        """Make the document of `report`."""
        return cls(
            run=RunPart.model_validate(report.run),
            summary=SummaryPart.of(report),
            hosts=tuple(HostPart.model_validate(host) for host in report.hosts),
            findings=tuple(FindingPart.model_validate(finding) for finding in style.shows(report)),
        )
