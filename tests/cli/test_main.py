from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from olaudit.cli import main
from olaudit.cli.program import program
from tests.cli.fleet import tools

ROOT = Path(__file__).parents[2]
OLAUDIT = (sys.executable, "-m", "olaudit")


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run `python -m olaudit` as a real process."""
    return subprocess.run([*OLAUDIT, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


# --- in this process -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", *program.commands])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: olaudit")


def test_missing_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_mistyped_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chekc"]) == 2
    assert "Did you mean 'check'?" in capsys.readouterr().err


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("olaudit ")


def test_internal_error_in_one_check_keeps_the_report(expected: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The error is reported without control characters; all other results are printed and stored."""
    file = expected.parent / "report.json"
    assert main(["check", "ol-a", "ol-b", "-o", f"json={file}"], tools({"ol-a": "crash", "ol-b": "Minix"})) == 70
    out, err = capsys.readouterr()
    assert "internal error in olaudit while kernel was evaluated: ZeroDivisionError" in " ".join(out.split())
    assert "the kernel is Minix" in out
    findings = {(finding["host"], finding["verdict"]) for finding in json.loads(file.read_text())["findings"]}
    assert findings == {("ol-a", "unknown"), ("ol-b", "drift")}
    first, *traceback = err.splitlines()
    assert first.endswith("at https://github.com/internetarchive/openlibrary/issues")
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[-2] == r"ZeroDivisionError: crashed \x1b[2J"
    assert traceback[-1] == "olaudit: (host ol-a, while evaluating kernel)"


@pytest.mark.usefixtures("expected")
def test_nightly_run_with_an_internal_error_is_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--reports", str(tmp_path / "reports"), "-f", "json"]
    assert main(["report", *options], tools({"ol-a": "crash", "ol-b": "Linux"})) == 70
    printed, stored = json.loads(capsys.readouterr().out), tmp_path / "reports" / "latest.json"
    assert json.loads(stored.read_text())["findings"] == printed["findings"]
    assert main(["history", "--reports", str(tmp_path / "reports")], tools({})) == 0


@pytest.mark.usefixtures("expected")
def test_internal_error_message_has_the_address_for_bugs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError("crashed \x1b[2J")

    monkeypatch.setattr(program, "invoke", crash)
    assert main(["validate"]) == 70
    first, *traceback = capsys.readouterr().err.splitlines()
    assert first.endswith("at https://github.com/internetarchive/openlibrary/issues")
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[-1] == r"ZeroDivisionError: crashed \x1b[2J"


def test_interrupt_before_any_result_exits_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "invoke", interrupted)
    assert main(["validate"]) == 130
    assert capsys.readouterr().err.strip() == "olaudit: interrupted"


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_closed_stream_is_not_an_error(closed: str, expected: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"sys.{closed}", None)
    assert main(["check", "ol-a"], tools({"ol-a": "Linux"})) == 0
    assert main(["check", "-e", str(expected / "none")]) == 2
    getattr(sys, closed).close()


@pytest.mark.usefixtures("expected")
def test_unencodable_characters_do_not_fail_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stdout)
    assert main(["check", "ol-a", "-f", "json"], tools({"ol-a": "żółw"})) == 1
    stdout.flush()
    text = stdout.buffer.getvalue()
    assert json.loads(text)["findings"][0]["observed"] == "???w"


# --- validate, schema ------------------------------------------------------------------------------------------


def test_validate_prints_a_summary_of_valid_files(expected: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "-e", str(expected)], tools({})) == 0
    assert re.fullmatch("expected files are valid: 3 hosts, revision [0-9a-f]{12}\n", capsys.readouterr().out)


@pytest.mark.parametrize("command", ["validate", "check"])
def test_every_problem_of_expected_files_is_one_line(
    command: str, expected: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (expected / "hosts" / "ol-a.yaml").write_text("host: ol-a\nkernal: Linux\n")
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\nkernel: 3\n")
    assert main([command], tools({})) == 2
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0].startswith("expected/hosts/ol-a.yaml:2: unknown key 'kernal'")
    assert lines[1].startswith("expected/hosts/ol-b.yaml:2: ")
    assert lines[2:] == ["olaudit: the expected files are not valid: 2 problems"]
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\n")
    assert main([command], tools({})) == 2
    assert capsys.readouterr().err.endswith("not valid: 1 problem\n")


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ([], "kernel"),
        (["expected"], "kernel"),
        (["report"], "schema_version"),
        (["compare"], "newly_unknown"),
        (["history"], "unreachable_spans"),
    ],
)
def test_schema_prints_json(arguments: list[str], key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", *arguments], tools({})) == 0
    text = capsys.readouterr().out
    assert json.loads(text)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert f'"{key}"' in text


# --- as a real process -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("--help",), ("schema", "report"), ("validate",)])
def test_offline_commands_import_no_transport_library(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys; from olaudit.cli import main; main(sys.argv[1:]); "
        "sys.exit(' '.join({'paramiko', 'docker', 'requests'} & set(sys.modules)) or 0)"
    )
    process = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, check=False)
    assert process.returncode == 0, process.stderr


