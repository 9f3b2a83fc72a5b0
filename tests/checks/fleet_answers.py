"""The answers of a simulated fleet, and the evaluation of a host of which one answer was replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from olaudit.audit import plan, wanted_ids
from olaudit.checks import KINDS
from olaudit.demo.drifts import DRIFTS, Drift
from olaudit.demo.fleet import simulated
from olaudit.kind import AnyKind, Kind
from olaudit.model import Answer, Answers, Judgement, Probe, Unanswered, Verdict
from tests.demo.auditing import asked, page

Verdicts = dict[tuple[str, str], Verdict]
"""By check and subject."""

_WORST = (Verdict.OK, Verdict.UNKNOWN, Verdict.DRIFT)


def worst(*verdicts: Verdict) -> Verdict:
    """Return the verdict that counts where there are several of one subject."""
    return max(verdicts, key=_WORST.index)


@dataclass(frozen=True)
class RecordedFleet:
    """What every host of the shipped expected files answered."""

    outcomes: Mapping[str, Answers]

    def probes(self, host: str) -> tuple[Probe, ...]:
        """List what is asked of `host`."""
        return plan(page().hosts[host], KINDS, wanted_ids(KINDS))

    def kinds(self, host: str, probe: Probe) -> tuple[AnyKind, ...]:
        """List the kinds of checks that ask `probe` of `host`."""
        sections = page().hosts[host].sections
        kinds = (kind for kind in KINDS if kind.section in sections)
        return tuple(kind for kind in kinds if probe in tuple(kind.probes(sections[kind.section])))

    def evaluate(self, host: str, kinds: Sequence[AnyKind], changed: Mapping[Probe, Answer]) -> Verdicts:
        """Evaluate `kinds` for `host`, some answers replaced, to the worst verdict of each subject."""
        answers = Answers({**self.outcomes[host].raw(), **changed})
        verdicts: Verdicts = {}
        for kind in kinds:
            for judgement in _judged(kind, host, self.outcomes, answers):
                key = (judgement.check, judgement.subject)
                verdicts[key] = worst(verdicts.get(key, Verdict.OK), judgement.verdict)
        return verdicts

    def based_on(self, host: str, probe: Probe) -> set[tuple[str, str]]:
        """List what is ok, and is not without an answer to `probe`: by construction, what is based on it."""
        kinds = self.kinds(host, probe)
        before = self.evaluate(host, kinds, {})
        after = self.evaluate(host, kinds, {probe: Unanswered("removed")})
        return {key for key, verdict in before.items() if verdict is Verdict.OK and after.get(key) != verdict}


def _judged(kind: AnyKind, host: str, outcomes: Mapping[str, Answers], answers: Answers) -> Iterator[Judgement]:
    section: Any = page().hosts[host].sections[kind.section]
    if isinstance(kind, Kind):
        yield from kind.judge(section, answers)
        return
    sections = {
        name: spec.sections[kind.section] for name, spec in page().hosts.items() if kind.section in spec.sections
    }
    for name, judgement in kind.judge(sections, {**outcomes, host: answers}):
        if name == host:
            yield judgement


@cache
def conforming() -> RecordedFleet:
    """Record the fleet as it should be."""
    return _recorded(())


@cache
def drifted() -> RecordedFleet:
    """Record the fleet with the drifts of the demo."""
    return _recorded(tuple(drift for drift in DRIFTS if drift.fault is None))


def _recorded(drifts: tuple[Drift, ...]) -> RecordedFleet:
    with simulated(page(), drifts) as simulation:
        collected = asked(page(), simulation.ssh_config)
    outcomes = {}
    for host in collected.hosts:
        assert isinstance(host.outcome, Answers), host
        outcomes[host.host] = host.outcome
    return RecordedFleet(outcomes)
