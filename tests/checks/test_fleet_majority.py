"""Majorities: who differs from most hosts, who is not known, and when nobody can say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checks.fleet import majority
from olaudit.checks.fleet.majority import Topic, Vote, compare
from olaudit.model import Result, Unanswered, Verdict

TOPIC = Topic("fleet.git", "the commit of olsystem", ("agree", "olsystem"))
OLD, NEW = "0a" * 20, "1b" * 20
SILENT = Unanswered("timed out")


def told(*values: str | Unanswered) -> dict[str, Result]:
    """Let hosts a, b, c, ... say these values."""
    votes = {chr(ord("a") + number): Vote("/opt/olsystem", value) for number, value in enumerate(values)}
    return dict(compare(TOPIC, votes))


def verdicts(judged: Mapping[str, Result]) -> str:
    """Write the verdicts of all hosts as their first letters."""
    return "".join(result.verdict.value[0] for result in judged.values())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((NEW, NEW), "oo"),
        ((NEW, NEW, OLD), "ood"),
        ((NEW, OLD, NEW, "2c" * 20, NEW), "ododo"),
        ((NEW, OLD), "uu"),
        ((NEW, NEW, OLD, OLD), "uuuu"),
        ((NEW, NEW, OLD, OLD, "2c" * 20), "uuuuu"),
        ((NEW, NEW, SILENT), "oou"),
        ((NEW, NEW, SILENT, SILENT), "oouu"),
        ((NEW, NEW, SILENT, SILENT, SILENT), "uuuuu"),
        ((NEW, NEW, OLD, SILENT, SILENT), "ooduu"),
        ((NEW, SILENT), "uu"),
        ((SILENT, SILENT), "uu"),
        ((NEW,), ""),
        ((), ""),
    ],
)
def test_who_differs_from_most_hosts_is_odd_and_where_too_few_tell_nobody_is_ok(
    values: tuple[str | Unanswered, ...], expected: str
) -> None:
    assert verdicts(told(*values)) == expected


def test_the_odd_host_is_told_what_the_others_have_and_how_many_they_are() -> None:
    odd = told(NEW, NEW, OLD)["c"]
    assert odd.message == "the commit of olsystem is 0a0a0a0a0a0a here, and 1b1b1b1b1b1b on 2 of 3 hosts"
    assert (odd.expected, odd.observed, odd.subject, odd.at) == (NEW, OLD, "/opt/olsystem", ("agree", "olsystem"))


def test_a_host_of_the_majority_is_told_how_many_agree() -> None:
    assert told(NEW, NEW, OLD, SILENT)["a"].message == "2 of 3 hosts agree"


def test_a_tie_says_so_to_every_host_concerned() -> None:
    message = "no majority has the commit of olsystem in common: 1 host each has 0a0a0a0a0a0a and 1b1b1b1b1b1b"
    assert {result.message for result in told(NEW, OLD).values()} == {message}


def test_too_many_silent_hosts_say_so() -> None:
    message = "2 of 3 hosts did not tell the commit of olsystem, more than the 1 that agree"
    assert told(NEW, SILENT, SILENT)["a"].message == message
    assert told(NEW, SILENT)["a"].message == "only this host told the commit of olsystem"


def test_a_silent_host_is_unknown_for_its_own_reason() -> None:
    assert told(NEW, NEW, SILENT)["c"].message == "timed out"


@given(st.lists(st.sampled_from([OLD, NEW, majority.ABSENT, "x"]) | st.just(SILENT), max_size=9), st.randoms())
def test_for_any_fleet_ok_is_only_who_has_what_most_have_and_the_order_does_not_matter(
    values: list[str | Unanswered], chance: Any
) -> None:
    judged = told(*values)
    counts = Counter(value for value in values if isinstance(value, str))
    for value, result in zip(values, judged.values(), strict=bool(judged)):
        if isinstance(value, Unanswered):
            assert result.verdict is Verdict.UNKNOWN
        elif result.verdict is Verdict.OK:
            assert all(counts[value] > count for other, count in counts.items() if other != value)
            assert counts[value] >= max(2, len(values) - counts.total())
    shuffled = chance.sample(range(len(values)), len(values))
    again = told(*(values[index] for index in shuffled))
    assert Counter(verdicts(again)) == Counter(verdicts(judged))
