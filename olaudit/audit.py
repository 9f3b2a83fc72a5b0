"""Expected state and answers to a report: pure, and without a clock.

This is also the one door through which a host's words come in: everything a host can say is made visible and
bounded here, so that renderers need not think of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from olaudit.errors import UsageError
from olaudit.expected.spec import HostSpec
from olaudit.kind import AnyKind, CheckId, Kind
from olaudit.model import (
    Answers,
    Failure,
    Finding,
    HostAnswers,
    HostResult,
    Judgement,
    Measure,
    Probe,
    Question,
    Reason,
    Report,
    Run,
    Severity,
    Verdict,
)

REACHABLE = CheckId("host.reachable", Severity.CRITICAL, "(unknown only) the host could not be audited")
"""The one check that needs no kind: every audit of a host makes it."""
_HOST = "host"  # its subject

LONGEST = 2000
"""How many characters of one text from a host are kept; enough for people, too little to fill a disk."""

_LOST = Failure(Reason.INTERRUPTED, "the run was interrupted before this host had answered")


def wanted_ids(
    kinds: Sequence[AnyKind],
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    also: Iterable[CheckId] = (),
) -> frozenset[str]:
    """Choose check ids by globs: those that match one of `only` (none: all), less those that match one of `skip`.

    There are those of `kinds`, and those of `also`, which others make than the kinds.
    `host.reachable` is always among them: a host nobody could look at is never left out. Raises UsageError
    for a glob that matches no id, and for an attempt to skip `host.reachable` alone.
    """
    ids = sorted({REACHABLE.id, *(check.id for check in (*also, *(one for kind in kinds for one in kind.ids)))})
    for glob in (*only, *skip):
        if not any(fnmatchcase(check, glob) for check in ids):
            raise UsageError(f"no check is called {glob!r}", _suggest(glob, ids))
    if REACHABLE.id in skip:
        raise UsageError(f"{REACHABLE.id} cannot be skipped", "an audit always says which hosts it could not see")
    chosen = [check for check in ids if not only or any(fnmatchcase(check, glob) for glob in only)]
    return frozenset({REACHABLE.id, *(id_ for id_ in chosen if not any(fnmatchcase(id_, glob) for glob in skip))})


def _suggest(glob: str, ids: Sequence[str]) -> str:
    kinds = dict.fromkeys(f"{check.partition('.')[0]}.*" for check in ids)
    if glob + ".*" in kinds:
        return f'did you mean "{glob}.*"?'
    if near := difflib.get_close_matches(glob, [*ids, *kinds], 1):
        return f'did you mean "{near[0]}"?'
    return f"the kinds of checks are {', '.join(kinds)}"


def plan(host: HostSpec, kinds: Sequence[AnyKind], wanted: frozenset[str]) -> tuple[Probe, ...]:
    """List what to ask of `host`: each probe once, in the order of the kinds."""
    asked = (
        probe for kind in _applying(host, kinds, wanted) for probe in kind.probes(host.sections[kind.section])
    )
    return tuple(dict.fromkeys(asked))


def audit(
    hosts: Iterable[HostSpec],
    answers: Iterable[HostAnswers],
    kinds: Sequence[AnyKind],
    wanted: frozenset[str],
    run: Run,
) -> Report:
    """Judge what `hosts` answered. A host without an answer is reported as interrupted, never left out."""
    specs = {host.name: host for host in sorted(hosts, key=lambda host: host.name)}
    outcomes = {answer.host: answer for answer in answers}
    given = {name: outcomes.get(name, HostAnswers(name, _LOST, 0.0)) for name in specs}
    found = {name: list(_findings(host, given[name].outcome, kinds, wanted)) for name, host in specs.items()}
    for finding in _together(specs, given, kinds, wanted):
        found[finding.host].append(finding)
    named = _named(specs, kinds)
    results = (_result(host, given[name], found[name], named[name], kinds) for name, host in specs.items())
    ordered = (finding for findings in found.values() for finding in sorted(findings, key=_order))
    return Report(run=run, hosts=tuple(results), findings=tuple(ordered))


def _named(specs: Mapping[str, HostSpec], kinds: Sequence[AnyKind]) -> dict[str, frozenset[str]]:
    """List the subjects that the expected files name: judging silence, a check can speak of no others."""
    silence = Answers({})
    subjects = {name: {_HOST} for name in specs}
    for kind in kinds:
        sections = {
            name: host.sections[kind.section] for name, host in specs.items() if kind.section in host.sections
        }
        if isinstance(kind, Kind):
            for name, section in sections.items():
                subjects[name].update(judgement.subject for judgement in kind.judge(section, silence))
        elif len(sections) > 1:
            for name, judgement in kind.judge(sections, dict.fromkeys(sections, silence)):
                subjects[name].add(judgement.subject)
    return {name: frozenset(map(_bounded, found)) for name, found in subjects.items()}


def _result(
    host: HostSpec,
    answers: HostAnswers,
    findings: Iterable[Finding],
    subjects: frozenset[str],
    kinds: Sequence[AnyKind],
) -> HostResult:
    return HostResult(
        host=host.name,
        verdict=worst(findings),
        failure=_clean_failure(answers.outcome),
        duration_seconds=answers.duration_seconds,
        roles=host.roles,
        measures=tuple(_measures(host, answers.outcome, kinds)),
        subjects=subjects,
    )


def _measures(host: HostSpec, outcome: Answers | Failure, kinds: Sequence[AnyKind]) -> Iterator[Measure]:
    for kind in kinds:
        if isinstance(kind, Kind) and isinstance(outcome, Answers) and kind.section in host.sections:
            yield from kind.measure(host.sections[kind.section], outcome)


def worst(findings: Iterable[Finding]) -> Verdict:
    """Sum findings up: drift, else unknown, else ok.

    Findings of severity info have no say, drifted or unknown, because they never change the exit code and a
    host's verdict must not contradict it; nor have waived ones, which somebody answers for.
    """
    verdicts = {finding.verdict for finding in findings if finding.severity is not Severity.INFO}
    return next((verdict for verdict in (Verdict.DRIFT, Verdict.UNKNOWN) if verdict in verdicts), Verdict.OK)


def exit_code(report: Report) -> int:
    """Give the exit code that the report deserves: 1 for drift, else 3 for anything unknown, else 0."""
    return {Verdict.DRIFT: 1, Verdict.UNKNOWN: 3}.get(worst(report.findings), 0)


def visible(text: str) -> str:
    r"""Write whatever does not print (controls, bidirectional marks, odd spaces) as an escape, such as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _bounded(text: str) -> str:
    """Make `text` visible, and short enough to be shown."""
    more = len(text) - LONGEST
    return visible(text) if more <= 0 else f"{visible(text[:LONGEST])}... ({more} more)"


