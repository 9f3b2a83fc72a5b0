"""One finding, and all that is at hand about it: the report, the expected files, the history, a recording."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from olaudit.checker import AnyChecker, FleetChecker
from olaudit.cli.finding_history import Past, Told
from olaudit.collect import CollectedAnswers
from olaudit.errors import OlauditError
from olaudit.evaluate import REACHABLE
from olaudit.evidence import check_of, checker_of, describe_probe, excerpt, is_relevant, manual_command, probes_of
from olaudit.expected import FleetSpec, find_expected, load
from olaudit.expected.quotation import quote
from olaudit.files import read_regular
from olaudit.model import FLEET, Answer, Answers, EngineQuery, Finding, Probe
from olaudit.render.explanation import Asked, Explanation, Quoted

_FEW = 5
"""Of so many questions all are shown; of more, those that name what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was named on the command line, and so is to be named in commands that do it again."""

    report: Path | None
    expected: Path | None


@dataclass(frozen=True, slots=True)
class ExpectedFiles:
    """The expected files as they are now, as far as they can be read; `remark` says what is wrong with them."""

    root: Path | None
    fleet: FleetSpec | None
    remark: str = ""

    @classmethod
    def find(cls, option: Path | None, checkers: Sequence[AnyChecker], revision: str) -> ExpectedFiles:
        """Find and read them; what is wrong is a remark and no error: a report can be explained without."""
        root = None
        try:
            root = find_expected(option, os.environ)
            fleet = load(root, checkers)
        except OlauditError as error:
            said = error.message.splitlines()[0]
            return cls(
                root, None, f"the expected files cannot be read, so that this says what the report says: {said}"
            )
        if revision and fleet.revision != revision:
            changed = f"revision {revision} then, {fleet.revision} now"
            return cls(root, fleet, f"the expected files have changed since this report ({changed})")
        return cls(root, fleet)

    def quoted(self, source: str) -> Quoted | None:
        """Quote what is written at a source such as `expected/hosts/x.yaml:9`."""
        file, _, line = source.removeprefix("expected/").rpartition(":")
        place = PurePosixPath(file)
        if self.root is None or not line.isdecimal() or place.is_absolute() or ".." in place.parts:
            return None
        try:
            text = read_regular(self.root / place).decode()
            return Quoted(source=source, lines=quote(text, int(line)))
        except (OSError, ValueError):
            return None


def put_together(
    told: Told, files: ExpectedFiles, checkers: Sequence[AnyChecker], past: Past, given: Given
) -> Explanation:
    """Put everything together."""
    found = told.finding
    known = check_of(checkers, found.check)
    raw = past.answers
    questions = _questions(found, files.fleet, checkers, raw)
    together = isinstance(
        checker_of(checkers, found.check), FleetChecker
    )  # who differs shows only beside the others
    bearing = [one for one in questions if together or is_relevant(one[1], one[2], found)]
    bearing.sort(
        key=lambda one: (one[0] != found.host, not is_relevant(one[1], None, found))
    )  # by the question alone
    rest = [one for one in questions if one not in bearing]
    shown, rest = ([*bearing, *rest], []) if not bearing or len(questions) <= _FEW else (bearing, rest)
    explanation = Explanation(
        finding=_worded(told),
        reported=told.reported,
        remarks=tuple(filter(None, (told.remark, files.remark))),
        drift_when=known.drift_when if known and found.check != REACHABLE.id else "",
        fix=known.fix if known else "",
        expected=files.quoted(found.source),
        waiver=files.quoted(found.waiver.source) if found.waiver else None,
        asked=_asked(shown, found),
        also_asked=tuple(dict.fromkeys(describe_probe(probe) for _, probe, _ in rest)),
        history=past.sentences,
        verify=_verify(found, checkers, bearing or shown, given.expected),
    )
    if not questions:
        return replace(explanation, answers=_nobody_asked(told, files, checkers))
    if any(answer is not None for _, _, answer in questions):
        return replace(explanation, answers=f"These answers are from {past.answers_from}.")
    lacking = (
        past.answers_from if raw is None else f"{past.answers_from} does not hold answers of {found.host} to this."
    )
    check = _check(found, checkers, given.expected)
    return replace(
        explanation,
        answers=f"{lacking} To see what exactly is answered now:",
        to_get=(f"{check} --record answers.json", _again(found, given)),
    )


Question = tuple[str, Probe, Answer | None]
"""A host, what it was asked, and what it answered, if that is at hand."""


def _questions(
    found: Finding, fleet: FleetSpec | None, checkers: Sequence[AnyChecker], raw: CollectedAnswers | None
) -> list[Question]:
    """List what was asked for a finding: of its host, or of all that should agree."""
    outcomes = {one.host: one.outcome for one in raw.hosts} if raw else {}
    together = isinstance(checker_of(checkers, found.check), FleetChecker)
    hosts = [host for host in (fleet.hosts.values() if fleet else ()) if together or host.name == found.host]
    questions: list[Question] = []
    for host in hosts:
        outcome = outcomes.get(host.name)
        for probe in probes_of(checkers, host, found.check):
            answered = isinstance(outcome, Answers) and probe in outcome
            questions.append(
                (host.name, probe, outcome[probe] if answered and isinstance(outcome, Answers) else None)
            )
    return questions


def _asked(shown: Sequence[Question], found: Finding) -> tuple[Asked, ...]:
    """Write questions and answers down; hosts that gave one and the same answer together."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for host, probe, answer in shown:
        lines = tuple(excerpt(probe, answer, found).split("\n")) if answer is not None else ()
        alike.setdefault((describe_probe(probe), lines), []).append(host)
    return tuple(
        Asked(question=question if hosts == [found.host] else f"{question}  (of {', '.join(hosts)})", answer=lines)
        for (question, lines), hosts in alike.items()
    )


