"""What the checks make of one host's answers, and of a fleet's: pure, and without a clock.

This is also the one door through which a host's words come in: everything a host can say is made visible and
bounded here, so that renderers need not think of it.

A check that raises is a bug. It costs the checks of its kind on that host, each of which becomes unknown, and
nothing else.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from olaudit.checker import AnyChecker, Check, Checker, FleetChecker
from olaudit.expected.spec import HostSpec
from olaudit.model import (
    FLEET,
    Answers,
    Expectation,
    Failure,
    Finding,
    HostAnswers,
    InternalError,
    Measurement,
    Result,
    Severity,
)
from olaudit.redaction import redact
from olaudit.text import bounded

REACHABLE = Check("host.reachable", Severity.CRITICAL, "(unknown only) the host could not be audited")
"""The one check that needs no kind: every audit of a host makes it."""
HOST = "host"
"""The subject of `host.reachable`."""


@dataclass(slots=True)
class Evaluation:
    """What came of the answers of one host, or of what hosts of a fleet should agree on."""

    findings: list[Finding] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    errors: list[InternalError] = field(default_factory=list)


def applicable_checkers(
    host: HostSpec, checkers: Sequence[AnyChecker], wanted: frozenset[str]
) -> Iterator[AnyChecker]:
    """Yield the kinds that have a section in `host`, and of which a check is wanted."""
    for checker in checkers:
        if checker.section in host.sections and any(check.id in wanted for check in checker.ids):
            yield checker


def evaluate(
    host: HostSpec, answers: HostAnswers, checkers: Sequence[AnyChecker], wanted: frozenset[str]
) -> Evaluation:
    """Evaluate every wanted check of `host`. Total: an exception becomes unknown findings and an error."""
    evaluation = Evaluation(errors=[answers.error] if answers.error else [])
    reachable = Expectation(check=REACHABLE.id, subject=HOST, at=())
    if isinstance(answers.outcome, Failure):
        evaluation.findings.append(_finding(host, reachable.unknown(answers.outcome.message), REACHABLE))
        return evaluation
    result = reachable.ok(message="the host could be audited")
    evaluation.findings.append(_finding(host, result, REACHABLE))
    for checker in checkers:
        if isinstance(checker, Checker) and checker.section in host.sections:
            if any(check.id in wanted for check in checker.ids):
                _evaluate_kind(evaluation, host, answers.outcome, checker, wanted)
            _measure(evaluation, host, answers.outcome, checker)
    return evaluation


def _evaluate_kind(
    evaluation: Evaluation, host: HostSpec, answers: Answers, checker: Checker[Any], wanted: frozenset[str]
) -> None:
    ids = {check.id: check for check in checker.ids}
    try:
        for result in checker.evaluate(host.sections[checker.section], answers):
            if (check := ids[result.check]).id in wanted:
                evaluation.findings.append(_finding(host, result, check))
    except Exception as error:  # noqa: BLE001 - a bug: it is reported, and must not cost the other checks
        _fail(evaluation, (host,), checker, wanted, error)


def _measure(evaluation: Evaluation, host: HostSpec, answers: Answers, checker: Checker[Any]) -> None:
    try:
        evaluation.measurements += checker.measure(host.sections[checker.section], answers)
    except Exception as error:  # noqa: BLE001 - as above
        evaluation.errors.append(_internal_error(host.name, f"measuring {checker.section}", error))


def evaluate_fleet(
    specs: Mapping[str, HostSpec],
    given: Mapping[str, HostAnswers],
    checkers: Sequence[AnyChecker],
    wanted: frozenset[str],
) -> Evaluation:
    """Evaluate what hosts should agree on. A single host has no other to agree with, and is not evaluated."""
    evaluation = Evaluation()
    for checker in checkers:
        having = {
            name: host
            for name, host in specs.items()
            if checker in list(applicable_checkers(host, checkers, wanted))
        }
        if isinstance(checker, FleetChecker) and len(having) > 1:
            _evaluate_fleet_kind(evaluation, having, given, checker, wanted)
    return evaluation


def _evaluate_fleet_kind(
    evaluation: Evaluation,
    having: Mapping[str, HostSpec],
    given: Mapping[str, HostAnswers],
    checker: FleetChecker[Any],
    wanted: frozenset[str],
) -> None:
    ids = {check.id: check for check in checker.ids}
    sections = {name: host.sections[checker.section] for name, host in having.items()}
    outcomes = {name: given[name].outcome for name in having}
    try:
        for name, result in checker.evaluate(sections, outcomes):
            # of a host that could not be audited, host.reachable has said all there is to say
            if (check := ids[result.check]).id in wanted and not isinstance(outcomes[name], Failure):
                evaluation.findings.append(_finding(having[name], result, check))
    except Exception as error:  # noqa: BLE001 - as above
        audited = [host for name, host in having.items() if not isinstance(outcomes[name], Failure)]
        _fail(evaluation, audited, checker, wanted, error)


def _fail(
    evaluation: Evaluation,
    hosts: Sequence[HostSpec],
    checker: AnyChecker,
    wanted: frozenset[str],
    error: Exception,
) -> None:
    """Record a bug in a kind of check: each of its checks is unknown on `hosts`."""
    name = hosts[0].name if len(hosts) == 1 else FLEET
    evaluation.errors.append(_internal_error(name, f"evaluating {checker.section}", error))
    reason = f"internal error in olaudit while {checker.section} was evaluated: {type(error).__name__}"
    for host in hosts:
        for check in checker.ids:
            if check.id in wanted:
                expectation = Expectation(check=check.id, subject=checker.section, at=(checker.section,))
                evaluation.findings.append(_finding(host, expectation.unknown(reason), check))


def _internal_error(host: str, activity: str, error: Exception) -> InternalError:
    return InternalError(host, activity, "".join(traceback.format_exception(error)))


def named_subjects(
    specs: Mapping[str, HostSpec], checkers: Sequence[AnyChecker]
) -> tuple[dict[str, frozenset[str]], list[InternalError]]:
    """List by host the subjects that the expected files name: checks evaluated on no answers name no others."""
    subjects = {name: {HOST} for name in specs}
    errors: list[InternalError] = []
    for checker in checkers:
        sections = {
            name: host.sections[checker.section]
            for name, host in specs.items()
            if checker.section in host.sections
        }
        try:
            for name, subject in _subjects(checker, sections):
                subjects[name].add(subject)
        except Exception as error:  # noqa: BLE001 - as above
            errors.append(_internal_error(FLEET, f"naming the subjects of {checker.section}", error))
    return {name: frozenset(map(bounded, named)) for name, named in subjects.items()}, errors


def _subjects(checker: AnyChecker, sections: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    silence = Answers({})
    if isinstance(checker, Checker):
        for name, section in sections.items():
            yield from ((name, result.subject) for result in checker.evaluate(section, silence))
    elif len(sections) > 1:
        for name, result in checker.evaluate(sections, dict.fromkeys(sections, silence)):
            yield name, result.subject


def _finding(host: HostSpec, result: Result, check: Check) -> Finding:
    fix = result.fix
    return Finding(
        host=host.name,
        check=check.id,
        subject=bounded(result.subject),
        verdict=result.verdict,
        severity=result.severity or check.severity,
        expected=bounded(result.expected),
        observed=display_text(result.observed),
        message=display_text(result.message),
        # a command that would have to be altered is another command: none is better than a wrong one to paste
        fix=fix if fix is None or display_text(fix) == fix else None,
        source=host.source(result.at),
    )


@lru_cache(maxsize=4096)  # most findings of a fleet have the same few texts
def display_text(text: str) -> str:
    """Prepare text from a host for people: visible, bounded, and without what looks like a secret."""
    return redact(bounded(text), prose=True)
