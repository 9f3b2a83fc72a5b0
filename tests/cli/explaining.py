"""Explanations of the toy fleet: its checks, its nights, and what the command says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from olaudit import recording
from olaudit.audit import select_checks
from olaudit.checker import Check, FleetChecker
from olaudit.cli import main
from olaudit.cli.auditing import Tools, audit_fleet
from olaudit.cli.options import Options
from olaudit.evidence import extract_evidence
from olaudit.expected import load
from olaudit.history import History, RunScope
from olaudit.model import (
    Answers,
    Expectation,
    Failure,
    FailureReason,
    Probe,
    Result,
    Severity,
    Unanswered,
    finding_id,
)
from olaudit.render import RENDERERS
from olaudit.render.style import Style
from olaudit.transport import Deadline
from tests.cli.fleet import KERNEL, UNAME, Told

FINE: dict[str, str | Failure] = {"ol-a": "Linux", "ol-b": "Linux", "ol-c": "Linux"}
DRIFTED = FINE | {"ol-b": "Minix \x1b[2J"}
DOWN = FINE | {"ol-b": Failure(FailureReason.TIMEOUT, "no answer within 1 s")}
KERNEL_B = finding_id("ol-b", "kernel.name", "kernel")
REACH_B = finding_id("ol-b", "host.reachable", "host")
START = datetime(2026, 11, 20, 3, tzinfo=UTC)


def _agree(specs: Mapping[str, str], _outcomes: Mapping[str, Answers | Failure]) -> Iterable[tuple[str, Result]]:
    question = Expectation(check="fleet.commit", subject="commit", at=("commit",))
    return [(host, question.drift("Minix", "another one") if host == "ol-b" else question.ok()) for host in specs]


AGREE: FleetChecker[str] = FleetChecker(
    section="commit",
    model=str,
    ids=(Check("fleet.commit", Severity.WARNING, "others have another"),),
    probes=lambda _: (UNAME,),
    evaluate=_agree,
)


class Silent(Told):
    """Hosts that say "" do not answer the question."""

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
        if self.said.get(host) == "":
            return Answers({UNAME: Unanswered("uname hangs")})
        return super().ask(host, probes, deadline)


def check(said: Mapping[str, str | Failure], *arguments: str, day: int = 0) -> None:
    main(["check", "-o", "json=report.json", *arguments], Tools([KERNEL], lambda _: Silent(said), at(day)))


def at(day: int) -> Callable[[], datetime]:
    return lambda: START + timedelta(days=day)


def night(said: Mapping[str, str | Failure], day: int) -> None:
    """Do what a nightly run does, as far as the history goes."""
    tools = Tools([KERNEL], lambda _: Silent(said), at(day))
    check(said, "--record", "answers.json", day=day)
    options = Options(
        expected=None, ssh_config=None, format="table", output=(), only=(), skip=(), jobs=1, timeout=1.0,
        record=None, replay=Path("answers.json"), color="never",
    )  # fmt: skip
    audited = audit_fleet(options, tools)
    fleet = load(Path("expected"), [KERNEL])
    kept = recording.dump(extract_evidence(audited.report, fleet.hosts.values(), audited.collected, [KERNEL]))
    with History.open(Path("history.sqlite")) as history:
        report = history.add_run(audited.report, RunScope(frozenset(fleet.hosts), select_checks([KERNEL])), kept)
        history.commit()
    Path("report.json").write_text(RENDERERS["json"](report, Style()))


def explain(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    given = ["explain", "--report", "report.json", "--history", "history.sqlite", *arguments]
    assert main(given, Tools([KERNEL], lambda _: Told({}))) == code
    out, err = capsys.readouterr()
    assert (not out) if code else (not err)
    text = out or err
    assert all(line.isprintable() for line in text.splitlines())
    return text
