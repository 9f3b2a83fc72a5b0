"""container.state, container.health, container.restarts, container.restart-policy: a container's lifecycle.

One cause gives one finding: a restart loop is container.restarts alone, and a stopped container is
container.state alone.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from olaudit.checks.container import fixes
from olaudit.checks.container.pairing import Pair
from olaudit.facts import clock
from olaudit.facts.containers import Container, ContainerState
from olaudit.language import Expect
from olaudit.model import Check, Expectation, Result, Severity, Unknown

STATE = Check(
    "container.state",
    Severity.CRITICAL,
    "the container does not run, or a one-shot container failed",
    "`docker logs NAME`, then `docker start NAME`",
)
HEALTH = Check(
    "container.health",
    Severity.CRITICAL,
    "the running container's healthcheck fails, or returns no result within an hour",
    "`docker logs NAME`, then `docker restart NAME`",
)
RESTARTS = Check(
    "container.restarts",
    Severity.CRITICAL,
    "the container is in a restart loop",
    "`docker logs NAME` shows why it exits",
)
RESTART_POLICY = Check(
    "container.restart-policy",
    Severity.WARNING,
    "the container's restart policy differs",
    "`docker update --restart POLICY NAME`",
)

RECENT = 3600
"""Seconds after a start. Within them, a container with too many restarts counts as looping, and a healthcheck
without a result counts as still starting."""

_ERROR_LIMIT = 300  # characters: enough for runc's description of a failed start

_EXIT_CODES = {
    126: "with exit code 126 (its command cannot be executed)",
    127: "with exit code 127 (its command does not exist)",
    137: "after SIGKILL (exit code 137)",
    143: "after SIGTERM (exit code 143)",
}


def evaluate_lifecycle(pair: Pair, now: int | Unknown) -> Iterator[Result]:
    """Evaluate a container's lifecycle. `now` is the host's clock in seconds since 1970."""
    container, loop = pair.container, _restart_loop(pair, now)
    if container.running or loop is True:
        yield _restarts(pair, loop)
    if loop is not True:
        yield _state(pair)
        if container.running and container.state.health != "":
            yield _health(pair, now)
    if pair.spec.restart is not None:
        yield _restart_policy(pair, pair.spec.restart)


def _restart_loop(pair: Pair, now: int | Unknown) -> bool | Unknown:
    container = pair.container
    if not container.running:
        return container.state.status == "restarting"
    if not _depends_on_age(pair):
        return container.restarts if isinstance(container.restarts, Unknown) else False
    age = _age(container, now)
    if age is None:
        return Unknown(f"{_count(container)}, and the time since the last start is unknown")
    return age < RECENT


def _depends_on_age(pair: Pair) -> bool:
    """Return whether a running container has so many restarts that they are a loop if the last one is recent."""
    restarts = pair.container.restarts
    return pair.container.running and not isinstance(restarts, Unknown) and restarts > pair.spec.max_restarts


def _age(container: Container, now: int | Unknown) -> float | None:
    started = container.state.started
    return None if started is None or isinstance(now, Unknown) else now - started.timestamp()


def _count(container: Container) -> str:
    return "restarting" if isinstance(container.restarts, Unknown) else f"restarted {container.restarts} times"


def _restarts(pair: Pair, loop: bool | Unknown) -> Result:
    expected = f"at most {pair.spec.max_restarts} restarts, or none within the hour"
    expectation = pair.expect(
        RESTARTS, expected, "max_restarts", *([clock.SECONDS] if _depends_on_age(pair) else [])
    )
    logs = fixes.docker("logs --tail 100", pair.container)
    return expectation.compare(loop, partial(_describe_loop, pair.container), logs)


def _describe_loop(container: Container, is_loop: bool) -> tuple[str, str]:
    observed = f"{_count(container)}, last started at {_format_time(container.state.started)}"
    if not is_loop:
        return observed, ""
    last = f"; it last exited {_exit_reason(container.state)}" if container.state.status == "restarting" else ""
    return observed, f"restart loop: the container exits, and Docker restarts it each time{last}"


def _state(pair: Pair) -> Result:
    expectation = pair.expect(STATE, pair.spec.state.value, "state")
    return expectation.evaluate(pair.container.state.status, partial(_evaluate_status, expectation, pair))


def _evaluate_status(expectation: Expectation, pair: Pair, status: str) -> Result:
    container, state = pair.container, pair.container.state
    observed = _observed(state, status)
    if status not in pair.spec.state.values:
        return expectation.drift(observed, *_state_drift(pair, status))
    if status != "exited":
        return expectation.ok(observed)
    if isinstance(state.exit_code, Unknown):
        return expectation.unknown(state.exit_code.reason)
    if state.exit_code != 0 or state.oom_killed:
        logs = fixes.docker("logs --tail 100", container)
        return expectation.drift(observed, f"its last run failed: exited {_exit_reason(state)}", logs)
    return expectation.ok(observed)


def _observed(state: ContainerState, status: str) -> str:
    if status != "exited":
        return status
    code = "?" if isinstance(state.exit_code, Unknown) else state.exit_code
    return f"exited ({code}) at {_format_time(state.finished)}"


def _state_drift(pair: Pair, status: str) -> tuple[str, str | None]:
    container = pair.container
    # Docker's error may have several lines; a message is one line.
    error = " ".join(container.state.error.split())[:_ERROR_LIMIT]
    error = error and f": {error}"
    match status:
        case "exited":
            message = f"exited {_exit_reason(container.state)}{error}; {_restart_outlook(container)}"
            return message, fixes.docker("start", container)
        case "paused":
            message = "paused with `docker pause`: its processes are frozen and do not respond"
            return message, fixes.docker("unpause", container)
        case "created":
            return f"created, but never started{error}", fixes.docker("start", container)
        case "dead":
            message = f"dead: Docker failed to remove it and cannot start it again{error}"
            return message, fixes.docker("rm --force", container)
        case "removing":
            return "being removed by Docker", fixes.compose_up(pair.spec)
        case _:
            return "running, but it should have completed and exited", fixes.docker("stop", container)


def _exit_reason(state: ContainerState) -> str:
    if state.oom_killed:
        return "because it ran out of memory (OOM killed)"
    if isinstance(state.exit_code, Unknown):
        return "with an exit code that could not be read"
    return _EXIT_CODES.get(state.exit_code, f"with exit code {state.exit_code}")


def _restart_outlook(container: Container) -> str:
    """Describe whether Docker will start the container again. See internetarchive/openlibrary#5530."""
    policy = container.policy
    if isinstance(policy, Unknown):
        return "its restart policy could not be read"
    if policy == "unless-stopped":
        return f"restart policy {policy}: stopped by hand or exited by itself, it will NOT start at a reboot"
    if policy == "always":
        return f"restart policy {policy}: Docker starts it at the next reboot, not before"
    if policy.startswith("on-failure") and container.restarts and not isinstance(container.restarts, Unknown):
        return f"restart policy {policy}: Docker gave up after {container.restarts} restarts"
    return f"restart policy {policy}: it will NOT start at a reboot"


