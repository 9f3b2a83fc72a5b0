"""Models of the report's JSON document: the source of its JSON Schema, and the loader of stored reports."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from olaudit.model import FailureReason, Report, Severity, Verdict
from olaudit.render.style import Style


def _require_time_zone(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        msg = f"{text!r} has no time zone"
        raise ValueError(msg)
    return text


Time = Annotated[str, AfterValidator(_require_time_zone), Field(json_schema_extra={"format": "date-time"})]
"""A time as RFC 3339, UTC."""


class DocumentModel(BaseModel):
    """Base of the models of JSON documents: frozen, strict, no unknown keys. Keys have the order of fields."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", from_attributes=True, use_attribute_docstrings=True
    )


class RunPart(DocumentModel):
    """The run that produced the report."""

    id: str
    """Id of the run; ids sort by the start of their runs."""
    started_at: Time
    finished_at: Time
    duration_seconds: float
    olaudit_version: str
    expected_revision: str
    """Revision of the expected files: it changes exactly when their content changes."""
    complete: bool
    """False when the run was interrupted."""


class SummaryPart(DocumentModel):
    """Counts of hosts and of checks by verdict."""

    hosts: int
    unreachable: int
    """Number of hosts that could not be audited."""
    checks: int
    """Number of evaluated checks: the sum of the four counts below."""
    ok: int
    drift: int
    unknown: int
    """Checks that could not be evaluated: neither ok nor drift."""
    waived: int


class FailurePart(DocumentModel):
    """Why a host could not be audited."""

    reason: FailureReason
    message: str


class HostPart(DocumentModel):
    """One host of the run."""

    host: str
    """The name in the expected files."""
    verdict: Literal[Verdict.OK, Verdict.DRIFT, Verdict.UNKNOWN]
    """The worst verdict of its findings; findings of severity info are ignored."""
    failure: FailurePart | None
    duration_seconds: float


class WaiverPart(DocumentModel):
    """An accepted drift, with its owner, reason and expiry date."""

    name: str
    """Name of what is waived; the same in every run."""
    owner: str
    reason: str
    ticket: str
    """Reference to an issue; may be empty."""
    expires: Annotated[str, Field(json_schema_extra={"format": "date"})]
    """The last day on which the waiver applies, UTC."""
    source: str
    """File and line of the waiver."""


class FindingPart(DocumentModel):
    """The verdict of one check on one subject of one host."""

    id: str
    """Twelve hex digits that are the same in every run."""
    host: str
    check: str
    subject: str
    """What the finding is about: a container's name, a path, a service, a package, else the section."""
    verdict: Verdict
    severity: Severity
    expected: str
    observed: str
    message: str
    """One sentence."""
    fix: str | None
    """A command that restores the expected state when run on the host."""
    source: str
    """File and line of the expectation."""
    first_seen: Time | None
    """Start of the run since which the finding has had this verdict; null where no history was read."""
    waiver: WaiverPart | None
    """Set exactly when the verdict is waived."""


class Document(DocumentModel):
    """A report of olaudit. Findings are sorted by host, check and subject."""

    schema_version: Literal[1] = 1
    run: RunPart
    summary: SummaryPart
    hosts: tuple[HostPart, ...]
    findings: tuple[FindingPart, ...]
    """Everything that is not ok; with the option `--all` also what is ok."""

    @classmethod
    def of(cls, report: Report, style: Style) -> Self:
        """Build the document of `report`, with the findings that `style` selects."""
        counts = {"hosts": len(report.hosts), "unreachable": report.unreachable, "checks": len(report.findings)}
        counts |= {verdict.value: report.count(verdict) for verdict in Verdict}
        findings = style.select_findings(report)
        return cls.model_validate(
            {"run": report.run, "summary": counts, "hosts": report.hosts, "findings": findings}
        )
