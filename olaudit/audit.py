"""Expected state and answers to a report: pure, and without a clock."""

from __future__ import annotations

import difflib
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
    named_subjects,
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

_LOST = Failure(FailureReason.INTERRUPTED, "the run was interrupted before this host had answered")


def select_checks(
    checkers: Sequence[AnyChecker],
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    also: Iterable[Check] = (),
) -> frozenset[str]:
    """Choose check ids by globs: those that match one of `only` (none: all), less those that match one of `skip`.

    There are those of `kinds`, and those of `also`, which others make than the kinds.
    `host.reachable` is always among them: a host nobody could look at is never left out. Raises UsageError
    for a glob that matches no id, and for an attempt to skip `host.reachable` alone.
    """
    ids = sorted(
        {REACHABLE.id, *(check.id for check in (*also, *(one for checker in checkers for one in checker.ids)))}
    )
    for glob in (*only, *skip):
        if not any(fnmatchcase(check, glob) for check in ids):
            raise UsageError(f"no check is called {glob!r}", _suggest(glob, ids))
    if REACHABLE.id in skip:
        raise UsageError(f"{REACHABLE.id} cannot be skipped", "an audit always says which hosts it could not see")
    chosen = [check for check in ids if not only or any(fnmatchcase(check, glob) for glob in only)]
    return frozenset({REACHABLE.id, *(id_ for id_ in chosen if not any(fnmatchcase(id_, glob) for glob in skip))})


def _suggest(glob: str, ids: Sequence[str]) -> str:
    checkers = dict.fromkeys(f"{check.partition('.')[0]}.*" for check in ids)
    if glob + ".*" in checkers:
        return f'did you mean "{glob}.*"?'
    if near := difflib.get_close_matches(glob, [*ids, *checkers], 1):
        return f'did you mean "{near[0]}"?'
    return f"the kinds of checks are {', '.join(checkers)}"


def plan(host: HostSpec, checkers: Sequence[AnyChecker], wanted: frozenset[str]) -> tuple[Probe, ...]:
    """List what to ask of `host`: each probe once, in the order of the kinds."""
    asked = (
        probe
        for checker in applicable_checkers(host, checkers, wanted)
        for probe in checker.probes(host.sections[checker.section])
    )
    return tuple(dict.fromkeys(asked))


def audit(
    hosts: Iterable[HostSpec],
    answers: Iterable[HostAnswers],
    checkers: Sequence[AnyChecker],
    wanted: frozenset[str],
    run: Run,
) -> Report:
    """Judge what `hosts` answered. A host without an answer is reported as interrupted, never left out."""
    specs = {host.name: host for host in sorted(hosts, key=lambda host: host.name)}
    outcomes = {answer.host: answer for answer in answers}
    given = {name: outcomes.get(name, HostAnswers(name, _LOST, 0.0)) for name in specs}
    evaluations = {name: evaluate(host, given[name], checkers, wanted) for name, host in specs.items()}
    together = evaluate_fleet(specs, given, checkers, wanted)
    for finding in together.findings:
        evaluations[finding.host].findings.append(finding)
    subjects, errors = named_subjects(specs, checkers)
    return Report(
        run=run,
        hosts=tuple(_result(host, given[name], evaluations[name], subjects[name]) for name, host in specs.items()),
        findings=tuple(finding for one in evaluations.values() for finding in sorted(one.findings, key=_order)),
        errors=(*(error for one in evaluations.values() for error in one.errors), *together.errors, *errors),
    )


def _result(host: HostSpec, answers: HostAnswers, evaluation: Evaluation, subjects: frozenset[str]) -> HostResult:
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
    """Sum findings up: drift, else unknown, else ok.

    Findings of severity info have no say, drifted or unknown, because they never change the exit code and a
    host's verdict must not contradict it; nor have waived ones, which somebody answers for.
    """
    verdicts = {finding.verdict for finding in findings if finding.severity is not Severity.INFO}
    return next((verdict for verdict in (Verdict.DRIFT, Verdict.UNKNOWN) if verdict in verdicts), Verdict.OK)


def exit_code(report: Report) -> int:
    """Return the exit code of a report: 70 for an internal error, 1 for drift, 3 for anything unknown, else 0."""
    if report.errors:
        return 70
    return {Verdict.DRIFT: 1, Verdict.UNKNOWN: 3}.get(worst_verdict(report.findings), 0)


def _order(finding: Finding) -> tuple[str, ...]:
    """Sort as the contract says; the rest settles ties, so that the order of a judge's findings never shows."""
    return (finding.check, finding.subject, finding.verdict, finding.observed, finding.message)
