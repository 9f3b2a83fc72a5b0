"""With `-f nagios`, every run prints one line to stdout that matches its exit code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from olaudit.cli import main, plugin
from olaudit.cli.program import program
from olaudit.model import Failure, FailureReason
from tests.cli.fleet import tools

FINE = {"ol-a": "Linux", "ol-b": "Linux", "ol-c": "Linux"}
DOWN: dict[str, str | Failure] = {"ol-c": Failure(FailureReason.TIMEOUT, "no answer")}

pytestmark = pytest.mark.usefixtures("expected")


@pytest.mark.parametrize(
    ("script", "code", "status"),
    [
        (FINE, 0, "OK"),
        (FINE | {"ol-b": "Minix"}, 1, "WARNING"),
        (FINE | DOWN, 3, "UNKNOWN"),
        (FINE | DOWN | {"ol-b": "Minix"}, 1, "WARNING"),
    ],
)
def test_exit_code_matches_the_first_line(
    script: Mapping[str, str | Failure], code: int, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "-f", "nagios"], tools(script)) == code
    assert capsys.readouterr().out.startswith(f"OLAUDIT {status} - ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "-f", "nagios", "ol-z"], "ol-z"),
        (["check", "-f", "nagios", "--no-such-option"], "No such option"),
        (["check", "--format=nagios", "--jobs", "0"], "0 is not in the range"),
        (["chekc", "-f", "nagios"], "No such command 'chekc'"),
        (["check", "-fnagios", "-e", "nowhere"], "nowhere"),
        (["check", "-f=nagios"], "'=nagios' is not one of"),
        (["check", "-f", "nagios", "-o", "json=no/such/folder"], "the folder no/such does not exist"),
        (["check", "-f", "nagios", "--only", "kernal.*"], "kernal"),
    ],
)
def test_wrong_usage_is_unknown_with_a_message(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments, tools(FINE)) == 3
    out, err = capsys.readouterr()
    assert out.startswith("OLAUDIT UNKNOWN - ")
    assert message in out
    assert out.count("\n") == 1
    assert err.startswith("olaudit: "), "the message is on stderr too"


def test_invalid_expected_files_are_unknown(expected: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (expected / "hosts" / "ol-a.yaml").write_text("host: ol-a\nkernal: Linux\n")
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\nkernel: 3\n")
    assert main(["check", "-f", "nagios"], tools(FINE)) == 3
    line = capsys.readouterr().out
    assert line.startswith(
        "OLAUDIT UNKNOWN - the expected files are not valid: expected/hosts/ol-a.yaml:2: unknown"
    )
    assert line.endswith("(and 1 more)\n")


def test_internal_error_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-f", "nagios", "ol-a"], tools({"ol-a": "crash"})) == 3
    line = capsys.readouterr().out
    assert line.startswith("OLAUDIT UNKNOWN - ")
    assert "internal error in olaudit while kernel was evaluated: ZeroDivisionError" in line


def test_interrupt_before_any_result_is_unknown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "invoke", interrupted)
    assert main(["check", "-f", "nagios"], tools(FINE)) == 3
    assert capsys.readouterr().out == "OLAUDIT UNKNOWN - interrupted\n"


def test_interrupted_run_without_drift_is_unknown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "-f", "nagios"], tools(FINE | {"ol-b": "^C"})) == 3
    assert capsys.readouterr().out.startswith("OLAUDIT UNKNOWN - interrupted: 0 drift, ")


def test_unwritable_output_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    assert main(["check", "-f", "nagios", "-o", f"json={tmp_path / 'o.json'}"], tools(FINE)) == 3
    assert capsys.readouterr().out == (
        f"OLAUDIT UNKNOWN - {tmp_path / 'o.json'} cannot be written: No space left on device\n"
    )


def test_full_stdout_is_unknown(expected: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run(
            [sys.executable, "-m", "olaudit", "check", "-f", "nagios", "--local", "ol-z"],
            cwd=expected.parent, stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert process.returncode == 3


@pytest.mark.parametrize(
    ("line", "requested"),
    [
        ("check -f nagios", True),
        ("check --format nagios ol-a", True),
        ("check --format=nagios", True),
        ("check -fnagios", True),
        ("check -f json -f nagios", True),
        ("check -f Nagios", True),
        ("check -f nagios -f json", False),
        ("check", False),
        ("check -o nagios=file", False),
        ("check -- -f nagios", False),
        ("check -f", False),
        ("", False),
    ],
)
def test_last_format_option_selects_the_plugin(line: str, *, requested: bool) -> None:
    assert plugin.is_requested(line.split()) is requested
