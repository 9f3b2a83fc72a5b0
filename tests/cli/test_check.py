from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from olaudit.cli import main
from olaudit.cli.fleet_audit import Tools, make_transport
from olaudit.cli.options import AuditOptions
from olaudit.cli.program import program
from olaudit.errors import OlauditError
from olaudit.model import Failure, FailureReason
from olaudit.transport import Transport
from olaudit.transport.local import LocalTransport
from olaudit.transport.ssh import SshTransport
from tests.cli.fleet import KERNEL, ScriptedTransport, tools, write_expected

FINE = {"ol-a": "Linux", "ol-b": "Linux", "ol-c": "Linux"}
DRIFTED = FINE | {"ol-b": "Minix"}
DOWN: dict[str, str | Failure] = FINE | {"ol-c": Failure(FailureReason.TIMEOUT, "no answer")}

pytestmark = pytest.mark.usefixtures("expected")


def check(*arguments: str, script: Mapping[str, str | Failure] = FINE) -> Result:
    result = CliRunner().invoke(program, ["check", *arguments], obj=tools(script))
    if result.exception and not isinstance(result.exception, SystemExit | OlauditError):
        raise result.exception
    return result


@pytest.mark.parametrize(
    ("script", "code"), [(FINE, 0), (DRIFTED, 1), (DOWN, 3), (DOWN | DRIFTED | {"ol-c": DOWN["ol-c"]}, 1)]
)
def test_exit_code_reflects_the_findings(script: Mapping[str, str | Failure], code: int) -> None:
    assert check(script=script).exit_code == code


def test_results_go_to_stdout_only() -> None:
    result = check(script=DRIFTED)
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
def test_targets_select_hosts(targets: list[str], hosts: list[str]) -> None:
    document = json.loads(check(*targets, "-f", "json").stdout)
    assert [host["host"] for host in document["hosts"]] == hosts


def test_only_and_skip_select_checks() -> None:
    document = json.loads(check("--skip", "kernel.*", "--all", "-f", "json").stdout)
    assert {finding["check"] for finding in document["findings"]} == {"host.reachable"}
    document = json.loads(
        check("--only", "host.*,kernel.name", "--only", "kernel.*", "--all", "-f", "json").stdout
    )
    assert {finding["check"] for finding in document["findings"]} == {"host.reachable", "kernel.name"}


def test_report_describes_its_run() -> None:
    run = json.loads(check("-f", "json").stdout)["run"]
    assert run["complete"] is True
    assert run["olaudit_version"]
    assert run["expected_revision"]
    assert run["started_at"].endswith("Z")
    assert run["started_at"] <= run["finished_at"]


def test_several_formats_are_written_in_one_run(tmp_path: Path) -> None:
    result = check("-o", "json=report.json", "-o", "table=report.txt", "--color", "always", script=DRIFTED)
    assert result.exit_code == 1
    assert "\x1b[" in result.stdout
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["drift"] == 1
    assert "\x1b" not in (tmp_path / "report.txt").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected", "report.json", "report.txt"]


def test_replay_evaluates_a_recording_without_hosts() -> None:
    first = json.loads(check("--record", "run.json", "-f", "json", script=DRIFTED).stdout)
    result = check("--replay", "run.json", "-f", "json", script={})
    assert result.exit_code == 1
    assert json.loads(result.stdout)["findings"] == first["findings"]


def test_recording_is_private() -> None:
    check("--record", "run.json")
    assert Path("run.json").stat().st_mode & 0o777 == 0o600


