from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from olaudit.checker import Checker
from olaudit.checks import dns
from olaudit.model import Answer, Answers, Command, ConnectionProbe, Facts, Lookup, Probe, Verdict
from tests.checks.tables import Row, case, check_row, rows, run_locally, spec_of

NAME = "ol-home0.us.archive.org"


@pytest.mark.parametrize("row", rows("dns_address"), ids=case)
def test_recorded_addresses_give_the_recorded_results(row: Row) -> None:
    check_row(dns.ADDRESS, row)


@pytest.mark.parametrize("row", rows("dns_retired"), ids=case)
def test_recorded_retired_names_give_the_recorded_results(row: Row) -> None:
    check_row(dns.RETIRED, row)


@pytest.mark.parametrize(
    ("checker", "section"),
    [
        (dns.ADDRESS, {}),
        (dns.ADDRESS, {"name": "-x"}),
        (dns.ADDRESS, {"name": "a b"}),
        (dns.ADDRESS, {"name": "{word}"}),
        (dns.ADDRESS, {"name": NAME, "address": ""}),
        (dns.ADDRESS, {"name": NAME, "address": "10.0.0"}),
        (dns.ADDRESS, {"name": NAME, "address": "::FFFF:10.0.0.1"}),
        (dns.RETIRED, {"names": ["a"], "files": ["etc/hosts"]}),
        (dns.RETIRED, {"unresolved": ["a.example.org"]}),
    ],
)
def test_invalid_section_is_an_error(checker: Checker[Any], section: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec_of(checker, section)


def test_audited_address_is_probed_only_if_it_is_expected() -> None:
    assert dns.ADDRESS.probes(spec_of(dns.ADDRESS, {"name": NAME})) == (Lookup(NAME), ConnectionProbe.ADDRESS)
    assert dns.ADDRESS.probes(spec_of(dns.ADDRESS, {"name": NAME, "address": "10.0.0.1"})) == (Lookup(NAME),)


def test_files_without_names_are_unknown_and_not_searched() -> None:
    spec = spec_of(dns.RETIRED, {"files": ["/etc/hosts"]})
    assert not tuple(dns.RETIRED.probes(spec))
    assert [result.verdict for result in dns.RETIRED.evaluate(spec, Facts(Answers({})))] == [Verdict.UNKNOWN]


def test_grep_of_this_machine_finds_retired_names(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text(
        "10.0.0.1 ol-mem30 xol-mem3\n10.0.0.2 db # password=secret OL-MEM3.example.org\n"
    )
    (tmp_path / "clean").write_text("ol-mem3a\n")
    (tmp_path / "binary").write_bytes(b"\0ol-mem3\n")
    (tmp_path / "etc/deep").mkdir(parents=True)
    (tmp_path / "etc/deep/x.yml").write_text("- ol-mem3:11211\n- ol-mem4:11211\n" * 30)
    (tmp_path / "linked").symlink_to("etc")
    names = ("hosts", "clean", "binary", "etc", "linked", "missing")
    section = {"names": ["ol-mem3", "ol-mem4"], "files": [f"{tmp_path}/{name}" for name in names]}
    spec = spec_of(dns.RETIRED, section)
    probes = tuple(dns.RETIRED.probes(spec))
    answers: dict[Probe, Answer] = {probe: run_locally(probe) for probe in probes if isinstance(probe, Command)}
    assert "secret" not in str(answers)
    assert [result.observed for result in dns.RETIRED.evaluate(spec, Facts(Answers(answers)))] == [
        "ol-mem3",
        "none",
        "none",
        "ol-mem3, ol-mem4",
        "ol-mem3, ol-mem4",
        "absent",
    ]
