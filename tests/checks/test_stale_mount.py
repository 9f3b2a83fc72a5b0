"""Stale mounts, by lines of /proc/PID/mountinfo in the kernel's notation, of current and former directories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checks.stale_mount import CHECKER
from olaudit.model import Answer, Answered, Answers, ContainerFields, Facts, Probe, Result, Unanswered, Verdict
from tests.facts.basis import keep_basis

SPEC = {"/olsystem": "/opt/openlibrary/olsystem", "/1": "/1"}
_, PROCESS_MOUNTS, RESOLVE, HOST_MOUNTS = CHECKER.probes(SPEC)
DEPLOY = "/opt/openlibrary/deploys/olsystem/olsystem"
HOST = """\
22 28 0:20 / /proc rw - proc proc rw
28 1 254:1 / / rw - ext4 /dev/vda1 rw
31 28 8:17 / /1 rw - xfs /dev/sdb1 rw
"""


def container(**mounts: str) -> dict[str, Any]:
    return {
        "Name": "/openlibrary-web-1",
        "State": {"Running": True, "Pid": 41},
        "Mounts": [{"Destination": f"/{path}", "Source": source} for path, source in mounts.items()],
    }


WEB = container(olsystem="/opt/openlibrary/olsystem")


def mountinfo_line(root: str, at: str = "/olsystem", dev: str = "254:1", pid: int = 41) -> str:
    return f"/proc/{pid}/mountinfo:612 598 {dev} {root} {at} ro,relatime - ext4 /dev/vda1 rw\n"


def evaluate(answers: Mapping[Probe, Answer]) -> list[Result]:
    return list(CHECKER.evaluate(SPEC, Facts(Answers(answers))))


def host_answers(*containers: Any, **patch: str | Answer) -> Answers:
    answers: dict[Probe, Answer] = {ContainerFields(): Answered(json.dumps(containers))}
    by_name = {"mounts": mountinfo_line(DEPLOY), "resolve": f"/1\n{DEPLOY}\n", "host": HOST, **patch}
    for probe, name in ((PROCESS_MOUNTS, "mounts"), (RESOLVE, "resolve"), (HOST_MOUNTS, "host")):
        answer = by_name[name]
        answers[probe] = Answered(answer) if isinstance(answer, str) else answer
    return Answers(answers)


def evaluate_containers(*containers: Any, **patch: str | Answer) -> list[Result]:
    return evaluate(host_answers(*containers, **patch))


def test_a_mount_of_a_link_target_is_ok() -> None:
    (result,) = evaluate_containers(WEB)
    assert (result.verdict, result.subject) == (Verdict.OK, "openlibrary-web-1")
    assert result.observed == "/olsystem is /opt/openlibrary/olsystem"


@pytest.mark.parametrize(
    "root", [f"{DEPLOY}.old", f"{DEPLOY}//deleted", "/opt/openlibrary/deploys/olsystem/0123abc"]
)
def test_a_moved_removed_or_replaced_directory_is_drift(root: str) -> None:
    (result,) = evaluate_containers(WEB, mounts=mountinfo_line(root))
    assert (result.check.id, result.verdict) == ("container.stale-mount", Verdict.DRIFT)
    assert result.observed == f"/olsystem is {root}"
    assert result.message == (
        "its mount is a directory that was moved or replaced on the host: recreate the container"
    )


def test_the_same_path_on_another_file_system_is_drift() -> None:
    (result,) = evaluate_containers(WEB, mounts=mountinfo_line(DEPLOY, dev="8:17"))
    assert result.verdict is Verdict.DRIFT


def test_a_path_on_another_volume_is_relative_to_it() -> None:
    (result,) = evaluate_containers(container(**{"1": "/1"}), mounts=mountinfo_line("/", "/1", "8:17"))
    assert result.verdict is Verdict.OK
    (moved,) = evaluate_containers(
        WEB,
        mounts=mountinfo_line("/ol stem", dev="8:17").replace("ol stem", "ol\\040stem"),
        resolve="/1\n/1/ol stem\n",
    )
    assert moved.verdict is Verdict.OK


def test_of_two_mounts_at_one_path_the_later_counts() -> None:
    host = HOST + "40 28 8:33 / /1 rw - xfs /dev/sdc1 rw\n"
    (result,) = evaluate_containers(container(**{"1": "/1"}), mounts=mountinfo_line("/", "/1", "8:33"), host=host)
    assert result.verdict is Verdict.OK


def test_stopped_and_unrelated_containers_have_no_result() -> None:
    stopped = {**WEB, "State": {"Running": False, "Pid": 0}}
    assert evaluate_containers(stopped, container(), container(olsystem="/elsewhere")) == []


def test_results_follow_from_the_facts_they_name() -> None:
    unknown, other = {**WEB, "Name": "/a"}, {**container(**{"1": "/1"}), "Name": "/b"}
    unknown["State"] = {"Running": True, "Pid": 40}
    lines = mountinfo_line(DEPLOY) + mountinfo_line("/old", "/1", "8:17")
    answers = host_answers(WEB, unknown, other, mounts=lines)
    results = evaluate(answers)
    assert [result.verdict.value for result in results] == ["unknown", "drift", "ok"]
    for result in results:
        assert result in evaluate(keep_basis(result, answers, reduced=False))
        assert evaluate(keep_basis(result, answers, reduced=True)) == [result]


def test_unanswered_and_malformed_answers_are_unknown() -> None:
    refused = Unanswered("find needs sudo, which was refused: a password is required")
    for name in ("mounts", "resolve", "host"):
        (result,) = evaluate_containers(WEB, **{name: refused})
        assert (result.verdict, result.message) == (Verdict.UNKNOWN, refused.reason)
    (unlisted,) = evaluate_containers(WEB, mounts="")
    assert unlisted.message == "no mount at /olsystem is listed for its process 41"
    (malformed,) = evaluate_containers(WEB, resolve="/1\n")
    assert malformed.message == "cannot parse the output of readlink: '/1\\n'"
    (unmounted,) = evaluate_containers(WEB, host="")
    assert unmounted.message == "no file system of the host contains /1"


def test_an_unanswered_engine_is_unknown() -> None:
    (result,) = evaluate({ContainerFields(): Unanswered("Docker gave no answer")})
    assert (result.verdict, result.subject, result.message) == (
        Verdict.UNKNOWN,
        "container",
        "Docker gave no answer",
    )


def test_an_empty_section_has_no_probes() -> None:
    assert CHECKER.probes({}) == ()


@given(st.text(), st.text(), st.text(), st.text())
def test_random_answers_never_raise(engine: str, mounts: str, resolved: str, host: str) -> None:
    answers = {ContainerFields(): engine, PROCESS_MOUNTS: mounts, RESOLVE: resolved, HOST_MOUNTS: host}
    results = evaluate({probe: Answered(text) for probe, text in answers.items()})
    assert all(result.verdict is not Verdict.OK for result in results)


@pytest.mark.parametrize("text", ["{}", "[1]", '["x"]', "3", "null", '[{"State": {"Running": true}}]', "["])
def test_a_malformed_answer_of_the_engine_is_unknown(text: str) -> None:
    results = evaluate({ContainerFields(): Answered(text)})
    assert [result.verdict for result in results] == [Verdict.UNKNOWN]
