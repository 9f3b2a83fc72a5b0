"""Fleet checks: the answers of hosts about values that should agree, and the results."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checker import Checker
from olaudit.checks import fleet, git
from olaudit.checks.fleet import Agree
from olaudit.facts.versions import COMPOSE
from olaudit.facts.worktree import worktree
from olaudit.majority import compare
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    EngineVersion,
    Facts,
    ImageLayers,
    Probe,
    Result,
    Unanswered,
    Verdict,
    Vote,
)
from tests.checks.tables import rows, run_locally
from tests.checks.test_fleet_majority import NEW, OLD, verdicts

UNANSWERED = Unanswered("timed out")
UNREACHABLE = Answers({}, "no answer")

SPEC = Agree(
    olsystem="/opt/olsystem", openlibrary="/opt/openlibrary", image="ol/base", versions=("docker", "compose")
)
OTHER_TREE = "9f" * 20


def repository_answer(commit: str = NEW, tree_: str = OTHER_TREE) -> Answered:
    return Answered(f"whole\n{commit}\n{tree_}\nmaster\nend 0\n")


def host(**patch: Answer) -> Answers:
    """Build the answers of a complete host, except for `patch`."""
    by_name: dict[str, tuple[Probe, Answer]] = {
        "olsystem": (worktree("/opt/olsystem").probe, repository_answer()),
        "openlibrary": (worktree("/opt/openlibrary").probe, repository_answer()),
        "layers": (ImageLayers("ol/base"), Answered(json.dumps([f"sha256:{OTHER_TREE:0<64}"]))),
        "docker": (EngineVersion(), Answered('{"Version": "20.10.24"}')),
        "compose": (COMPOSE.probe, Answered("2.40.1\n")),
    }
    return Answers({probe: patch.get(name, answer) for name, (probe, answer) in by_name.items()})


def compare_hosts(
    checker: Checker[Agree], specs: Mapping[str, Agree], hosts: Mapping[str, Answers]
) -> list[tuple[str, Result]]:
    """Compare the votes of all hosts, by topic."""
    topics: dict[str, dict[str, Vote]] = {}
    for name, answers in hosts.items():
        for vote in checker.vote(specs[name], Facts(answers)):
            topics.setdefault(vote.topic, {})[name] = vote
    return [result for votes in topics.values() for result in compare(votes)]


def evaluate_verdicts(checker: Checker[Agree], *hosts: Answers, subject: str = "") -> str:
    names = [f"ol-web{number}" for number in range(len(hosts))]
    results = compare_hosts(checker, dict.fromkeys(names, SPEC), dict(zip(names, hosts, strict=True)))
    return verdicts({name: result for name, result in results if subject in ("", result.subject)})


NO_COMPOSE = Answered("", "sh: 8: docker-compose: not found", 1)
# on a host where sh is bash
NO_COMPOSE_BASH = Answered("", "sh: line 8: docker-compose: command not found", 1)
BROKEN_COMPOSE = Answered("", "/usr/bin/python3: No module named compose", 1)
CASES: list[tuple[Checker[Agree], str, Answer, str]] = [
    (fleet.GIT, "olsystem", repository_answer(OLD), "d"),
    (fleet.GIT, "olsystem", repository_answer(NEW, "00" * 20), "o"),
    (fleet.GIT, "olsystem", Answered("whole\n-\n-\nmaster\nend 0\n"), "u"),
    (fleet.GIT, "olsystem", Answered("failed\n", "fatal: not a git repository"), "u"),
    (fleet.TREE, "openlibrary", repository_answer(OLD), "o"),
    (fleet.TREE, "openlibrary", repository_answer(NEW, "00" * 20), "d"),
    (fleet.TREE, "openlibrary", Answered("whole\n-\n-\nmaster\nend 0\n"), "u"),
    (fleet.TREE, "openlibrary", Answered("inside\n"), "u"),
    (fleet.IMAGE, "layers", Answered(json.dumps([f"sha256:{OTHER_TREE:0<64}", f"sha256:{OLD:0<64}"])), "d"),
    (fleet.IMAGE, "layers", Answered("[]"), "d"),
    (fleet.IMAGE, "layers", Answered("[7]"), "u"),
    (fleet.IMAGE, "layers", Answered("[" * 100_000), "u"),
    (fleet.VERSION, "docker", Answered('{"Version": "28.5.1"}'), "d"),
    (fleet.VERSION, "docker", Answered('{"Version": ["28.5.1"]}'), "u"),
    (fleet.VERSION, "docker", Answered("{"), "u"),
    (fleet.VERSION, "compose", Answered("v2.40.1\n"), "o"),
    (fleet.VERSION, "compose", Answered("1.29.2\n"), "d"),
    (fleet.VERSION, "compose", NO_COMPOSE, "d"),
    (fleet.VERSION, "compose", NO_COMPOSE_BASH, "d"),
    (fleet.VERSION, "compose", BROKEN_COMPOSE, "u"),
    (fleet.VERSION, "compose", Answered("docker-compose version 1.29.2, build 5becea4c\n"), "u"),
]


@pytest.mark.parametrize(("checker", "name", "answer", "verdict"), CASES)
def test_one_of_three_hosts_has_another_answer(
    checker: Checker[Agree], name: str, answer: Answer, verdict: str
) -> None:
    subject = name if checker is fleet.VERSION else ""
    assert evaluate_verdicts(checker, host(), host(**{name: answer}), host(), subject=subject) == f"o{verdict}o"
    assert evaluate_verdicts(checker, host(), host(**{name: UNANSWERED}), host(), subject=subject) == "ouo"
    assert evaluate_verdicts(checker, host(), UNREACHABLE, host(), subject=subject) == "ouo"


def test_hosts_without_compose_agree() -> None:
    hosts = [host(compose=NO_COMPOSE), host(compose=NO_COMPOSE_BASH), host(compose=NO_COMPOSE)]
    assert evaluate_verdicts(fleet.VERSION, *hosts, subject="compose") == "ooo"


def test_an_absent_image_is_named_absent() -> None:
    names = ("a", "b", "c")
    hosts = dict(zip(names, (host(), host(layers=Answered("[]")), host()), strict=True))
    results = dict(compare_hosts(fleet.IMAGE, dict.fromkeys(names, SPEC), hosts))
    assert results["b"].message.startswith("the content of ol/base is absent here, but ")


def test_an_omitted_key_has_no_probe_and_no_result() -> None:
    assert [tuple(checker.probes(Agree())) for checker in fleet.CHECKERS] == [(), (), (), ()]
    specs = {"a": SPEC, "b": Agree()}
    for checker in fleet.CHECKERS:
        assert compare_hosts(checker, specs, {"a": host(), "b": Answers({})}) == []


def test_hosts_with_different_images_are_not_compared() -> None:
    specs = {"a": SPEC, "b": SPEC.model_copy(update={"image": "other"})}
    assert compare_hosts(fleet.IMAGE, specs, {"a": host(), "b": host()}) == []


def test_git_and_fleet_checkers_share_their_probes() -> None:
    git_probes = set(git.CHECKER.probes({"/opt/olsystem": git.GitSpec(), "/opt/openlibrary": git.GitSpec()}))
    assert git_probes == {*fleet.GIT.probes(SPEC), *fleet.TREE.probes(SPEC)}


any_answer = st.one_of(
    st.builds(Answered, st.text(), st.text(), st.integers(0, 123)),
    st.sampled_from([Answered(**{"stdout": "", **row["answers"]["sh"]}) for row in rows("git")[:-2]]),
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("Version") | st.text(), inner),
    ).map(lambda value: Answered(json.dumps(value))),
    st.just(UNANSWERED),
)
patches = st.fixed_dictionaries(
    dict.fromkeys(("olsystem", "openlibrary", "layers", "docker", "compose"), any_answer)
)


@given(st.lists(patches.map(lambda patch: host(**patch)) | st.just(UNREACHABLE), min_size=2, max_size=4))
def test_each_host_and_subject_has_one_result(hosts: list[Answers]) -> None:
    names = [str(number) for number in range(len(hosts))]
    for checker in fleet.CHECKERS:
        results = compare_hosts(checker, dict.fromkeys(names, SPEC), dict(zip(names, hosts, strict=True)))
        keys = [(name, result.check, result.subject) for name, result in results]
        assert len(set(keys)) == len(keys) == len(names) * (2 if checker is fleet.VERSION else 1)
        assert {result.check for _, result in results} == set(checker.checks)


def test_unanswered_hosts_are_unknown() -> None:
    for checker in fleet.CHECKERS:
        for answers in (Answers({}), UNREACHABLE):
            assert set(evaluate_verdicts(checker, answers, answers, answers)) == {"u"}


def test_the_compose_probe_runs_on_this_machine() -> None:
    names = ("a", "b")
    answers = Answers({COMPOSE.probe: run_locally(COMPOSE.probe)})
    specs = dict.fromkeys(names, Agree(versions=("compose",)))
    results = dict(compare_hosts(fleet.VERSION, specs, dict.fromkeys(names, answers)))
    assert {result.verdict for result in results.values()} == {Verdict.OK}
