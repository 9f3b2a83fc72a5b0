from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from olaudit.checker import AnyChecker, Check, Checker
from olaudit.checks import CHECKERS
from olaudit.cli import main
from olaudit.cli.auditing import Tools, make_transport
from olaudit.cli.demo import demo
from olaudit.demo import drifts
from olaudit.demo.drifts import DRIFTS
from olaudit.model import Answer, Answers, Command, Expectation, Probe, Result, Severity, Unanswered
from olaudit.transport import Deadline


def _demo(tools: Tools | None = None) -> Any:
    return demo.main([], "olaudit demo", standalone_mode=False, obj=tools or Tools(CHECKERS, make_transport))


def test_the_demo_says_what_it_is_shows_the_drift_and_explains_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("A simulated fleet on this machine, not yours: 14 hosts")
    assert "13 of 14 hosts" in said
    assert said.count("\n  seen    ") == len(DRIFTS)
    assert all(drift.host in said for drift in DRIFTS)
    assert "MISSED" not in said
    assert re.search(r"exit\s+code\s+1", said)
    assert "olaudit demo --keep" in said


def test_a_demo_in_which_the_audit_misses_something_is_a_bug(capsys: pytest.CaptureFixture[str]) -> None:
    blind = [_blinded(checker) if checker.section == "memcached" else checker for checker in CHECKERS]
    assert _demo(Tools(blind, make_transport)) == 70
    said = capsys.readouterr().out
    assert "This is a bug in olaudit" in said
    assert "not found: ol-mem1  memcached.configured  memcached" in said
    assert "MISSED  ol-mem1" in said
    assert "Next:" not in said


def _blinded(checker: AnyChecker) -> Checker[Any]:
    return Checker(
        section=checker.section,
        model=checker.model,
        ids=checker.ids,
        probes=checker.probes,
        evaluate=lambda _spec, _answers: (),
    )


def test_a_kind_of_check_that_the_simulation_was_not_taught_is_unknown_there_and_no_bug(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asks = Command(("nosuch", "--version"))
    untaught: Checker[Any] = Checker(
        section="hostname",
        model=CHECKERS[0].model,
        ids=(Check("nosuch.version", Severity.WARNING, "it is another"),),
        probes=lambda _: (asks,),
        evaluate=lambda _, answers: [_unknown(answers[asks])],
    )
    assert CHECKERS[0].section == "hostname"
    # without clock.skew, which is unknown where a busy machine answers slowly
    taught = [_blinded(checker) if checker.section == "clock" else checker for checker in CHECKERS]
    assert _demo(Tools([*taught, untaught], make_transport)) is None
    said = capsys.readouterr().out
    assert "no such command there: nosuch" in said
    assert "13 checks are unknown only because the simulation" in said, said


def _unknown(answer: Answer) -> Result:
    assert isinstance(answer, Unanswered)
    return Expectation(check="nosuch.version", subject="nosuch", at=("hostname",)).unknown(answer.reason)


def test_a_demo_in_which_the_audit_sees_something_else_is_a_bug(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = drifts.Drift(
        host="ol-web1", description="nothing", findings=(), change=drifts.set_hostname("openlibrary-web-1", "x")
    )
    monkeypatch.setattr(drifts, "DRIFTS", (other,))
    assert _demo() == 70
    assert "not put in: ol-web1  container.hostname  openlibrary-web-1" in capsys.readouterr().out


def test_an_interrupted_demo_ends_as_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupted:
        def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
            del probes, deadline
            if host == "ol-backup0":  # one ^C: more of them would hit whatever comes after the audit as well
                signal.raise_signal(signal.SIGINT)
            threading.Event().wait(20)
            return Answers({})

        def close(self) -> None:
            pass

    assert _demo(Tools(CHECKERS, lambda _: Interrupted())) == 130
    said = capsys.readouterr().out
    assert "INCOMPLETE" in said
    assert "This is a bug" not in said


_MAIN = (sys.executable, "-W", "error", "-c", "import sys; from olaudit.cli import main; sys.exit(main())")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_kept_fleet_can_be_checked_until_it_is_told_to_end(end: signal.Signals) -> None:
    with subprocess.Popen([*_MAIN, "demo", "--keep"], stdout=subprocess.PIPE, text=True) as kept:
        assert kept.stdout
        try:
            line = next(line.strip() for line in kept.stdout if line.startswith("  olaudit check -e "))
            config = Path(line.rpartition(" ")[2])
            again = subprocess.run(
                [*_MAIN, *line.split()[1:]], capture_output=True, text=True, check=False, timeout=60
            )
            assert next(kept.stdout).startswith("  ssh -F ")
        finally:
            kept.send_signal(end)
        assert kept.wait(20) == 0
    assert again.returncode == 1
    assert "13 of 14 hosts" in again.stdout
    assert again.stderr == ""
    assert not config.parent.exists()
