from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from olaudit.checks import firewall
from olaudit.facts.files import comparison
from olaudit.facts.iptables import RULES
from olaudit.model import Answer, Answered, Answers, Command, Facts, Probe
from tests.checks.tables import Row, case, check_locally, check_row, rows, spec_of

FILES = {"ferm": "/etc/ferm/ferm.conf", "source": "/srv/ferm.conf"}


@pytest.mark.parametrize("row", rows("firewall"), ids=case)
def test_recorded_answers_give_the_recorded_results(row: Row) -> None:
    check_row(firewall.CHECKER, row)


@pytest.mark.parametrize(
    "section",
    [
        {"ferm": "/etc/ferm/ferm.conf"},
        {"ferm": "ferm.conf", "source": "/srv/ferm.conf"},
        {**FILES, "chains": ["-F"]},
        {**FILES, "chains": ["x" * 29]},
        {**FILES, "chains": ["a b"]},
    ],
)
def test_invalid_section_is_an_error(section: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec_of(firewall.CHECKER, section)


def test_rules_are_probed_only_if_a_chain_is_expected() -> None:
    spec = spec_of(firewall.CHECKER, FILES)
    assert firewall.CHECKER.facts(spec) == (comparison("/etc/ferm/ferm.conf", "/srv/ferm.conf"),)


def test_probes_use_sudo() -> None:
    probes = firewall.CHECKER.probes(spec_of(firewall.CHECKER, {**FILES, "chains": ["DOCKER-USER"]}))
    commands = [probe for probe in probes if isinstance(probe, Command)]
    assert [(probe.argv[0], probe.sudo, probe.may_hang) for probe in commands] == [
        ("cmp", True, True),
        ("iptables-save", True, True),
    ]


@pytest.mark.parametrize(
    ("deployed", "observed"),
    [("one\ntwo\n", "equal"), ("one\n2\n", "differs from line 2 on"), ("one\n", "differs"), (None, "")],
)
def test_cmp_of_this_machine_compares_the_files(tmp_path: Path, deployed: str | None, observed: str) -> None:
    (tmp_path / "ferm.conf").write_text("one\ntwo\n")
    if deployed is not None:
        (tmp_path / "source").write_text(deployed)
    section = {"ferm": f"{tmp_path}/ferm.conf", "source": f"{tmp_path}/source"}
    assert observed_locally(section) == [observed]


def test_cmp_of_this_machine_reports_a_missing_file(tmp_path: Path) -> None:
    assert observed_locally({"ferm": f"{tmp_path}/ferm.conf", "source": "/etc/passwd"}) == ["absent"]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("iptables"), reason="needs root and iptables")
@pytest.mark.parametrize(
    ("rules", "observed"),
    [
        ("iptables -w -N X && iptables -w -A FORWARD -j X", "in force"),
        ("iptables -w -N X && iptables -w -t nat -A OUTPUT -j RETURN", "not used"),
        ("iptables -w -t nat -N X && iptables -w -t nat -A OUTPUT -j X", "absent"),
        (":", "absent"),
    ],
)
def test_real_rules_are_parsed(rules: str, observed: str) -> None:
    spec = spec_of(firewall.CHECKER, {"ferm": "/etc/passwd", "source": "/etc/passwd", "chains": ["X"]})
    argv = ("unshare", "-n", "sh", "-c", f"{rules} && exec iptables-save")
    process = subprocess.run(argv, capture_output=True, text=True, check=True)
    answers: dict[Probe, Answer] = {RULES.probe: Answered(process.stdout, process.stderr)}
    assert [result.observed for result in firewall.evaluate(spec, Facts(Answers(answers)))][1] == observed


def observed_locally(section: dict[str, Any]) -> list[str]:
    return [result.observed for result in check_locally(firewall.CHECKER, section)]
