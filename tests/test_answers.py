"""Answers as parsers receive them: an answer with an undocumented exit status is `Unanswered`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.collect import CollectedAnswers
from olaudit.model import (
    Answered,
    Answers,
    Check,
    Command,
    EngineVersion,
    HostAnswers,
    Lookup,
    Severity,
    Unanswered,
)
from olaudit.recording import dump, parse

FIND = Command(("find", "/opt"), statuses=(0, 1))
UNAME = Command(("/bin/uname", "-n"))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answered("half", "", 139), "find ended with status 139 (SIGSEGV)"),
        (
            Answered("", "find: '/opt': Input/output error\nmore", 2),
            "find ended with status 2: find: '/opt': Input/",
        ),
        (Answered("", "# Warning: tables\nno space:\n", 137), "find ended with status 137 (SIGKILL): no space"),
        (Answered("", "\n \n:\n", 255), "find ended with status 255"),
        (Answered("", "x" * 9000, 3), "find ended with status 3: " + "x" * 200),
        (Answered("", "", -11), "find ended with status -11"),
    ],
)
def test_undocumented_status_is_unanswered(answer: Answered, reason: str) -> None:
    returned = Answers({FIND: answer})[FIND]
    assert isinstance(returned, Unanswered)
    assert returned.reason.startswith(reason)
    assert len(returned.reason) < 300


def test_documented_status_is_answered() -> None:
    answers = Answers({FIND: Answered("", "find: no", 1), UNAME: Answered("a\n", "", 1)})
    assert answers[FIND] == Answered("", "find: no", 1)
    assert answers[UNAME] == Unanswered("uname ended with status 1")


def test_probes_other_than_commands_document_only_status_0() -> None:
    answers = Answers({EngineVersion(): Answered("{}", "", 1), Lookup("a"): Answered("{}", "", 1)})
    assert answers[EngineVersion()] == Unanswered("the Docker Engine's answer failed with status 1")
    assert isinstance(answers[Lookup("a")], Unanswered)


def test_commands_with_different_statuses_are_equal() -> None:
    same = Command(FIND.argv)
    assert same == FIND
    assert hash(same) == hash(FIND)
    recorded = Answers({same: Answered("", "", 1)})  # a replayed recording holds no documented statuses
    assert recorded[FIND] == Answered("", "", 1)
    assert recorded.raw() == {FIND: Answered("", "", 1)}


def test_recording_keeps_answers_with_undocumented_status() -> None:
    answers = Answers({UNAME: Answered("half", "died", 139)})
    text = dump(CollectedAnswers((HostAnswers("a", answers, 0.5),), complete=True))
    (host,) = parse(text, "x").hosts
    assert isinstance(host.outcome, Answers)
    assert host.outcome.raw() == {UNAME: Answered("half", "died", 139)}


@given(st.text())
def test_no_reason_is_empty_or_ends_in_a_colon(text: str) -> None:
    returned = Answers({UNAME: Unanswered(text)})[UNAME]
    assert isinstance(returned, Unanswered)
    message = Check("a.b", Severity.INFO, "").expect("", ()).unknown(text).message
    for reason in (returned.reason, message):
        assert reason
        assert not reason.endswith((":", " ", "\n"))
