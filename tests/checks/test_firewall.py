from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from olaudit.checks import firewall
from olaudit.model import Answer, Answered, Answers, Command, Probe
from tests.checks.tables import Row, case, check_row, rows, run_locally, spec_of

FILES = {"ferm": "/etc/ferm/ferm.conf", "source": "/srv/ferm.conf"}


@pytest.mark.parametrize("row", rows("firewall"), ids=case)
def test_recorded_answers_are_judged_as_recorded(row: Row) -> None:
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
def test_a_section_that_makes_no_sense_is_an_error(section: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec_of(firewall.CHECKER, section)


def test_rules_are_asked_for_only_where_a_chain_is_expected() -> None:
    assert [probe.argv[0] for probe in firewall.probes(spec_of(firewall.CHECKER, FILES))] == ["cmp"]


def test_what_needs_root_is_asked_by_sudo() -> None:
    probes = firewall.probes(spec_of(firewall.CHECKER, {**FILES, "chains": ["DOCKER-USER"]}))
    assert [(probe.argv[0], probe.sudo, probe.may_hang) for probe in probes] == [
        ("cmp", True, True),
        ("iptables-save", True, True),
    ]


@pytest.mark.parametrize(
    ("deployed", "observed"),
    [("one\ntwo\n", "equal"), ("one\n2\n", "differs from line 2 on"), ("one\n", "differs"), (None, "")],
)
def test_this_machine_compares_files_as_understood(tmp_path: Path, deployed: str | None, observed: str) -> None:
    (tmp_path / "ferm.conf").write_text("one\ntwo\n")
    if deployed is not None:
        (tmp_path / "source").write_text(deployed)
    section = {"ferm": f"{tmp_path}/ferm.conf", "source": f"{tmp_path}/source"}
    assert judged(section) == [observed]


def test_this_machine_misses_a_file_as_understood(tmp_path: Path) -> None:
    assert judged({"ferm": f"{tmp_path}/ferm.conf", "source": "/etc/passwd"}) == ["absent"]


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
def test_real_rules_are_understood(rules: str, observed: str) -> None:
    spec = spec_of(firewall.CHECKER, {"ferm": "/etc/passwd", "source": "/etc/passwd", "chains": ["X"]})
    argv = ("unshare", "-n", "sh", "-c", f"{rules} && exec iptables-save")
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    answers: dict[Probe, Answer] = dict.fromkeys(firewall.probes(spec), Answered(done.stdout, done.stderr))
    assert [one.observed for one in firewall.evaluate(spec, Answers(answers))][1] == observed


def judged(section: dict[str, Any]) -> list[str]:
    spec = spec_of(firewall.CHECKER, section)
    probes: tuple[Command, ...] = firewall.probes(spec)
    return [
        one.observed for one in firewall.evaluate(spec, Answers({probe: run_locally(probe) for probe in probes}))
    ]