def _health(pair: Pair, now: int | Unknown) -> Result:
    """Evaluate the healthcheck of a running container that has one. The item has no key for it."""
    container, health = pair.container, pair.container.state.health
    expectation = pair.expect(HEALTH, "healthy", "", *([clock.SECONDS] if health == "starting" else []))
    if isinstance(health, Unknown):
        return expectation.unknown(health.reason)
    if health == "healthy":
        return expectation.ok(health)
    if health == "unhealthy":
        inspect = fixes.docker("inspect --format '{{json .State.Health}}'", container)
        return expectation.drift(health, "running, but its healthcheck fails", inspect)
    age = _age(container, now)
    if age is None:
        return expectation.unknown("its healthcheck has no result yet, and the time since its start is unknown")
    if age < RECENT:
        return expectation.ok(health, "started within the hour, its healthcheck has no result yet")
    message = f"its healthcheck has had no result since the start at {_format_time(container.state.started)}"
    return expectation.drift(health, message, fixes.docker("restart", container))


def _restart_policy(pair: Pair, expected: Expect[str]) -> Result:
    fix = fixes.docker(f"update --restart={expected.value}", pair.container)

    def observe(policy: str) -> tuple[str, str]:
        stays_down = policy == "no" or policy.startswith("on-failure")
        consequence = ": it will not start after a reboot" if stays_down else ""
        return policy, "" if policy in expected.values else f"its restart policy is {policy}{consequence}"

    return pair.expect(RESTART_POLICY, expected.value, "restart").compare(pair.container.policy, observe, fix)


def _format_time(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "an unknown time"
