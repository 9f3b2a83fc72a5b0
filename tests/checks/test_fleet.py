"""What hosts say of the things that they should agree on, and what comes of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit import worktree
from olaudit.checks import fleet, git
from olaudit.checks.fleet import git as fleet_git
from olaudit.checks.fleet import image, tree, version
from olaudit.checks.fleet.spec import Agree
from olaudit.checks.fleet.version import COMPOSE
from olaudit.kind import FleetKind
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    Engine,
    Failure,
    ImageLayers,
    Probe,
    Reason,
    Unanswered,
    Verdict,
)
from tests.checks.tables import ask, rows
from tests.checks.test_fleet_majority import NEW, OLD, verdicts

SILENT = Unanswered("timed out")
DOWN = Failure(Reason.TIMEOUT, "no answer")

SPEC = Agree(
    olsystem="/opt/olsystem", openlibrary="/opt/openlibrary", image="ol/base", versions=("docker", "compose")
)
OTHER_TREE = "9f" * 20


def repository(commit: str = NEW, tree_: str = OTHER_TREE) -> Answered:
    return Answered(f"whole\n{commit}\n{tree_}\nmaster\nend 0\n")


def host(**patch: Answer) -> Answers:
    """Answer as a host that has everything, but for `patch`."""
    answered: dict[str, tuple[Probe, Answer]] = {
        "olsystem": (worktree.question("/opt/olsystem"), repository()),
        "openlibrary": (worktree.question("/opt/openlibrary"), repository()),
        "layers": (ImageLayers("ol/base"), Answered(json.dumps([f"sha256:{OTHER_TREE:0<64}"]))),
        "docker": (Engine.VERSION, Answered('{"Version": "20.10.24"}')),
        "compose": (COMPOSE, Answered("2.40.1\n")),
    }
    return Answers({probe: patch.get(name, answer) for name, (probe, answer) in answered.items()})


def judged(kind: FleetKind[Agree], *outcomes: Answers | Failure, subject: str = "") -> str:
    names = [f"ol-web{number}" for number in range(len(outcomes))]
    made = kind.judge(dict.fromkeys(names, SPEC), dict(zip(names, outcomes, strict=True)))
    return verdicts({name: judgement for name, judgement in made if subject in ("", judgement.subject)})


NO_COMPOSE = Answered(
    "", "docker: 'compose' is not a docker command.\nSee 'docker --help'\nsh: 1: docker-compose: not found", 1
)
# Docker 28 without the plugin, on a host whose sh is bash
NO_COMPOSE_NEW = Answered(
    "",
    "unknown flag: --short\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\n"
    "Run 'docker --help' for more information\n"
    "sh: line 1: docker-compose: command not found",
    1,
)
BROKEN_COMPOSE = Answered("", "unknown flag: --short\n/usr/bin/python3: No module named compose", 1)
CASES: list[tuple[FleetKind[Agree], str, Answer, str]] = [
    (fleet_git.KIND, "olsystem", repository(OLD), "d"),
    (fleet_git.KIND, "olsystem", repository(NEW, "00" * 20), "o"),
    (fleet_git.KIND, "olsystem", Answered("whole\n-\n-\nmaster\nend 0\n"), "u"),
    (fleet_git.KIND, "olsystem", Answered("failed\n", "fatal: not a git repository"), "u"),
    (tree.KIND, "openlibrary", repository(OLD), "o"),
    (tree.KIND, "openlibrary", repository(NEW, "00" * 20), "d"),
    (tree.KIND, "openlibrary", Answered("whole\n-\n-\nmaster\nend 0\n"), "u"),
    (tree.KIND, "openlibrary", Answered("inside\n"), "u"),
    (image.KIND, "layers", Answered(json.dumps([f"sha256:{OTHER_TREE:0<64}", f"sha256:{OLD:0<64}"])), "d"),
    (image.KIND, "layers", Answered("[]"), "d"),
    (image.KIND, "layers", Answered("[7]"), "u"),
    (image.KIND, "layers", Answered("[" * 100_000), "u"),
    (version.KIND, "docker", Answered('{"Version": "28.5.1"}'), "d"),
    (version.KIND, "docker", Answered('{"Version": ["28.5.1"]}'), "u"),
    (version.KIND, "docker", Answered("{"), "u"),
    (version.KIND, "compose", Answered("v2.40.1\n"), "o"),
    (version.KIND, "compose", Answered("1.29.2\n"), "d"),
    (version.KIND, "compose", NO_COMPOSE, "d"),
    (version.KIND, "compose", NO_COMPOSE_NEW, "d"),
    (version.KIND, "compose", BROKEN_COMPOSE, "u"),
    (version.KIND, "compose", Answered("docker-compose version 1.29.2, build 5becea4c\n"), "u"),
]


@pytest.mark.parametrize(("kind", "name", "answer", "verdict"), CASES)
def test_one_host_among_three_that_says_something_else(
    kind: FleetKind[Agree], name: str, answer: Answer, verdict: str
) -> None:
    subject = name if kind is version.KIND else ""
    assert judged(kind, host(), host(**{name: answer}), host(), subject=subject) == f"o{verdict}o"
    assert judged(kind, host(), host(**{name: SILENT}), host(), subject=subject) == "ouo"
    assert judged(kind, host(), DOWN, host(), subject=subject) == "ouo"


def test_hosts_that_all_have_no_compose_agree() -> None:
    alike = [host(compose=NO_COMPOSE), host(compose=NO_COMPOSE_NEW), host(compose=NO_COMPOSE)]
    assert judged(version.KIND, *alike, subject="compose") == "ooo"


def test_an_absent_image_is_told_as_one() -> None:
    names = ("a", "b", "c")
    outcomes = dict(zip(names, (host(), host(layers=Answered("[]")), host()), strict=True))
    found = dict(image.judge(dict.fromkeys(names, SPEC), outcomes))
    assert found["b"].message.startswith("the content of ol/base is absent here, and ")


def test_what_a_host_does_not_compare_is_not_asked_and_not_judged() -> None:
    assert [tuple(kind.probes(Agree())) for kind in fleet.KINDS] == [(), (), (), ()]
    specs = {"a": SPEC, "b": Agree()}
    for kind in fleet.KINDS:
        assert list(kind.judge(specs, {"a": host(), "b": Answers({})})) == []


def test_hosts_of_different_images_are_not_compared() -> None:
    specs = {"a": SPEC, "b": SPEC.model_copy(update={"image": "other"})}
    assert list(image.judge(specs, {"a": host(), "b": host()})) == []


def test_what_the_kinds_of_one_host_ask_of_a_tree_is_one_question() -> None:
    mine = set(git.probes({"/opt/olsystem": git.GitSpec(), "/opt/openlibrary": git.GitSpec()}))
    assert mine == {*fleet_git.KIND.probes(SPEC), *tree.KIND.probes(SPEC)}


anything = st.one_of(
    st.builds(Answered, st.text(), st.text(), st.integers(0, 123)),
    st.sampled_from([Answered(**{"stdout": "", **row["answers"]["sh"]}) for row in rows("git")[:-2]]),
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("Version") | st.text(), inner),
    ).map(lambda value: Answered(json.dumps(value))),
    st.just(SILENT),
)
outcomes = st.fixed_dictionaries(
    dict.fromkeys(("olsystem", "openlibrary", "layers", "docker", "compose"), anything)
)


@given(st.lists(outcomes.map(lambda said: host(**said)) | st.just(DOWN), min_size=2, max_size=4))
def test_whatever_hosts_answer_is_judged_once_per_host_and_subject(hosts: list[Answers | Failure]) -> None:
    names = [str(number) for number in range(len(hosts))]
    for kind in fleet.KINDS:
        made = list(kind.judge(dict.fromkeys(names, SPEC), dict(zip(names, hosts, strict=True))))
        about = [(name, judgement.check, judgement.subject) for name, judgement in made]
        assert len(set(about)) == len(about) == len(names) * (2 if kind is version.KIND else 1)
        assert {judgement.check for _, judgement in made} == {kind.ids[0].id}


def test_what_is_not_answered_is_unknown_and_never_ok() -> None:
    for kind in fleet.KINDS:
        for nothing in (Answers({}), DOWN):
            assert set(judged(kind, nothing, nothing, nothing)) == {"u"}


def test_this_machine_understands_the_question_about_compose() -> None:
    names = ("a", "b")
    answers = Answers({COMPOSE: ask(COMPOSE)})
    spec = Agree(versions=("compose",))
    found = dict(version.judge(dict.fromkeys(names, spec), dict.fromkeys(names, answers)))
    assert {judgement.verdict for judgement in found.values()} == {Verdict.OK}