def _worded(told: Told) -> Finding:
    """Say for a host that could not be audited what there is to say in the places of the values."""
    if told.finding.check != REACHABLE.id:
        return told.finding
    observed = f"it could not be audited ({told.failure.reason})" if told.failure else ""
    return replace(told.finding, expected="the host can be audited", observed=observed)


def _nobody_asked(told: Told, files: ExpectedFiles, checkers: Sequence[AnyChecker]) -> str:
    if told.finding.check == REACHABLE.id:
        return "It could not be asked anything." if told.failure else ""
    if checker_of(checkers, told.finding.check) is None:
        return "No host is asked for this: it is about the expected files themselves."
    host = told.finding.host
    if files.fleet and host not in files.fleet.hosts:
        return f"Which probes were asked cannot be told: {host} is not in the expected files any more."
    return "Which probes were asked cannot be told without the expected files."


def _verify(
    found: Finding, checkers: Sequence[AnyChecker], shown: Sequence[Question], option: Path | None
) -> tuple[str, ...]:
    if found.check == REACHABLE.id:
        return _check(found, checkers, option), f"ssh {shlex.quote(found.host)} true"
    inspected = {host: answer for host, probe, answer in shown if probe is EngineQuery.CONTAINERS}
    own = [one for one in shown if one[0] == found.host] or list(shown)
    return _check(found, checkers, option), *dict.fromkeys(
        manual_command(probe, host, found, inspected.get(host)) for host, probe, _ in own
    )


def _check(found: Finding, checkers: Sequence[AnyChecker], option: Path | None) -> str:
    """Write the command that judges it again: with all hosts that should agree, with all checks for waivers."""
    words = ["olaudit", "check"]
    checker = checker_of(checkers, found.check)
    if found.host != FLEET and not isinstance(checker, FleetChecker):
        words.append(found.host)
    if checker is not None or found.check == REACHABLE.id:
        words += ["--only", found.check]
    if option is not None:
        words += ["-e", str(option)]
    return shlex.join(words)


def _again(found: Finding, given: Given) -> str:
    words = ["olaudit", "explain", found.id, "--replay", "answers.json"]
    for option, path in (("--report", given.report), ("-e", given.expected)):
        words += [option, str(path)] if path else []
    return shlex.join(words)
