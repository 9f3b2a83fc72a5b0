"""Evidence that is broken never makes a check ok, and never makes one vanish: every answer of a recorded fleet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from olaudit.checker import AnyChecker, Checker
from olaudit.model import Answer, Answered, Answers, Probe, Unanswered, Verdict
from tests.checks import mutations
from tests.checks.fleet_answers import RecordedFleet, Verdicts, conforming, drifted, worst
from tests.checks.tables import RECORDED, asked, rows, written
from tests.demo.auditing import shipped_fleet

HOSTS = sorted(shipped_fleet().hosts)
every_host = pytest.mark.parametrize("host", HOSTS)


def _answered(fleet: RecordedFleet, host: str) -> Iterator[tuple[Probe, Answered]]:
    for probe in fleet.probes(host):
        answer = fleet.outcomes[host].raw().get(probe)
        if isinstance(answer, Answered):
            yield probe, answer


def _became_ok(before: Verdicts, after: Verdicts) -> set[tuple[str, str]]:
    """List what is ok now and was not, whether it was judged or not."""
    was = {key for key, verdict in before.items() if verdict is Verdict.OK}
    return {key for key, verdict in after.items() if verdict is Verdict.OK and key not in was and key in before}


def _vanished(checkers: Iterable[AnyChecker], before: Verdicts, after: Verdicts) -> set[str]:
    """List the checks that have no finding any more, in whose place their kind has no finding that is not ok."""
    not_ok = {check for (check, _), verdict in after.items() if verdict is not Verdict.OK}
    remaining = {check for check, _ in after}
    lost: set[str] = set()
    for checker in checkers:
        ids = {check.id for check in checker.ids}
        lost |= {check for check, _ in before if check in ids and check not in remaining and not not_ok & ids}
    return lost


def _faults(fleet: RecordedFleet, host: str, probe: Probe, broken: Iterable[tuple[str, Answer]]) -> list[str]:
    checkers = fleet.checkers(host, probe)
    before = fleet.evaluate(host, checkers, {})
    faults = []
    for how, answer in broken:
        after = fleet.evaluate(host, checkers, {probe: answer})
        if wrong := _became_ok(before, after) | {(check, "") for check in _vanished(checkers, before, after)}:
            faults.append(f"{written(probe)[:80]}: {how}: {sorted(wrong)}")
    return faults


@every_host
def test_destroyed_evidence_leaves_nothing_ok(host: str) -> None:
    fleet = conforming()
    faults = []
    for probe, answer in _answered(fleet, host):
        checkers, based = fleet.checkers(host, probe), fleet.based_on(host, probe)
        for how, broken in mutations.destroyed(probe, answer):
            after = fleet.evaluate(host, checkers, {probe: broken})
            if still := {key for key in based if after.get(key) is Verdict.OK}:
                faults.append(f"{written(probe)[:80]}: {how}: {sorted(still)[:3]}")
    assert faults == []


@every_host
@pytest.mark.parametrize("recorded", [conforming, drifted])
def test_no_broken_answer_makes_a_check_ok_or_vanish(host: str, recorded: Callable[[], RecordedFleet]) -> None:
    fleet = recorded()
    faults = []
    for probe, answer in _answered(fleet, host):
        broken = (*mutations.destroyed(probe, answer), *mutations.truncated(answer), *mutations.altered(answer))
        faults += _faults(fleet, host, probe, broken)
    assert faults == []


@pytest.mark.parametrize(("name", "checker"), RECORDED, ids=[name for name, _ in RECORDED])
def test_recorded_answers_that_are_destroyed_leave_nothing_ok(name: str, checker: Checker[Any]) -> None:
    faults = []
    for row in rows(name):
        section, answers = asked(checker, row)
        before = _verdicts(checker, section, answers)
        for probe, answer in answers.raw().items():
            removed = _verdicts(checker, section, Answers({**answers.raw(), probe: Unanswered("removed")}))
            based = {key for key in before if before[key] is Verdict.OK and removed.get(key) is not Verdict.OK}
            if isinstance(answer, Unanswered):
                continue
            for how, broken in mutations.destroyed(probe, answer):
                after = _verdicts(checker, section, Answers({**answers.raw(), probe: broken}))
                still = {key for key in based if after.get(key) is Verdict.OK}
                wrong = still | _became_ok(before, after)
                partial = written(probe).startswith("grep -r") and answer.status == 2 and how == "emptied"
                free = written(probe).startswith(_FREE_TEXT) and how.startswith("garbage")
                if wrong and not partial and not free:
                    faults.append(f"{row['case']}: {written(probe)[:60]}: {how}: {sorted(wrong)[:3]}")
    assert faults == []


def _verdicts(checker: Checker[Any], section: Any, answers: Answers) -> Verdicts:
    verdicts: Verdicts = {}
    for result in checker.evaluate(section, answers):
        key = (result.check, result.subject)
        verdicts[key] = worst(verdicts.get(key, Verdict.OK), result.verdict)
    return verdicts


@every_host
def test_an_answer_of_another_probe_makes_nothing_ok(host: str) -> None:
    fleet = drifted()
    answers = dict(_answered(fleet, host))
    faults = []
    for probe, answer in answers.items():
        others = ((written(other)[:30], value) for other, value in answers.items() if value != answer)
        faults += _faults(fleet, host, probe, others)
    assert faults == []


@every_host
def test_a_cut_answer_leaves_nothing_ok(host: str) -> None:
    fleet = conforming()
    faults = []
    for probe, answer in _answered(fleet, host):
        checkers, based = fleet.checkers(host, probe), fleet.based_on(host, probe)
        for where, broken in mutations.truncated(answer):
            after = fleet.evaluate(host, checkers, {probe: broken})
            still = {key for key in based if after.get(key) is Verdict.OK}
            if still and not _is_enough(probe, where):
                faults.append(f"{written(probe)[:80]}: {where}: {sorted(still)[:3]}")
    assert faults == []


def _is_enough(probe: Probe, where: str) -> bool:
    """Whether a check may rest on the beginning of an answer, or cannot see that the answer ends early.

    Such answers are protected by the frames of the batch and by the status of the program.
    """
    return any(written(probe).startswith(start) and where in places for start, *places in _ENOUGH)


_FREE_TEXT = "head -c 65536 -- /etc/memcached.conf"
"""memcached takes a file of garbage for one without options, and so does the check."""

_ENOUGH = (
    # what is needed comes first, or stands on a line of its own
    ("head -c 4096 /proc/meminfo", "at a line", "within a line"),
    ("head -c 65536 -- /etc/os-release", "at a line", "within a line"),
    ("iptables -w -S", "at a line"),
    ("find -L /", "at a line", "within a line"),  # each certificate has its own record; the folder is unknown
    ("sh -c 'command -v git", "at a line"),  # the commit is known without the changes, which are unknown
    ("sh -c 'echo engine-processes", "within a line"),  # without the line break after its end
    # files that are printed as they are: a later line could matter, and that there is none cannot be seen
    ("head -c 65536 -- /etc/memcached.conf", "at a line", "within a line"),
    ("grep -a -R -H -Z --include=pg_hba.conf", "at a line"),
)
