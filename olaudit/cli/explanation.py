"""Building an explanation of one finding from the report, the expected files, the history and a recording."""

import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Self

from olaudit.checker import AnyChecker
from olaudit.cli.finding_background import FindingBackground, ReportedFinding
from olaudit.collect import CollectedAnswers
from olaudit.errors import OlauditError
from olaudit.evaluate import REACHABLE, evaluate
from olaudit.evidence import describe_probe, excerpt, manual_command
from olaudit.expected import FleetSpec, HostSpec, find_expected, load
from olaudit.expected.quotation import quote
from olaudit.files import read_regular
from olaudit.model import FLEET, Answer, Answers, Basis, Check, Failure, Finding, HostAnswers, Probe, Unanswered
from olaudit.render.explanation import Explanation, ProbeAnswer, Quotation
from olaudit.waivers import CHECKS as WAIVER_CHECKS


@dataclass(frozen=True, slots=True, kw_only=True)
class PathOptions:
    """Paths given on the command line, to be repeated in the commands that the explanation suggests."""

    report: Path | None
    expected: Path | None


@dataclass(frozen=True, slots=True)
class ExpectedFiles:
    """The current expected files, as far as they can be read; `remark` is what is wrong with them."""

    root: Path | None
    fleet: FleetSpec | None
    remark: str = ""

    @classmethod
    def load(cls, option: Path | None, checkers: Sequence[AnyChecker], revision: str) -> Self:
        """Find and load the expected files; an error becomes a remark, since an explanation does not need them."""
        root = None
        try:
            root = find_expected(option, os.environ)
            fleet = load(root, checkers)
        except OlauditError as error:
            reason = error.message.splitlines()[0]
            return cls(root, None, f"the expected files cannot be read, so only the report is used: {reason}")
        if revision and fleet.revision != revision:
            changed = f"revision {revision} then, {fleet.revision} now"
            return cls(root, fleet, f"the expected files have changed since this report ({changed})")
        return cls(root, fleet)

    def quote(self, source: str) -> Quotation | None:
        """Quote the lines at a source such as `expected/hosts/x.yaml:9`; None if they cannot be read."""
        file, _, line = source.removeprefix("expected/").rpartition(":")
        path = PurePosixPath(file)
        if self.root is None or not line.isdecimal() or path.is_absolute() or ".." in path.parts:
            return None
        try:
            text = read_regular(self.root / path).decode()
            return Quotation(source=source, lines=quote(text, int(line)))
        except (OSError, ValueError):
            return None


class HostBasis(NamedTuple):
    """A fact of one host that the finding is based on, with the raw answer if there is one."""

    host: str
    basis: Basis
    answer: Answer | None


def build_explanation(
    reported: ReportedFinding,
    files: ExpectedFiles,
    checkers: Sequence[AnyChecker],
    background: FindingBackground,
    options: PathOptions,
) -> Explanation:
    """Build the explanation of a finding."""
    finding = reported.finding
    checker = checker_of(checkers, finding.check)
    check = check_of(checkers, finding.check)
    bases = _bases(finding, files.fleet, checker, background.answers) if checker and files.fleet else []
    explanation = Explanation(
        finding=_with_values(reported),
        reported=reported.reported,
        remarks=tuple(filter(None, (reported.remark, files.remark))),
        drift_when=check.drift_when if check and finding.check != REACHABLE.id else "",
        fix=check.fix if check else "",
        expected=files.quote(finding.source),
        waiver=files.quote(finding.waiver.source) if finding.waiver else None,
        probes=_probe_answers(bases, finding),
        history=background.sentences,
        verify=_verify_commands(finding, checkers, bases, options.expected),
    )
    if not bases:
        return replace(explanation, answers_note=_reason_without_probes(reported, files, checkers))
    if any(item.answer is not None for item in bases):
        return replace(explanation, answers_note=f"These answers are from {background.answers_from}.")
    missing = background.answers_from
    if background.answers is not None:
        missing = f"{background.answers_from} has no answers of {finding.host} to these probes."
    check_command = _check_command(finding, checkers, options.expected)
    return replace(
        explanation,
        answers_note=f"{missing} To get the current answers:",
        answers_commands=(f"{check_command} --record answers.json", _explain_command(finding, options)),
    )


def checker_of(checkers: Iterable[AnyChecker], check_id: str) -> AnyChecker | None:
    """Return the checker of a check id; None for host.reachable and the checks of waivers, which have none."""
    return next((checker for checker in checkers if any(check.id == check_id for check in checker.checks)), None)


def check_of(checkers: Iterable[AnyChecker], check_id: str) -> Check | None:
    """Return the check with an id; None if there is no such check."""
    checks = (REACHABLE, *WAIVER_CHECKS, *(check for checker in checkers for check in checker.checks))
    return next((check for check in checks if check.id == check_id), None)


