"""Planning of probes and evaluation of answers into a report: pure functions without a clock."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from olaudit.checker import AnyChecker
from olaudit.errors import UsageError
from olaudit.evaluate import (
    REACHABLE,
    Evaluation,
    applicable_checkers,
    display_text,
    evaluate,
    evaluate_fleet,
    expected_subjects,
    internal_error,
)
from olaudit.expected.spec import HostSpec
from olaudit.model import (
    Check,
    Failure,
    FailureReason,
    Finding,
    HostAnswers,
    HostResult,
    InternalError,
    Probe,
    Report,
    Run,
    Severity,
    Verdict,
)
from olaudit.text import suggest_check

_INTERRUPTED = Failure(FailureReason.INTERRUPTED, "the run was interrupted before this host had answered")


def select_checks(
    checkers: Sequence[AnyChecker], only: Sequence[str] = (), skip: Sequence[str] = (), also: Iterable[Check] = ()
) -> frozenset[str]:
    """Select check ids by globs: the ids that match a glob of `only` (none: all ids) and no glob of `skip`.

    The ids are those of `checkers` and of `also`, which lists checks that no checker evaluates. `host.reachable`
    is always selected, so that no host that could not be audited is left out. Raises UsageError for a glob that
    matches no id, and for `host.reachable` in `skip`.
    """
    checks = (REACHABLE, *also, *(check for checker in checkers for check in checker.checks))
    ids = sorted({check.id for check in checks})
    for glob in (*only, *skip):
        if not any(fnmatchcase(check_id, glob) for check_id in ids):
            raise UsageError(f"no check id matches {glob!r}", suggest_check(glob, ids))
    if REACHABLE.id in skip:
        raise UsageError(
            f"{REACHABLE.id} cannot be skipped", "every report lists the hosts that could not be audited"
        )
    included = [check_id for check_id in ids if not only or any(fnmatchcase(check_id, glob) for glob in only)]
    selected = (check_id for check_id in included if not any(fnmatchcase(check_id, glob) for glob in skip))
    return frozenset({REACHABLE.id, *selected})


def plan(host: HostSpec, checkers: Sequence[AnyChecker], selected: frozenset[str]) -> tuple[Probe, ...]:
    """List the probes for `host`: each probe once, in the order of `checkers`."""
    probes = (
        probe
        for checker in applicable_checkers(host, checkers, selected)
        for probe in checker.probes(host.sections[checker.section])
    )
    return tuple(dict.fromkeys(probes))


@dataclass(frozen=True, slots=True)
class HostAudit:
    """One host's answers, evaluated: all that a report needs of the host, until its next audit."""

    answers: HostAnswers
    evaluation: Evaluation


class FleetAuditor:
    """Evaluates the answers of each host, and composes the report of the fleet from its hosts' evaluations.

    A new audit of one host costs one evaluation; `report` adds only the comparison of hosts. The subjects that the
    expected files name are listed once.
    """

    def __init__(
        self, hosts: Iterable[HostSpec], checkers: Sequence[AnyChecker], selected: frozenset[str]
    ) -> None:
        self._specs = {host.name: host for host in sorted(hosts, key=lambda host: host.name)}
        self._checkers = checkers
        self._selected = selected
        self._subjects: dict[str, frozenset[str]] = {}
        self._errors: list[InternalError] = []
        for name, host in self._specs.items():
            self._subjects[name] = self._list_subjects(host)

    def _list_subjects(self, host: HostSpec) -> frozenset[str]:
        try:
            return expected_subjects(host, self._checkers)
        except Exception as error:  # noqa: BLE001 - a bug: it is reported, and must not affect the other hosts
            self._errors.append(internal_error(host.name, "listing the subjects", error))
            return frozenset()

    def evaluate(self, answers: HostAnswers) -> HostAudit:
        """Evaluate the selected checks of one host."""
        return HostAudit(answers, evaluate(self._specs[answers.host], answers, self._checkers, self._selected))

    def report(self, audits: Mapping[str, HostAudit], run: Run, missing: Failure = _INTERRUPTED) -> Report:
        """Compose the report of all hosts; `missing` is the failure of hosts without answers."""
        by_host = {
            name: audits[name] if name in audits else self.evaluate(HostAnswers(name, missing, 0.0))
            for name in self._specs
        }
        evaluations = {name: host_audit.evaluation for name, host_audit in by_host.items()}
        common = evaluate_fleet(self._specs, evaluations, self._selected)
        findings = {
            name: sorted((*evaluation.findings, *common[name]), key=_sort_key)
            for name, evaluation in evaluations.items()
        }
        return Report(
            run=run,
            hosts=tuple(
                _host_result(self._specs[name], host_audit, findings[name], self._subjects[name])
                for name, host_audit in by_host.items()
            ),
            findings=tuple(finding for of_host in findings.values() for finding in of_host),
            errors=(*(error for evaluation in evaluations.values() for error in evaluation.errors), *self._errors),
            metrics=tuple(dict.fromkeys(metric for checker in self._checkers for metric in checker.metrics)),
        )


def audit(
    hosts: Iterable[HostSpec],
    answers: Iterable[HostAnswers],
    checkers: Sequence[AnyChecker],
    selected: frozenset[str],
    run: Run,
) -> Report:
    """Evaluate the selected checks of `hosts`. A host without answers is reported as interrupted."""
    specs = tuple(hosts)
    names = {host.name for host in specs}
    auditor = FleetAuditor(specs, checkers, selected)
    audits = {of_host.host: auditor.evaluate(of_host) for of_host in answers if of_host.host in names}
    return auditor.report(audits, run)


def _host_result(
    host: HostSpec, host_audit: HostAudit, findings: Sequence[Finding], subjects: frozenset[str]
) -> HostResult:
    outcome = host_audit.answers.outcome
    return HostResult(
        host=host.name,
        verdict=worst_verdict(findings),
        failure=Failure(outcome.reason, display_text(outcome.message)) if isinstance(outcome, Failure) else None,
        duration_seconds=host_audit.answers.duration_seconds,
        roles=host.roles,
        measurements=tuple(host_audit.evaluation.measurements),
        subjects=subjects,
    )


def worst_verdict(findings: Iterable[Finding]) -> Verdict:
    """Return the verdict of several findings together: drift, else unknown, else ok.

    Findings of severity info are ignored, drift and unknown alike: they never change the exit code, and a host's
    verdict must not contradict it. Waived findings are ignored too: their drift is accepted.
    """
    verdicts = {finding.verdict for finding in findings if finding.severity is not Severity.INFO}
    return next((verdict for verdict in (Verdict.DRIFT, Verdict.UNKNOWN) if verdict in verdicts), Verdict.OK)


def exit_code(report: Report) -> int:
    """Return the exit code of a report: 70 for an internal error, 1 for drift, 3 for unknown, else 0."""
    if report.errors:
        return 70
    return {Verdict.DRIFT: 1, Verdict.UNKNOWN: 3}.get(worst_verdict(report.findings), 0)


def _sort_key(finding: Finding) -> tuple[str, ...]:
    """Return the key of the public order, and further fields, so that equal keys do not depend on a checker."""
    return (finding.check, finding.subject, finding.verdict, finding.observed, finding.message)
