from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from olaudit.cli import main
from olaudit.cli.auditing import Tools, make_transport
from olaudit.cli.options import Options
from olaudit.cli.program import program
from olaudit.errors import OlauditError
from olaudit.model import Failure, FailureReason
from olaudit.transport import Transport
from olaudit.transport.local import LocalTransport
from olaudit.transport.ssh import SshTransport
from tests.cli.fleet import KERNEL, Told, tools, write_expected

FINE = {"ol-a": "Linux", "ol-b": "Linux", "ol-c": "Linux"}
DRIFTED = FINE | {"ol-b": "Minix"}
DOWN: dict[str, str | Failure] = FINE | {"ol-c": Failure(FailureReason.TIMEOUT, "no answer")}

pytestmark = pytest.mark.usefixtures("expected")


def check(*arguments: str, said: Mapping[str, str | Failure] = FINE) -> Result:
    result = CliRunner().invoke(program, ["check", *arguments], obj=tools(said))
    if result.exception and not isinstance(result.exception, SystemExit | OlauditError):
        raise result.exception
    return result


@pytest.mark.parametrize(
    ("said", "code"), [(FINE, 0), (DRIFTED, 1), (DOWN, 3), (DOWN | DRIFTED | {"ol-c": DOWN["ol-c"]}, 1)]
)
def test_the_exit_code_says_what_was_found(said: Mapping[str, str | Failure], code: int) -> None:
    assert check(said=said).exit_code == code


def test_results_go_to_stdout_and_nothing_to_stderr() -> None:
    result = check(said=DRIFTED)
    assert result.stdout.endswith("3 of 3 hosts, 6 checks: 5 ok, 1 drift, 0 unknown\n")
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("targets", "hosts"),
    [
        ([], ["ol-a", "ol-b", "ol-c"]),
        (["ol-b"], ["ol-b"]),
        (["ol-[ab]", "ol-b.example.org"], ["ol-a", "ol-b"]),
    ],
)
def test_targets_choose_hosts(targets: list[str], hosts: list[str]) -> None:
    document = json.loads(check(*targets, "-f", "json").stdout)
    assert [host["host"] for host in document["hosts"]] == hosts


def test_only_and_skip_choose_checks() -> None:
    document = json.loads(check("--skip", "kernel.*", "--all", "-f", "json").stdout)
    assert {finding["check"] for finding in document["findings"]} == {"host.reachable"}
    document = json.loads(
        check("--only", "host.*,kernel.name", "--only", "kernel.*", "--all", "-f", "json").stdout
    )
    assert {finding["check"] for finding in document["findings"]} == {"host.reachable", "kernel.name"}


def test_the_report_says_when_by_what_and_against_which_files_it_was_made() -> None:
    run = json.loads(check("-f", "json").stdout)["run"]
    assert run["complete"] is True
    assert run["olaudit_version"]
    assert run["expected_revision"]
    assert run["started_at"].endswith("Z")
    assert run["started_at"] <= run["finished_at"]


def test_several_formats_are_written_in_one_run(tmp_path: Path) -> None:
    result = check("-o", "json=report.json", "-o", "table=report.txt", "--color", "always", said=DRIFTED)
    assert result.exit_code == 1
    assert "\x1b[" in result.stdout
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["drift"] == 1
    assert "\x1b" not in (tmp_path / "report.txt").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected", "report.json", "report.txt"]


def test_a_recorded_run_is_judged_again_without_asking_anybody() -> None:
    first = json.loads(check("--record", "run.json", "-f", "json", said=DRIFTED).stdout)
    result = check("--replay", "run.json", "-f", "json", said={})
    assert result.exit_code == 1
    assert json.loads(result.stdout)["findings"] == first["findings"]


def test_a_recording_is_as_private_as_what_hosts_say() -> None:
    check("--record", "run.json")
    assert Path("run.json").stat().st_mode & 0o777 == 0o600


def test_a_recording_that_cannot_be_written_costs_nobody_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    result = check("--record", "run.json", "-f", "json", said=DRIFTED)
    assert json.loads(result.stdout)["summary"]["drift"]
    assert not Path("run.json").exists()


def test_a_replay_says_which_hosts_its_recording_does_not_hold() -> None:
    check("ol-a", "--record", "run.json")
    result = check("--replay", "run.json", said={})
    assert result.exit_code == 0
    assert result.stderr == "olaudit: run.json does not hold ol-b, ol-c\n"
    assert "1 of 1 host," in result.stdout


