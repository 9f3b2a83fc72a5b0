"""service.state: a service runs, and starts at boot, so that a reboot brings it back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from olaudit.checker import Check, Checker
from olaudit.checks.service.probes import facts, look
from olaudit.checks.service.states import READERS, Seen, State, read
from olaudit.language import Presence, Section
from olaudit.model import Answered, Answers, Command, Expectation, Result, Severity, Unanswered


def _allowed(presence: Presence) -> Presence:
    if presence is Presence.FORBIDDEN:
        msg = "a service is required or optional; one that must not run has `running: false`"
        raise ValueError(msg)
    return presence


class ServiceSpec(Section):
    """Whether one service should run, and should start at boot."""

    running: bool = True
    enabled: bool = True
    presence: Annotated[Presence, AfterValidator(_allowed)] = Presence.REQUIRED
    severity: Severity | None = None


Services = dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@-]*$")], ServiceSpec]
"""By name, without ".service"."""


def probes(spec: Mapping[str, ServiceSpec]) -> tuple[Command, ...]:
    """Ask for all services at once."""
    return (look(spec),) if spec else ()


def evaluate(spec: Mapping[str, ServiceSpec], answers: Answers) -> Iterator[Result]:
    """Judge each service by what the init system that runs there says of it."""
    answer = answers[look(spec)]
    said = facts(tuple(spec), answer)
    complaint = answer.stderr.strip()[:200] if isinstance(answer, Answered) else ""
    for name, rule in spec.items():
        running = "running" if rule.running else "stopped"
        expectation = Expectation(
            check="service.state",
            subject=name,
            at=("services", name),
            expected=f"{running}, {'started at boot' if rule.enabled else 'not started at boot'}",
            severity=rule.severity,
        )
        if isinstance(said, Unanswered):
            yield expectation.unknown(said.reason)
            continue
        init, found = said
        if init not in READERS:
            yield expectation.unknown(_strange(init))
        else:
            seen = read(init, found[name])
            if isinstance(seen, Unanswered) and complaint:
                seen = Unanswered(f"{seen.reason}: {complaint}")
            yield _evaluate(expectation, rule, init, seen)


def _strange(init: str) -> str:
    if not init:
        return "process 1 may not be seen, so it cannot be told what starts services there"
    return f"process 1 is {init[:50]!r} and neither systemd, upstart nor init, so nothing there knows of services"


def _evaluate(expectation: Expectation, rule: ServiceSpec, init: str, seen: Seen) -> Result:
    name = expectation.subject
    match seen:
        case Unanswered(reason):
            return expectation.unknown(reason)
        case State() as state:
            if (state.is_running, state.starts_at_boot) == (rule.running, rule.enabled):
                return expectation.ok(str(state))
            return expectation.drift(str(state), _message(name, rule, state), _fix(name, rule, init, state))
        case None if rule.presence is Presence.OPTIONAL or not (rule.running or rule.enabled):
            return expectation.ok("absent", f"there is no service {name}, and none is needed")
        case None:
            return expectation.drift("absent", f"there is no service {name}")


def _message(name: str, rule: ServiceSpec, state: State) -> str:
    if state.is_running != rule.running:
        if not rule.running:
            return f"{name} runs, and should not"
        says = f"does not run: it is {state.running}" if state.running else "does not run"
        return f"{name} {says}" + (
            "" if state.starts_at_boot or not rule.enabled else ", and no reboot would start it"
        )
    if rule.enabled:
        return f"{name} {'runs, but ' if rule.running else ''}will not be started by the next reboot"
    return f"{name} will be started by the next reboot, and should not"


def _fix(name: str, rule: ServiceSpec, init: str, state: State) -> str:
    boot = "" if state.starts_at_boot == rule.enabled else ("enable" if rule.enabled else "disable")
    run = "" if state.is_running == rule.running else ("start" if rule.running else "stop")
    run = "restart" if run == "start" and state.running else run
    if init == "systemd":
        steps = [
            f"systemctl unmask {name}" if boot == "enable" and state.boot else "",
            f"systemctl {boot} {name}" if boot else "",
            f"systemctl {run} {name}" if run else "",
        ]
    else:
        steps = [_boot_step(name, boot, init), f"service {name} {run}" if run else ""]
    return " && ".join(step for step in steps if step)


def _boot_step(name: str, boot: str, init: str) -> str:
    if not boot:
        return ""
    script = f"update-rc.d {name} {boot}"
    if init != "upstart":
        return script
    override = f"/etc/init/{name}.override"
    job = f"rm -f {override}" if boot == "enable" else f"echo manual >{override}"
    return f"if [ -e /etc/init/{name}.conf ]; then {job}; else {script}; fi"


CHECKER: Checker[Mapping[str, ServiceSpec]] = Checker(
    section="services",
    model=Services,
    ids=(
        Check(
            "service.state",
            # Without Docker, memcached or PostgreSQL the site is down, or will be after the next reboot.
            Severity.CRITICAL,
            "it does not run, does not start at boot, or there is no such service",
            "`systemctl enable SERVICE && systemctl start SERVICE`; `service SERVICE start` on upstart",
        ),
    ),
    collected="`systemctl show`, `initctl status` or the init script's `status`, by what process 1 is",
    probes=probes,
    evaluate=evaluate,
)
