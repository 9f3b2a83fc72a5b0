"""An engine that does not answer, or answers nonsense, is unknown: never ok, never drift, never an exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checks.container import CLOCK, evaluate, probes
from olaudit.model import Answer, Answered, Answers, ContainerChanges, EngineQuery, Unanswered, Verdict, finding_id
from tests.checks.container.engine import CODE, RECORDED, answers, inspect, judged, specs

EXPECTED = (
    {"service": "web", "name": "openlibrary-web-1", "hostname": "docker-ol-web1-web-1", "ports": [], "mounts": []},
    {"service": "solr", "name": "openlibrary_solr_1", "presence": "optional", "restart": "always"},
)
SPECS = specs(*EXPECTED)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Unanswered("the Docker Engine refused the connection"), "the Docker Engine refused the connection"),
        (Answered("[]", status=1), "the Docker Engine's answer failed with status 1"),
        (Answered(""), "the Docker Engine's answer is not JSON"),
        (Answered("[" * 100_000), "the Docker Engine's answer is not JSON"),
        (Answered("9" * 5_000), "the Docker Engine's answer is not JSON"),
        (Answered("{}"), "the Docker Engine's answer is not a list of containers"),
        (Answered("null"), "the Docker Engine's answer is not a list of containers"),
        (
            Answered('[{"Name": "/openlibrary-web-1"}, 7]'),
            "the Docker Engine's answer is not a list of containers",
        ),
    ],
)
def test_each_expected_container_and_all_others_are_unknown(answer: Answer, reason: str) -> None:
    made = evaluate(SPECS, Answers({EngineQuery.CONTAINERS: answer}))
    assert [(one.check, one.subject, one.verdict, one.message) for one in made] == [
        ("container.missing", "openlibrary-web-1", Verdict.UNKNOWN, f"cannot tell: {reason}"),
        ("container.missing", "openlibrary_solr_1", Verdict.UNKNOWN, f"cannot tell: {reason}"),
        ("container.unexpected", "container", Verdict.UNKNOWN, f"cannot tell: {reason}"),
    ]


UNREADABLE = [
    {"Id": "1", "Name": "/openlibrary-web-1", "Unreadable": "404"},
    {"Id": "2", "Name": "/another", "Unreadable": "null"},
    {"Id": "", "Name": "", "Unreadable": "no id"},
]


def test_a_listed_container_that_was_not_read_is_unknown() -> None:
    assert [
        (one.check, one.subject, one.verdict, one.message) for one in evaluate(SPECS, answers(UNREADABLE))
    ] == [
        ("container.missing", "openlibrary-web-1", Verdict.UNKNOWN, "it could not be read: 404"),
        (
            "container.missing",
            "openlibrary_solr_1",
            Verdict.UNKNOWN,
            "not known: it may be a container that could not be read: another, one without a name",
        ),
        ("container.unexpected", "another", Verdict.UNKNOWN, "it could not be read: null"),
        ("container.unexpected", "container", Verdict.UNKNOWN, "no id"),
    ]


def test_an_unreadable_container_alone_makes_no_check_ok() -> None:
    for entry in UNREADABLE:
        assert {one.verdict for one in evaluate((), answers([entry]))} == {Verdict.UNKNOWN}
        beside = evaluate(SPECS, answers([inspect(), entry]))
        assert all(one.verdict is not Verdict.OK for one in beside if one.check == "container.unexpected")


def test_unreadable_changes_of_a_container_are_unknown_with_their_reason() -> None:
    told = Answers(
        {
            **answers([inspect()]),
            ContainerChanges(CODE): Answered(json.dumps({"openlibrary-web-1": {"Unreadable": "too deep"}})),
        }
    )
    (found,) = [one for one in evaluate(WITH_CODE, told) if one.check == "container.modified"]
    assert (found.verdict, found.message) == (Verdict.UNKNOWN, "too deep")


def test_an_engine_that_was_not_asked_is_unknown_even_where_nothing_is_expected() -> None:
    assert [one.verdict for one in evaluate((), Answers({}))] == [Verdict.UNKNOWN]


def test_the_host_is_asked_for_its_containers_and_its_clock() -> None:
    assert set(probes(SPECS)) == {EngineQuery.CONTAINERS, CLOCK}


def test_the_host_is_asked_once_for_the_changes_to_the_code_of_all_containers() -> None:
    items: list[dict[str, Any]] = [
        {"service": path, "name": f"openlibrary{number}", "code": [path]} for number, path in enumerate(CODE[::-1])
    ]
    assert set(probes(specs(*items))) == {EngineQuery.CONTAINERS, CLOCK, ContainerChanges(CODE)}


WITH_CODE = specs({"service": "web", "name": "openlibrary-web-1", "code": list(CODE)})


@pytest.mark.parametrize(
    "answer", [Unanswered("timed out"), Answered(""), Answered("[" * 100_000), Answered("{}")]
)
def test_changes_that_are_not_answered_are_unknown(answer: Answer) -> None:
    told = Answers({**answers([inspect()]), ContainerChanges(CODE): answer})
    verdicts = [one.verdict for one in evaluate(WITH_CODE, told) if one.check == "container.modified"]
    assert verdicts == [Verdict.UNKNOWN]


@given(st.text() | anything.map(json.dumps), anything)
def test_nonsense_about_changes_and_logs_never_raises_and_is_never_ok(text: str, logs: object) -> None:
    item = {"service": "web", "name": "openlibrary-web-1", "code": list(CODE), "logging": {"max_size": "1m"}}
    entry = inspect()
    entry["HostConfig"]["LogConfig"] = logs
    told = Answers({**answers([entry]), ContainerChanges(CODE): Answered(text)})
    made = {one.check: one.verdict for one in evaluate(specs(item), told)}
    assert made["container.modified"] is made["container.logging"] is Verdict.UNKNOWN


def test_half_a_surrogate_pair_in_a_changed_path_does_no_harm() -> None:
    text = '{"openlibrary-web-1": [{"Path": "/olsystem/\\ud800", "Kind": 1}]}'
    told = Answers({**answers([inspect()]), ContainerChanges(CODE): Answered(text)})
    (found,) = (one for one in evaluate(WITH_CODE, told) if one.check == "container.modified")
    assert found.observed == "/olsystem/\\ud800 (added)"


@given(st.text() | anything.map(json.dumps), st.text())
def test_nonsense_never_raises_and_never_makes_an_expected_container_present(text: str, clock: str) -> None:
    made = evaluate(SPECS, Answers({EngineQuery.CONTAINERS: Answered(text), CLOCK: Answered(clock)}))
    present = [one for one in made if one.verdict is Verdict.OK and one.observed not in {"absent", "none"}]
    assert not present


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """Take a recorded container, and put nonsense, or nothing, in some places of it."""
    entry = inspect(draw(st.sampled_from(sorted(RECORDED))), name=draw(st.sampled_from(["", "openlibrary-web-1"])))
    for _ in range(draw(st.integers(1, 4))):
        tree = entry
        while True:
            key = draw(st.sampled_from(sorted(tree)))
            if isinstance(tree[key], dict) and tree[key] and draw(st.booleans()):
                tree = tree[key]
                continue
            break
        tree[key] = draw(anything)
    return entry


@given(st.lists(damaged(), max_size=4))
def test_damaged_containers_never_raise_and_leave_the_others_readable(entries: list[dict[str, Any]]) -> None:
    sound = inspect(name="openlibrary_solr_1", compose="openlibrary/solr/1")
    made = evaluate(SPECS, answers([*entries, sound]))
    about = {one.check: one.verdict for one in made if one.subject == "openlibrary_solr_1"}
    assert about["container.name"] is about["container.state"] is about["container.service"] is Verdict.OK
    assert about["container.restart-policy"] is Verdict.DRIFT
    # Whatever a finding quotes can be named, hashed, and written to a file.
    assert all(finding_id("ol-web1", one.check, one.subject) for one in made)
    json.dumps([[one.message, one.observed, one.expected, one.fix] for one in made]).encode()


@given(st.text())
def test_no_command_quotes_a_name_that_docker_would_not_take(name: str) -> None:
    made = evaluate(SPECS, answers([inspect(Name=f"/{name};reboot", compose="openlibrary/web/1")]))
    assert not any(one.fix and "reboot" in one.fix for one in made)


def test_half_a_surrogate_pair_and_an_endless_name_do_no_harm() -> None:
    made = judged((), [inspect(Name="/\ud800"), inspect(Name="/" + "x" * 5_000)])
    assert set(made) == {("unexpected", "\\ud800"), ("unexpected", "container")}


@pytest.mark.parametrize("clock", ["", "now", "-1", "1e9", "\u0661", "9" * 12, "1795369413\n1"])
def test_a_clock_that_cannot_be_read_leaves_the_age_of_restarts_unknown(clock: str) -> None:
    told = Answered(json.dumps([inspect(RestartCount=9)]))
    made = evaluate(SPECS, Answers({EngineQuery.CONTAINERS: told, CLOCK: Answered(clock)}))
    assert [one.verdict for one in made if one.check == "container.restarts"] == [Verdict.UNKNOWN]


@pytest.mark.parametrize(
    "time", ["2026-11-22T17:43:01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "", 7]
)
def test_a_time_that_cannot_be_read_leaves_the_age_of_restarts_unknown(time: object) -> None:
    made = judged(EXPECTED, [inspect(RestartCount=9, State={"StartedAt": time})])
    assert made["restarts", "openlibrary-web-1"].verdict is Verdict.UNKNOWN
