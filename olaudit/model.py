"""The nouns of an audit: probes and their answers, judgements, findings, and the report they end in.

Everything here is a frozen value. What could not be known is a value too (`Unanswered`, `Failure`), so that
no reader of these types can mistake "could not look" for "looked, and it was fine".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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


# --- asking ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shell:
    """A read-only command, to be run without a shell between `argv` and the program.

    `may_hang` marks commands that touch a file system which can be a dead mount: they are run after, and
    apart from, the ones that cannot hang, so that one dead mount costs only the answers that lie on it.
    `sudo` marks the few that need root's right to read; they are run by `sudo -n`, which never asks.
    """

    argv: tuple[str, ...]
    may_hang: bool = field(default=False, compare=False)
    sudo: bool = False


class Engine(StrEnum):
    """A question to the Docker Engine of a host.

    VERSION: the engine's `GET /version`. CONTAINERS: a JSON list with one `GET /containers/ID/json` per
    container, running or not, reduced to what checks may see (never environment variables).
    """

    VERSION = "version"
    CONTAINERS = "containers"


@dataclass(frozen=True, slots=True)
class ImageLayers:
    """A question to the engine: the `RootFS.Layers` of `image`, as a JSON list of digests.

    Images are rebuilt on each host, so their ids differ where their content does not.
    """

    image: str


@dataclass(frozen=True, slots=True)
class ContainerChanges:
    """A question to the engine: what `docker diff` says of each running container, below `paths` alone.

    JSON: a mapping of container names to lists of {"Path", "Kind"} (0 modified, 1 added, 2 deleted).
    """

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question to the resolver of the auditor, not of the host.

    JSON: {"addresses": [...], "names": {address: [...]}}, the addresses that `name` resolves to and the names
    that each of these resolves back to; both empty where the name does not resolve.
    """

    name: str


class Reached(StrEnum):
    """A question to the transport.

    ADDRESS: the IP address at which the host was reached. CLOCK: the auditor's own clock, as JSON {"sent":
    seconds, "received": seconds} since 1970, between which every command that cannot hang was run and answered.
    """

    ADDRESS = "address"
    CLOCK = "clock"


EngineProbe = Engine | ImageLayers | ContainerChanges
Probe = Shell | EngineProbe | Lookup | Reached


@dataclass(frozen=True, slots=True)
class Answered:
    """What a probe returned, unjudged. Engine questions answer with JSON in `stdout` and status 0."""

    stdout: str
    stderr: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A probe that could not be asked, or did not answer; `reason` is one line for people."""

    reason: str


Answer = Answered | Unanswered


class Answers(Mapping[Probe, Answer]):
    """The answers of one host. A probe nobody asked is `Unanswered`, never a KeyError and never a guess."""

    def __init__(self, answers: Mapping[Probe, Answer]) -> None:
        self._answers = dict(answers)

    def __getitem__(self, probe: Probe) -> Answer:
        """Look `probe` up; total."""
        return self._answers.get(probe, Unanswered("this was not asked of the host"))

    def __iter__(self) -> Iterator[Probe]:
        """Iterate over the probes that were asked."""
        return iter(self._answers)

    def __len__(self) -> int:
        """Count the probes that were asked."""
        return len(self._answers)


class Reason(StrEnum):
    """Why a host as a whole could not be audited."""

    DNS = "dns"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    HOSTKEY = "hostkey"
    AUTH = "auth"
    SSH = "ssh"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Failure:
    """A host that could not be audited; `message` is one line that says what happened and how to mend it."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class HostAnswers:
    """What came back from one host, and how long that took (seconds, connect included)."""

    host: str
    outcome: Answers | Failure
    duration_seconds: float


# --- judging ---------------------------------------------------------------------------------------------------

At = tuple[str | int, ...]
"""A place in a host's expected state, as keys and list positions: ("containers", 0, "hostname")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one check says of one subject on one host. Made by `Question`, never by hand."""

    check: str
    subject: str
    verdict: Verdict
    expected: str
    observed: str
    message: str
    fix: str | None
    at: At
    severity: Severity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One check id about one subject, before the answer is known; its methods are the only ways to answer it.

    `at` is the place of the expectation. `severity` overrides the check's own where the expected file does.
    """

    check: str
    subject: str
    at: At
    expected: str = ""
    severity: Severity | None = None

    def ok(self, observed: str = "", message: str = "as expected") -> Judgement:
        """Say that what was observed is what was expected, or an accepted alternative."""
        return self._judgement(Verdict.OK, observed, message, None)

    def drift(self, observed: str, message: str, fix: str | None = None) -> Judgement:
        """Say that something else was observed; `message` is one sentence, `fix` a command for the host."""
        return self._judgement(Verdict.DRIFT, observed, message, fix)

    def unknown(self, reason: str) -> Judgement:
        """Say that it could not be observed, and why."""
        return self._judgement(Verdict.UNKNOWN, "", reason, None)

    def _judgement(self, verdict: Verdict, observed: str, message: str, fix: str | None) -> Judgement:
        return Judgement(
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


# --- reporting -------------------------------------------------------------------------------------------------


def finding_id(host: str, check: str, subject: str) -> str:
    """Name a finding: twelve hex digits that stay the same in every run, whatever else the run holds."""
    return hashlib.sha256(f"{host}\0{check}\0{subject}".encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A judgement with everything the world is told about it. `first_seen` is RFC 3339 UTC, or not yet known."""

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

    @property
    def id(self) -> str:
        """The finding's stable name."""
        return finding_id(self.host, self.check, self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResult:
    """One host of the report: its worst verdict, and why it failed if it did."""

    host: str
    verdict: Verdict
    failure: Failure | None
    duration_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The circumstances of a report. Times are RFC 3339 UTC; `complete` is false after an interrupt."""

    id: str
    started_at: str
    finished_at: str
    duration_seconds: float
    olaudit_version: str
    expected_revision: str
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole run: every host asked, and every check made, the ok ones too; sorted by host, check, subject."""

    run: Run
    hosts: tuple[HostResult, ...]
    findings: tuple[Finding, ...] = field(default=())

    def count(self, verdict: Verdict) -> int:
        """Count the findings of one verdict."""
        return sum(finding.verdict is verdict for finding in self.findings)

    @property
    def unreachable(self) -> int:
        """How many hosts could not be audited at all."""
        return sum(host.failure is not None for host in self.hosts)
