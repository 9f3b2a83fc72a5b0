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
    EngineQuery,
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
    ids=(Check("fleet.commit", Severity.WARNING, "others have another"),),
    probes=lambda _: (COMMIT,),
    evaluate=lambda *_: (),
)
SAID = Answers({UNAME: Answered("Minix"), COMMIT: Answered("abc"), ConnectionProbe.CLOCK: Answered("{}")})
TOY: tuple[AnyChecker, ...] = (KERNEL, AGREE)


def host(name: str, **sections: str) -> HostSpec:
    return HostSpec(name, (), sections, {})


def kept(*findings: Finding) -> dict[str, set[Probe]]:
    hosts = [host(name, kernel="Linux", commit="x") for name in "abc"]
    down = Failure(FailureReason.TIMEOUT, "no answer")
    collected = CollectedAnswers(
        (HostAnswers("a", SAID, 1.0), HostAnswers("b", SAID, 1.0), HostAnswers("c", down, 1.0)), complete=True
    )
    reduced = extract_evidence(report(findings), hosts, collected, TOY)
    assert reduced.complete
    assert reduced.hosts[2] == collected.hosts[2]
    outcomes = {one.host: one.outcome for one in reduced.hosts}
    return {name: set(outcome) for name, outcome in outcomes.items() if isinstance(outcome, Answers)}


# --- which answers are kept --------------------------------------------------------------------------------------


def test_answers_are_kept_where_their_check_is_not_ok_on_that_host_and_nowhere_else() -> None:
    assert kept() == {"a": set(), "b": set()}
    assert kept(FINDING) == {"a": {UNAME}, "b": set()}
    assert kept(replace(FINDING, verdict=Verdict.OK)) == {"a": set(), "b": set()}
    assert kept(replace(FINDING, verdict=Verdict.WAIVED, host="b")) == {"a": set(), "b": {UNAME}}


def test_what_hosts_should_agree_on_is_kept_of_all_of_them() -> None:
    assert kept(replace(FINDING, check="fleet.commit")) == {"a": {COMMIT}, "b": {COMMIT}}


def test_a_finding_that_no_kind_makes_and_a_host_that_is_not_expected_any_more_keep_nothing() -> None:
    assert kept(replace(FINDING, check="host.reachable"), replace(FINDING, host="z")) == {"a": set(), "b": set()}
    assert probes_of(TOY, host("a"), "kernel.name") == ()
    assert probes_of(TOY, host("a", kernel="Linux"), "waiver.unused") == ()


def test_every_check_of_every_kind_is_known_by_its_id() -> None:
    assert all(check_of(CHECKERS, one.id) == one for checker in CHECKERS for one in checker.ids)
    assert check_of(CHECKERS, "host.reachable")
    assert check_of(CHECKERS, "waiver.expired")
    assert check_of(CHECKERS, "no.such") is None


# --- what is shown of them ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (Answered("Minix\n"), "Minix"),
        (Answered("a\r\n\tb\x1b[2J\n"), "a\n\\tb\\x1b[2J"),
        (Answered(""), "(nothing)"),
        (Answered("", "cat: no\n", 1), "stderr: cat: no\n(exit status 1)"),
        (Answered("x" * 500), "x" * 400 + "... (100 more)"),
        (Unanswered("timed \x1b out"), "(no answer: timed \\x1b out)"),
    ],
)
def test_a_short_answer_is_shown_whole_and_visible(answer: Answer, shown: str) -> None:
    assert excerpt(UNAME, answer, FINDING) == shown


def test_of_a_long_answer_the_lines_that_name_the_thing_are_shown_else_the_first() -> None:
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


NAMED = replace(FINDING, check="container.name", subject="ol-web-1", observed="0123456789ab_ol_web_1")


@pytest.mark.parametrize("name", ["ol-web-1", "ol_web_1", "0123456789ab_ol-web-1", "0123456789ab_ol_web_1"])
def test_of_the_engines_containers_only_the_one_that_is_meant_is_shown(name: str) -> None:
    shown = excerpt(EngineQuery.CONTAINERS, engine("other", name, "third"), NAMED)
    assert f'Name: "/{name}"' in shown
    assert shown.endswith("(2 other containers left out)")
    assert '"/other"' not in shown


def test_a_container_is_known_by_its_compose_labels_too() -> None:
    answer = engine("whatever", project="ol", service="web", container_number="1")
    assert 'Name: "/whatever"' in excerpt(EngineQuery.CONTAINERS, answer, NAMED)


def test_where_no_container_is_meant_all_are_named() -> None:
    assert (
        excerpt(EngineQuery.CONTAINERS, engine("x", "y"), NAMED)
        == "(none of these 2 is it)\nx: running\ny: running"
    )
    assert excerpt(EngineQuery.CONTAINERS, engine(), NAMED) == "(no containers at all)"


def test_of_changes_inside_of_containers_only_those_of_the_one_that_is_meant_are_shown() -> None:
    answer = Answered(json.dumps({"other": [1], "ol_web_1": []}))
    assert json.loads(excerpt(ContainerChanges(("/x",)), answer, NAMED)) == {"ol_web_1": []}
    assert not is_relevant(ContainerChanges(("/x",)), answer, NAMED)
    assert is_relevant(ContainerChanges(("/x",)), answer, replace(NAMED, check="container.modified"))


PROBES: tuple[Probe, ...] = (
    UNAME,
    Command(("sh", "-c", "a\nb")),
    *EngineQuery,
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
def test_whatever_a_host_answers_what_is_shown_is_printable_and_bounded(
    probe: Probe, answer: Answer, text: str
) -> None:
    found = replace(NAMED, subject=text)
    lines = excerpt(probe, answer, found).split("\n")
    assert len(lines) <= MAX_LINES
    assert all(line.isprintable() and line for line in lines if line)
    command = manual_command(probe, "a", found, answer)
    assert command.isprintable()
    assert describe_probe(probe).isprintable()
    assert is_relevant(probe, answer, found) in (True, False)


@pytest.mark.parametrize("lines", [19, 20, 21, 39, 40, 41, 42, 1000])
def test_an_answer_is_never_longer_than_the_most(lines: int) -> None:
    long = "\n".join(["kernel"] * lines)
    assert len(excerpt(UNAME, Answered(f"x\n{long}", long, 1), FINDING).split("\n")) <= MAX_LINES
    assert len(excerpt(EngineQuery.CONTAINERS, engine(*["ol-web-1"] * lines), NAMED).split("\n")) <= MAX_LINES
    assert len(excerpt(EngineQuery.CONTAINERS, engine(*["x"] * lines), NAMED).split("\n")) <= MAX_LINES
