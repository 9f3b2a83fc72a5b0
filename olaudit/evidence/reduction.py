"""Reduction of answers to the parts that findings are based on, without secrets, for storage and display."""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from olaudit.checker import AnyChecker
from olaudit.collect import CollectedAnswers
from olaudit.model import Answer, Answers, Basis, Command, HostAnswers, Probe, Report, Unanswered, Verdict
from olaudit.redaction import redact, redact_json

SHORT_ANSWER = 20
"""Maximum number of lines of an answer that is kept completely."""

_MAX_MATCHES = 200  # lines of one answer that contain a key
_NOTE = re.compile(r"(?:\A|(?<=\n))\(([0-9]{1,9}) lines that do not name it are left out\)\n?\Z")


def extract_evidence(
    report: Report, collected: CollectedAnswers, checkers: Sequence[AnyChecker]
) -> CollectedAnswers:
    """Reduce the answers to those that findings other than ok are based on; keep failures of hosts.

    The answers of checks that compare hosts are kept of all hosts, because a host differs only in comparison.
    """
    not_ok = {finding.check for finding in report.findings if finding.verdict is not Verdict.OK}
    compared = {check.id for checker in checkers if checker.compares_hosts for check in checker.checks} & not_ok
    bases: dict[str, dict[Probe, list[Basis]]] = {}
    for finding in report.findings:
        if finding.verdict is not Verdict.OK or finding.check in compared:
            of_host = bases.setdefault(finding.host, {})
            for basis in finding.based_on:
                of_host.setdefault(basis.fact.probe, []).append(basis)
    return replace(
        collected, hosts=tuple(_reduce_host(host, bases.get(host.host, {})) for host in collected.hosts)
    )


def _reduce_host(answers: HostAnswers, bases: dict[Probe, list[Basis]]) -> HostAnswers:
    if not isinstance(answers.outcome, Answers):
        return answers
    raw = answers.outcome.raw()
    reduced = {probe: reduce(of_probe, raw[probe]) for probe, of_probe in bases.items() if probe in raw}
    return replace(answers, outcome=Answers(reduced))


def reduce(bases: Collection[Basis], answer: Answer) -> Answer:
    """Reduce the answer to one probe to the parts that `bases` name. A second reduction changes nothing."""
    if isinstance(answer, Unanswered):
        return Unanswered(redact(answer.reason, prose=True))
    fact = next(iter(bases)).fact
    needs_all = any(not basis.keys for basis in bases)
    keys = frozenset() if needs_all else frozenset(key for basis in bases for key in basis.keys)
    stdout, omitted = _without_note(answer.stdout)
    count = len(_lines(stdout))
    if fact.reduce:
        stdout = fact.reduce(replace(answer, stdout=stdout), keys).stdout
    stderr = "\n".join(redact(answer.stderr).split("\n")[:SHORT_ANSWER])
    if (not isinstance(fact.probe, Command)) and (document := _redacted_json(stdout)):
        return replace(answer, stdout=document, stderr=stderr)
    stdout = redact(stdout)
    if not fact.reduce:
        stdout = _select_lines(stdout, keys)
    omitted += max(0, count - len(_lines(stdout)))
    if omitted:
        line_break = "" if stdout.endswith("\n") or not stdout else "\n"
        stdout += f"{line_break}({omitted} lines that do not name it are left out)\n"
    return replace(answer, stdout=stdout, stderr=stderr)


def _redacted_json(text: str) -> str:
    """Return JSON without secrets; "" if the text is not JSON."""
    try:
        return json.dumps(redact_json(json.loads(text)), ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""


def _without_note(text: str) -> tuple[str, int]:
    """Split an answer into its text and the number of lines that an earlier reduction omitted."""
    match = _NOTE.search(text)
    return (text[: match.start()], int(match[1])) if match else (text, 0)


def _lines(text: str) -> list[str]:
    return text.strip("\n").split("\n") if text.strip() else []


def _select_lines(text: str, keys: frozenset[str]) -> str:
    """Keep a short answer unchanged; of a long one, the lines that contain a key, else the first ones."""
    lines = _lines(text)
    if len(lines) <= SHORT_ANSWER:
        return text
    selected = [line for line in lines if any(key in line for key in keys)][:_MAX_MATCHES] or lines[:SHORT_ANSWER]
    return "".join(f"{line}\n" for line in selected)
