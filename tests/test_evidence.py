from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checker import AnyChecker, Check, FleetChecker
from olaudit.checks import CHECKERS
from olaudit.collect import CollectedAnswers
from olaudit.evidence import (
    check_of,
    describe_probe,
    excerpt,
    extract_evidence,
    is_relevant,
    manual_command,
    probes_of,
)
from olaudit.evidence.excerpts import MAX_LINES
from olaudit.expected import HostSpec
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    Command,
    ConnectionProbe,
    ContainerChanges,
    ContainerFields,
    EngineVersion,
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
)
from tests.cli.fleet import KERNEL, UNAME
from tests.values import FINDING, report

COMMIT = Command(("git", "rev-parse", "HEAD"))
AGREE: FleetChecker[str] = FleetChecker(
    section="commit",
    model=str,
    checks=(Check("fleet.commit", Severity.WARNING, "others have another"),),
    probes=lambda _: (COMMIT,),
    evaluate=lambda *_: (),
)
ANSWERS = Answers({UNAME: Answered("Minix"), COMMIT: Answered("abc"), ConnectionProbe.CLOCK: Answered("{}")})
TOY_CHECKERS: tuple[AnyChecker, ...] = (KERNEL, AGREE)


def host(name: str, **sections: str) -> HostSpec:
    return HostSpec(name, (), sections, {})


def kept_probes(*findings: Finding) -> dict[str, set[Probe]]:
    """Extract the evidence of findings, and return by host the probes whose answers are kept."""
    hosts = [host(name, kernel="Linux", commit="x") for name in "abc"]
    failure = Failure(FailureReason.TIMEOUT, "no answer")
    collected = CollectedAnswers(
        (HostAnswers("a", ANSWERS, 1.0), HostAnswers("b", ANSWERS, 1.0), HostAnswers("c", failure, 1.0)),
        complete=True,
    )
    reduced = extract_evidence(report(findings), hosts, collected, TOY_CHECKERS)
    assert reduced.complete
    assert reduced.hosts[2] == collected.hosts[2]
    outcomes = {host.host: host.outcome for host in reduced.hosts}
    return {name: set(outcome) for name, outcome in outcomes.items() if isinstance(outcome, Answers)}


# --- kept answers ------------------------------------------------------------------------------------------------


def test_answers_are_kept_of_checks_that_are_not_ok_on_a_host() -> None:
    assert kept_probes() == {"a": set(), "b": set()}
    assert kept_probes(FINDING) == {"a": {UNAME}, "b": set()}
    assert kept_probes(replace(FINDING, verdict=Verdict.OK)) == {"a": set(), "b": set()}
    assert kept_probes(replace(FINDING, verdict=Verdict.WAIVED, host="b")) == {"a": set(), "b": {UNAME}}


def test_answers_of_fleet_checks_are_kept_of_all_hosts() -> None:
    assert kept_probes(replace(FINDING, check="fleet.commit")) == {"a": {COMMIT}, "b": {COMMIT}}


def test_finding_without_checker_or_expected_host_keeps_nothing() -> None:
    assert kept_probes(replace(FINDING, check="host.reachable"), replace(FINDING, host="z")) == {
        "a": set(),
        "b": set(),
    }
    assert probes_of(TOY_CHECKERS, host("a"), "kernel.name") == ()
    assert probes_of(TOY_CHECKERS, host("a", kernel="Linux"), "waiver.unused") == ()


def test_every_check_is_returned_by_its_id() -> None:
    assert all(check_of(CHECKERS, check.id) == check for checker in CHECKERS for check in checker.checks)
    assert check_of(CHECKERS, "host.reachable")
    assert check_of(CHECKERS, "waiver.expired")
    assert check_of(CHECKERS, "no.such") is None


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
    assert excerpt(UNAME, answer, FINDING) == text


def test_excerpt_of_a_long_answer_has_matching_or_first_lines() -> None:
    lines = [f"line {n}" for n in range(100)]
    assert excerpt(UNAME, Answered("\n".join([*lines, "the kernel"])), FINDING) == (
        "the kernel\n(100 lines that do not name it are left out)"
    )
    first = excerpt(UNAME, Answered("\n".join(lines)), FINDING).split("\n")
    assert first == [*lines[:20], "(80 lines that do not name it are left out)"]


def engine(*names: str, **labels: str) -> Answered:
    compose = {f"com.docker.compose.{key.replace('_', '-')}": value for key, value in labels.items()}
    state = {"Status": "running"}
    return Answered(
        json.dumps([{"Name": f"/{name}", "State": state, "Config": {"Labels": compose}} for name in names])
    )


RENAMED = replace(FINDING, check="container.name", subject="ol-web-1", observed="0123456789ab_ol_web_1")


@pytest.mark.parametrize("name", ["ol-web-1", "ol_web_1", "0123456789ab_ol-web-1", "0123456789ab_ol_web_1"])
def test_excerpt_of_containers_has_only_the_subject(name: str) -> None:
    text = excerpt(ContainerFields(), engine("other", name, "third"), RENAMED)
    assert f'Name: "/{name}"' in text
    assert text.endswith("(2 other containers omitted)")
    assert '"/other"' not in text


def test_container_matches_by_its_compose_labels() -> None:
    answer = engine("renamed", project="ol", service="web", container_number="1")
    assert 'Name: "/renamed"' in excerpt(ContainerFields(), answer, RENAMED)


def test_excerpt_without_a_matching_container_lists_all() -> None:
    assert (
        excerpt(ContainerFields(), engine("x", "y"), RENAMED)
        == "(none of the 2 containers matches)\nx: running\ny: running"
    )
    assert excerpt(ContainerFields(), engine(), RENAMED) == "(no containers)"


def test_excerpt_of_container_changes_has_only_the_subject() -> None:
    answer = Answered(json.dumps({"other": [1], "ol_web_1": []}))
    assert json.loads(excerpt(ContainerChanges(("/x",)), answer, RENAMED)) == {"ol_web_1": []}
    assert not is_relevant(ContainerChanges(("/x",)), answer, RENAMED)
    assert is_relevant(ContainerChanges(("/x",)), answer, replace(RENAMED, check="container.modified"))


PROBES: tuple[Probe, ...] = (
    UNAME,
    Command(("sh", "-c", "a\nb")),
    ContainerFields(),
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
def test_excerpt_and_command_are_printable_and_bounded(probe: Probe, answer: Answer, text: str) -> None:
    finding = replace(RENAMED, subject=text)
    lines = excerpt(probe, answer, finding).split("\n")
    assert len(lines) <= MAX_LINES
    assert all(line.isprintable() and line for line in lines if line)
    command = manual_command(probe, "a", finding, answer)
    assert command.isprintable()
    assert describe_probe(probe).isprintable()
    assert is_relevant(probe, answer, finding) in (True, False)


@pytest.mark.parametrize("lines", [19, 20, 21, 39, 40, 41, 42, 1000])
def test_excerpt_never_exceeds_the_maximum_of_lines(lines: int) -> None:
    long = "\n".join(["kernel"] * lines)
    assert len(excerpt(UNAME, Answered(f"x\n{long}", long, 1), FINDING).split("\n")) <= MAX_LINES
    assert len(excerpt(ContainerFields(), engine(*["ol-web-1"] * lines), RENAMED).split("\n")) <= MAX_LINES
    assert len(excerpt(ContainerFields(), engine(*["x"] * lines), RENAMED).split("\n")) <= MAX_LINES
