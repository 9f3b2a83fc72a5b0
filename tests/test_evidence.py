from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checker import AnyChecker, Checker
from olaudit.collect import CollectedAnswers
from olaudit.evidence import describe_probe, excerpt, extract_evidence, manual_command
from olaudit.evidence.excerpts import MAX_LINES
from olaudit.facts.containers import CONTAINERS
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    Basis,
    Check,
    Command,
    ConnectionProbe,
    ContainerChanges,
    EngineVersion,
    Fact,
    Facts,
    Failure,
    FailureReason,
    Finding,
    HostAnswers,
    ImageLayers,
    Lookup,
    Probe,
    Severity,
    Unanswered,
    Verdict,
    Vote,
)
from tests.cli.fleet import KERNEL, UNAME, UNAME_OUTPUT
from tests.values import FINDING, report

COMMIT = Command(("git", "rev-parse", "HEAD"))
COMMIT_FACT: Fact[str] = Fact("commit", COMMIT, lambda answer: answer.stdout)
SAME_COMMIT = Check("fleet.commit", Severity.WARNING, "others have another")


def vote(_section: str, facts: Facts) -> list[Vote]:
    return [Vote(SAME_COMMIT.expect("commit", ("commit",)), "the commit", facts[COMMIT_FACT])]


AGREE: Checker[str] = Checker(
    section="commit", model=str, checks=(SAME_COMMIT,), facts=lambda _: (COMMIT_FACT,), vote=vote
)
ANSWERS = Answers({UNAME: Answered("Minix"), COMMIT: Answered("abc"), ConnectionProbe.CLOCK: Answered("{}")})
TOY_CHECKERS: tuple[AnyChecker, ...] = (KERNEL, AGREE)
WITH_FACT = replace(FINDING, based_on=(UNAME_OUTPUT.about(),))
COMPARED = replace(FINDING, check="fleet.commit", based_on=(COMMIT_FACT.about(),))


def kept_probes(*findings: Finding) -> dict[str, set[Probe]]:
    """Extract the evidence of findings, and return by host the probes whose answers are kept."""
    failure = Failure(FailureReason.TIMEOUT, "no answer")
    collected = CollectedAnswers(
        (HostAnswers("a", ANSWERS, 1.0), HostAnswers("b", ANSWERS, 1.0), HostAnswers("c", failure, 1.0)),
        complete=True,
    )
    reduced = extract_evidence(report(findings), collected, TOY_CHECKERS)
    assert reduced.complete
    assert reduced.hosts[2] == collected.hosts[2]
    outcomes = {host.host: host.outcome for host in reduced.hosts}
    return {name: set(outcome) for name, outcome in outcomes.items() if isinstance(outcome, Answers)}


# --- kept answers ------------------------------------------------------------------------------------------------


def test_answers_are_kept_that_findings_not_ok_are_based_on() -> None:
    assert kept_probes() == {"a": set(), "b": set()}
    assert kept_probes(WITH_FACT) == {"a": {UNAME}, "b": set()}
    assert kept_probes(replace(WITH_FACT, verdict=Verdict.OK)) == {"a": set(), "b": set()}
    assert kept_probes(replace(WITH_FACT, verdict=Verdict.WAIVED, host="b")) == {"a": set(), "b": {UNAME}}


def test_answers_of_compared_hosts_are_kept_of_all_hosts() -> None:
    agreeing = replace(COMPARED, host="b", verdict=Verdict.OK)
    assert kept_probes(COMPARED, agreeing) == {"a": {COMMIT}, "b": {COMMIT}}
    assert kept_probes(replace(COMPARED, verdict=Verdict.OK), agreeing) == {"a": set(), "b": set()}


def test_finding_without_facts_or_audited_host_keeps_nothing() -> None:
    unreachable = replace(FINDING, check="host.reachable")
    assert kept_probes(unreachable, replace(WITH_FACT, host="z")) == {"a": set(), "b": set()}


