"""Majorities: hosts that differ from most hosts, unknown hosts, and fleets without a majority."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from olaudit.checks.fleet.majority import Topic, Vote, compare

from olaudit.checks.fleet import majority
from olaudit.model import Result, Unanswered, Verdict

TOPIC = Topic("fleet.git", "the commit of olsystem", ("agree", "olsystem"))
OLD, NEW = "0a" * 20, "1b" * 20
UNANSWERED = Unanswered("timed out")


def compare_values(*values: str | Unanswered) -> dict[str, Result]:
    """Compare these values of hosts a, b, c, ..."""
    votes = {chr(ord("a") + number): Vote("/opt/olsystem", value) for number, value in enumerate(values)}
    return dict(compare(TOPIC, votes))


def verdicts(results: Mapping[str, Result]) -> str:
    """Join the first letters of all hosts' verdicts."""
    return "".join(result.verdict.value[0] for result in results.values())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((NEW, NEW), "oo"),
        ((NEW, NEW, OLD), "ood"),
        ((NEW, OLD, NEW, "2c" * 20, NEW), "ododo"),
        ((NEW, OLD), "uu"),
        ((NEW, NEW, OLD, OLD), "uuuu"),
        ((NEW, NEW, OLD, OLD, "2c" * 20), "uuuuu"),
        ((NEW, NEW, UNANSWERED), "oou"),
        ((NEW, NEW, UNANSWERED, UNANSWERED), "oouu"),
        ((NEW, NEW, UNANSWERED, UNANSWERED, UNANSWERED), "uuuuu"),
        ((NEW, NEW, OLD, UNANSWERED, UNANSWERED), "ooduu"),
        ((NEW, UNANSWERED), "uu"),
        ((UNANSWERED, UNANSWERED), "uu"),
        ((NEW,), ""),
        ((), ""),
    ],
)
def test_a_host_that_differs_from_the_majority_is_drift(
    values: tuple[str | Unanswered, ...], expected: str
) -> None:
    assert verdicts(compare_values(*values)) == expected


def test_drift_has_the_value_and_count_of_the_majority() -> None:
    drift = compare_values(NEW, NEW, OLD)["c"]
    assert drift.message == "the commit of olsystem is 0a0a0a0a0a0a here, but 1b1b1b1b1b1b on 2 of 3 hosts"
    assert (drift.expected, drift.observed, drift.subject, drift.at) == (
        NEW,
        OLD,
        "/opt/olsystem",
        ("agree", "olsystem"),
    )


def test_ok_has_the_count_of_the_majority() -> None:
    assert compare_values(NEW, NEW, OLD, UNANSWERED)["a"].message == "2 of 3 hosts agree"


def test_a_tie_is_the_message_of_every_host() -> None:
    message = "no majority for the commit of olsystem: 1 host each has 0a0a0a0a0a0a and 1b1b1b1b1b1b"
    assert {result.message for result in compare_values(NEW, OLD).values()} == {message}


def test_too_few_answers_are_the_message_of_each_host() -> None:
    message = "2 of 3 hosts did not return the commit of olsystem, more than the 1 that agree"
    assert compare_values(NEW, UNANSWERED, UNANSWERED)["a"].message == message
    assert compare_values(NEW, UNANSWERED)["a"].message == "only this host returned the commit of olsystem"


def test_an_unanswered_host_has_its_own_reason() -> None:
    assert compare_values(NEW, NEW, UNANSWERED)["c"].message == "timed out"


@given(st.lists(st.sampled_from([OLD, NEW, majority.ABSENT, "x"]) | st.just(UNANSWERED), max_size=9), st.randoms())
def test_only_the_majority_is_ok_in_any_order(values: list[str | Unanswered], chance: Any) -> None:
    results = compare_values(*values)
    counts = Counter(value for value in values if isinstance(value, str))
    for value, result in zip(values, results.values(), strict=bool(results)):
        if isinstance(value, Unanswered):
            assert result.verdict is Verdict.UNKNOWN
        elif result.verdict is Verdict.OK:
            assert all(counts[value] > count for other, count in counts.items() if other != value)
            assert counts[value] >= max(2, len(values) - counts.total())
    order = chance.sample(range(len(values)), len(values))
    shuffled_results = compare_values(*(values[index] for index in order))
    assert Counter(verdicts(shuffled_results)) == Counter(verdicts(results))
