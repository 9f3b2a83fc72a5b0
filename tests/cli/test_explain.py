"""`olaudit explain` of a report, without a history."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from olaudit.cli import main
from olaudit.cli.fleet_audit import Tools
from olaudit.model import finding_id
from tests.cli.explain_fleet import COMMIT, DOWN, DRIFTED, FINE, KERNEL_B, REACHABLE_B, check, explain
from tests.cli.fleet import KERNEL, UNAME_OUTPUT, ScriptedTransport

pytestmark = pytest.mark.usefixtures("expected")


@pytest.fixture(autouse=True)
def _comment_in_expected_file(expected: Path) -> None:
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\n\n# Only Linux is supported.\nkernel: Linux\n")


# --- from a report alone ---------------------------------------------------------------------------------------


def test_a_report_alone_is_explained_with_next_commands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    check(DRIFTED)
    text = explain(capsys, KERNEL_B)
    run = json.loads(Path("report.json").read_text())["run"]["id"]
    assert (
        text
        == f"""\
DRIFT warning  ol-b  kernel.name  kernel
  the kernel is Minix \\x1b[2J
  {KERNEL_B}, in the report of 2026-11-20 03:00 UTC (run {run})

EXPECTED
  Linux
  expected/hosts/ol-b.yaml:4
       3  # Only Linux is supported.
  >    4  kernel: Linux
  kernel.name is drift when: another kernel runs

OBSERVED
  Minix \\x1b[2J
  probe: uname
  A report contains no raw answers. To get the current answers:
    olaudit check ol-b --only kernel.name --record answers.json
    olaudit explain {KERNEL_B} --replay answers.json --report report.json

HISTORY
  There is no history history.sqlite: `olaudit report` creates it.

FIX
  no single command fixes this: see the observed value

VERIFY
  olaudit check ol-b --only kernel.name
  ssh ol-b uname
"""
    )


def test_the_suggested_commands_work(capsys: pytest.CaptureFixture[str]) -> None:
    check(DRIFTED)
    text = explain(capsys, KERNEL_B, "-e", "expected")
    commands = [line.strip() for line in text.splitlines() if line.strip().startswith("olaudit ")]
    assert len(commands) == 3
    tools = Tools([KERNEL], lambda _: ScriptedTransport(DRIFTED))
    assert [main(shlex.split(command)[1:], tools) for command in commands] == [1, 0, 1]
    assert "| Minix" in capsys.readouterr().out


def test_raw_answers_come_from_a_recording(capsys: pytest.CaptureFixture[str]) -> None:
    check(DRIFTED, "--record", "answers.json")
    text = explain(capsys, KERNEL_B[:4], "--replay", "answers.json")
    assert "  probe: uname\n  | Minix \\x1b[2J\n  These answers are from answers.json.\n" in text


def test_a_subject_not_evaluated_has_its_checkers_facts(capsys: pytest.CaptureFixture[str]) -> None:
    check(DRIFTED)
    document = json.loads(Path("report.json").read_text())
    finding = next(finding for finding in document["findings"] if finding["id"] == KERNEL_B)
    finding["subject"] = "gone"
    Path("report.json").write_text(json.dumps(document))
    checker = replace(KERNEL, facts=lambda _: iter((UNAME_OUTPUT,)))  # can be iterated once
    assert (
        main(["explain", KERNEL_B, "--report", "report.json"], Tools([checker], lambda _: ScriptedTransport({})))
        == 0
    )
    assert "  probe: uname\n" in capsys.readouterr().out


def test_a_recording_without_the_host_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    check(DRIFTED)
    main(["check", "ol-a", "--record", "answers.json"], Tools([KERNEL], lambda _: ScriptedTransport(DRIFTED)))
    text = explain(capsys, KERNEL_B, "--replay", "answers.json")
    assert "answers.json has no answers of ol-b to these probes." in text


def test_changed_expected_files_are_a_note(capsys: pytest.CaptureFixture[str], expected: Path) -> None:
    check(DRIFTED)
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\nkernel: Hurd\n")
    text = explain(capsys, KERNEL_B)
    assert "Note: the expected files have changed since this report" in text
    assert "EXPECTED\n  Linux\n" in text


@pytest.mark.parametrize("broken", ["missing", "invalid", "without the host"])
def test_a_report_is_explained_without_expected_files(
    capsys: pytest.CaptureFixture[str], expected: Path, broken: str
) -> None:
    check(DRIFTED)
    match broken:
        case "missing":
            expected.rename("elsewhere")
        case "invalid":
            (expected / "hosts" / "ol-a.yaml").write_text("host: ol-a\nkernl: Linux\n")
        case _:
            (expected / "hosts" / "ol-b.yaml").unlink()
    text = explain(capsys, KERNEL_B, "-e", "expected")
    assert "Note: the expected files" in text
    assert "EXPECTED\n  Linux\n  expected/hosts/ol-b.yaml:4\n" in text
    assert "Cannot determine the probes" in text
    assert "  olaudit check ol-b --only kernel.name -e expected\n" in text


def test_an_unreachable_host_has_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    check(DOWN)
    text = explain(capsys, REACHABLE_B)
    assert text.startswith("UNKNOWN critical  ol-b  host.reachable  host\n  no answer within 1 s\n")
    assert "OBSERVED\n  the host could not be audited (timeout)\n  No probe was answered.\n" in text
    assert "VERIFY\n  olaudit check ol-b --only host.reachable\n  ssh ol-b true\n" in text


@pytest.mark.parametrize(
    "source", ["expected/../../etc/passwd:1", "expected//etc/passwd:1", "nonsense", "expected/x:y"]
)
def test_a_source_outside_the_expected_files_is_not_read(capsys: pytest.CaptureFixture[str], source: str) -> None:
    check(DRIFTED)
    document = json.loads(Path("report.json").read_text())
    document["findings"][0]["source"] = source
    Path("report.json").write_text(json.dumps(document))
    text = explain(capsys, KERNEL_B)
    assert f"{source}\n  kernel.name is drift when" in text


def test_a_fleet_check_shows_equal_answers_once(capsys: pytest.CaptureFixture[str], expected: Path) -> None:
    for host in FINE:
        (expected / "hosts" / f"{host}.yaml").write_text(f"host: {host}\ncommit: same\n")
    tools = Tools([COMMIT], lambda _: ScriptedTransport(DRIFTED))
    main(["check", "-o", "json=report.json", "--record", "answers.json"], tools)
    capsys.readouterr()
    id_ = finding_id("ol-b", "fleet.commit", "commit")
    assert main(["explain", id_, "--report", "report.json", "--replay", "answers.json"], tools) == 0
    text = capsys.readouterr().out
    assert "  probe: uname\n  | Minix" in text
    assert "  probe: uname  (of ol-a, ol-c)\n  | Linux\n" in text
    assert "VERIFY\n  olaudit check --only fleet.commit\n  ssh ol-b uname\n" in text


# --- errors ----------------------------------------------------------------------------------------------------


def test_a_missing_finding_or_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    check(DRIFTED)
    wrong = KERNEL_B[:-1] + ("0" if KERNEL_B[-1] != "0" else "1")
    assert f"did you mean {KERNEL_B} (ol-b kernel.name kernel)?" in explain(capsys, wrong, code=2)
    assert "no finding in the report of" in explain(capsys, "0000", code=2)
    assert "is not a finding id" in explain(capsys, "xyz", code=2)
    assert "not a recording" in explain(capsys, KERNEL_B, "--replay", "report.json", code=2)
    Path("report.json").unlink()
    assert "there is no report report.json" in explain(capsys, KERNEL_B, code=2)
