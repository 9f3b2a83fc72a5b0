"""Which questions, and which answers, bear on a finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from olaudit.checker import AnyChecker, Check, FleetChecker
from olaudit.collect import CollectedAnswers
from olaudit.evaluate import REACHABLE
from olaudit.evidence.questions import describe_probe
from olaudit.evidence.reduction import reduce
from olaudit.evidence.terms import terms
from olaudit.expected.spec import HostSpec
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    ContainerChanges,
    EngineQuery,
    Finding,
    HostAnswers,
    Probe,
    Report,
    Verdict,
)
from olaudit.waivers import CHECKS as WAIVER_CHECKS

CHANGED = "container.modified"


def checker_of(checkers: Iterable[AnyChecker], check: str) -> AnyChecker | None:
    """Find the kind that makes a check; none makes host.reachable, nor the checks of waivers."""
    return next((checker for checker in checkers if any(one.id == check for one in checker.ids)), None)


def check_of(checkers: Iterable[AnyChecker], check: str) -> Check | None:
    """Find what is known of a check by its id."""
    known = (REACHABLE, *WAIVER_CHECKS, *(one for checker in checkers for one in checker.ids))
    return next((one for one in known if one.id == check), None)


def probes_of(checkers: Iterable[AnyChecker], host: HostSpec, check: str) -> tuple[Probe, ...]:
    """List what is asked of `host` for a check: nothing where no kind makes it, or nothing is expected there."""
    checker = checker_of(checkers, check)
    if checker is None or checker.section not in host.sections:
        return ()
    return tuple(dict.fromkeys(checker.probes(host.sections[checker.section])))


def extract_evidence(
    report: Report, hosts: Iterable[HostSpec], collected: CollectedAnswers, checkers: Sequence[AnyChecker]
) -> CollectedAnswers:
    """Keep of the answers that bear on what is not ok the values compared, without secrets; and why hosts failed.

    What hosts should agree on is kept of all of them: who differs shows only beside the others.
    """
    specs = {host.name: host for host in hosts}
    loud = [(found.host, found.check) for found in report.findings if found.verdict is not Verdict.OK]
    shared = {check for _, check in loud if isinstance(checker_of(checkers, check), FleetChecker)}

    def bearing(answers: HostAnswers) -> HostAnswers:
        if not isinstance(answers.outcome, Answers):
            return answers
        checks = {check for host, check in loud if host == answers.host} | shared
        spec = specs.get(answers.host)
        wanted = {probe for check in checks for probe in probes_of(checkers, spec, check)} if spec else set()
        about = [
            one
            for one in report.findings
            if one.check in checks and (one.host == answers.host or one.check in shared)
        ]
        unsound = [one for one in about if one.verdict is not Verdict.OK]
        kept = {
            probe: reduce(probe, answer, unsound)
            for probe, answer in answers.outcome.raw().items()
            if probe in wanted
        }
        return replace(answers, outcome=Answers(kept))

    return replace(collected, hosts=tuple(map(bearing, collected.hosts)))


def is_relevant(probe: Probe, answer: Answer | None, finding: Finding) -> bool:
    """Say whether a question, or its answer, names what the finding is about, or what was observed."""
    if probe is EngineQuery.CONTAINERS and finding.check.startswith("container."):
        return True
    if isinstance(probe, ContainerChanges):
        return finding.check == CHANGED  # it names every container, changed or not
    said = f"{answer.stdout}\n{answer.stderr}" if isinstance(answer, Answered) else ""
    return any(term in f"{describe_probe(probe)}\n{said}" for term in terms(finding))
