"""Building an explanation of one finding from the report, the expected files, the history and a recording."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from olaudit.checker import AnyChecker, FleetChecker
from olaudit.cli.finding_background import FindingBackground, ReportedFinding
from olaudit.collect import CollectedAnswers
from olaudit.errors import OlauditError
from olaudit.evaluate import REACHABLE
from olaudit.evidence import check_of, checker_of, describe_probe, excerpt, is_relevant, manual_command, probes_of
from olaudit.expected import FleetSpec, find_expected, load
from olaudit.expected.quotation import quote
from olaudit.files import read_regular
from olaudit.model import FLEET, Answer, Answers, ContainerFields, Finding, Probe
from olaudit.render.explanation import Explanation, ProbeAnswer, Quotation

_SHOW_ALL = 5
"""Up to so many probes are all shown; of more, only the relevant ones."""


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
    def load(cls, option: Path | None, checkers: Sequence[AnyChecker], revision: str) -> ExpectedFiles:
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


class HostProbe(NamedTuple):
    """A probe of one host, with its raw answer if there is one."""

    host: str
    probe: Probe
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
    check = check_of(checkers, finding.check)
    probes = _host_probes(finding, files.fleet, checkers, background.answers)
    # a host that differs is visible only beside the other hosts
    compares_hosts = isinstance(checker_of(checkers, finding.check), FleetChecker)
    relevant = [item for item in probes if compares_hosts or is_relevant(item.probe, item.answer, finding)]
    # by the probe alone, so that the order does not depend on the answers
    relevant.sort(key=lambda item: (item.host != finding.host, not is_relevant(item.probe, None, finding)))
    others = [item for item in probes if item not in relevant]
    shown = relevant
    if not relevant or len(probes) <= _SHOW_ALL:
        shown, others = [*relevant, *others], []
    explanation = Explanation(
        finding=_with_values(reported),
        reported=reported.reported,
        remarks=tuple(filter(None, (reported.remark, files.remark))),
        drift_when=check.drift_when if check and finding.check != REACHABLE.id else "",
        fix=check.fix if check else "",
        expected=files.quote(finding.source),
        waiver=files.quote(finding.waiver.source) if finding.waiver else None,
        probes=_probe_answers(shown, finding),
        other_probes=tuple(dict.fromkeys(describe_probe(item.probe) for item in others)),
        history=background.sentences,
        verify=_verify_commands(finding, checkers, relevant or shown, options.expected),
    )
    if not probes:
        return replace(explanation, answers_note=_reason_without_probes(reported, files, checkers))
    if any(item.answer is not None for item in probes):
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


def _host_probes(
    finding: Finding, fleet: FleetSpec | None, checkers: Sequence[AnyChecker], answers: CollectedAnswers | None
) -> list[HostProbe]:
    """List the probes of the finding's check: of its host, or of all hosts that the check compares."""
    outcomes = {host.host: host.outcome for host in answers.hosts} if answers else {}
    compares_hosts = isinstance(checker_of(checkers, finding.check), FleetChecker)
    probes: list[HostProbe] = []
    for host in fleet.hosts.values() if fleet else ():
        if not compares_hosts and host.name != finding.host:
            continue
        outcome = outcomes.get(host.name)
        for probe in probes_of(checkers, host, finding.check):
            answer = outcome[probe] if isinstance(outcome, Answers) and probe in outcome else None
            probes.append(HostProbe(host.name, probe, answer))
    return probes


def _probe_answers(shown: Sequence[HostProbe], finding: Finding) -> tuple[ProbeAnswer, ...]:
    """Format probes and answers; hosts with the same answer share one entry."""
    hosts_by_text: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for host, probe, answer in shown:
        lines = tuple(excerpt(probe, answer, finding).split("\n")) if answer is not None else ()
        hosts_by_text.setdefault((describe_probe(probe), lines), []).append(host)
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
    finding: Finding, checkers: Sequence[AnyChecker], probes: Sequence[HostProbe], expected: Path | None
) -> tuple[str, ...]:
    """List the commands that evaluate the check again, and those that run its probes by hand."""
    check_command = _check_command(finding, checkers, expected)
    if finding.check == REACHABLE.id:
        return check_command, f"ssh {shlex.quote(finding.host)} true"
    containers = {item.host: item.answer for item in probes if isinstance(item.probe, ContainerFields)}
    of_host = [item for item in probes if item.host == finding.host] or list(probes)
    return check_command, *dict.fromkeys(
        manual_command(item.probe, item.host, finding, containers.get(item.host)) for item in of_host
    )


def _check_command(finding: Finding, checkers: Sequence[AnyChecker], expected: Path | None) -> str:
    """Build the command that evaluates the check again: on all hosts that it compares, all checks for waivers."""
    arguments = ["olaudit", "check"]
    checker = checker_of(checkers, finding.check)
    if finding.host != FLEET and not isinstance(checker, FleetChecker):
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
