"""Planning of probes and evaluation of answers into a report: pure functions without a clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from olaudit.checker import AnyChecker, Check
from olaudit.errors import UsageError
from olaudit.evaluate import (
    REACHABLE,
    Evaluation,
    applicable_checkers,
    display_text,
    evaluate,
    evaluate_fleet,
    expected_subjects,
)
from olaudit.expected.spec import HostSpec
from olaudit.model import (
    Failure,
    FailureReason,
    Finding,
    HostAnswers,
    HostResult,
    Probe,
    Report,
    Run,
    Severity,
    Verdict,
)
from olaudit.text import suggest_check

_INTERRUPTED = Failure(FailureReason.INTERRUPTED, "the run was interrupted before this host had answered")


def select_checks(
    checkers: Sequence[AnyChecker],
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    also: Iterable[Check] = (),
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


def audit(
    hosts: Iterable[HostSpec],
    answers: Iterable[HostAnswers],
    checkers: Sequence[AnyChecker],
    selected: frozenset[str],
    run: Run,
) -> Report:
    """Evaluate the selected checks of `hosts`. A host without answers is reported as interrupted."""
    specs = {host.name: host for host in sorted(hosts, key=lambda host: host.name)}
    by_host = {answer.host: answer for answer in answers}
    outcomes = {name: by_host.get(name, HostAnswers(name, _INTERRUPTED, 0.0)) for name in specs}
    evaluations = {name: evaluate(host, outcomes[name], checkers, selected) for name, host in specs.items()}
    fleet_evaluation = evaluate_fleet(specs, outcomes, checkers, selected)
    for finding in fleet_evaluation.findings:
        evaluations[finding.host].findings.append(finding)
    subjects, subject_errors = expected_subjects(specs, checkers)
    return Report(
        run=run,
        hosts=tuple(
            _host_result(host, outcomes[name], evaluations[name], subjects[name]) for name, host in specs.items()
        ),
        findings=tuple(
            finding
            for evaluation in evaluations.values()
            for finding in sorted(evaluation.findings, key=_sort_key)
        ),
        errors=(
            *(error for evaluation in evaluations.values() for error in evaluation.errors),
            *fleet_evaluation.errors,
            *subject_errors,
        ),
    )


def _host_result(
    host: HostSpec, answers: HostAnswers, evaluation: Evaluation, subjects: frozenset[str]
) -> HostResult:
    outcome = answers.outcome
    return HostResult(
        host=host.name,
        verdict=worst_verdict(evaluation.findings),
        failure=Failure(outcome.reason, display_text(outcome.message)) if isinstance(outcome, Failure) else None,
        duration_seconds=answers.duration_seconds,
        roles=host.roles,
        measurements=tuple(evaluation.measurements),
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
