"""Mutations of all answers of a recorded fleet: broken evidence makes no check ok, and removes no finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from olaudit.checker import AnyChecker, Checker
from olaudit.model import Answer, Answered, Answers, Facts, Probe, Unanswered, Verdict
from tests.checks import mutations
from tests.checks.fleet_answers import RecordedFleet, Verdicts, conforming, drifted, worst
from tests.checks.tables import RECORDED, command_line, parse_answers, rows
from tests.demo.auditing import shipped_fleet

HOSTS = sorted(shipped_fleet().hosts)
every_host = pytest.mark.parametrize("host", HOSTS)


def _answered(fleet: RecordedFleet, host: str) -> Iterator[tuple[Probe, Answered]]:
    for probe in fleet.probes(host):
        answer = fleet.outcomes[host].raw().get(probe)
        if isinstance(answer, Answered):
            yield probe, answer


def _became_ok(before: Verdicts, after: Verdicts) -> set[tuple[str, str]]:
    """Return the subjects that are ok after the mutation and were not ok before."""
    ok_before = {key for key, verdict in before.items() if verdict is Verdict.OK}
    return {
        key for key, verdict in after.items() if verdict is Verdict.OK and key not in ok_before and key in before
    }


def _missing(checkers: Iterable[AnyChecker], before: Verdicts, after: Verdicts) -> set[str]:
    """Return the checks that lost all their findings, although their checker reports no other problem."""
    not_ok = {check for (check, _), verdict in after.items() if verdict is not Verdict.OK}
    remaining = {check for check, _ in after}
    missing: set[str] = set()
    for checker in checkers:
        ids = {check.id for check in checker.checks}
        missing |= {check for check, _ in before if check in ids and check not in remaining and not not_ok & ids}
    return missing


def _find_faults(fleet: RecordedFleet, host: str, probe: Probe, broken: Iterable[tuple[str, Answer]]) -> list[str]:
    checkers = fleet.checkers(host, probe)
    before = fleet.evaluate(host, checkers, {})
    faults = []
    for mutation, answer in broken:
        after = fleet.evaluate(host, checkers, {probe: answer})
        if wrong := _became_ok(before, after) | {(check, "") for check in _missing(checkers, before, after)}:
            faults.append(f"{command_line(probe)[:80]}: {mutation}: {sorted(wrong)}")
    return faults


@every_host
def test_destroyed_evidence_makes_no_check_ok(host: str) -> None:
    fleet = conforming()
    faults = []
    for probe, answer in _answered(fleet, host):
        checkers, dependent = fleet.checkers(host, probe), fleet.dependent_results(host, probe)
        for mutation, broken in mutations.destroy(probe, answer):
            after = fleet.evaluate(host, checkers, {probe: broken})
            if still_ok := {key for key in dependent if after.get(key) is Verdict.OK}:
                faults.append(f"{command_line(probe)[:80]}: {mutation}: {sorted(still_ok)[:3]}")
    assert faults == []


@every_host
@pytest.mark.parametrize("recorded", [conforming, drifted])
def test_broken_answers_make_no_check_ok_or_missing(host: str, recorded: Callable[[], RecordedFleet]) -> None:
    fleet = recorded()
    faults = []
    for probe, answer in _answered(fleet, host):
        broken = (*mutations.destroy(probe, answer), *mutations.truncate(answer), *mutations.alter(answer))
        faults += _find_faults(fleet, host, probe, broken)
    assert faults == []


@pytest.mark.parametrize(("name", "checker"), RECORDED, ids=[name for name, _ in RECORDED])
def test_destroyed_recorded_answers_make_no_check_ok(name: str, checker: Checker[Any]) -> None:
    faults = []
    for row in rows(name):
        section, answers = parse_answers(checker, row)
        before = _verdicts(checker, section, answers)
        for probe, answer in answers.raw().items():
            removed = _verdicts(checker, section, Answers({**answers.raw(), probe: Unanswered("removed")}))
            dependent = {key for key in before if before[key] is Verdict.OK and removed.get(key) is not Verdict.OK}
            if isinstance(answer, Unanswered):
                continue
            for mutation, broken in mutations.destroy(probe, answer):
                after = _verdicts(checker, section, Answers({**answers.raw(), probe: broken}))
                still_ok = {key for key in dependent if after.get(key) is Verdict.OK}
                wrong = still_ok | _became_ok(before, after)
                partial = (
                    command_line(probe).startswith("grep -r") and answer.status == 2 and mutation == "emptied"
                )
                free_text = command_line(probe).startswith(_FREE_TEXT) and mutation.startswith("garbage")
                if wrong and not partial and not free_text:
                    faults.append(f"{row['case']}: {command_line(probe)[:60]}: {mutation}: {sorted(wrong)[:3]}")
    assert faults == []


def _verdicts(checker: Checker[Any], section: Any, answers: Answers) -> Verdicts:
    verdicts: Verdicts = {}
    for result in checker.evaluate(section, Facts(answers)):
        key = (result.check.id, result.subject)
        verdicts[key] = worst(verdicts.get(key, Verdict.OK), result.verdict)
    return verdicts


@every_host
def test_answer_of_another_probe_makes_no_check_ok(host: str) -> None:
    fleet = drifted()
    answers = dict(_answered(fleet, host))
    faults = []
    for probe, answer in answers.items():
        others = ((command_line(other)[:30], value) for other, value in answers.items() if value != answer)
        faults += _find_faults(fleet, host, probe, others)
    assert faults == []


@every_host
def test_truncated_answer_makes_no_check_ok(host: str) -> None:
    fleet = conforming()
    faults = []
    for probe, answer in _answered(fleet, host):
        checkers, dependent = fleet.checkers(host, probe), fleet.dependent_results(host, probe)
        for where, broken in mutations.truncate(answer):
            after = fleet.evaluate(host, checkers, {probe: broken})
            still_ok = {key for key in dependent if after.get(key) is Verdict.OK}
            if still_ok and not _is_sufficient(probe, where):
                faults.append(f"{command_line(probe)[:80]}: {where}: {sorted(still_ok)[:3]}")
    assert faults == []


def _is_sufficient(probe: Probe, where: str) -> bool:
    """Return whether the start of an answer is sufficient for a check, or its truncation cannot be detected.

    The frames of the batch and the exit status of the program protect such answers.
    """
    return any(command_line(probe).startswith(start) and where in positions for start, *positions in _SUFFICIENT)


_FREE_TEXT = "head -c 65536 -- /etc/memcached.conf"
"""memcached treats a file of garbage as a file without options, and so does the check."""

_SUFFICIENT = (
    # the needed part comes first, or is on a separate line
    ("head -c 4096 /proc/meminfo", "at a line", "within a line"),
    ("head -c 65536 -- /etc/os-release", "at a line", "within a line"),
    ("iptables -w -S", "at a line"),
    ("find /proc/ -mindepth 2 -maxdepth 2 -name mountinfo", "at a line"),  # each container has separate lines
    ("find -L /", "at a line", "within a line"),  # each certificate has a separate record; the folder is unknown
    ("sh -c 'command -v git", "at a line"),  # the commit is known; the changes are unknown
    ("sh -c 'echo engine-processes", "within a line"),  # without the line break after the end marker
    # complete files: a later line could be relevant, and truncation cannot be detected
    ("head -c 65536 -- /etc/memcached.conf", "at a line", "within a line"),
    ("grep -a -R -H -Z --include=pg_hba.conf", "at a line"),
)
