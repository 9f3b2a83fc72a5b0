"""Fuzz target of all parsers: evaluates mutated answers of a recorded fleet."""

from __future__ import annotations

from functools import cache
from typing import Any

from olaudit.checker import AnyChecker
from olaudit.checks import CHECKERS
from olaudit.model import Answer, Answered, Answers, Facts, Unanswered, Verdict
from tests.checks.fleet_answers import RecordedFleet, conforming, drifted
from tests.demo.auditing import shipped_fleet
from tests.fuzz.source import ByteSource

_STATUSES = (0, 0, 0, 0, 1, 1, 2, 3, 124, 127, 137, 139, 255, -11)


def parsers(data: bytes) -> None:
    """Run one checker on one host, with most of its answers mutated."""
    source = ByteSource(data)
    fleet = (conforming, drifted)[source.number(2)]()
    checker, host = source.choice(_pairs())
    section: Any = shipped_fleet().hosts[host].sections[checker.section]
    raw = fleet.outcomes[host].raw()
    broken = {probe: _broken_answer(source, fleet, host, raw.get(probe)) for probe in checker.probes(section)}
    answers = Answers({**raw, **broken})
    results = fleet.results(host, checker, answers)
    list(checker.measure(section, Facts(answers)))
    for result in results:
        assert result.check in checker.checks, result
        assert result.fix is None or result.verdict is Verdict.DRIFT, result
        assert not result.message.rstrip(" \t\r\n").endswith(":"), result
    if broken and all(isinstance(answers[probe], Unanswered) for probe in broken) and not checker.compares_hosts:
        assert {result.verdict for result in results} == {Verdict.UNKNOWN}, results


@cache
def _pairs() -> list[tuple[AnyChecker, str]]:
    return [
        (checker, host)
        for checker in CHECKERS
        for host, spec in shipped_fleet().hosts.items()
        if checker.section in spec.sections
    ]


def _broken_answer(source: ByteSource, fleet: RecordedFleet, host: str, answer: Answer | None) -> Answer:
    """Mutate an answer, or return it unchanged."""
    recorded = answer if isinstance(answer, Answered) else Answered("")
    match source.number(8):
        case 0:
            return recorded
        case 1:
            return Unanswered(source.choice(("timed out", "", " ", "it ended:")))
        case 2:
            others = [other for other in fleet.outcomes[host].raw().values() if isinstance(other, Answered)]
            recorded = source.choice(others)
        case _:
            pass
    stdout = _edited(source, recorded.stdout)
    stderr = _edited(source, recorded.stderr) if source.number(3) == 0 else recorded.stderr
    return Answered(stdout, stderr, source.choice(_STATUSES))


def _edited(source: ByteSource, text: str) -> str:
    """Edit a text at random places."""
    for _ in range(source.number(5)):
        at, length = source.number(len(text) + 1), source.number(40)
        piece = text[source.number(len(text) + 1) :][:length]
        match source.number(7):
            case 0:
                text = text[:at]
            case 1:
                text = text[:at] + text[at + length :]
            case 2:
                text = text[:at] + piece + text[at:]
            case 3:
                text = text[:at] + source.text() + text[at:]
            case 4:
                text = text[:at] + source.choice(_FRAGMENTS) + text[at + length :]
            case 5:
                text = source.choice(_FRAGMENTS) * (1 + source.number(300))
            case _:
                text = text[at:]
    return text


_FRAGMENTS: tuple[Any, ...] = (
    "null", "{}", "[]", "[", '{"', '"', "true", "-1", "1e999", "9" * 30, "0", "\n", "\n\n", "//", "//\n", "/\n",
    "\0", "=", "-m ", "-m", "end", "end 0", "end//\n", "NaN", "Infinity", "\ud800", "Permission denied",
    "\t", ": No such file or directory", "shown=", "service=", "STAT maxbytes ", "END\r\n", "notAfter=",
    "::", "/32",
    "\u00b2", "\u0663",
)  # fmt: skip
