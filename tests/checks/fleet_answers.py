"""Answers of a simulated fleet, and the evaluation of a host with one replaced answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from olaudit.audit import plan, select_checks
from olaudit.checker import AnyChecker
from olaudit.checks import CHECKERS
from olaudit.demo.drifts import DRIFTS, Drift
from olaudit.demo.fleet import simulated
from olaudit.facts import clock
from olaudit.majority import compare
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    ConnectionProbe,
    Facts,
    Probe,
    Result,
    Unanswered,
    Verdict,
    Vote,
)
from tests.demo.auditing import collect_answers, shipped_fleet

Verdicts = dict[tuple[str, str], Verdict]
"""Verdicts by check and subject."""

_WORST = (Verdict.OK, Verdict.UNKNOWN, Verdict.DRIFT)


def worst(*verdicts: Verdict) -> Verdict:
    """Return the worst of several verdicts of one subject."""
    return max(verdicts, key=_WORST.index)


def evaluate_hosts(
    checker: AnyChecker, sections: Mapping[str, Any], answers: Mapping[str, Answers]
) -> Iterator[tuple[str, Result]]:
    """Evaluate each host, and compare the votes of all hosts; yield pairs of a host and a result."""
    topics: dict[str, dict[str, Vote]] = {}
    for host, section in sections.items():
        facts = Facts(answers[host])
        yield from ((host, result) for result in checker.evaluate(section, facts))
        for vote in checker.vote(section, facts):
            topics.setdefault(vote.topic, {})[host] = vote
    for votes in topics.values():
        yield from compare(votes)


@dataclass(frozen=True)
class RecordedFleet:
    """Answers of every host of the shipped expected files."""

    outcomes: Mapping[str, Answers]

    def probes(self, host: str) -> tuple[Probe, ...]:
        """List the probes of `host`."""
        return plan(shipped_fleet().hosts[host], CHECKERS, select_checks(CHECKERS))

    def checkers(self, host: str, probe: Probe) -> tuple[AnyChecker, ...]:
        """List the checkers that use `probe` on `host`."""
        sections = shipped_fleet().hosts[host].sections
        checkers = (checker for checker in CHECKERS if checker.section in sections)
        return tuple(checker for checker in checkers if probe in checker.probes(sections[checker.section]))

    def results(self, host: str, checker: AnyChecker, answers: Answers) -> list[Result]:
        """Evaluate `checker` for `host` with other answers of this host."""
        sections = {
            name: spec.sections[checker.section]
            for name, spec in shipped_fleet().hosts.items()
            if checker.section in spec.sections and (name == host or checker.compares_hosts)
        }
        results = evaluate_hosts(checker, sections, {**self.outcomes, host: answers})
        return [result for name, result in results if name == host]

    def evaluate(self, host: str, checkers: Sequence[AnyChecker], changed: Mapping[Probe, Answer]) -> Verdicts:
        """Evaluate `checkers` for `host` with some answers replaced; return the worst verdict of each subject."""
        answers = Answers({**self.outcomes[host].raw(), **changed})
        verdicts: Verdicts = {}
        for checker in checkers:
            for result in self.results(host, checker, answers):
                key = (result.check.id, result.subject)
                verdicts[key] = worst(verdicts.get(key, Verdict.OK), result.verdict)
        return verdicts

    def dependent_results(self, host: str, probe: Probe) -> set[tuple[str, str]]:
        """List the results that are ok with the answer to `probe`, and not ok without it."""
        checkers = self.checkers(host, probe)
        before = self.evaluate(host, checkers, {})
        after = self.evaluate(host, checkers, {probe: Unanswered("removed")})
        return {key for key, verdict in before.items() if verdict is Verdict.OK and after.get(key) != verdict}


@cache
def conforming() -> RecordedFleet:
    """Record the fleet in the expected state."""
    return _record(())


@cache
def drifted() -> RecordedFleet:
    """Record the fleet with the drifts of the demo."""
    return _record(tuple(drift for drift in DRIFTS if drift.fault is None))


def _record(drifts: tuple[Drift, ...]) -> RecordedFleet:
    with simulated(shipped_fleet(), drifts) as simulation:
        collected = collect_answers(shipped_fleet(), simulation.ssh_config)
    outcomes = {}
    for host in collected.hosts:
        assert isinstance(host.outcome, Answers), host
        outcomes[host.host] = _with_short_round_trip(host.outcome)
    return RecordedFleet(outcomes)


def _with_short_round_trip(answers: Answers) -> Answers:
    """Shorten the round trip around the host's clock: a busy machine makes it too long to compare the clocks."""
    raw = dict(answers.raw())
    host_time = raw.get(clock.HOST_TIME.probe)
    if isinstance(host_time, Answered):
        now = float(host_time.stdout)
        raw[ConnectionProbe.CLOCK] = Answered(json.dumps({"sent": now - 0.01, "received": now + 0.01}))
    return Answers(raw)
