"""Selection of the probes and answers that a finding rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from olaudit.checker import AnyChecker, FleetChecker
from olaudit.collect import CollectedAnswers
from olaudit.evaluate import REACHABLE
from olaudit.evidence.matching import search_terms
from olaudit.evidence.probe_text import describe_probe
from olaudit.evidence.reduction import reduce
from olaudit.expected.spec import HostSpec
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    Check,
    ContainerChanges,
    ContainerFields,
    Finding,
    HostAnswers,
    Probe,
    Report,
    Verdict,
)
from olaudit.waivers import CHECKS as WAIVER_CHECKS

CONTAINER_MODIFIED = "container.modified"


def checker_of(checkers: Iterable[AnyChecker], check_id: str) -> AnyChecker | None:
    """Return the checker of a check id; None for host.reachable and the checks of waivers, which have none."""
    return next((checker for checker in checkers if any(check.id == check_id for check in checker.checks)), None)


def check_of(checkers: Iterable[AnyChecker], check_id: str) -> Check | None:
    """Return the check with an id; None if there is no such check."""
    checks = (REACHABLE, *WAIVER_CHECKS, *(check for checker in checkers for check in checker.checks))
    return next((check for check in checks if check.id == check_id), None)


def probes_of(checkers: Iterable[AnyChecker], host: HostSpec, check_id: str) -> tuple[Probe, ...]:
    """List the probes for a check on `host`; none if the check has no checker, or the host lacks its section."""
    checker = checker_of(checkers, check_id)
    if checker is None or checker.section not in host.sections:
        return ()
    return tuple(dict.fromkeys(checker.probes(host.sections[checker.section])))


def extract_evidence(
    report: Report, hosts: Iterable[HostSpec], collected: CollectedAnswers, checkers: Sequence[AnyChecker]
) -> CollectedAnswers:
    """Reduce the answers to those that findings other than ok rest on, without secrets; keep failures of hosts.

    The answers of fleet checks are kept of all hosts, because a host differs only in comparison with the others.
    """
    specs = {host.name: host for host in hosts}
    not_ok = [finding for finding in report.findings if finding.verdict is not Verdict.OK]
    fleet_ids = {
        finding.check for finding in not_ok if isinstance(checker_of(checkers, finding.check), FleetChecker)
    }

    def reduce_host(answers: HostAnswers) -> HostAnswers:
        if not isinstance(answers.outcome, Answers):
            return answers
        findings = [finding for finding in not_ok if finding.host == answers.host or finding.check in fleet_ids]
        check_ids = {finding.check for finding in findings}
        spec = specs.get(answers.host)
        probes = {probe for id_ in check_ids for probe in probes_of(checkers, spec, id_)} if spec else set()
        reduced = {
            probe: reduce(probe, answer, findings)
            for probe, answer in answers.outcome.raw().items()
            if probe in probes
        }
        return replace(answers, outcome=Answers(reduced))

    return replace(collected, hosts=tuple(map(reduce_host, collected.hosts)))


def is_relevant(probe: Probe, answer: Answer | None, finding: Finding) -> bool:
    """Return whether a probe or its answer contains the finding's subject or observed value."""
    if isinstance(probe, ContainerFields) and finding.check.startswith("container."):
        return True
    if isinstance(probe, ContainerChanges):
        return finding.check == CONTAINER_MODIFIED  # the answer names every container, changed or not
    output = f"{answer.stdout}\n{answer.stderr}" if isinstance(answer, Answered) else ""
    return any(term in f"{describe_probe(probe)}\n{output}" for term in search_terms(finding))
