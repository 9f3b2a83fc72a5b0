from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from olaudit.checks import memcached
from olaudit.checks.memcached import evidence
from olaudit.model import Answered, Answers, Unanswered, Verdict
from olaudit.render.prometheus.helps import MEASURED
from tests.checks.tables import Row, case, check_row, hostile_answers, measure_row, rows, run_locally, spec_of

RESERVE = {"least": "256 MiB", "most": "768 MiB"}


@pytest.mark.parametrize("row", rows("memcached"), ids=case)
def test_recorded_answers_are_judged_as_recorded(row: Row) -> None:
    check_row(memcached.CHECKER, row)


@pytest.mark.parametrize("row", [row for row in rows("memcached") if "is one finding" in row["case"]], ids=case)
def test_one_cause_is_one_finding(row: Row) -> None:
    assert [result["verdict"] for result in row["results"]] == [Verdict.DRIFT, Verdict.OK, Verdict.OK]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"reserve": {"least": "1 GiB", "most": "768 MiB"}}, "is more than most"),
        ({"reserve": {"least": "256", "most": "768 MiB"}}, "is not a size"),
        ({"reserve": RESERVE, "port": 0}, "greater than or equal to 1"),
        ({"reserve": RESERVE, "address": "-e x"}, "match pattern"),
        ({"reserve": RESERVE, "config": "memcached.conf"}, "is not a plain absolute path"),
    ],
)
def test_a_section_that_makes_no_sense_is_an_error(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(memcached.CHECKER, section)


def test_bash_alone_gets_the_limit_from_a_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        said = pool.submit(_serve_once, listener)
        port = listener.getsockname()[1]
        answer = run_locally(evidence.server(spec_of(memcached.CHECKER, {"reserve": RESERVE, "port": port})))
        assert said.result(30) == b"stats settings\r\nquit\r\n"
    assert evidence.served(answer) == evidence.Limit(64, "64 MiB")


def _serve_once(listener: socket.socket) -> bytes:
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as lines:
        asked = next(lines) + next(lines)
        connection.sendall(b"STAT maxbytes 67108864\r\nSTAT maxconns 1024\r\nEND\r\n")
        return asked


def test_a_configuration_without_an_end_is_unknown() -> None:
    assert isinstance(evidence.configured(Answered("-m 9600\n" + "#" * 65536)), Unanswered)


def test_this_machine_understands_the_questions() -> None:
    memory = evidence.memory_total(run_locally(evidence.MEMORY))
    assert isinstance(memory, int)
    assert memory > 1 << 20
    assert isinstance(evidence.processes(run_locally(evidence.PROCESSES)), tuple)


MIB = 1 << 20


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("right everywhere", {"configured": 9300, "running": 9300, "served": 9300}),
        ("no -m anywhere is one finding", {"configured": 64, "running": 64, "served": 64}),
        ("a right file and an old process", {"configured": 9600, "running": 64, "served": 64}),
        ("a server that tells nothing", {"configured": 9600, "running": 9600}),
        ("no process", {"configured": 9600}),
        ("no answers", {}),
    ],
)
def test_each_limit_that_is_known_is_a_measure(name: str, limits: dict[str, int]) -> None:
    found = measure_row(memcached.CHECKER, next(row for row in rows("memcached") if row["case"] == name))
    assert {one.source: one.value for one in found if one.name == "memcached_limit_bytes"} == {
        source: limit * MIB for source, limit in limits.items()
    }


@pytest.mark.parametrize(
    ("name", "totals"), [("right everywhere", [10171187 * 1024]), ("the machine's memory is not known", [])]
)
def test_the_memory_is_a_measure_where_it_is_known(name: str, totals: list[int]) -> None:
    found = measure_row(memcached.CHECKER, next(row for row in rows("memcached") if row["case"] == name))
    assert [one.value for one in found if one.name == "memory_total_bytes"] == totals


SPEC = spec_of(memcached.CHECKER, {"reserve": RESERVE})


@given(hostile_answers("memcached", memcached.probes(SPEC)))
def test_whatever_a_host_says_its_measures_are_few_finite_and_of_known_names(answers: Answers) -> None:
    found = list(memcached.CHECKER.measure(SPEC, answers))
    assert len(found) == len({(one.name, one.source) for one in found}) <= 4
    assert {one.name for one in found} <= MEASURED.keys()
    assert all(0 <= one.value < 1e19 for one in found)