def test_process_exits_with_the_code_of_main(expected: Path) -> None:
    for host in ("ol-a", "ol-b", "ol-c"):
        (expected / "hosts" / f"{host}.yaml").write_text(f"host: {host}\n")
    fine = run("check", "--local", "ol-a", cwd=expected.parent)
    assert (fine.returncode, fine.stderr) == (0, "")
    (expected / "hosts" / "ol-a.yaml").write_text("host: ol-a\npaths:\n  /proc: {type: file}\n")
    drifted = run("check", "--local", "ol-a", cwd=expected.parent)
    assert (drifted.returncode, drifted.stderr) == (1, "")
    assert "DRIFT" in drifted.stdout
    assert run("check", "ol-z", cwd=expected.parent).returncode == 2
    # no server listens on this port, and no traffic leaves this machine
    config = expected.parent / "ssh_config"
    config.write_text("Host *\n  HostName 127.0.0.1\n  Port 1\n  User auditor\n")
    down = run("check", "ol-b", "--ssh-config", str(config), "--timeout", "5", cwd=expected.parent)
    assert (down.returncode, down.stderr) == (3, "")
    assert "NOT AUDITED (refused)  ol-b" in down.stdout


def test_closed_pipe_keeps_the_exit_code(expected: Path) -> None:
    (expected / "hosts" / "ol-a.yaml").write_text("host: ol-a\npaths:\n  /proc: {type: file}\n")
    for host in ("ol-b", "ol-c"):
        (expected / "hosts" / f"{host}.yaml").unlink()
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        process = subprocess.run(
            [*OLAUDIT, "check", "--local", "ol-a"],
            cwd=expected.parent, stdout=stdout, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert (process.returncode, process.stderr) == (1, b"")


def test_interrupt_prints_results_marked_incomplete(expected: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.fleet", "check", "ol-a", "ol-b", "-o", "json=partial.json"],
        cwd=expected.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stderr
    assert process.stderr.readline() == "ol-b hangs\n"
    time.sleep(1)  # ol-a has answered: wait until its answer is processed
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "NOT AUDITED (interrupted)  ol-b" in out
    assert "ok  ol-a" in out
    assert "INCOMPLETE" in out
    assert err == "olaudit: interrupted; these results are incomplete\n"
    assert json.loads((expected.parent / "partial.json").read_text())["run"]["complete"] is False


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("--version", 74),
        ("--help", 74),
        ("check --help", 74),
        ("schema", 74),
        ("validate", 74),
        ("check --local ol-a", 74),
        ("check --local ol-a -f json", 74),
        ("check --local ol-a -f nagios", 3),
        ("check --local ol-z", 2),
        ("nonsense", 2),
    ],
)
@pytest.mark.parametrize("log", ["/dev/null", "/dev/full"])
def test_full_stdout_has_a_documented_exit_code(expected: Path, command: str, code: int, log: str) -> None:
    (expected / "hosts/ol-a.yaml").write_text("host: ol-a\nhostname: x\n")
    for host in "bc":
        (expected / f"hosts/ol-{host}.yaml").write_text(f"host: ol-{host}\nhostname: x\n")
    environment = {"HOME": str(expected.parent), "PATH": "/usr/bin:/bin"}
    with Path("/dev/full").open("wb") as full, Path(log).open("wb") as errors:
        process = subprocess.run(
            [sys.executable, "-m", "olaudit", *command.split()],
            cwd=expected.parent, env=environment, stdout=full, stderr=errors, check=False,
        )  # fmt: skip
    assert process.returncode == code


@pytest.mark.parametrize("command", ["--version", "--help", "schema", "validate --help"])
def test_closed_pipe_is_not_an_error(command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "olaudit", *command.split()], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (process.returncode, process.stderr) == (0, b"")
