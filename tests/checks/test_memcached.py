from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import ValidationError

from olaudit.checks import memcached
from olaudit.checks.memcached import evidence
from olaudit.model import Answered, Unanswered, Verdict
from tests.checks.tables import Row, ask, case, rows, run, spec_of

RESERVE = {"least": "256 MiB", "most": "768 MiB"}


@pytest.mark.parametrize("row", rows("memcached"), ids=case)
def test_recorded_answers_are_judged_as_recorded(row: Row) -> None:
    run(memcached.KIND, row)


@pytest.mark.parametrize("row", [row for row in rows("memcached") if "is one finding" in row["case"]], ids=case)
def test_one_cause_is_one_finding(row: Row) -> None:
    assert [judgement["verdict"] for judgement in row["judgements"]] == [Verdict.DRIFT, Verdict.OK, Verdict.OK]


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
        spec_of(memcached.KIND, section)


def test_bash_alone_gets_the_limit_from_a_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        said = pool.submit(_serve_once, listener)
        port = listener.getsockname()[1]
        answer = ask(evidence.server(spec_of(memcached.KIND, {"reserve": RESERVE, "port": port})))
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
    memory = evidence.memory_total(ask(evidence.MEMORY))
    assert isinstance(memory, int)
    assert memory > 1 << 20
    assert isinstance(evidence.processes(ask(evidence.PROCESSES)), tuple)
