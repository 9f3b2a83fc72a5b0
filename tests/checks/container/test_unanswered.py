"""A missing or malformed answer of the engine is unknown: never ok, never drift, never an exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checks.container import CHECKER
from olaudit.facts.clock import SECONDS
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    ContainerChanges,
    ContainerFields,
    Unanswered,
    Verdict,
    finding_id,
)
from tests.checks.container.engine import (
    CODE,
    RECORDED,
    evaluate,
    evaluate_by_aspect,
    host_answers,
    inspect,
    parse_specs,
)

EXPECTED = (
    {"service": "web", "name": "openlibrary-web-1", "hostname": "docker-ol-web1-web-1", "ports": [], "mounts": []},
    {"service": "solr", "name": "openlibrary_solr_1", "presence": "optional", "restart": "always"},
)
SPECS = parse_specs(*EXPECTED)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Unanswered("the Docker Engine refused the connection"), "the Docker Engine refused the connection"),
        (Answered("[]", status=1), "the Docker Engine's answer failed with status 1"),
        (Answered(""), "the Docker Engine's answer is not a list of containers"),
        (Answered("[" * 100_000), "the Docker Engine's answer is not a list of containers"),
        (Answered("9" * 5_000), "the Docker Engine's answer is not a list of containers"),
        (Answered("{}"), "the Docker Engine's answer is not a list of containers"),
        (Answered("null"), "the Docker Engine's answer is not a list of containers"),
        (
            Answered('[{"Name": "/openlibrary-web-1"}, 7]'),
            "the Docker Engine's answer is not a list of containers",
        ),
    ],
)
def test_all_containers_are_unknown_without_a_list(answer: Answer, reason: str) -> None:
    results = evaluate(SPECS, Answers({ContainerFields(): answer}))
    missing = f"cannot determine whether the container exists: {reason}"
    assert [(result.check.id, result.subject, result.verdict, result.message) for result in results] == [
        ("container.missing", "openlibrary-web-1", Verdict.UNKNOWN, missing),
        ("container.missing", "openlibrary_solr_1", Verdict.UNKNOWN, missing),
        (
            "container.unexpected",
            "container",
            Verdict.UNKNOWN,
            f"cannot determine which containers exist: {reason}",
        ),
    ]


UNREADABLE = [
    {"Id": "1", "Name": "/openlibrary-web-1", "Unreadable": "404"},
    {"Id": "2", "Name": "/another", "Unreadable": "null"},
    {"Id": "", "Name": "", "Unreadable": "no id"},
]


def test_a_container_that_could_not_be_inspected_is_unknown() -> None:
    results = evaluate(SPECS, host_answers(UNREADABLE))
    assert {result.verdict for result in results} == {Verdict.UNKNOWN}
    assert [(result.check.id, result.subject, result.message) for result in results] == [
        ("container.missing", "openlibrary-web-1", "the container could not be inspected: 404"),
        (
            "container.missing",
            "openlibrary_solr_1",
            "it may be a container that could not be inspected: (no name), another",
        ),
        ("container.unexpected", "another", "the container could not be inspected: null"),
        ("container.unexpected", "container", "a container could not be inspected: no id"),
    ]


def test_an_unreadable_container_leaves_unexpected_not_ok() -> None:
    for entry in UNREADABLE:
        assert {result.verdict for result in evaluate((), host_answers([entry]))} == {Verdict.UNKNOWN}
        results = evaluate(SPECS, host_answers([inspect(), entry]))
        unexpected = [result for result in results if result.check.id == "container.unexpected"]
        assert all(result.verdict is not Verdict.OK for result in unexpected)


def _answers_with_changes(changes: Answer, entry: dict[str, Any] | None = None) -> Answers:
    return Answers({**host_answers([entry or inspect()]), ContainerChanges(CODE): changes})


def test_unreadable_changes_are_unknown_with_their_reason() -> None:
    changes = Answered(json.dumps({"openlibrary-web-1": {"Unreadable": "too deep"}}))
    results = evaluate(WITH_CODE, _answers_with_changes(changes))
    (modified,) = [result for result in results if result.check.id == "container.modified"]
    assert (modified.verdict, modified.message) == (Verdict.UNKNOWN, "too deep")


def test_no_answers_are_unknown_even_for_an_empty_section() -> None:
    assert [result.verdict for result in evaluate((), Answers({}))] == [Verdict.UNKNOWN]


def test_the_probes_are_the_containers_and_the_clock() -> None:
    assert set(CHECKER.probes(SPECS)) == {ContainerFields(), SECONDS.probe}


def test_one_probe_covers_the_code_of_all_containers() -> None:
    items: list[dict[str, Any]] = [
        {"service": path, "name": f"openlibrary{number}", "code": [path]} for number, path in enumerate(CODE[::-1])
    ]
    assert set(CHECKER.probes(parse_specs(*items))) == {ContainerFields(), SECONDS.probe, ContainerChanges(CODE)}


WITH_CODE = parse_specs({"service": "web", "name": "openlibrary-web-1", "code": list(CODE)})


@pytest.mark.parametrize(
    "answer", [Unanswered("timed out"), Answered(""), Answered("[" * 100_000), Answered("{}")]
)
def test_unanswered_or_malformed_changes_are_unknown(answer: Answer) -> None:
    results = evaluate(WITH_CODE, _answers_with_changes(answer))
    verdicts = [result.verdict for result in results if result.check.id == "container.modified"]
    assert verdicts == [Verdict.UNKNOWN]


@given(st.text() | json_values.map(json.dumps), json_values)
def test_malformed_changes_and_log_settings_are_unknown(text: str, logs: object) -> None:
    item = {"service": "web", "name": "openlibrary-web-1", "code": list(CODE), "logging": {"max_size": "1m"}}
    entry = inspect()
    entry["HostConfig"]["LogConfig"] = logs
    results = evaluate(parse_specs(item), _answers_with_changes(Answered(text), entry))
    verdicts = {result.check.id: result.verdict for result in results}
    assert verdicts["container.modified"] is verdicts["container.logging"] is Verdict.UNKNOWN


def test_half_a_surrogate_pair_in_a_path_is_escaped() -> None:
    text = '{"openlibrary-web-1": [{"Path": "/olsystem/\\ud800", "Kind": 1}]}'
    results = evaluate(WITH_CODE, _answers_with_changes(Answered(text)))
    (modified,) = (result for result in results if result.check.id == "container.modified")
    assert modified.observed == "/olsystem/\\ud800 (added)"


@given(st.text() | json_values.map(json.dumps), st.text())
def test_a_malformed_answer_never_makes_a_container_present(text: str, clock: str) -> None:
    results = evaluate(SPECS, Answers({ContainerFields(): Answered(text), SECONDS.probe: Answered(clock)}))
    ok = [result for result in results if result.verdict is Verdict.OK]
    assert not [result for result in ok if result.observed not in {"absent", "none"}]


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a recorded container with random values in some places."""
    entry = inspect(draw(st.sampled_from(sorted(RECORDED))), name=draw(st.sampled_from(["", "openlibrary-web-1"])))
    for _ in range(draw(st.integers(1, 4))):
        tree = entry
        while True:
            key = draw(st.sampled_from(sorted(tree)))
            if isinstance(tree[key], dict) and tree[key] and draw(st.booleans()):
                tree = tree[key]
                continue
            break
        tree[key] = draw(json_values)
    return entry


