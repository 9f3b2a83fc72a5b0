"""fleet.version: all hosts have the same Docker Engine and the same Compose.

Different versions have caused outages during upgrades: internetarchive/openlibrary#7667, #7706, #11332.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from olaudit.checker import Check, FleetChecker
from olaudit.checks.fleet.majority import ABSENT, HostValue, Topic, Vote, answers_of, compare
from olaudit.checks.fleet.spec import Agree, ComparedProgram
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
"""Prints the version of Compose v2, a plugin of `docker`, else of Compose v1, a separate program.

It does not run `docker compose version`, which can start a stopped engine: Docker 20.10 connects to the engine for
it, and later releases do so if the plugin is missing. These search for plugins in the folders listed here, in this
order, and request each plugin's metadata, which never connects.

The exit status is 1 if neither exists, because 127 would mean that `sh` is missing.
"""

_VERSION = re.compile(r"v?([0-9]{1,9}(?:\.[0-9]{1,9}){1,3}[-+~.0-9A-Za-z]{0,60})")
_NO_PROGRAM = re.compile(r"docker-compose: (?:command )?not found")


def probes(spec: Agree) -> tuple[Probe, ...]:
    """List the probes of the versions to compare."""
    by_program: dict[ComparedProgram, Probe] = {"docker": EngineQuery.VERSION, "compose": COMPOSE}
    return tuple(by_program[program] for program in dict.fromkeys(spec.versions))


def evaluate(
    specs: Mapping[str, Agree], outcomes: Mapping[str, Answers | Failure]
) -> Iterator[tuple[str, Result]]:
    """Compare the versions of each program among the hosts that list it."""
    programs: tuple[ComparedProgram, ...] = ("docker", "compose")
    for program in programs:
        topic = Topic("fleet.version", f"the version of {program.title()}", ("agree", "versions"))
        hosts = [host for host, spec in specs.items() if program in spec.versions]
        yield from compare(
            topic, {host: Vote(program, _version(program, answers_of(outcomes[host]))) for host in hosts}
        )


def _version(program: ComparedProgram, answers: Answers | Unanswered) -> HostValue:
    if isinstance(answers, Unanswered):
        return answers
    return _engine(answers[EngineQuery.VERSION]) if program == "docker" else _compose(answers[COMPOSE])


def _engine(answer: Answer) -> HostValue:
    if isinstance(answer, Unanswered):
        return answer
    try:
        version_info = json.loads(answer.stdout)
    except (ValueError, RecursionError):
        version_info = None
    version = version_info.get("Version") if isinstance(version_info, dict) else None
    if isinstance(version, str) and (match := _VERSION.fullmatch(version)):
        return match[1]
    return Unanswered("the Docker Engine's answer about its version could not be parsed")


def _compose(answer: Answer) -> HostValue:
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
    checks=(
        # A warning: other versions work, and may fail only at the next upgrade or deploy.
        Check(
            "fleet.version",
            Severity.WARNING,
            "the host has another version of Docker or Compose than most hosts, or lacks it",
            "install the version of most hosts",
        ),
    ),
    collected="the engine's `GET /version`, the metadata of Docker's Compose plugin",
    probes=probes,
    evaluate=evaluate,
)