def basis(probe: Probe, *keys: str) -> Basis:
    """Build the basis of a fact with that probe."""
    fact: Fact[str] = Fact("x", probe, lambda answer: answer.stdout)
    return fact.about(*keys)


# --- excerpts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answered("Minix\n"), "Minix"),
        (Answered("a\r\n\tb\x1b[2J\n"), "a\n\\tb\\x1b[2J"),
        (Answered(""), "(empty)"),
        (Answered("", "cat: no\n", 1), "stderr: cat: no\n(exit status 1)"),
        (Answered("x" * 500), "x" * 400 + "... (100 more)"),
        (Unanswered("timed \x1b out"), "(no answer: timed \\x1b out)"),
    ],
)
def test_excerpt_of_a_short_answer_is_complete_and_visible(answer: Answer, text: str) -> None:
    assert excerpt(basis(UNAME), answer) == text


def test_excerpt_of_a_long_answer_has_matching_or_first_lines() -> None:
    lines = [f"line {n}" for n in range(100)]
    assert excerpt(basis(UNAME, "kernel"), Answered("\n".join([*lines, "the kernel"]))) == (
        "the kernel\n(100 lines that do not name it are left out)"
    )
    first = excerpt(basis(UNAME, "kernel"), Answered("\n".join(lines))).split("\n")
    assert first == [*lines[:20], "(80 lines that do not name it are left out)"]


def engine(*names: str) -> Answered:
    state = {"Status": "running"}
    return Answered(json.dumps([{"Name": f"/{name}", "State": state, "Config": {"Image": "i"}} for name in names]))


def test_excerpt_of_containers_has_only_the_subject() -> None:
    text = excerpt(CONTAINERS.about("ol_web_1"), engine("other", "ol_web_1", "third"))
    assert 'Name: "/ol_web_1"' in text
    assert 'Config: {"Image": "i"}' in text
    assert text.endswith("(2 other containers omitted)")
    assert '"/other"' not in text


def test_excerpt_without_a_matching_container_lists_all() -> None:
    for basis_ in (CONTAINERS.about("ol_web_1"), CONTAINERS.about()):
        assert excerpt(basis_, engine("x", "y")) == "(none of the 2 containers matches)\nx: running\ny: running"
        assert excerpt(basis_, engine()) == "(no containers)"


PROBES: tuple[Probe, ...] = (
    UNAME,
    Command(("sh", "-c", "a\nb")),
    CONTAINERS.probe,
    EngineVersion(),
    *ConnectionProbe,
    ImageLayers("i"),
    ContainerChanges(("/x",)),
    Lookup("n"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["Name", "State", "Config", "Labels"]), inner),
).map(json.dumps)


@given(
    st.sampled_from(PROBES),
    st.builds(Answered, JSON | st.text(), st.text(), st.integers(0, 255)) | st.builds(Unanswered, st.text()),
    st.text(),
)
def test_excerpt_and_command_are_printable_and_bounded(probe: Probe, answer: Answer, key: str) -> None:
    fact: Fact[Any] = CONTAINERS if probe == CONTAINERS.probe else basis(probe).fact
    lines = excerpt(fact.about(key), answer).split("\n")
    assert len(lines) <= MAX_LINES
    assert all(line.isprintable() and line for line in lines if line)
    assert manual_command(fact.about(key), "a").isprintable()
    assert describe_probe(probe).isprintable()


@pytest.mark.parametrize("lines", [19, 20, 21, 39, 40, 41, 42, 1000])
def test_excerpt_never_exceeds_the_maximum_of_lines(lines: int) -> None:
    long = "\n".join(["kernel"] * lines)
    assert len(excerpt(basis(UNAME, "kernel"), Answered(f"x\n{long}", long, 1)).split("\n")) <= MAX_LINES
    for name in ("ol-web-1", "x"):
        text = excerpt(CONTAINERS.about("ol-web-1"), engine(*[name] * lines))
        assert len(text.split("\n")) <= MAX_LINES
