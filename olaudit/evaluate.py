"""Evaluation of checks on the answers of one host, and of a fleet: pure functions without a clock.

This module is also the only entry of host text into findings. Text from a host is made visible and bounded here,
so that renderers do not have to do it.

A checker that raises is a bug. The selected checks of that checker become unknown on that host; everything else
is evaluated.
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
"""The one check without a checker: it is evaluated for every host."""
HOST = "host"
"""The subject of `host.reachable`."""


@dataclass(slots=True)
class Evaluation:
    """Findings, measurements and internal errors of one host, or of a fleet's common checks."""

    findings: list[Finding] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
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
    """Evaluate every selected check of `host`. Total: an exception becomes unknown findings and an error."""
    evaluation = Evaluation(errors=[answers.error] if answers.error else [])
    reachable = Expectation(check=REACHABLE.id, subject=HOST, at=())
    if isinstance(answers.outcome, Failure):
        evaluation.findings.append(_finding(host, reachable.unknown(answers.outcome.message), REACHABLE))
        return evaluation
    result = reachable.ok(message="the host could be audited")
    evaluation.findings.append(_finding(host, result, REACHABLE))
    for checker in checkers:
        if isinstance(checker, Checker) and checker.section in host.sections:
            if any(check.id in selected for check in checker.checks):
                _run_checker(evaluation, host, answers.outcome, checker, selected)
            _measure(evaluation, host, answers.outcome, checker)
    return evaluation


def _run_checker(
    evaluation: Evaluation, host: HostSpec, answers: Answers, checker: Checker[Any], selected: frozenset[str]
) -> None:
    checks = {check.id: check for check in checker.checks}
    try:
        for result in checker.evaluate(host.sections[checker.section], answers):
            if (check := checks[result.check]).id in selected:
                evaluation.findings.append(_finding(host, result, check))
    except Exception as error:  # noqa: BLE001 - a bug: it is reported, and must not affect the other checks
        _record_bug(evaluation, (host,), checker, selected, error)


def _measure(evaluation: Evaluation, host: HostSpec, answers: Answers, checker: Checker[Any]) -> None:
    try:
        evaluation.measurements += checker.measure(host.sections[checker.section], answers)
    except Exception as error:  # noqa: BLE001 - as above
        evaluation.errors.append(_internal_error(host.name, f"measuring {checker.section}", error))


def evaluate_fleet(
    specs: Mapping[str, HostSpec],
    answers: Mapping[str, HostAnswers],
    checkers: Sequence[AnyChecker],
    selected: frozenset[str],
) -> Evaluation:
    """Evaluate the selected checks of fleet checkers. A single host has no other to agree with, and is skipped."""
    evaluation = Evaluation()
    for checker in checkers:
        hosts = {
            name: host
            for name, host in specs.items()
            if checker in list(applicable_checkers(host, checkers, selected))
        }
        if isinstance(checker, FleetChecker) and len(hosts) > 1:
            _run_fleet_checker(evaluation, hosts, answers, checker, selected)
    return evaluation


def _run_fleet_checker(
    evaluation: Evaluation,
    hosts: Mapping[str, HostSpec],
    answers: Mapping[str, HostAnswers],
    checker: FleetChecker[Any],
    selected: frozenset[str],
) -> None:
    checks = {check.id: check for check in checker.checks}
    sections = {name: host.sections[checker.section] for name, host in hosts.items()}
    outcomes = {name: answers[name].outcome for name in hosts}
    try:
        for name, result in checker.evaluate(sections, outcomes):
            # a host that could not be audited has its host.reachable finding, and no other
            if (check := checks[result.check]).id in selected and not isinstance(outcomes[name], Failure):
                evaluation.findings.append(_finding(hosts[name], result, check))
    except Exception as error:  # noqa: BLE001 - as above
        audited = [host for name, host in hosts.items() if not isinstance(outcomes[name], Failure)]
        _record_bug(evaluation, audited, checker, selected, error)


def _record_bug(
    evaluation: Evaluation,
    hosts: Sequence[HostSpec],
    checker: AnyChecker,
    selected: frozenset[str],
    error: Exception,
) -> None:
    """Record a bug in a checker: each of its selected checks is unknown on `hosts`."""
    name = hosts[0].name if len(hosts) == 1 else FLEET
    evaluation.errors.append(_internal_error(name, f"evaluating {checker.section}", error))
    reason = f"internal error in olaudit while {checker.section} was evaluated: {type(error).__name__}"
    for host in hosts:
        for check in checker.checks:
            if check.id in selected:
                expectation = Expectation(check=check.id, subject=checker.section, at=(checker.section,))
                evaluation.findings.append(_finding(host, expectation.unknown(reason), check))


def _internal_error(host: str, activity: str, error: Exception) -> InternalError:
    return InternalError(host, activity, "".join(traceback.format_exception(error)))


def expected_subjects(
    specs: Mapping[str, HostSpec], checkers: Sequence[AnyChecker]
) -> tuple[dict[str, frozenset[str]], list[InternalError]]:
    """List by host the subjects that the expected files name.

    These are the subjects of the results that checkers return without any answers.
    """
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
            errors.append(_internal_error(FLEET, f"listing the subjects of {checker.section}", error))
    return {name: frozenset(map(bounded, of_host)) for name, of_host in subjects.items()}, errors


def _subjects(checker: AnyChecker, sections: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    no_answers = Answers({})
    if isinstance(checker, Checker):
        for name, section in sections.items():
            yield from ((name, result.subject) for result in checker.evaluate(section, no_answers))
    elif len(sections) > 1:
        for name, result in checker.evaluate(sections, dict.fromkeys(sections, no_answers)):
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
        # an altered command is another command: no command is better than a wrong one to paste
        fix=fix if fix is None or display_text(fix) == fix else None,
        source=host.source(result.at),
    )


@lru_cache(maxsize=4096)  # most findings of a fleet have the same few texts
def display_text(text: str) -> str:
    """Prepare text from a host for display: visible, bounded, and without what looks like a secret."""
    return redact(bounded(text), prose=True)