def _bases(
    finding: Finding, fleet: FleetSpec, checker: AnyChecker, collected: CollectedAnswers | None
) -> list[HostBasis]:
    """List the facts that the finding is based on, those of its own host first.

    A host that differs is visible only beside the other hosts, so a check that compares hosts shows all of them.
    """
    outcomes = {host.host: host.outcome for host in collected.hosts} if collected else {}
    bases: list[HostBasis] = []
    for host in sorted(fleet.hosts.values(), key=lambda host: host.name != finding.host):
        is_compared = checker.compares_hosts and (host.name in outcomes or not collected)
        if checker.section in host.sections and (is_compared or host.name == finding.host):
            outcome = outcomes.get(host.name, Answers({}))
            answers = outcome if isinstance(outcome, Answers) else Answers({})
            bases += (
                HostBasis(host.name, basis, _answer(outcome, basis.fact.probe))
                for basis in _bases_on_host(finding, host, checker, answers)
            )
    return bases


def _answer(outcome: Answers | Failure, probe: Probe) -> Answer | None:
    """Return a host's answer to a probe; None if the probe was not sent, or its answer was not stored."""
    if isinstance(outcome, Failure):
        return Unanswered(outcome.message)
    return outcome[probe] if probe in outcome.raw() else None


def _bases_on_host(finding: Finding, host: HostSpec, checker: AnyChecker, answers: Answers) -> tuple[Basis, ...]:
    """Evaluate the checker, and return what its result about the finding's subject is based on.

    Without that result, as for a subject that only other answers name, these are the checker's facts with answers,
    else all its facts.
    """
    evaluation = evaluate(host, HostAnswers(host.name, answers, 0.0), [checker], frozenset({finding.check}))
    results = [(each.subject, each.based_on) for each in evaluation.findings if each.check == finding.check]
    votes = [(vote.expectation.subject, vote.expectation.based_on) for vote in evaluation.votes]
    for subject, based_on in (*results, *votes):
        if subject == finding.subject:
            return based_on
    facts = tuple(checker.facts(host.sections[checker.section]))
    return tuple(fact.about() for fact in facts if fact.probe in answers.raw()) or tuple(map(Basis, facts))


def _probe_answers(bases: Sequence[HostBasis], finding: Finding) -> tuple[ProbeAnswer, ...]:
    """Format probes and answers; hosts with the same answer share one entry."""
    hosts_by_text: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for host, basis, answer in bases:
        lines = tuple(excerpt(basis, answer).split("\n")) if answer is not None else ()
        hosts_by_text.setdefault((describe_probe(basis.fact.probe), lines), []).append(host)
    return tuple(
        ProbeAnswer(probe=probe if hosts == [finding.host] else f"{probe}  (of {', '.join(hosts)})", answer=lines)
        for (probe, lines), hosts in hosts_by_text.items()
    )


def _with_values(reported: ReportedFinding) -> Finding:
    """Return the finding; that of an unreachable host gets texts as expected and observed values."""
    if reported.finding.check != REACHABLE.id:
        return reported.finding
    observed = f"the host could not be audited ({reported.failure.reason})" if reported.failure else ""
    return replace(reported.finding, expected="the host can be audited", observed=observed)


def _reason_without_probes(reported: ReportedFinding, files: ExpectedFiles, checkers: Sequence[AnyChecker]) -> str:
    if reported.finding.check == REACHABLE.id:
        return "No probe was answered." if reported.failure else ""
    if checker_of(checkers, reported.finding.check) is None:
        return "This check has no probes: it concerns the expected files."
    host = reported.finding.host
    if files.fleet and host not in files.fleet.hosts:
        return f"Cannot determine the probes: {host} is no longer in the expected files."
    return "Cannot determine the probes without the expected files."


def _verify_commands(
    finding: Finding, checkers: Sequence[AnyChecker], bases: Sequence[HostBasis], expected: Path | None
) -> tuple[str, ...]:
    """List the commands that evaluate the check again, and those that run its probes by hand."""
    check_command = _check_command(finding, checkers, expected)
    if finding.check == REACHABLE.id:
        return check_command, f"ssh {shlex.quote(finding.host)} true"
    of_host = [item for item in bases if item.host == finding.host] or bases
    return check_command, *dict.fromkeys(manual_command(item.basis, item.host) for item in of_host)


def _check_command(finding: Finding, checkers: Sequence[AnyChecker], expected: Path | None) -> str:
    """Build the command that evaluates the check again: on all hosts that it compares, all checks for waivers."""
    arguments = ["olaudit", "check"]
    checker = checker_of(checkers, finding.check)
    if finding.host != FLEET and not (checker and checker.compares_hosts):
        arguments.append(finding.host)
    if checker is not None or finding.check == REACHABLE.id:
        arguments += ["--only", finding.check]
    if expected is not None:
        arguments += ["-e", str(expected)]
    return shlex.join(arguments)


def _explain_command(finding: Finding, options: PathOptions) -> str:
    arguments = ["olaudit", "explain", finding.id, "--replay", "answers.json"]
    for option, path in (("--report", options.report), ("-e", options.expected)):
        arguments += [option, str(path)] if path else []
    return shlex.join(arguments)
