"""fleet.version: all hosts have the same Docker Engine and the same Compose.

Versions that differed have brought hosts down at upgrades: internetarchive/openlibrary#7667, #7706, #11332.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from olaudit.checker import Check, FleetChecker
from olaudit.checks.fleet.majority import ABSENT, Told, Topic, Vote, compare, reach
from olaudit.checks.fleet.spec import Agree, Program
from olaudit.model import Answer, Answers, Command, EngineQuery, Failure, Probe, Result, Severity, Unanswered

COMPOSE = Command(
    (
        "sh",
        "-c",
        r"""for d in "$HOME/." /usr/local/lib/ /usr/local/libexec/ /usr/lib/ /usr/libexec/; do
  p=${d}docker/cli-plugins/docker-compose
  if [ -x "$p" ]; then
    m=$("$p" docker-cli-plugin-metadata) || exit
    printf '%s\n' "$m" | sed -n 's/.*"Version": *"\([^"]*\)".*/\1/p'; exit
  fi
done
docker-compose version --short && exit
r=$?; [ $r -lt 128 ] || exit $r
exit 1""",
    ),
    may_hang=True,
    statuses=(0, 1),
)
"""Asks for Compose v2, which is a plugin of `docker`, else v1, a program of its own.

Not `docker compose version`: the docker command of Docker 20.10 connects to the engine for that, and later ones do
where they lack the plugin, which starts a stopped engine. They look for plugins in these folders, in this order,
and ask each for its metadata, which never connects.

It ends with 1 where there is neither, since 127 would be about `sh`.
"""

_VERSION = re.compile(r"v?([0-9]{1,9}(?:\.[0-9]{1,9}){1,3}[-+~.0-9A-Za-z]{0,60})")
_NO_PROGRAM = re.compile(r"docker-compose: (?:command )?not found")


def probes(spec: Agree) -> tuple[Probe, ...]:
    """Ask for the versions that should agree."""
    questions: dict[Program, Probe] = {"docker": EngineQuery.VERSION, "compose": COMPOSE}
    return tuple(questions[program] for program in dict.fromkeys(spec.versions))


def evaluate(
    specs: Mapping[str, Agree], outcomes: Mapping[str, Answers | Failure]
) -> Iterator[tuple[str, Result]]:
    """Compare the versions of each program, among the hosts that name it."""
    programs: tuple[Program, ...] = ("docker", "compose")
    for program in programs:
        topic = Topic("fleet.version", f"the version of {program.title()}", ("agree", "versions"))
        hosts = [host for host, spec in specs.items() if program in spec.versions]
        yield from compare(
            topic, {host: Vote(program, _version(program, reach(outcomes[host]))) for host in hosts}
        )


def _version(program: Program, answers: Answers | Unanswered) -> Told:
    if isinstance(answers, Unanswered):
        return answers
    return _engine(answers[EngineQuery.VERSION]) if program == "docker" else _compose(answers[COMPOSE])


def _engine(answer: Answer) -> Told:
    if isinstance(answer, Unanswered):
        return answer
    try:
        told = json.loads(answer.stdout)
    except (ValueError, RecursionError):
        told = None
    version = told.get("Version") if isinstance(told, dict) else None
    if isinstance(version, str) and (match := _VERSION.fullmatch(version)):
        return match[1]
    return Unanswered("the Docker Engine's answer makes no sense")


def _compose(answer: Answer) -> Told:
    if isinstance(answer, Unanswered):
        return answer
    match = _VERSION.fullmatch(answer.stdout.removesuffix("\n"))
    if match and answer.status == 0 and answer.stdout.endswith("\n"):
        return match[1]
    if not answer.stdout and _NO_PROGRAM.search(answer.stderr):
        return ABSENT
    return Unanswered(f"Compose did not return its version: {(answer.stderr or answer.stdout)[:200]!r}")


CHECKER: FleetChecker[Agree] = FleetChecker(
    section="agree",
    model=Agree,
    ids=(
        # A warning: what differs runs, and is a surprise only at the next upgrade or deploy.
        Check(
            "fleet.version",
            Severity.WARNING,
            "most other hosts have another version of Docker or Compose, or have none",
            "upgrade the host that is named as the others were",
        ),
    ),
    collected="the engine's `GET /version`, the metadata of Docker's Compose plugin; what most hosts say counts",
    probes=probes,
    evaluate=evaluate,
)
