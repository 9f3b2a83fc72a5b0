"""Evaluation of checks on the answers of one host, and of a fleet: pure functions without a clock.

This module is also the only entry of host text into findings. Text from a host is made visible and bounded here,
so that renderers do not have to do it.

A checker that raises is a bug. The selected checks of that checker become unknown on that host; everything else
is evaluated.
"""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from olaudit.checker import AnyChecker
from olaudit.expected.spec import HostSpec
from olaudit.majority import compare
from olaudit.model import (
    Answers,
    Check,
    Facts,
    Failure,
    Finding,
    HostAnswers,
    InternalError,
    Measurement,
    Result,
    Severity,
    Vote,
)
from olaudit.redaction import redact
from olaudit.text import bounded

REACHABLE = Check("host.reachable", Severity.CRITICAL, "(unknown only) the host could not be audited")
"""The one check without a checker: it is evaluated for every host."""
HOST = "host"
"""The subject of `host.reachable`."""


@dataclass(slots=True)
class Evaluation:
    """The findings of one host, its measurements, its votes on what hosts should agree on, and internal errors.

    It depends on nothing but the expected state and the answers of this host. `failed`: it could not be audited.
    """

    failed: bool
    findings: list[Finding] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    votes: list[Vote] = field(default_factory=list)
    errors: list[InternalError] = field(default_factory=list)


def applicable_checkers(
    host: HostSpec, checkers: Sequence[AnyChecker], selected: frozenset[str]
) -> Iterator[AnyChecker]:
    """Yield the checkers that have a section in `host` and a selected check."""
    for checker in checkers:
        if checker.section in host.sections and any(check.id in selected for check in checker.checks):
            yield checker


def evaluate(
    host: HostSpec, answers: HostAnswers, checkers: Sequence[AnyChecker], selected: frozenset[str]
) -> Evaluation:
    """Evaluate every selected check of `host`. Total: an exception becomes unknown findings and an error.

    A host that could not be audited has its `host.reachable` finding, no other, and votes with unknown values.
    """
    evaluation = Evaluation(isinstance(answers.outcome, Failure), errors=[answers.error] if answers.error else [])
    reachable = REACHABLE.expect(HOST, ())
    if isinstance(answers.outcome, Failure):
        facts = Facts(Answers({}, answers.outcome.message))
        evaluation.findings.append(_finding(host, reachable.unknown(answers.outcome.message)))
    else:
        facts = Facts(answers.outcome)
        evaluation.findings.append(_finding(host, reachable.ok(message="the host could be audited")))
    for checker in applicable_checkers(host, checkers, selected):
        try:
            evaluation.votes += checker.vote(host.sections[checker.section], facts)
            if isinstance(answers.outcome, Answers):
                _run_checker(evaluation, host, facts, checker, selected)
        except Exception as error:  # noqa: BLE001 - a bug: it is reported, and must not affect the other checks
            _record_bug(evaluation, host, checker, selected, error)
        try:
            evaluation.measurements += checker.measure(host.sections[checker.section], facts)
        except Exception as error:  # noqa: BLE001 - as above
            evaluation.errors.append(internal_error(host.name, f"measuring {checker.section}", error))
    return evaluation


def _run_checker(
    evaluation: Evaluation, host: HostSpec, facts: Facts, checker: AnyChecker, selected: frozenset[str]
) -> None:
    section = host.sections[checker.section]
    for result in checker.evaluate(section, facts):
        if result.check not in checker.checks:
            raise UndeclaredCheckError(result.check.id)
        if result.check.id in selected:
            evaluation.findings.append(_finding(host, result))


class UndeclaredCheckError(Exception):
    """A checker returned a result of a check that it does not declare."""


def _record_bug(
    evaluation: Evaluation, host: HostSpec, checker: AnyChecker, selected: frozenset[str], error: Exception
) -> None:
    """Record a bug in a checker: each of its selected checks is unknown on `host`."""
    evaluation.errors.append(internal_error(host.name, f"evaluating {checker.section}", error))
    if evaluation.failed:
        return
    reason = f"internal error in olaudit while {checker.section} was evaluated: {type(error).__name__}"
    for check in checker.checks:
        if check.id in selected:
            expectation = check.expect(checker.section, (checker.section,))
            evaluation.findings.append(_finding(host, expectation.unknown(reason)))


def internal_error(host: str, activity: str, error: Exception) -> InternalError:
    """Describe a bug by its traceback."""
    return InternalError(host, activity, "".join(traceback.format_exception(error)))


def evaluate_fleet(
    specs: Mapping[str, HostSpec], evaluations: Mapping[str, Evaluation], selected: frozenset[str]
) -> dict[str, list[Finding]]:
    """Compare the votes of all hosts; return the findings of the selected checks by host.

    A host that could not be audited has no findings, but counts as one that did not vote.
    """
    topics: dict[tuple[str, str], dict[str, Vote]] = {}
    for name, evaluation in evaluations.items():
        for vote in evaluation.votes:
            if vote.expectation.check.id in selected:
                topics.setdefault((vote.expectation.check.id, vote.topic), {})[name] = vote
    findings: dict[str, list[Finding]] = {name: [] for name in specs}
    for votes in topics.values():
        for name, result in compare(votes):
            if not evaluations[name].failed:
                findings[name].append(_finding(specs[name], result))
    return findings


def expected_subjects(host: HostSpec, checkers: Sequence[AnyChecker]) -> frozenset[str]:
    """List the subjects that the expected files name: those of the results and votes without any answers."""
    facts = Facts(Answers({}))
    subjects = {HOST}
    for checker in checkers:
        if checker.section in host.sections:
            section = host.sections[checker.section]
            subjects |= {result.subject for result in checker.evaluate(section, facts)}
            subjects |= {vote.expectation.subject for vote in checker.vote(section, facts)}
    return frozenset(map(bounded, subjects))


def _finding(host: HostSpec, result: Result) -> Finding:
    fix = result.fix
    return Finding(
        host=host.name,
        check=result.check.id,
        subject=bounded(result.subject),
        verdict=result.verdict,
        severity=result.severity,
        expected=bounded(result.expected),
        observed=display_text(result.observed),
        message=display_text(result.message),
        # an altered command is another command: no command is better than a wrong one to paste
        fix=fix if fix is None or display_text(fix) == fix else None,
        source=host.source(result.at),
        based_on=result.based_on,
    )


@lru_cache(maxsize=4096)  # most findings of a fleet have the same few texts
def display_text(text: str) -> str:
    """Prepare text from a host for display: visible, bounded, and without what looks like a secret."""
    return redact(bounded(text), prose=True)