def test_a_replay_of_hosts_its_recording_does_not_hold_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    check("ol-a", "--record", "run.json")
    assert main(["check", "ol-b", "--replay", "run.json"], tools({})) == 2
    assert capsys.readouterr().err == "olaudit: run.json does not hold ol-b\nhint: it holds ol-a\n"


def test_an_interrupted_run_prints_what_there_is_and_exits_130() -> None:
    result = check(said=FINE | {"ol-c": "^C"})
    assert result.exit_code == 130
    assert "NOT AUDITED (interrupted)" in result.stdout
    assert "INCOMPLETE" in result.stdout
    assert result.stderr == "olaudit: interrupted; these results are incomplete\n"


@pytest.mark.parametrize(("arguments", "transport"), [([], SshTransport), (["--local", "ol-a"], LocalTransport)])
def test_hosts_are_asked_over_ssh_but_for_this_very_machine(arguments: list[str], transport: type) -> None:
    made: list[Transport] = []

    def make(options: Options) -> Transport:
        made.append(make_transport(options))
        return Told(FINE)

    CliRunner().invoke(program, ["check", *arguments], obj=Tools([KERNEL], make))
    assert [type(one) for one in made] == [transport]


# --- this machine ----------------------------------------------------------------------------------------------


def test_local_audits_this_machine_as_the_host_it_is_said_to_be() -> None:
    assert "1 of 1 host," in check("--local", "ol-b").stdout


def test_local_audits_this_machine_by_its_own_name(tmp_path: Path) -> None:
    name = socket.gethostname().partition(".")[0].lower()
    write_expected(tmp_path / "own", name)
    result = CliRunner().invoke(program, ["check", "--local", "-e", "own", "--all"], obj=tools({name: "Linux"}))
    assert result.exit_code == 0
    assert f"{name}: 2 ok" in result.stdout


def test_local_on_a_machine_that_is_no_host_says_how_to_name_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--local"], tools({})) == 2
    assert "hint: say which host this machine is: `olaudit check --local HOST`" in capsys.readouterr().err
    assert main(["check", "--local", "ol-z"], tools({})) == 2
    assert "hint: hosts: ol-a, ol-b, ol-c" in capsys.readouterr().err


# --- what makes no sense ---------------------------------------------------------------------------------------


BAD_OUTPUT = "Invalid value for '-o' / '--output': "
NONSENSE = {
    "--record x --replay r": "--record and --replay exclude each other: a replay asks nobody, so there is nothing",
    "--local --replay r": "--local and --replay exclude each other: a replay asks nobody, this machine neither",
    "--ssh-config r --replay r": "--ssh-config and --replay exclude each other: a replay connects to nobody",
    "--ssh-config r --local": "--ssh-config and --local exclude each other: a local audit connects to nobody",
    "--local ol-a ol-b": "--local audits one host, this machine: name at most one TARGET",
    "--local ol-*": "--local audits one host, this machine: 'ol-*' fits 3",
    "-o json=no/x": "no/x cannot be written: there is no folder no",
    "-o json=expected": "expected cannot be written: it is a folder",
    "-o json=x -o table=x": "x is named twice: each result needs a file of its own",
    "--record no/x": "no/x cannot be written: there is no folder no",
    "--replay r": "r: not a recording of olaudit",
    "-e no": "there is no folder no",
    "--only kernl.*": "no check id matches 'kernl.*'",
    "--skip host.reachable": "host.reachable cannot be skipped",
    "ol-z": "there is no host 'ol-z'",
    "-o json": f"{BAD_OUTPUT}'json' is not FORMAT=FILE, such as json=report.json",
    "-o json=": f"{BAD_OUTPUT}'json=' is not FORMAT=FILE, such as json=report.json",
    "-o xml=x": f"{BAD_OUTPUT}'xml' is no format: known are table, json, ndjson",
    "--only ,": "Invalid value for '--only': name a check, or a glob such as container.*",
    "-f xml": "Invalid value for '-f' / '--format': 'xml' is not one of 'table', 'json', 'ndjson', ",
    "-j 0": "Invalid value for '-j' / '--jobs': 0 is not in the range x>=1.",
    "--timeout 0": "Invalid value for '--timeout': 0.0 is not in the range x>0.",
}


@pytest.mark.parametrize(("arguments", "message"), NONSENSE.items())
def test_what_makes_no_sense_is_one_clear_line_before_any_host_is_asked(
    arguments: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r").write_text("{}")
    assert main(["check", *arguments.split()], tools({})) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"olaudit: {message}")
    assert len(err.splitlines()) <= 2
    assert out == ""
