from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from olaudit.checks import memcached
from olaudit.facts import memory
from olaudit.facts.memcached import PROCESSES, Limit, configuration, settings
from olaudit.model import Answered, Answers, Fact, Facts, Unknown, Verdict
from tests.checks.tables import Row, case, check_row, hostile_answers, measure_row, rows, run_locally, spec_of

RESERVE = {"least": "256 MiB", "most": "768 MiB"}


@pytest.mark.parametrize("row", rows("memcached"), ids=case)
def test_recorded_answers_have_the_recorded_results(row: Row) -> None:
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
def test_an_invalid_section_is_an_error(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(memcached.CHECKER, section)


def test_bash_returns_the_limit_of_a_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        request = pool.submit(_serve_once, listener)
        port = listener.getsockname()[1]
        fact = settings("127.0.0.1", port)
        answer = run_locally(fact.probe)
        assert request.result(30) == b"stats settings\r\nquit\r\n"
    assert Facts(Answers({fact.probe: answer}))[fact] == Limit(64, "64 MiB")


def _serve_once(listener: socket.socket) -> bytes:
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as lines:
        request = next(lines) + next(lines)
        connection.sendall(b"STAT maxbytes 67108864\r\nSTAT maxconns 1024\r\nEND\r\n")
        return request


def test_a_configuration_that_is_too_long_is_unknown() -> None:
    fact = configuration("/etc/memcached.conf")
    assert isinstance(fact.parse(Answered("-m 9600\n" + "#" * 65536)), Unknown)


def test_the_probes_run_on_this_machine() -> None:
    facts = Facts(Answers({fact.probe: run_locally(fact.probe) for fact in (memory.TOTAL, PROCESSES)}))
    total = facts[memory.TOTAL]
    assert isinstance(total, int)
    assert total > 1 << 20
    assert isinstance(facts[PROCESSES], tuple)


MIB = 1 << 20


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("right everywhere", {"configured": 9300, "running": 9300, "served": 9300}),
        ("no -m anywhere is one finding", {"configured": 64, "running": 64, "served": 64}),
        ("a right file and an old process", {"configured": 9600, "running": 64, "served": 64}),
        ("a server that returns no settings", {"configured": 9600, "running": 9600}),
        ("no process", {"configured": 9600}),
        ("no answers", {}),
    ],
)
def test_each_known_limit_is_measured(name: str, limits: dict[str, int]) -> None:
    measurements = measure_row(memcached.CHECKER, next(row for row in rows("memcached") if row["case"] == name))
    assert {
        measurement.source: measurement.value
        for measurement in measurements
        if measurement.metric.name == "memcached_limit_bytes"
    } == {source: limit * MIB for source, limit in limits.items()}


@pytest.mark.parametrize(
    ("name", "totals"), [("right everywhere", [10171187 * 1024]), ("the machine's memory is unknown", [])]
)
def test_known_memory_is_measured(name: str, totals: list[int]) -> None:
    measurements = measure_row(memcached.CHECKER, next(row for row in rows("memcached") if row["case"] == name))
    values = [measurement.value for measurement in measurements if measurement.metric.name == "memory_total_bytes"]
    assert values == totals


SPEC = spec_of(memcached.CHECKER, {"reserve": RESERVE})


@given(hostile_answers("memcached", memcached.CHECKER.probes(SPEC)))
def test_hostile_answers_give_finite_known_measurements(answers: Answers) -> None:
    measurements = list(memcached.CHECKER.measure(SPEC, Facts(answers)))
    assert (
        len(measurements)
        == len({(measurement.metric.name, measurement.source) for measurement in measurements})
        <= 4
    )
    assert {measurement.metric for measurement in measurements} <= set(memcached.CHECKER.metrics)
    assert all(0 <= measurement.value < 1e19 for measurement in measurements)


# --- reduction -------------------------------------------------------------------------------------------------

CONF = """# password for the console: hunter2
-d
logfile /var/log/memcached.log
-m 64 -u memcache -S   # hunter2
-vl 127.0.0.1
--port=11211
-Y /etc/memcached.users
"""
PS = """  1 systemd         /sbin/init hunter2
 77 memcached       /usr/bin/memcached -m 64 -u memcache -S -l 10.0.0.1
 78 memcached       [memcached] <defunct>
"""
STATS = "STAT maxbytes 67108864\r\nSTAT auth_enabled_sasl hunter2\r\nSTAT inter NULL\r\nEND\r\n"


@pytest.mark.parametrize(
    ("fact", "text", "expected"),
    [
        (configuration("/etc/memcached.conf"), CONF, "-m 64\n-l 127.0.0.1\n--port=11211\n"),
        (memory.TOTAL, "MemTotal: 1 kB\nMemFree: 1 kB\n", "MemTotal: 1 kB\n"),
        (
            PROCESSES,
            PS,
            "1 systemd\n77 memcached /usr/bin/memcached -m 64 -l 10.0.0.1\n78 memcached [memcached] <defunct>\n",
        ),
        (settings("127.0.0.1", 11211), STATS, "STAT maxbytes 67108864\r\nSTAT inter NULL\r\nEND\r\n"),
    ],
)
def test_reduction_keeps_what_is_compared(fact: Fact[Any], text: str, expected: str) -> None:
    assert fact.reduce
    reduced = fact.reduce(Answered(text), frozenset())
    assert reduced.stdout == expected
    assert fact.reduce(reduced, frozenset()) == reduced
    assert fact.parse(reduced) == fact.parse(Answered(text))


@given(hostile_answers("memcached", memcached.CHECKER.probes(SPEC)))
def test_second_reduction_changes_nothing(answers: Answers) -> None:
    for fact in memcached.CHECKER.facts(SPEC):
        answer = answers[fact.probe]
        if isinstance(answer, Answered):
            assert fact.reduce
            once = fact.reduce(answer, frozenset())
            assert fact.reduce(once, frozenset()) == once
