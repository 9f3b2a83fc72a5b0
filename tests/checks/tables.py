"""Recorded answers: JSON tables of `{case, spec, answers, results}`, one per kind, and how they are run.

`answers` is keyed by the beginning of the probe that it answers, written as a command line. A value is the
answer's `stdout`, `stderr` and `status`, or the `reason` why there is none; a probe that is not listed was not
asked. Of each result, the keys that a row names are compared.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
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
    EngineQuery,
    ImageLayers,
    Lookup,
    Measurement,
    Probe,
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
"""Every table, and the kind of check that it is about."""

_RECORDED = Path(__file__).parent / "recorded"


def rows(name: str) -> list[Row]:
    table: list[Row] = json.loads((_RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return table


def case(row: Row) -> str:
    return str(row["case"])


def spec_of(checker: Checker[Any], section: Any) -> Any:
    return TypeAdapter(checker.model).validate_json(json.dumps(section))


def check_row(checker: Checker[Any], row: Row) -> None:
    """Judge the row's answers, and compare with the row's results."""
    spec, answers = parse_row(checker, row)
    judged = [asdict(result) for result in checker.evaluate(spec, answers)]
    named = [{key: made.get(key) for key in want} for made, want in zip(judged, row["results"], strict=False)]
    assert (named, len(judged)) == (row["results"], len(row["results"]))


def measure_row(checker: Checker[Any], row: Row) -> list[Measurement]:
    """Give the measures in the row's answers."""
    return list(checker.measure(*parse_row(checker, row)))


def parse_row(checker: Checker[Any], row: Row) -> tuple[Any, Answers]:
    spec = spec_of(checker, row["spec"])
    probes = tuple(checker.probes(spec))
    return spec, Answers({_meant(start, probes): _answer(said) for start, said in row["answers"].items()})


def command_line(probe: Probe) -> str:
    """Write a probe as a command line."""
    match probe:
        case Command(argv):
            return shlex.join(argv)
        case EngineQuery() | ConnectionProbe():
            return probe.value
        case ImageLayers(image):
            return f"layers {image}"
        case ContainerChanges(paths):
            return f"changes {shlex.join(paths)}"
        case Lookup(name):
            return f"lookup {name}"


def _meant(start: str, probes: tuple[Probe, ...]) -> Probe:
    meant = [probe for probe in probes if command_line(probe).startswith(start)]
    assert len(meant) == 1, f"{start!r} begins {len(meant)} of {probes}"
    return meant[0]


def _answer(said: dict[str, Any]) -> Answer:
    return Unanswered(**said) if "reason" in said else Answered(**said)


def hostile_answers(name: str, probes: tuple[Probe, ...]) -> st.SearchStrategy[Answers]:
    """Answer each probe with anything, or with what was recorded, cut up and put together in other ways."""
    pieces = sorted(set(_pieces(name)))
    texts = st.one_of(st.text(), st.lists(st.sampled_from(pieces)).map("".join))
    answered = st.builds(Answered, stdout=texts, stderr=texts, status=st.integers(0, 125))
    one: st.SearchStrategy[Answer] = st.one_of(answered, st.builds(Unanswered, st.just("timed out")))
    return st.fixed_dictionaries(dict.fromkeys(probes, one)).map(Answers)


def _pieces(name: str) -> Iterator[str]:
    for row in rows(name):
        for said in row["answers"].values():
            for stream in ("stdout", "stderr"):
                yield from str(said.get(stream, "")).splitlines(keepends=True)
    yield from ("\0", "\t", "/", "\n", "-m ", "9" * 5000, "[" * 5000)


def run_locally(probe: Probe) -> Answer:
    """Ask this very machine."""
    assert isinstance(probe, Command)
    ran = subprocess.run(
        probe.argv, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"}, timeout=30, text=True
    )
    return Answered(ran.stdout, ran.stderr, ran.returncode)
