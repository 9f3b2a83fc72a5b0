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
    """Run a real process, as the console script does."""
    return subprocess.run([*OLAUDIT, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


# --- in this process -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", *program.commands])
def test_help_works_everywhere(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: olaudit")


def test_no_command_shows_the_help_as_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_a_mistyped_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chekc"]) == 2
    assert "Did you mean 'check'?" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("olaudit ")


def test_a_bug_in_one_check_leaves_the_report_whole_and_exits_70(
    expected: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is reported, without control characters, and everything else is printed and stored."""
    file = expected.parent / "report.json"
    assert main(["check", "ol-a", "ol-b", "-o", f"json={file}"], tools({"ol-a": "crash", "ol-b": "Minix"})) == 70
    out, err = capsys.readouterr()
    assert "internal error in olaudit while kernel was evaluated: ZeroDivisionError" in " ".join(out.split())
    assert "the kernel is Minix" in out
    findings = {(one["host"], one["verdict"]) for one in json.loads(file.read_text())["findings"]}
    assert findings == {("ol-a", "unknown"), ("ol-b", "drift")}
    first, *rest = err.splitlines()
    assert first.endswith("at https://github.com/internetarchive/openlibrary/issues")
    assert rest[0] == "Traceback (most recent call last):"
    assert rest[-2] == r"ZeroDivisionError: crashed \x1b[2J"
    assert rest[-1] == "olaudit: (host ol-a, while evaluating kernel)"


@pytest.mark.usefixtures("expected")
def test_a_bug_on_one_host_is_stored_by_the_nightly_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    how = ["--reports", str(tmp_path / "reports"), "-f", "json"]
    assert main(["report", *how], tools({"ol-a": "crash", "ol-b": "Linux"})) == 70
    printed, stored = json.loads(capsys.readouterr().out), tmp_path / "reports" / "latest.json"
    assert json.loads(stored.read_text())["findings"] == printed["findings"]
    assert main(["history", "--reports", str(tmp_path / "reports")], tools({})) == 0


@pytest.mark.usefixtures("expected")
def test_a_bug_outside_of_hosts_says_where_to_report_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError("crashed \x1b[2J")

    monkeypatch.setattr(program, "invoke", crash)
    assert main(["validate"]) == 70
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.endswith("at https://github.com/internetarchive/openlibrary/issues")
    assert rest[0] == "Traceback (most recent call last):"
    assert rest[-1] == r"ZeroDivisionError: crashed \x1b[2J"


def test_an_interrupt_before_there_are_results_is_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "invoke", interrupted)
    assert main(["validate"]) == 130
    assert capsys.readouterr().err.strip() == "olaudit: interrupted"


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_stream_is_no_bug(closed: str, expected: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"sys.{closed}", None)
    assert main(["check", "ol-a"], tools({"ol-a": "Linux"})) == 0
    assert main(["check", "-e", str(expected / "none")]) == 2
    getattr(sys, closed).close()


@pytest.mark.usefixtures("expected")
def test_letters_that_stdout_cannot_show_do_not_cost_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stdout)
    assert main(["check", "ol-a", "-f", "json"], tools({"ol-a": "żółw"})) == 1
    stdout.flush()
    text = stdout.buffer.getvalue()
    assert json.loads(text)["findings"][0]["observed"] == "???w"


# --- validate, schema ------------------------------------------------------------------------------------------


def test_valid_files_are_said_to_be_with_what_would_be_checked(
    expected: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", "-e", str(expected)], tools({})) == 0
    assert re.fullmatch("expected files are valid: 3 hosts, revision [0-9a-f]{12}\n", capsys.readouterr().out)


@pytest.mark.parametrize("command", ["validate", "check"])
def test_every_problem_of_the_expected_files_is_a_line_to_jump_by(
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
    ("what", "key"),
    [
        ([], "kernel"),
        (["expected"], "kernel"),
        (["report"], "schema_version"),
        (["compare"], "newly_unknown"),
        (["history"], "unreachable_spans"),
    ],
)
def test_schemas_are_json_schema(what: list[str], key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", *what], tools({})) == 0
    text = capsys.readouterr().out
    assert json.loads(text)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert f'"{key}"' in text


# --- as a real process -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("--help",), ("schema", "report"), ("validate",)])
def test_what_asks_no_host_imports_no_library_that_could(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys; from olaudit.cli import main; main(sys.argv[1:]); "
        "sys.exit(' '.join({'paramiko', 'docker', 'requests'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_process_exits_as_main_says(expected: Path) -> None:
    for host in ("ol-a", "ol-b", "ol-c"):
        (expected / "hosts" / f"{host}.yaml").write_text(f"host: {host}\n")
    fine = run("check", "--local", "ol-a", cwd=expected.parent)
    assert (fine.returncode, fine.stderr) == (0, "")
    (expected / "hosts" / "ol-a.yaml").write_text("host: ol-a\npaths:\n  /proc: {type: file}\n")
    drifted = run("check", "--local", "ol-a", cwd=expected.parent)
    assert (drifted.returncode, drifted.stderr) == (1, "")
    assert "DRIFT" in drifted.stdout
    assert run("check", "ol-z", cwd=expected.parent).returncode == 2
    # a host that does not exist: nothing there listens, and nothing leaves this machine
    config = expected.parent / "ssh_config"
    config.write_text("Host *\n  HostName 127.0.0.1\n  Port 1\n  User nobody\n")
    down = run("check", "ol-b", "--ssh-config", str(config), "--timeout", "5", cwd=expected.parent)
    assert (down.returncode, down.stderr) == (3, "")
    assert "NOT AUDITED (refused)  ol-b" in down.stdout


def test_a_closed_pipe_is_quiet_and_keeps_the_exit_code(expected: Path) -> None:
    (expected / "hosts" / "ol-a.yaml").write_text("host: ol-a\npaths:\n  /proc: {type: file}\n")
    for host in ("ol-b", "ol-c"):
        (expected / "hosts" / f"{host}.yaml").unlink()
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        done = subprocess.run(
            [*OLAUDIT, "check", "--local", "ol-a"],
            cwd=expected.parent, stdout=stdout, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"")


def test_an_interrupt_prints_what_there_is_marked_incomplete(expected: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.fleet", "check", "ol-a", "ol-b", "-o", "json=partial.json"],
        cwd=expected.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stderr
    assert process.stderr.readline() == "ol-b hangs\n"
    time.sleep(1)  # ol-a has answered already; let that be taken
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "NOT AUDITED (interrupted)  ol-b" in out
    assert "ok  ol-a" in out
    assert "INCOMPLETE" in out
    assert err == "olaudit: interrupted; these results are incomplete\n"
    assert json.loads((expected.parent / "partial.json").read_text())["run"]["complete"] is False


@pytest.mark.parametrize(
    ("words", "code"),
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
def test_a_full_stdout_ends_with_an_exit_code_of_ours(expected: Path, words: str, code: int, log: str) -> None:
    (expected / "hosts/ol-a.yaml").write_text("host: ol-a\nhostname: x\n")
    for host in "bc":
        (expected / f"hosts/ol-{host}.yaml").write_text(f"host: ol-{host}\nhostname: x\n")
    bare = {"HOME": str(expected.parent), "PATH": "/usr/bin:/bin"}
    with Path("/dev/full").open("wb") as full, Path(log).open("wb") as errors:
        done = subprocess.run(
            [sys.executable, "-m", "olaudit", *words.split()],
            cwd=expected.parent, env=bare, stdout=full, stderr=errors, check=False,
        )  # fmt: skip
    assert done.returncode == code


@pytest.mark.parametrize("words", ["--version", "--help", "schema", "validate --help"])
def test_a_reader_who_has_seen_enough_is_no_error(words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "olaudit", *words.split()], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
