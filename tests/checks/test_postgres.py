from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from olaudit.checks import postgres
from olaudit.facts.addresses import resolution
from olaudit.facts.hba import hba_file
from olaudit.facts.hba_records import MAX_RULES, parse
from olaudit.model import Answered, Answers, Command, Facts, Result, Severity, Verdict
from tests.checks.tables import Row, case, check_row, rows, run_locally, spec_of

HOME = "ol-home0.us.archive.org"


@pytest.mark.parametrize("row", rows("postgres"), ids=case)
def test_recorded_answers_give_the_recorded_results(row: Row) -> None:
    check_row(postgres.CHECKER, row)


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"clients": ["-x"]},
        {"clients": [HOME], "hba": "etc"},
        {"clients": [HOME], "also": ["10.0.0.1/8"]},
        {"clients": [HOME], "also": ["ol-db2"]},
    ],
)
def test_invalid_section_is_an_error(section: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec_of(postgres.CHECKER, section)


@pytest.mark.parametrize(
    ("line", "origins"),
    [
        ("host all all 10.0.0.1/32 md5", ["10.0.0.1/32"]),
        ("host all all 10.0.0.9/24 md5", ["10.0.0.0/24"]),
        ("host all all 10.0.0.9 255.255.255.0 md5", ["10.0.0.0/24"]),
        ("host all all fe80::1 ffff:ffff:ffff:ffff:: md5", ["fe80::/64"]),
        ("hostssl all all samehost md5", ["<samehost>"]),
        ("hostnossl all all samenet md5", ["<samenet>"]),
        ("hostgssenc all all .Example.ORG md5", [".example.org"]),
        ('host all all "samenet" md5', ["samenet"]),
        ('host "a b#c",d all Db2 md5 # comment', ["db2"]),
        ('host all all "10.1.2.3/24" md5', ["10.1.2.0/24"]),
        ('host all all "10.1.2.3" 255.255.255.255 md5', ["10.1.2.3/32"]),
        ("host a ,b 10.0.0.2/32 md5", ["10.0.0.2/32"]),
        ('host a,b, c "d e", f 10.0.0.3/32 md5', ["10.0.0.3/32"]),
        ("host all all ::0/0 reject", ["::/0"]),
        ('"host" all al"l x"y 10.1.2.0/24 "md5"', ["10.1.2.0/24"]),
        ("local all all peer", []),
        ("# host all all all trust", []),
        ("", []),
        (",", []),
    ],
)
def test_record_is_parsed_as_postgresql_parses_it(line: str, origins: list[str]) -> None:
    """The results were compared manually with pg_hba_file_rules of PostgreSQL 15."""
    parsed = parse(line)
    assert ([str(rule.origin) for rule in parsed.rules], parsed.problems) == (origins, ())


@pytest.mark.parametrize(
    "line",
    [
        "host",
        "host all all 10.0.0.1/33 md5",
        "host all all 10.0.0.1 md5",
        "host all all 10.0.0.1 ffff:: md5",
        "host all all 10.0.0.1 255.0.255.0 md5",
        "host all all 10.1.2.3,10.2.3.4 255.0.0.0 md5",
        "host all all 10.1.2.3/8 md5,trust",
        "host all all 10.1.2.3/8#x md5",
        "host all all all,x trust",
        "include other.conf",
        "HOST all all all md5",
        'host all all "10.0.0.1/32 md5',
    ],
)
def test_invalid_record_is_a_problem(line: str) -> None:
    parsed = parse(line)
    assert (len(parsed.problems), parsed.rules) == (1, ())


def test_comment_does_not_hide_the_next_line() -> None:
    assert len(parse("# this \\\nhost all all all trust\n").rules) == 1


def test_file_with_too_many_records_is_a_problem() -> None:
    assert (
        parse("host all all 10.0.0.1/32 md5\n" * (MAX_RULES + 1)).problems == ()
    )  # the first record hides the others
    text = "".join(f"host a all 10.0.{n >> 8}.{n & 255}/32 md5\n" for n in range(MAX_RULES + 1))
    assert parse(text).problems == (f"more than {MAX_RULES} records",)


@given(st.text(alphabet='host al\n\t\\",#/.:0123456789reject'))
def test_any_text_can_be_parsed(text: str) -> None:
    parse(text)


@pytest.mark.parametrize("address", ["0.0.0.0/0", "::/0", "all", "samenet", ".org", '"10.0.0.0/8"', "10.0.0.0/31"])
def test_range_with_trust_is_critical_drift(address: str) -> None:
    trust = evaluate(f"host all all {address} trust")["trust"]
    assert (trust.verdict, trust.severity) == (Verdict.DRIFT, Severity.CRITICAL)


def test_all_databases_do_not_include_replication() -> None:
    text = "host all all all reject\nhost all all 0.0.0.0/0 trust\nhost {} all 0.0.0.0/0 trust"
    for databases in ("replication", "all,replication"):
        assert [rule.line for rule in parse(text.format(databases)).rules] == [1, 3]
    assert [rule.line for rule in parse(text.format("openlibrary")).rules] == [1]


@pytest.mark.parametrize("address", ["127.0.0.1/32", "127.0.0.0/8", "::1/128", "samehost", "localhost"])
def test_loopback_may_be_trusted(address: str) -> None:
    results = evaluate(f"host all all {address} trust")
    assert (results["trust"].verdict, results["others"].verdict) == (Verdict.OK, Verdict.OK)


def test_file_is_read_through_links_below_any_version(tmp_path: Path) -> None:
    (tmp_path / "15/main").mkdir(parents=True)
    (tmp_path / "deployed").write_text(f"host all all {HOME} md5\n")
    (tmp_path / "15/main/pg_hba.conf").symlink_to("../../deployed")
    (tmp_path / "15/main/pg_ident.conf").write_text("host all all all trust\n")
    spec = spec_of(postgres.CHECKER, {"hba": str(tmp_path), "clients": [HOME]})
    probe, *_ = postgres.CHECKER.probes(spec)
    assert isinstance(probe, Command)
    assert (probe.sudo, probe.may_hang) == (True, True)
    results = postgres.evaluate(spec, Facts(Answers({probe: run_locally(probe)})))
    assert [result.verdict for result in results] == [Verdict.OK] * 3


def evaluate(text: str) -> dict[str, Result]:
    """Evaluate a file for one client; its address is not in the file."""
    spec = spec_of(postgres.CHECKER, {"clients": [HOME]})
    unrelated = Answered(json.dumps({"addresses": ["192.0.2.1"], "names": {}}))
    file = grep_answer(text)
    facts = Facts(Answers({hba_file("/etc/postgresql").probe: file, resolution(HOME).probe: unrelated}))
    return {result.subject: result for result in postgres.evaluate(spec, facts)}


def grep_answer(text: str) -> Answered:
    """Format a file as grep prints it."""
    return Answered("".join(f"/etc/postgresql/x/pg_hba.conf\0{line}\n" for line in text.split("\n")))


# --- evidence --------------------------------------------------------------------------------------------------

TEXT = """# admin password is hunter2
local all postgres peer
host all all 10.0.0.0/8 ldap ldapserver=x ldapbindpasswd="hunter2" # hunter2
host ol openlibrary 10.1.0.0 255.255.0.0 md5 x=hunter2
hostssl all all 192.0.2.1/32 scram-sha-256
host #hunter2
"""
RECORDS = {
    "line 3": "line 3: host all all 10.0.0.0/8 ldap\n",
    "line 4": "line 4: host ol openlibrary 10.1.0.0 255.255.0.0 md5\n",
    "line 5": "line 5: hostssl all all 192.0.2.1/32 scram-sha-256\n",
    "line 6": "line 6: host\n",
}


@pytest.mark.parametrize("keys", [{"line 3"}, {"line 4", "line 6"}, set()])
def test_reduction_keeps_named_records_without_options(keys: set[str]) -> None:
    fact = hba_file("/etc/postgresql")
    assert fact.reduce
    reduced = fact.reduce(grep_answer(TEXT.rstrip("\n")), frozenset(keys))
    assert reduced.stdout == "".join(text for key, text in RECORDS.items() if not keys or key in keys)
    assert fact.reduce(reduced, frozenset(keys)) == reduced


@given(st.text(), st.frozensets(st.sampled_from(["line 1", "line 2"])))
def test_second_reduction_changes_nothing(text: str, keys: frozenset[str]) -> None:
    fact = hba_file("/etc/postgresql")
    assert fact.reduce
    once = fact.reduce(Answered(text), keys)
    assert fact.reduce(once, keys) == once


def test_results_name_the_records_that_they_rest_on() -> None:
    results = evaluate("# x\nhost ol all 10.0.0.0/8 md5\nhost ol all all trust\nhost ol all 192.0.2.1/32 md5")
    file, lookup = hba_file("/etc/postgresql"), resolution(HOME).about()
    assert {subject: result.based_on for subject, result in results.items()} == {
        HOME: (file.about("line 3"), lookup),
        "trust": (file.about("line 3"),),
        "others": (file.about("line 2"), lookup),
    }
