"""docker.engine and docker.absent: a Docker Engine answers where one belongs, and none runs on bare metal.

That the engine did not answer an audit proves nothing: the auditor may lack the right to ask, or a prune may
block it for minutes. It is drift only when the host's own processes show that no engine is running. Then it was
not contacted at all, because connecting could have started it: see `engine_process`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

from olaudit.checker import Check, Checker
from olaudit.engine_process import DOCKER_SOCKET, PROBE, Engines, read_engines
from olaudit.model import Answer, Answers, EngineQuery, Expectation, Probe, Result, Severity, Unanswered

Rule = Literal["required", "absent"]

_SNAP = "snap.docker.dockerd.service"


def probes(spec: Rule) -> tuple[Probe, ...]:
    """Ask for the processes, and for the engine only where one is expected."""
    return (EngineQuery.VERSION, PROBE) if spec == "required" else (PROBE,)


def evaluate(spec: Rule, answers: Answers) -> Iterator[Result]:
    """Judge the one rule that the section sets."""
    engines = read_engines(answers[PROBE])
    yield _engine(answers[EngineQuery.VERSION], engines) if spec == "required" else _absent(engines)


def _engine(answer: Answer, engines: Engines | Unanswered) -> Result:
    expectation = Expectation(
        check="docker.engine", subject="docker", at=("docker",), expected="a Docker Engine answers"
    )
    if not isinstance(answer, Unanswered):
        version = _version(answer.stdout)
        return (
            expectation.ok(version)
            if version
            else expectation.unknown("the Docker Engine's answer names no version")
        )
    if isinstance(engines, Unanswered):
        return expectation.unknown(f"{answer.reason}; whether one runs could not be seen either: {engines.reason}")
    if engines.foreign_socket or (engines.on_other_sockets and not engines.serving):
        return expectation.unknown(f"the Docker Engine of {DOCKER_SOCKET} was not seen: {answer.reason}")
    if engines.serving:
        return expectation.unknown(f"a Docker Engine runs, but did not answer: {answer.reason}")
    message = "the Docker Engine is stopped: no process of the host is dockerd, so no container could be audited"
    return expectation.drift("stopped", message, _start(engines))


def _absent(engines: Engines | Unanswered) -> Result:
    expectation = Expectation(check="docker.absent", subject="docker", at=("docker",), expected="no Docker Engine")
    if isinstance(engines, Unanswered):
        return expectation.unknown(engines.reason)
    running = (*engines.serving, *engines.on_other_sockets, *engines.in_containers)
    if not running:
        return expectation.ok("no Docker Engine runs")
    message = "a Docker Engine runs on a host that is meant to have none"
    if not engines.serving and not engines.on_other_sockets:
        message = "a Docker Engine runs inside a container on a host that is meant to have none"
    return expectation.drift("; ".join(running), message, _stop(engines) if engines.serving else None)


def _start(engines: Engines) -> str | None:
    """Give the command that starts the engine; none where it is not seen how that is done there."""
    if engines.systemd and "docker.service" in engines.units:
        return "sudo systemctl start docker"
    if engines.systemd and _SNAP in engines.units:
        return "sudo snap start docker"
    return "sudo service docker start" if engines.script and not engines.systemd else None


def _stop(engines: Engines) -> str | None:
    """Give the command that stops the engine, for good where that is one command."""
    units = [unit for unit in ("docker.socket", "docker.service") if unit in engines.units]
    if engines.systemd and "docker.service" in units:
        return f"sudo systemctl disable --now {' '.join(units)}"
    if engines.systemd and _SNAP in engines.units:
        return "sudo snap disable docker"
    return "sudo service docker stop" if engines.script and not engines.systemd else None


def _version(text: str) -> str:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    version = answer.get("Version") if isinstance(answer, dict) else None
    return version if isinstance(version, str) else ""


CHECKER: Checker[Rule] = Checker(
    section="docker",
    model=Rule,
    ids=(
        Check(
            "docker.engine",
            Severity.CRITICAL,
            "no Docker Engine runs where one is expected",
            "`sudo systemctl start docker`",
        ),
        Check(
            "docker.absent",
            Severity.WARNING,
            "a Docker Engine runs on a bare-metal host",
            "`sudo systemctl disable --now docker.socket docker.service`",
        ),
    ),
    collected="processes named `dockerd`, from /proc; the engine's `GET /version` where one runs and must",
    probes=probes,
    evaluate=evaluate,
)
