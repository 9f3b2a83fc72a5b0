"""The test fleet of `olaudit explain`: its answers, its checks and runs, and the command itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from olaudit import recording
from olaudit.audit import select_checks
from olaudit.checker import Checker
from olaudit.cli import main
from olaudit.cli.fleet_audit import Tools, audit_fleet
from olaudit.cli.options import AuditOptions
from olaudit.evidence import extract_evidence
from olaudit.expected import load
from olaudit.history import History, RunScope
from olaudit.model import (
    Answers,
    Check,
    Facts,
    Failure,
    FailureReason,
    Probe,
    Severity,
    Unanswered,
    Vote,
    finding_id,
)
from olaudit.render import RENDERERS
from olaudit.render.style import Style
from olaudit.transport import Deadline
from tests.cli.fleet import KERNEL, UNAME, UNAME_OUTPUT, ScriptedTransport

FINE: dict[str, str | Failure] = {"ol-a": "Linux", "ol-b": "Linux", "ol-c": "Linux"}
DRIFTED = FINE | {"ol-b": "Minix \x1b[2J"}
DOWN = FINE | {"ol-b": Failure(FailureReason.TIMEOUT, "no answer within 1 s")}
KERNEL_B = finding_id("ol-b", "kernel.name", "kernel")
REACHABLE_B = finding_id("ol-b", "host.reachable", "host")
START = datetime(2026, 11, 20, 3, tzinfo=UTC)


SAME_COMMIT = Check("fleet.commit", Severity.WARNING, "other hosts have another commit")


def _vote(_section: str, facts: Facts) -> list[Vote]:
    expectation = SAME_COMMIT.expect("commit", ("commit",), based_on=(UNAME_OUTPUT,))
    return [Vote(expectation, "the commit", facts[UNAME_OUTPUT])]


COMMIT: Checker[str] = Checker(
    section="commit", model=str, checks=(SAME_COMMIT,), facts=lambda _: (UNAME_OUTPUT,), vote=_vote
)


class PartlyUnanswered(ScriptedTransport):
    """A transport whose hosts with the answer "" leave the probe unanswered."""

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
        if self.script.get(host) == "":
            return Answers({UNAME: Unanswered("uname hangs")})
        return super().ask(host, probes, deadline)


def check(answers: Mapping[str, str | Failure], *arguments: str, day: int = 0) -> None:
    """Run `olaudit check` with these answers by host; write report.json."""
    main(["check", "-o", "json=report.json", *arguments], _tools(answers, day))


def _tools(answers: Mapping[str, str | Failure], day: int) -> Tools:
    return Tools([KERNEL], lambda _: PartlyUnanswered(answers), clock(day))


def clock(day: int) -> Callable[[], datetime]:
    return lambda: START + timedelta(days=day)


def nightly_run(answers: Mapping[str, str | Failure], day: int) -> None:
    """Audit, and write report.json and history.sqlite as `olaudit report` does."""
    check(answers, "--record", "answers.json", day=day)
    options = AuditOptions(
        expected=None, ssh_config=None, format="table", output=(), only=(), skip=(), jobs=1, timeout=1.0,
        record=None, replay=Path("answers.json"), color="never",
    )  # fmt: skip
    audited = audit_fleet(options, _tools(answers, day))
    fleet = load(Path("expected"), [KERNEL])
    reduced = recording.dump(extract_evidence(audited.report, audited.collected, [KERNEL]))
    with History.open(Path("history.sqlite")) as history:
        scope = RunScope(frozenset(fleet.hosts), select_checks([KERNEL]))
        report = history.add_run(audited.report, scope, reduced)
        history.commit()
    Path("report.json").write_text(RENDERERS["json"](report, Style()))


def explain(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Run `olaudit explain`; return its output, or its error if `code` is not 0."""
    capsys.readouterr()
    argv = ["explain", "--report", "report.json", "--history", "history.sqlite", *arguments]
    assert main(argv, Tools([KERNEL], lambda _: ScriptedTransport({}))) == code
    out, err = capsys.readouterr()
    assert (not out) if code else (not err)
    text = out or err
    assert all(line.isprintable() for line in text.splitlines())
    return text