def test_unwritable_recording_does_not_lose_results(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    result = check("--record", "run.json", "-f", "json", script=DRIFTED)
    assert json.loads(result.stdout)["summary"]["drift"]
    assert not Path("run.json").exists()


def test_replay_names_hosts_missing_in_the_recording() -> None:
    check("ol-a", "--record", "run.json")
    result = check("--replay", "run.json", script={})
    assert result.exit_code == 0
    assert result.stderr == "olaudit: run.json does not contain ol-b, ol-c\n"
    assert "1 of 1 host," in result.stdout


def test_replay_of_a_missing_target_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    check("ol-a", "--record", "run.json")
    assert main(["check", "ol-b", "--replay", "run.json"], tools({})) == 2
    assert capsys.readouterr().err == "olaudit: run.json does not contain ol-b\nhint: it contains ol-a\n"


def test_interrupted_run_prints_partial_results() -> None:
    result = check(script=FINE | {"ol-c": "^C"})
    assert result.exit_code == 130
    assert "NOT AUDITED (interrupted)" in result.stdout
    assert "INCOMPLETE" in result.stdout
    assert result.stderr == "olaudit: interrupted; these results are incomplete\n"


@pytest.mark.parametrize(("arguments", "transport"), [([], SshTransport), (["--local", "ol-a"], LocalTransport)])
def test_local_selects_the_local_transport(arguments: list[str], transport: type) -> None:
    transports: list[Transport] = []

    def record_transport(options: AuditOptions) -> Transport:
        transports.append(make_transport(options))
        return ScriptedTransport(FINE)

    CliRunner().invoke(program, ["check", *arguments], obj=Tools([KERNEL], record_transport))
    assert [type(created) for created in transports] == [transport]


# --- this machine ----------------------------------------------------------------------------------------------


def test_local_audits_this_machine_as_the_target() -> None:
    assert "1 of 1 host," in check("--local", "ol-b").stdout


def test_local_defaults_to_the_host_name(tmp_path: Path) -> None:
    name = socket.gethostname().partition(".")[0].lower()
    write_expected(tmp_path / "own", name)
    result = CliRunner().invoke(program, ["check", "--local", "-e", "own", "--all"], obj=tools({name: "Linux"}))
    assert result.exit_code == 0
    assert f"{name}: 2 ok" in result.stdout


def test_local_on_an_unknown_machine_gives_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--local"], tools({})) == 2
    assert (
        "hint: pass the host's name in the expected files: `olaudit check --local HOST`" in capsys.readouterr().err
    )
    assert main(["check", "--local", "ol-z"], tools({})) == 2
    assert "hint: hosts: ol-a, ol-b, ol-c" in capsys.readouterr().err


# --- wrong usage -----------------------------------------------------------------------------------------------


BAD_OUTPUT = "Invalid value for '-o' / '--output': "
WRONG_USAGE = {
    "--record x --replay r": "--record and --replay are mutually exclusive: a replay collects no answers",
    "--local --replay r": "--local and --replay are mutually exclusive: a replay audits no machine",
    "--ssh-config r --replay r": "--ssh-config and --replay are mutually exclusive: a replay opens no connections",
    "--ssh-config r --local": "--ssh-config and --local are mutually exclusive: a local audit opens no",
    "--local ol-a ol-b": "--local audits this machine only: pass at most one TARGET",
    "--local ol-*": "--local audits this machine only: 'ol-*' matches 3 hosts",
    "-o json=no/x": "no/x cannot be written: the folder no does not exist",
    "-o json=expected": "expected cannot be written: it is a folder",
    "-o json=x -o table=x": "x is given twice: each result needs a separate file",
    "--record no/x": "no/x cannot be written: the folder no does not exist",
    "--replay r": "r: not a recording of olaudit",
    "-e no": "there is no folder no",
    "--only kernl.*": "no check id matches 'kernl.*'",
    "--skip host.reachable": "host.reachable cannot be skipped",
    "ol-z": "there is no host 'ol-z'",
    "-o json": f"{BAD_OUTPUT}'json' is not FORMAT=FILE, such as json=report.json",
    "-o json=": f"{BAD_OUTPUT}'json=' is not FORMAT=FILE, such as json=report.json",
    "-o xml=x": f"{BAD_OUTPUT}unknown format 'xml': the formats are table, json, ndjson",
    "--only ,": "Invalid value for '--only': expected a check id or a glob, such as container.*",
    "-f xml": "Invalid value for '-f' / '--format': 'xml' is not one of 'table', 'json', 'ndjson', ",
    "-j 0": "Invalid value for '-j' / '--jobs': 0 is not in the range x>=1.",
    "--timeout 0": "Invalid value for '--timeout': 0.0 is not in the range x>0.",
}


@pytest.mark.parametrize(("arguments", "message"), WRONG_USAGE.items())
def test_wrong_usage_is_a_short_error_before_the_audit(
    arguments: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r").write_text("{}")
    assert main(["check", *arguments.split()], tools({})) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"olaudit: {message}")
    assert len(err.splitlines()) <= 2
    assert out == ""
