"""docker.engine and docker.absent: a Docker Engine answers where one belongs, and none runs on bare metal.

That the engine did not answer an audit proves nothing: the auditor may lack the right to ask, or a prune may
block it for minutes. It is drift only when the host's own process list shows that no engine is running.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Literal

from olaudit.kind import CheckId, Kind
from olaudit.model import Answer, Answers, Engine, Judgement, Probe, Question, Severity, Shell, Unanswered

Rule = Literal["required", "absent"]

PROCESSES = Shell(
    ("ps", "-ww", "-p", "1", "-C", "dockerd,docker", "-o", "pid=", "-o", "comm=", "-o", "args="), statuses=(0, 1)
)
"""Lists the daemons, and process 1: a list without it was cut (/proc mounted with hidepid) and proves nothing."""

_PROCESS = re.compile(r" *([0-9]{1,10}) +(\S+) *(.*)")


def probes(spec: Rule) -> tuple[Probe, ...]:
    """Ask for the processes, and for the engine only where one is expected."""
    return (Engine.VERSION, PROCESSES) if spec == "required" else (PROCESSES,)


def judge(spec: Rule, answers: Answers) -> Iterator[Judgement]:
    """Judge the one rule that the section sets."""
    daemons = _daemons(answers[PROCESSES])
    yield _engine(answers[Engine.VERSION], daemons) if spec == "required" else _absent(daemons)


def _engine(answer: Answer, daemons: tuple[str, ...] | Unanswered) -> Judgement:
    question = Question(
        check="docker.engine", subject="docker", at=("docker",), expected="a Docker Engine answers"
    )
    if not isinstance(answer, Unanswered):
        version = _version(answer.stdout)
        return question.ok(version) if version else question.unknown("the Docker Engine's answer makes no sense")
    if isinstance(daemons, Unanswered):
        return question.unknown(f"{answer.reason}; whether one runs could not be seen either: {daemons.reason}")
    if daemons:
        return question.unknown(f"a Docker Engine runs, but did not answer: {answer.reason}")
    message = f"no Docker Engine runs, so none could be asked ({answer.reason})"
    return question.drift("no Docker Engine runs", message, "service docker start")


def _absent(daemons: tuple[str, ...] | Unanswered) -> Judgement:
    question = Question(check="docker.absent", subject="docker", at=("docker",), expected="no Docker Engine")
    if isinstance(daemons, Unanswered):
        return question.unknown(daemons.reason)
    if not daemons:
        return question.ok("no Docker Engine runs")
    fix = "systemctl disable --now docker.socket docker.service || service docker stop"  # the latter: upstart
    return question.drift("; ".join(daemons), "a Docker Engine runs on a host that is meant to have none", fix)


def _version(text: str) -> str:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    version = answer.get("Version") if isinstance(answer, dict) else None
    return version if isinstance(version, str) else ""


def _daemons(answer: Answer) -> tuple[str, ...] | Unanswered:
    """List the engines' command lines, if the answer shows all processes."""
    if isinstance(answer, Unanswered):
        return answer
    processes = [match.groups() for line in answer.stdout.split("\n") if (match := _PROCESS.fullmatch(line))]
    if not any(pid == "1" for pid, _, _ in processes):
        return Unanswered(
            answer.stderr.strip().partition("\n")[0] or "ps does not show the processes of other users"
        )
    return tuple(args for _, command, args in processes if _is_daemon(command, args))


def _is_daemon(command: str, args: str) -> bool:
    if "<defunct>" in args:
        return False
    # Before Docker 1.12 client and daemon were one program: `docker -d`, later `docker daemon`.
    return command == "dockerd" or (command == "docker" and args.split()[1:2] in (["-d"], ["daemon"]))


KIND: Kind[Rule] = Kind(
    section="docker",
    model=Rule,
    ids=(
        CheckId(
            "docker.engine",
            Severity.CRITICAL,
            "no Docker Engine runs where one is expected",
            "`service docker start`",
        ),
        CheckId(
            "docker.absent",
            Severity.WARNING,
            "a Docker Engine runs on a bare-metal host",
            "`systemctl disable --now docker.socket docker.service`",
        ),
    ),
    collected="the engine's `GET /version`; `ps` where it does not answer, or must not run",
    probes=probes,
    judge=judge,
)
