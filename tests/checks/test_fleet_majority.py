"""Majorities: hosts that differ from most hosts, unknown hosts, and fleets without a majority."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checks.fleet import ABSENT, GIT
from olaudit.majority import compare
from olaudit.model import Result, Unknown, Verdict, Vote

OLD, NEW = "0a" * 20, "1b" * 20
UNKNOWN = Unknown("timed out")


def compare_values(*values: str | Unknown) -> dict[str, Result]:
    """Compare these values of hosts a, b, c, ..."""
    expectation = GIT.checks[0].expect("/opt/olsystem", ("agree", "olsystem"))
    topic = "the commit of olsystem"
    votes = {chr(ord("a") + number): Vote(expectation, topic, value) for number, value in enumerate(values)}
    return dict(compare(votes))


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
        ((NEW, NEW, UNKNOWN), "oou"),
        ((NEW, NEW, UNKNOWN, UNKNOWN), "oouu"),
        ((NEW, NEW, UNKNOWN, UNKNOWN, UNKNOWN), "uuuuu"),
        ((NEW, NEW, OLD, UNKNOWN, UNKNOWN), "ooduu"),
        ((NEW, UNKNOWN), "uu"),
        ((UNKNOWN, UNKNOWN), "uu"),
        ((NEW,), ""),
        ((), ""),
    ],
)
def test_a_host_that_differs_from_the_majority_is_drift(values: tuple[str | Unknown, ...], expected: str) -> None:
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
    assert compare_values(NEW, NEW, OLD, UNKNOWN)["a"].message == "2 of 3 hosts agree"


def test_a_tie_is_the_message_of_every_host() -> None:
    message = "no majority for the commit of olsystem: 1 host each has 0a0a0a0a0a0a and 1b1b1b1b1b1b"
    assert {result.message for result in compare_values(NEW, OLD).values()} == {message}


def test_too_few_answers_are_the_message_of_each_host() -> None:
    message = "2 of 3 hosts did not return the commit of olsystem, more than the 1 that agree"
    assert compare_values(NEW, UNKNOWN, UNKNOWN)["a"].message == message
    assert compare_values(NEW, UNKNOWN)["a"].message == "only this host returned the commit of olsystem"


def test_an_unanswered_host_has_its_own_reason() -> None:
    assert compare_values(NEW, NEW, UNKNOWN)["c"].message == "timed out"


@given(st.lists(st.sampled_from([OLD, NEW, ABSENT, "x"]) | st.just(UNKNOWN), max_size=9), st.randoms())
def test_only_the_majority_is_ok_in_any_order(values: list[str | Unknown], chance: Any) -> None:
    results = compare_values(*values)
    counts = Counter(value for value in values if isinstance(value, str))
    for value, result in zip(values, results.values(), strict=bool(results)):
        if isinstance(value, Unknown):
            assert result.verdict is Verdict.UNKNOWN
        elif result.verdict is Verdict.OK:
            assert all(counts[value] > count for other, count in counts.items() if other != value)
            assert counts[value] >= max(2, len(values) - counts.total())
    order = chance.sample(range(len(values)), len(values))
    shuffled_results = compare_values(*(values[index] for index in order))
    assert Counter(verdicts(shuffled_results)) == Counter(verdicts(results))