def _applying(host: HostSpec, kinds: Sequence[AnyKind], wanted: frozenset[str]) -> Iterator[AnyKind]:
    """Give the kinds that have something to say of `host`, and are wanted."""
    for kind in kinds:
        if kind.section in host.sections and any(check.id in wanted for check in kind.ids):
            yield kind


def _findings(
    host: HostSpec, outcome: Answers | Failure, kinds: Sequence[AnyKind], wanted: frozenset[str]
) -> Iterator[Finding]:
    reachable = Question(check=REACHABLE.id, subject=_HOST, at=())
    if isinstance(outcome, Failure):
        yield _finding(host, reachable.unknown(outcome.message), REACHABLE)
        return
    yield _finding(host, reachable.ok(message="the host could be audited"), REACHABLE)
    for kind in _applying(host, kinds, wanted):
        if isinstance(kind, Kind):
            ids = {check.id: check for check in kind.ids}
            for judgement in kind.judge(host.sections[kind.section], outcome):
                if (check := ids[judgement.check]).id in wanted:
                    yield _finding(host, judgement, check)


def _together(
    specs: Mapping[str, HostSpec],
    given: Mapping[str, HostAnswers],
    kinds: Sequence[AnyKind],
    wanted: frozenset[str],
) -> Iterator[Finding]:
    """Judge what hosts should agree on. A single host has nobody to agree with, and is not judged."""
    for kind in kinds:
        having = {name: host for name, host in specs.items() if kind in list(_applying(host, kinds, wanted))}
        if isinstance(kind, Kind) or len(having) < 2:
            continue
        ids = {check.id: check for check in kind.ids}
        sections = {name: host.sections[kind.section] for name, host in having.items()}
        outcomes = {name: given[name].outcome for name in having}
        for name, judgement in kind.judge(sections, outcomes):
            # of a host that could not be audited, host.reachable has said all there is to say
            if (check := ids[judgement.check]).id in wanted and not isinstance(outcomes[name], Failure):
                yield _finding(having[name], judgement, check)


def _finding(host: HostSpec, judgement: Judgement, check: CheckId) -> Finding:
    fix = judgement.fix
    return Finding(
        host=host.name,
        check=check.id,
        subject=_bounded(judgement.subject),
        verdict=judgement.verdict,
        severity=judgement.severity or check.severity,
        expected=_bounded(judgement.expected),
        observed=_bounded(judgement.observed),
        message=_bounded(judgement.message),
        # a command that would have to be altered is another command: none is better than a wrong one to paste
        fix=fix if fix is None or _bounded(fix) == fix else None,
        source=host.source(judgement.at),
    )


def _clean_failure(outcome: Answers | Failure) -> Failure | None:
    return Failure(outcome.reason, _bounded(outcome.message)) if isinstance(outcome, Failure) else None


def _order(finding: Finding) -> tuple[str, ...]:
    """Sort as the contract says; the rest settles ties, so that the order of a judge's findings never shows."""
    return (finding.check, finding.subject, finding.verdict, finding.observed, finding.message)
