"""Reduction of the list of engine processes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from olaudit.facts.engines import ENGINES, Engines
from olaudit.model import Answered

CONTAINER = f"cgroup 4:memory:/docker/{'a' * 64}"
DETAILS = st.lists(
    st.sampled_from(
        [
            "State: S (sleeping)",
            "State: Z (zombie)",
            "Uid: 0\t0\t0\t0",
            "NSpid: 9 1",
            "cgroup 1:cpu:/",
            "cgroup 0::/system.slice/docker.service",
            CONTAINER,
            "argument dockerd",
            "argument daemon",
            "argument -Hfd://",
        ]
    )
)
COMMANDS = st.sampled_from(["systemd", "dockerd", "docker", "docker.io"])
PROCESSES = st.dictionaries(st.integers(2, 9), st.tuples(COMMANDS, DETAILS))


def text(processes: dict[int, tuple[str, list[str]]]) -> str:
    """Format processes, by id, as the script prints them."""
    lines = ["engine-processes", "socket /run/docker.sock"]
    for pid, (command, details) in processes.items():
        lines += [f"process {pid}", f"command {command}", *details]
    return "\n".join([*lines, "end", ""])


def reduce(answer: Answered) -> Answered:
    assert ENGINES.reduce
    return ENGINES.reduce(answer, frozenset())


@given(PROCESSES, DETAILS)
def test_reduced_list_has_the_same_engines(others: dict[int, tuple[str, list[str]]], first: list[str]) -> None:
    answer = Answered(text({1: ("systemd", first)} | others))
    assert isinstance(ENGINES.parse(answer), Engines)
    assert ENGINES.parse(reduce(answer)) == ENGINES.parse(answer)
    assert reduce(reduce(answer)) == reduce(answer)


def test_reduction_drops_clients_and_other_control_groups() -> None:
    daemon = ["Uid: 0\t0\t0\t0", "cgroup 1:cpu:/", CONTAINER, "argument dockerd"]
    client = ["cgroup 1:cpu:/", "argument docker"]
    answer = Answered(text({1: ("tini", ["cgroup 1:cpu:/"]), 7: ("docker", client), 8: ("dockerd", daemon)}))
    assert reduce(answer).stdout.split("\n") == [
        "engine-processes",
        "socket /run/docker.sock",
        "process 1",
        "command tini",
        "process 8",
        "command dockerd",
        "Uid: 0\t0\t0\t0",
        CONTAINER,
        "argument dockerd",
        "end",
        "",
    ]
