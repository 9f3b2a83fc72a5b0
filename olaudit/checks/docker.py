"""docker.engine and docker.absent: a Docker Engine answers where one is expected, and none runs on bare metal.

A missing answer alone is unknown: the auditor may lack the permission, or a prune may block the engine for
minutes. It is drift only if the host's own processes show that no engine runs. In that case the engine was not
contacted, because a connection could have started it: see `facts/engines.py`.
"""

from collections.abc import Iterator
from typing import Literal

from olaudit.checker import Checker
from olaudit.facts.engines import DOCKER_SOCKET, ENGINES, VERSION, Engines
from olaudit.model import Check, Facts, Result, Severity, Unknown

EngineExpectation = Literal["required", "absent"]

_SNAP = "snap.docker.dockerd.service"

ENGINE = Check(
    "docker.engine",
    Severity.CRITICAL,
    "no Docker Engine runs where one is expected",
    "`sudo systemctl start docker`",
)
NO_ENGINE = Check(
    "docker.absent",
    Severity.WARNING,
    "a Docker Engine runs on a bare-metal host",
    "`sudo systemctl disable --now docker.socket docker.service`",
)


def evaluate(spec: EngineExpectation, facts: Facts) -> Iterator[Result]:
    """Evaluate docker.engine or docker.absent, as the section requires."""
    yield _engine(facts) if spec == "required" else _absent(facts)


def _engine(facts: Facts) -> Result:
    version, engines = facts[VERSION], facts[ENGINES]
    based_on = (VERSION, ENGINES) if isinstance(version, Unknown) else (VERSION,)
    expectation = ENGINE.expect("docker", ("docker",), "a Docker Engine answers", based_on=based_on)
    if version == "":
        return expectation.unknown("the Docker Engine's answer contains no version")
    if isinstance(version, str):
        return expectation.ok(version)
    if isinstance(engines, Unknown):
        return expectation.unknown(f"{version.reason}; cannot determine whether an engine runs: {engines.reason}")
    if engines.foreign_socket or (engines.on_other_sockets and not engines.serving):
        return expectation.unknown(
            f"cannot determine whether the engine of {DOCKER_SOCKET} runs: {version.reason}"
        )
    if engines.serving:
        return expectation.unknown(f"a Docker Engine runs, but did not answer: {version.reason}")
    message = "the Docker Engine is stopped: the host runs no dockerd process, so no container could be audited"
    return expectation.drift("stopped", message, _command(engines, "start docker", "start", "start"))


def _absent(facts: Facts) -> Result:
    expectation = NO_ENGINE.expect("docker", ("docker",), "no Docker Engine", based_on=(ENGINES,))

    def evaluate_engines(engines: Engines) -> Result:
        running = (*engines.serving, *engines.on_other_sockets, *engines.in_containers)
        if not running:
            return expectation.ok("no Docker Engine runs")
        message = "a Docker Engine runs on a host that should have none"
        if not engines.serving and not engines.on_other_sockets:
            message = "a Docker Engine runs inside a container on a host that should have none"
        units = " ".join(unit for unit in ("docker.socket", "docker.service") if unit in engines.units)
        stop = _command(engines, f"disable --now {units}", "disable", "stop")
        return expectation.drift("; ".join(running), message, stop if engines.serving else None)

    return expectation.evaluate(facts[ENGINES], evaluate_engines)


def _command(engines: Engines, systemctl: str, snap: str, service: str) -> str | None:
    """Return the command for the way in which the host starts the engine, or None if that is unknown."""
    if engines.systemd and "docker.service" in engines.units:
        return f"sudo systemctl {systemctl}"
    if engines.systemd and _SNAP in engines.units:
        return f"sudo snap {snap} docker"
    return f"sudo service docker {service}" if engines.script and not engines.systemd else None


CHECKER: Checker[EngineExpectation] = Checker(
    section="docker",
    model=EngineExpectation,
    checks=(ENGINE, NO_ENGINE),
    collected="processes named `dockerd`, from /proc; the engine's `GET /version` where one is expected and runs",
    facts=lambda spec: (VERSION, ENGINES) if spec == "required" else (ENGINES,),
    evaluate=evaluate,
)
