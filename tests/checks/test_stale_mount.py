"""Lines of /proc/PID/mountinfo as the kernel writes them, for bind mounts of what is there, and of what was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checks.stale_mount import HOST_MOUNTS, evaluate, probes
from olaudit.model import Answer, Answered, Answers, EngineQuery, Probe, Result, Unanswered, Verdict

SPEC = {"/olsystem": "/opt/openlibrary/olsystem", "/1": "/1"}
_, INSIDE, RESOLVE, _ = probes(SPEC)
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
        "Mounts": [{"Destination": f"/{inside}", "Source": source} for inside, source in mounts.items()],
    }


WEB = container(olsystem="/opt/openlibrary/olsystem")


def inside(root: str, at: str = "/olsystem", dev: str = "254:1", pid: int = 41) -> str:
    return f"/proc/{pid}/mountinfo:612 598 {dev} {root} {at} ro,relatime - ext4 /dev/vda1 rw\n"


def judged(*containers: Any, **said: str | Answer) -> list[Result]:
    answers: dict[Probe, Answer] = {EngineQuery.CONTAINERS: Answered(json.dumps(containers))}
    given_ = {"inside": inside(DEPLOY), "resolve": f"/1\n{DEPLOY}\n", "host": HOST, **said}
    for probe, name in ((INSIDE, "inside"), (RESOLVE, "resolve"), (HOST_MOUNTS, "host")):
        one = given_[name]
        answers[probe] = Answered(one) if isinstance(one, str) else one
    return list(evaluate(SPEC, Answers(answers)))


def test_a_mount_of_what_is_there_is_ok_though_its_source_is_a_link() -> None:
    (one,) = judged(WEB)
    assert (one.verdict, one.subject) == (Verdict.OK, "openlibrary-web-1")
    assert one.observed == "/olsystem is /opt/openlibrary/olsystem"


@pytest.mark.parametrize(
    "root", [f"{DEPLOY}.old", f"{DEPLOY}//deleted", "/opt/openlibrary/deploys/olsystem/0123abc"]
)
def test_a_mount_of_what_was_moved_removed_or_replaced_is_drift(root: str) -> None:
    (one,) = judged(WEB, inside=inside(root))
    assert (one.check, one.verdict) == ("container.stale-mount", Verdict.DRIFT)
    assert one.observed == f"/olsystem is {root}"
    assert one.message == (
        "it still has mounted what was moved or replaced on the host: recreate it to see what is there now"
    )


def test_the_same_path_on_another_file_system_is_drift() -> None:
    (one,) = judged(WEB, inside=inside(DEPLOY, dev="8:17"))
    assert one.verdict is Verdict.DRIFT


def test_a_mount_below_a_volume_of_the_host_is_the_path_within_that_volume() -> None:
    (one,) = judged(container(**{"1": "/1"}), inside=inside("/", "/1", "8:17"))
    assert one.verdict is Verdict.OK
    (moved,) = judged(
        WEB, inside=inside("/ol stem", dev="8:17").replace("ol stem", "ol\\040stem"), resolve="/1\n/1/ol stem\n"
    )
    assert moved.verdict is Verdict.OK


def test_of_two_file_systems_at_one_place_the_later_counts() -> None:
    host = HOST + "40 28 8:33 / /1 rw - xfs /dev/sdc1 rw\n"
    (one,) = judged(container(**{"1": "/1"}), inside=inside("/", "/1", "8:33"), host=host)
    assert one.verdict is Verdict.OK


def test_only_running_containers_that_mount_it_from_there_are_judged() -> None:
    stopped = {**WEB, "State": {"Running": False, "Pid": 0}}
    assert judged(stopped, container(), container(olsystem="/elsewhere")) == []


def test_what_cannot_be_seen_is_unknown_with_its_reason() -> None:
    refused = Unanswered("find needs sudo there, and was refused: a password is required")
    for name in ("inside", "resolve", "host"):
        (one,) = judged(WEB, **{name: refused})
        assert (one.verdict, one.message) == (Verdict.UNKNOWN, refused.reason)
    (gone,) = judged(WEB, inside="")
    assert gone.message == "its process 41 was not seen to have /olsystem mounted"
    (odd,) = judged(WEB, resolve="/1\n")
    assert odd.message == "readlink's answer makes no sense: ''"
    (lost,) = judged(WEB, host="")
    assert lost.message == "no file system of the host holds /1"


def test_an_engine_that_does_not_answer_leaves_it_unknown() -> None:
    (one,) = evaluate(SPEC, Answers({EngineQuery.CONTAINERS: Unanswered("Docker gave no answer")}))
    assert (one.verdict, one.subject, one.message) == (Verdict.UNKNOWN, "container", "Docker gave no answer")


def test_nothing_is_asked_where_nothing_is_expected() -> None:
    assert probes({}) == ()


@given(st.text(), st.text(), st.text(), st.text())
def test_no_answer_whatever_makes_it_raise(engine: str, mounts: str, resolved: str, host: str) -> None:
    answers = {EngineQuery.CONTAINERS: engine, INSIDE: mounts, RESOLVE: resolved, HOST_MOUNTS: host}
    found = list(evaluate(SPEC, Answers({probe: Answered(text) for probe, text in answers.items()})))
    assert all(one.verdict is not Verdict.OK for one in found)


@pytest.mark.parametrize("nonsense", ["{}", "[1]", '["x"]', "3", "null", '[{"State": {"Running": true}}]', "["])
def test_an_engine_s_answer_of_another_shape_is_never_ok(nonsense: str) -> None:
    found = list(evaluate(SPEC, Answers({EngineQuery.CONTAINERS: Answered(nonsense)})))
    assert [one.verdict for one in found] == [Verdict.UNKNOWN]