@given(st.lists(damaged(), max_size=4))
def test_damaged_containers_leave_the_others_readable(entries: list[dict[str, Any]]) -> None:
    intact = inspect(name="openlibrary_solr_1", compose="openlibrary/solr/1")
    results = evaluate(SPECS, host_answers([*entries, intact]))
    verdicts = {result.check.id: result.verdict for result in results if result.subject == "openlibrary_solr_1"}
    ok = {"container.name", "container.state", "container.service"}
    assert {verdicts[check] for check in ok} == {Verdict.OK}
    assert verdicts["container.restart-policy"] is Verdict.DRIFT
    # Every quoted text can be hashed and written to a file.
    assert all(finding_id("ol-web1", result.check.id, result.subject) for result in results)
    json.dumps([[result.message, result.observed, result.expected, result.fix] for result in results]).encode()


@given(st.text())
def test_an_invalid_container_name_is_never_in_a_fix(name: str) -> None:
    results = evaluate(SPECS, host_answers([inspect(Name=f"/{name};reboot", compose="openlibrary/web/1")]))
    assert not any(result.fix and "reboot" in result.fix for result in results)


def test_invalid_and_very_long_names_are_reported() -> None:
    results = evaluate_by_aspect((), [inspect(Name="/\ud800"), inspect(Name="/" + "x" * 5_000)])
    assert set(results) == {("unexpected", "\\ud800"), ("unexpected", "container")}


@pytest.mark.parametrize("clock", ["", "now", "-1", "1e9", "\u0661", "9" * 12, "1795369413\n1"])
def test_an_unreadable_clock_leaves_restarts_unknown(clock: str) -> None:
    containers = Answered(json.dumps([inspect(RestartCount=9)]))
    results = evaluate(SPECS, Answers({ContainerFields(): containers, SECONDS.probe: Answered(clock)}))
    restarts = [result.verdict for result in results if result.check.id == "container.restarts"]
    assert restarts == [Verdict.UNKNOWN]


@pytest.mark.parametrize(
    "time", ["2026-11-22T17:43:01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "", 7]
)
def test_an_unreadable_start_time_leaves_restarts_unknown(time: object) -> None:
    results = evaluate_by_aspect(EXPECTED, [inspect(RestartCount=9, State={"StartedAt": time})])
    assert results["restarts", "openlibrary-web-1"].verdict is Verdict.UNKNOWN
