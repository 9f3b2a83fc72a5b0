"""Tables of recorded answers: JSON rows of `{case, spec, answers, results}`, one table per checker.

`answers` is keyed by the beginning of the probe's command line. A value is the `stdout`, `stderr` and `status` of
the answer, or the `reason` why there is none; a probe that is not listed was not asked. Only the keys that a row
lists are compared with a result.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from pydantic import TypeAdapter

from olaudit.checker import Checker
from olaudit.checks import (
    certificate,
    clock,
    cron,
    disk,
    dns,
    docker,
    firewall,
    git,
    hostname,
    memcached,
    package,
    path,
    postgres,
    release,
    service,
    symlink,
    symlink_farm,
)
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    Command,
    ConnectionProbe,
    ContainerChanges,
    ContainerFields,
    EngineVersion,
    Facts,
    ImageLayers,
    Lookup,
    Measurement,
    Probe,
    Result,
    Unanswered,
)

Row = dict[str, Any]

RECORDED: list[tuple[str, Checker[Any]]] = [
    ("hostname", hostname.CHECKER),
    ("docker", docker.CHECKER),
    ("path", path.CHECKER),
    ("symlink", symlink.CHECKER),
    ("memcached", memcached.CHECKER),
    ("postgres", postgres.CHECKER),
    ("firewall", firewall.CHECKER),
    ("dns_address", dns.ADDRESS),
    ("dns_retired", dns.RETIRED),
    ("release", release.CHECKER),
    ("clock", clock.CHECKER),
    ("disk", disk.CHECKER),
    ("service", service.CHECKER),
    ("package", package.CHECKER),
    ("git", git.CHECKER),
    ("cron", cron.CHECKER),
    ("symlink_farm", symlink_farm.CHECKER),
    ("certificate", certificate.CHECKER),
]
"""Every table, with its checker."""

TABLES = Path(__file__).parent / "recorded"
"""The folder of the tables."""


def rows(name: str) -> list[Row]:
    table: list[Row] = json.loads((TABLES / f"{name}.json").read_text(encoding="utf-8"))
    return table


def case(row: Row) -> str:
    return str(row["case"])


def spec_of(checker: Checker[Any], section: Any) -> Any:
    return TypeAdapter(checker.model).validate_json(json.dumps(section))


def check_row(checker: Checker[Any], row: Row) -> None:
    """Evaluate the answers of a row, and compare the results with the expected ones."""
    results = [_fields(result) for result in checker.evaluate(*parse_row(checker, row))]
    listed = [
        {key: result.get(key) for key in expected}
        for result, expected in zip(results, row["results"], strict=False)
    ]
    assert (listed, len(results)) == (row["results"], len(row["results"]))


def _fields(result: Result) -> dict[str, Any]:
    """Return the fields of a result; the check as its id, and no severity if it is that of the check."""
    fields = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    default = result.severity is result.check.severity
    return fields | {"check": result.check.id, "severity": None if default else result.severity}


def check_locally(checker: Checker[Any], section: Any) -> list[Result]:
    """Evaluate a section with the answers of this machine."""
    spec = spec_of(checker, section)
    answers = Answers({probe: run_locally(probe) for probe in checker.probes(spec)})
    return list(checker.evaluate(spec, Facts(answers)))


def measure_row(checker: Checker[Any], row: Row) -> list[Measurement]:
    """Return the measurements in the answers of a row."""
    return list(checker.measure(*parse_row(checker, row)))


def parse_row(checker: Checker[Any], row: Row) -> tuple[Any, Facts]:
    """Return the specification and the facts of a row."""
    spec, answers = parse_answers(checker, row)
    return spec, Facts(answers)


def parse_answers(checker: Checker[Any], row: Row) -> tuple[Any, Answers]:
    """Return the specification and the answers of a row."""
    spec = spec_of(checker, row["spec"])
    probes = tuple(checker.probes(spec))
    answers = {_find_probe(start, probes): _parse_answer(fields) for start, fields in row["answers"].items()}
    return spec, Answers(answers)


def command_line(probe: Probe) -> str:  # noqa: PLR0911 - one per type
    """Format a probe as a command line."""
    match probe:
        case Command(argv):
            return shlex.join(argv)
        case ConnectionProbe():
            return probe.value
        case EngineVersion():
            return "version"
        case ContainerFields():
            return "containers"
        case ImageLayers(image):
            return f"layers {image}"
        case ContainerChanges(paths):
            return f"changes {shlex.join(paths)}"
        case Lookup(name):
            return f"lookup {name}"


def _find_probe(start: str, probes: tuple[Probe, ...]) -> Probe:
    matches = [probe for probe in probes if command_line(probe).startswith(start)]
    assert len(matches) == 1, f"{len(matches)} command lines start with {start!r}: {probes}"
    return matches[0]


def _parse_answer(fields: dict[str, Any]) -> Answer:
    return Unanswered(**fields) if "reason" in fields else Answered(**fields)


def hostile_answers(name: str, probes: tuple[Probe, ...]) -> st.SearchStrategy[Answers]:
    """Generate answers: any text, or pieces of the recorded answers in any order."""
    pieces = sorted(set(_pieces(name)))
    texts = st.one_of(st.text(), st.lists(st.sampled_from(pieces)).map("".join))
    answered = st.builds(Answered, stdout=texts, stderr=texts, status=st.integers(0, 125))
    answers: st.SearchStrategy[Answer] = st.one_of(answered, st.builds(Unanswered, st.just("timed out")))
    return st.fixed_dictionaries(dict.fromkeys(probes, answers)).map(Answers)


def _pieces(name: str) -> Iterator[str]:
    for row in rows(name):
        for fields in row["answers"].values():
            for stream in ("stdout", "stderr"):
                yield from str(fields.get(stream, "")).splitlines(keepends=True)
    yield from ("\0", "\t", "/", "\n", "-m ", "9" * 5000, "[" * 5000)


def run_locally(probe: Probe) -> Answer:
    """Run a command on this machine."""
    assert isinstance(probe, Command)
    process = subprocess.run(
        probe.argv, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"}, timeout=30, text=True
    )
    return Answered(process.stdout, process.stderr, process.returncode)
