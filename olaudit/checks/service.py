"""service.state: a service runs, and starts at boot, so that it runs after a reboot too."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated

from pydantic import StringConstraints

from olaudit.checker import Checker
from olaudit.facts.services import Services, ServiceState, services
from olaudit.language import Presence, Section, not_forbidden
from olaudit.model import Check, Expectation, Facts, Result, Severity, Unknown

_NOT_FORBIDDEN = not_forbidden(
    "a service is required or optional; for a service that must not run, set `running: false`"
)


class ServiceSpec(Section):
    """Expected state of one service: whether it runs, and whether it starts at boot."""

    running: bool = True
    enabled: bool = True
    presence: Annotated[Presence, _NOT_FORBIDDEN] = Presence.REQUIRED
    severity: Severity | None = None

    def __str__(self) -> str:
        return str(ServiceState(self.running, self.enabled))


ServicesSpec = dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@-]*$")], ServiceSpec]
"""Services by name, without the suffix ".service"."""

STATE = Check(
    "service.state",
    # Without Docker, memcached or PostgreSQL the site is down, now or after the next reboot.
    Severity.CRITICAL,
    "the service does not run, does not start at boot, or does not exist",
    "`systemctl enable SERVICE && systemctl start SERVICE`; `service SERVICE start` on upstart",
)


def evaluate(spec: Mapping[str, ServiceSpec], facts: Facts) -> Iterator[Result]:
    """Evaluate each service by the state that the init system of the host reports."""
    fact = services(spec)
    for name, rule in spec.items():
        expectation = STATE.expect(
            name, ("services", name), str(rule), severity=rule.severity, based_on=(fact.about(name),)
        )
        yield expectation.evaluate(facts[fact], partial(_evaluate, expectation, rule))


def _evaluate(expectation: Expectation, rule: ServiceSpec, host: Services) -> Result:
    name = expectation.subject
    match host.statuses[name]:
        case Unknown(reason):
            return expectation.unknown(reason)
        case None if rule.presence is Presence.OPTIONAL or not (rule.running or rule.enabled):
            return expectation.ok("absent", f"service {name} does not exist, and is not required")
        case None:
            return expectation.drift("absent", f"service {name} does not exist")
        case state if (state.is_running, state.starts_at_boot) == (rule.running, rule.enabled):
            return expectation.ok(str(state))
        case state:
            return expectation.drift(str(state), _message(name, rule, state), _fix(name, rule, host.init, state))


def _message(name: str, rule: ServiceSpec, state: ServiceState) -> str:
    if state.is_running != rule.running:
        if not rule.running:
            return f"{name} is running, but must be stopped"
        observed = f"{name} is not running" + (f": {state.running}" if state.running else "")
        boot = "" if state.starts_at_boot or not rule.enabled else ", and will not start at boot"
        return observed + boot
    if rule.enabled:
        return f"{name} {'is running, but ' if rule.running else ''}will not start at boot"
    return f"{name} will start at boot, but must not"


def _fix(name: str, rule: ServiceSpec, init: str, state: ServiceState) -> str:
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
    model=ServicesSpec,
    checks=(STATE,),
    collected="`systemctl show`, `initctl status` or the init script's `status`, depending on process 1",
    facts=lambda spec: (services(spec),) if spec else (),
    evaluate=evaluate,
)
