"""Reduction of answers to the compared values: comments, other options and secrets are removed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.evidence import excerpt, reduce
from olaudit.facts import hba, memcached, memory
from olaudit.facts.containers import CONTAINERS
from olaudit.model import Answer, Answered, Command, Fact, Unanswered

CONFIG, SERVER = memcached.configuration("/etc/memcached.conf"), memcached.settings("127.0.0.1", 11211)
HBA = hba.hba_file("/etc/postgresql")
GIT: Fact[str] = Fact("git", Command(("git",)), lambda answer: answer.stdout)

CONF = """# password for the console: hunter2
-d
logfile /var/log/memcached.log
-m 64 -u memcache -S   # hunter2
-vl 127.0.0.1
--port=11211
-Y /etc/memcached.users
"""
HBA_TEXT = """# admin password is hunter2
local all postgres peer
host all all 10.0.0.0/8 ldap ldapserver=x ldapbindpasswd="hunter2" # hunter2
host ol openlibrary 10.1.0.0 255.255.0.0 md5 x=hunter2
hostssl all all ::1/128 scram-sha-256
"""


def stdout(answer: Answer) -> str:
    assert isinstance(answer, Answered)
    return answer.stdout


def hba_answer() -> Answered:
    return Answered("".join(f"/etc/postgresql/9.3/main/pg_hba.conf\0{line}\n" for line in HBA_TEXT.splitlines()))


@pytest.mark.parametrize(
    ("fact", "text", "expected"),
    [
        (CONFIG, CONF, "-m 64\n-l 127.0.0.1\n--port=11211\n(4 lines that do not name it are left out)\n"),
        (
            memory.TOTAL,
            "MemTotal: 1 kB\nMemFree: 1 kB\n",
            "MemTotal: 1 kB\n(1 lines that do not name it are left out)\n",
        ),
        (
            memcached.PROCESSES,
            "  1 systemd /sbin/init x\n 77 memcached /usr/bin/memcached -m 64 -u memcache -S -l 10.0.0.1\n",
            "1 systemd\n77 memcached /usr/bin/memcached -m 64 -l 10.0.0.1\n",
        ),
        (SERVER, "STAT maxbytes 64\r\nSTAT auth_enabled_sasl yes\r\nEND\r\n", None),
    ],
)
def test_memcached_answers_keep_only_compared_values(fact: Fact[Any], text: str, expected: str | None) -> None:
    reduced = reduce([fact.about()], Answered(text))
    assert "hunter2" not in stdout(reduced)
    assert "sasl" not in stdout(reduced)
    if expected is not None:
        assert stdout(reduced) == expected
    assert reduce([fact.about()], reduced) == reduced


def test_named_pg_hba_records_are_kept_without_options() -> None:
    reduced = reduce([HBA.about("line 3")], hba_answer())
    assert stdout(reduced) == "line 3: host all all 10.0.0.0/8 ldap\n(4 lines that do not name it are left out)\n"
    assert reduce([HBA.about("line 3")], reduced) == reduced
    assert "line 3: host all all 10.0.0.0/8 ldap" in excerpt(HBA.about("line 3"), reduced)


def test_all_pg_hba_records_are_kept_for_a_client_not_admitted() -> None:
    reduced = reduce([HBA.about()], hba_answer())
    assert stdout(reduced).splitlines()[:3] == [
        "line 3: host all all 10.0.0.0/8 ldap",
        "line 4: host ol openlibrary 10.1.0.0 255.255.0.0 md5",
        "line 5: hostssl all all ::1/128 scram-sha-256",
    ]
    assert "hunter2" not in stdout(reduced)
    assert excerpt(HBA.about("line 3"), reduced) == excerpt(HBA.about("line 3"), hba_answer())


def test_only_the_containers_of_findings_are_kept() -> None:
    log = {"Type": "splunk", "Config": {"splunk-token": "hunter2"}}
    inspected = [
        {"Name": "/ol-web-1", "HostConfig": {"LogConfig": log}},
        {
            "Name": "/other",
            "Mounts": [],
            "HostConfig": {"LogConfig": log},
            "State": {"Status": "running", "Running": True, "Pid": 1},
        },
    ]
    answer = reduce([CONTAINERS.about("ol-web-1")], Answered(json.dumps(inspected)))
    containers = json.loads(stdout(answer))
    assert containers[0]["HostConfig"]["LogConfig"] == {"Type": "splunk", "Config": {"splunk-token": "[redacted]"}}
    assert containers[1] == {"Name": "/other", "State": {"Status": "running"}, "Omitted": True}


@given(
    st.sampled_from([CONFIG, memcached.PROCESSES, HBA, SERVER, CONTAINERS, GIT]),
    st.text(),
    st.text(),
    st.integers(0, 255),
)
def test_second_reduction_changes_nothing(fact: Fact[Any], out: str, err: str, status: int) -> None:
    bases = [fact.about("line 3"), fact.about("ol-web-1")]
    once = reduce(bases, Answered(out, err, status))
    assert reduce(bases, once) == once


def test_reasons_and_standard_error_are_redacted() -> None:
    assert reduce([CONFIG.about()], Unanswered("curl -u me:hunter2 failed")) == Unanswered(
        "curl -u me:[redacted] failed"
    )
    reduced = reduce([GIT.about()], Answered("", "fatal: https://me:hunter2@x/", 1))
    assert reduced == Answered("", "fatal: https://[redacted]@x/", 1)
