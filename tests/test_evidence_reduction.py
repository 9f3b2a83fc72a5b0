"""Reduction of answers to the compared values: comments, other options and secrets are removed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.checks.memcached.facts import MEMORY, PROCESSES
from olaudit.evidence import excerpt
from olaudit.evidence.reduction import reduce
from olaudit.model import Answer, Answered, Command, ContainerFields, Probe, Unanswered
from tests.values import FINDING

CONFIG = Command(("head", "-c", "65536", "--", "/etc/memcached.conf"))
SERVER = Command(("bash", "-c", "x"))
HBA = Command(
    ("grep", "-a", "-R", "-H", "-Z", "--include=pg_hba.conf", "-e", "^", "--", "/etc/postgresql"), sudo=True
)
MEMCACHED = replace(FINDING, check="memcached.configured", subject="memcached", observed="-m 64")
LINE = replace(FINDING, check="postgres.allow-list", subject="others", observed="10.0.0.0/8 (line 3)")
CLIENT = replace(FINDING, check="postgres.allow-list", subject="ol-web1", observed="not admitted")

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


def hba() -> Answered:
    return Answered("".join(f"/etc/postgresql/9.3/main/pg_hba.conf\0{line}\n" for line in HBA_TEXT.splitlines()))


@pytest.mark.parametrize(
    ("probe", "text", "expected"),
    [
        (CONFIG, CONF, "-m 64\n-l 127.0.0.1\n--port=11211\n(4 lines that do not name it are left out)"),
        (MEMORY, "MemTotal: 1 kB\nMemFree: 1 kB\n", "MemTotal: 1 kB\n(1 lines that do not name it are left out)"),
        (
            PROCESSES,
            "  1 systemd /sbin/init x\n 77 memcached /usr/bin/memcached -m 64 -u memcache -S -l 10.0.0.1\n",
            "1 systemd\n77 memcached /usr/bin/memcached -m 64 -l 10.0.0.1",
        ),
        (SERVER, "STAT maxbytes 64\r\nSTAT auth_enabled_sasl yes\r\nEND\r\n", None),
    ],
)
def test_memcached_answers_keep_only_compared_values(probe: Probe, text: str, expected: str | None) -> None:
    reduced = reduce(probe, Answered(text), [MEMCACHED])
    assert "hunter2" not in stdout(reduced)
    assert "sasl" not in stdout(reduced)
    if expected is not None:
        assert stdout(reduced) == expected
    assert reduce(probe, reduced, [MEMCACHED]) == reduced


def test_named_pg_hba_records_are_kept_without_options() -> None:
    reduced = reduce(HBA, hba(), [LINE])
    assert stdout(reduced) == "line 3: host all all 10.0.0.0/8 ldap\n(4 lines that do not name it are left out)"
    assert reduce(HBA, reduced, [LINE]) == reduced
    assert "line 3: host all all 10.0.0.0/8 ldap" in excerpt(HBA, reduced, LINE)


def test_all_pg_hba_records_are_kept_for_a_client_not_admitted() -> None:
    reduced = reduce(HBA, hba(), [LINE, CLIENT])
    assert stdout(reduced).splitlines()[:3] == [
        "line 3: host all all 10.0.0.0/8 ldap",
        "line 4: host ol openlibrary 10.1.0.0 255.255.0.0 md5",
        "line 5: hostssl all all ::1/128 scram-sha-256",
    ]
    assert "hunter2" not in stdout(reduced)
    assert excerpt(HBA, reduced, LINE) == excerpt(HBA, hba(), LINE)


def test_only_the_containers_of_findings_are_kept() -> None:
    finding = replace(FINDING, check="container.logging", subject="ol-web-1")
    log = {"Type": "splunk", "Config": {"splunk-token": "hunter2"}}
    inspected = [
        {"Name": "/ol-web-1", "HostConfig": {"LogConfig": log}},
        {"Name": "/other", "HostConfig": {"LogConfig": log}, "State": {"Status": "running", "Pid": 1}},
    ]
    answer = reduce(ContainerFields(), Answered(json.dumps(inspected)), [finding])
    containers = json.loads(stdout(answer))
    assert containers[0]["HostConfig"]["LogConfig"] == {"Type": "splunk", "Config": {"splunk-token": "[redacted]"}}
    assert containers[1] == {"Name": "/other", "State": {"Status": "running"}}


@given(
    st.sampled_from([CONFIG, PROCESSES, HBA, SERVER, ContainerFields()]),
    st.text(),
    st.text(),
    st.integers(0, 255),
)
def test_second_reduction_changes_nothing(probe: Probe, out: str, err: str, status: int) -> None:
    once = reduce(probe, Answered(out, err, status), [MEMCACHED, LINE])
    assert reduce(probe, once, [MEMCACHED, LINE]) == once


def test_reasons_and_standard_error_are_redacted() -> None:
    assert reduce(CONFIG, Unanswered("curl -u me:hunter2 failed"), [FINDING]) == Unanswered(
        "curl -u me:[redacted] failed"
    )
    reduced = reduce(Command(("git",)), Answered("", "fatal: https://me:hunter2@x/", 1), [FINDING])
    assert reduced == Answered("", "fatal: https://[redacted]@x/", 1)
