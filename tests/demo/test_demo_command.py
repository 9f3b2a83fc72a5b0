from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from olaudit.checker import AnyChecker, Checker
from olaudit.checks import CHECKERS
from olaudit.cli import main
from olaudit.cli.demo import demo
from olaudit.cli.fleet_audit import Tools, make_transport
from olaudit.demo import drifts
from olaudit.demo.drifts import DRIFTS
from olaudit.model import Answers, Check, Command, Fact, Probe, Severity
from olaudit.transport import Deadline


def _run_demo(tools: Tools | None = None) -> Any:
    return demo.main([], "olaudit demo", standalone_mode=False, obj=tools or Tools(CHECKERS, make_transport))


def test_demo_introduces_audits_and_explains_the_fleet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("This is a simulated fleet on this machine: 14 hosts")
    assert "13 of 14 hosts" in output
    assert output.count("\n  reported  ") == len(DRIFTS)
    assert all(drift.host in output for drift in DRIFTS)
    assert "MISSED" not in output
    assert re.search(r"would\s+exit\s+with\s+1\s", output)
    assert "olaudit demo --keep" in output


def test_demo_exits_with_70_if_the_audit_misses_drift(capsys: pytest.CaptureFixture[str]) -> None:
    checkers = [_without_results(checker) if checker.section == "memcached" else checker for checker in CHECKERS]
    assert _run_demo(Tools(checkers, make_transport)) == 70
    output = capsys.readouterr().out
    assert "This is a bug in olaudit" in output
    assert "not reported: ol-mem1  memcached.configured  memcached" in output
    assert "MISSED    ol-mem1" in output
    assert "Next steps:" not in output


def _without_results(checker: AnyChecker) -> Checker[Any]:
    return replace(checker, evaluate=lambda _spec, _facts: ())


def test_checker_without_simulation_is_unknown_and_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    version: Fact[str] = Fact("nosuch", Command(("nosuch", "--version")), lambda answer: answer.stdout)
    check = Check("nosuch.version", Severity.WARNING, "another version is installed")
    expectation = check.expect("nosuch", ("hostname",), based_on=(version,))
    unsupported: Checker[Any] = Checker(
        section="hostname",
        model=CHECKERS[0].model,
        checks=(check,),
        facts=lambda _: (version,),
        evaluate=lambda _, facts: [expectation.evaluate(facts[version], expectation.ok)],
    )
    assert CHECKERS[0].section == "hostname"
    # without clock.skew, which is unknown where a busy machine answers slowly
    checkers = [_without_results(checker) if checker.section == "clock" else checker for checker in CHECKERS]
    assert _run_demo(Tools([*checkers, unsupported], make_transport)) == 0
    output = capsys.readouterr().out
    assert "not recorded: nosuch --version" in output
    assert "13 checks are unknown: the simulation" in output, output


def test_demo_exits_with_70_if_the_audit_reports_other_drift(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = drifts.Drift(
        host="ol-web1", description="nothing", findings=(), change=drifts.set_hostname("openlibrary-web-1", "x")
    )
    monkeypatch.setattr(drifts, "DRIFTS", (other,))
    assert _run_demo() == 70
    assert "not injected: ol-web1  container.hostname  openlibrary-web-1" in capsys.readouterr().out


def test_interrupted_demo_exits_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupted:
        def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
            del probes, deadline
            if host == "ol-backup0":  # one ^C: a second one would also interrupt the code after the audit
                signal.raise_signal(signal.SIGINT)
            threading.Event().wait(20)
            return Answers({})

        def close(self) -> None:
            pass

    assert _run_demo(Tools(CHECKERS, lambda _: Interrupted())) == 130
    output = capsys.readouterr().out
    assert "INCOMPLETE" in output
    assert "This is a bug" not in output


_MAIN = (sys.executable, "-W", "error", "-c", "import sys; from olaudit.cli import main; sys.exit(main())")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_kept_fleet_can_be_audited_until_a_signal_ends_it(end: signal.Signals) -> None:
    with subprocess.Popen([*_MAIN, "demo", "--keep"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            line = next(line.strip() for line in process.stdout if line.startswith("  olaudit check -e "))
            config = Path(line.rpartition(" ")[2])
            audit = subprocess.run(
                [*_MAIN, *line.split()[1:]], capture_output=True, text=True, check=False, timeout=60
            )
            assert next(process.stdout).startswith("  ssh -F ")
        finally:
            process.send_signal(end)
        assert process.wait(20) == 0
    assert audit.returncode == 1
    assert "13 of 14 hosts" in audit.stdout
    assert audit.stderr == ""
    assert not config.parent.exists()
