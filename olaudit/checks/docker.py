"""docker.engine and docker.absent: a Docker Engine answers where one is expected, and none runs on bare metal.

A missing answer alone is unknown: the auditor may lack the permission, or a prune may block the engine for
minutes. It is drift only if the host's own processes show that no engine runs. In that case the engine was not
contacted, because a connection could have started it: see `engine_process`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

from olaudit.checker import Checker
from olaudit.engine_process import DOCKER_SOCKET, PROBE, Engines, read_engines
from olaudit.model import Answer, Answers, Check, EngineQuery, Expectation, Probe, Result, Severity, Unanswered

EngineExpectation = Literal["required", "absent"]

_SNAP = "snap.docker.dockerd.service"


def probes(spec: EngineExpectation) -> tuple[Probe, ...]:
    """List the probes: the processes, and the engine only where one is expected."""
    return (EngineQuery.VERSION, PROBE) if spec == "required" else (PROBE,)


def evaluate(spec: EngineExpectation, answers: Answers) -> Iterator[Result]:
    """Evaluate docker.engine or docker.absent, as the section requires."""
    engines = read_engines(answers[PROBE])
    yield _engine(answers[EngineQuery.VERSION], engines) if spec == "required" else _absent(engines)


def _engine(answer: Answer, engines: Engines | Unanswered) -> Result:
    expectation = Expectation(
        check="docker.engine", subject="docker", at=("docker",), expected="a Docker Engine answers"
    )
    if not isinstance(answer, Unanswered):
        version = _parse_version(answer.stdout)
        return (
            expectation.ok(version)
            if version
            else expectation.unknown("the Docker Engine's answer contains no version")
        )
    if isinstance(engines, Unanswered):
        return expectation.unknown(f"{answer.reason}; cannot determine whether an engine runs: {engines.reason}")
    if engines.foreign_socket or (engines.on_other_sockets and not engines.serving):
        return expectation.unknown(f"cannot determine whether the engine of {DOCKER_SOCKET} runs: {answer.reason}")
    if engines.serving:
        return expectation.unknown(f"a Docker Engine runs, but did not answer: {answer.reason}")
    message = "the Docker Engine is stopped: the host runs no dockerd process, so no container could be audited"
    return expectation.drift("stopped", message, _start_command(engines))


def _absent(engines: Engines | Unanswered) -> Result:
    expectation = Expectation(check="docker.absent", subject="docker", at=("docker",), expected="no Docker Engine")
    if isinstance(engines, Unanswered):
        return expectation.unknown(engines.reason)
    running = (*engines.serving, *engines.on_other_sockets, *engines.in_containers)
    if not running:
        return expectation.ok("no Docker Engine runs")
    message = "a Docker Engine runs on a host that should have none"
    if not engines.serving and not engines.on_other_sockets:
        message = "a Docker Engine runs inside a container on a host that should have none"
    return expectation.drift("; ".join(running), message, _stop_command(engines) if engines.serving else None)


def _start_command(engines: Engines) -> str | None:
    """Return the command that starts the engine, or None if the host's way to start it is unknown."""
    if engines.systemd and "docker.service" in engines.units:
        return "sudo systemctl start docker"
    if engines.systemd and _SNAP in engines.units:
        return "sudo snap start docker"
    return "sudo service docker start" if engines.script and not engines.systemd else None


def _stop_command(engines: Engines) -> str | None:
    """Return the command that stops the engine, permanently where one command can do so."""
    units = [unit for unit in ("docker.socket", "docker.service") if unit in engines.units]
    if engines.systemd and "docker.service" in units:
        return f"sudo systemctl disable --now {' '.join(units)}"
    if engines.systemd and _SNAP in engines.units:
        return "sudo snap disable docker"
    return "sudo service docker stop" if engines.script and not engines.systemd else None


def _parse_version(text: str) -> str:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    version = answer.get("Version") if isinstance(answer, dict) else None
    return version if isinstance(version, str) else ""


CHECKER: Checker[EngineExpectation] = Checker(
    section="docker",
    model=EngineExpectation,
    checks=(
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
    collected="processes named `dockerd`, from /proc; the engine's `GET /version` where one is expected and runs",
    facts=probes,
    evaluate=evaluate,
)
