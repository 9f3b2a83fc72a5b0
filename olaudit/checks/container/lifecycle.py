"""container.state, container.health, container.restarts, container.restart-policy: a container's lifecycle.

One cause gives one finding: a restart loop is container.restarts alone, and a stopped container is
container.state alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import Enum, auto

from olaudit.checks.container import fixes
from olaudit.checks.container.inspect import Container
from olaudit.checks.container.spec import ContainerItem
from olaudit.language import Expect
from olaudit.model import Expectation, Result

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


class RestartLoop(Enum):
    """Whether a container is in a restart loop."""

    NO = auto()
    YES = auto()
    UNREADABLE = auto()


def evaluate_lifecycle(item: ContainerItem, container: Container, now: int | None) -> Iterator[Result]:
    """Evaluate a container's lifecycle. `now` is the host's clock in seconds since 1970, or None if unknown."""
    loop = _restart_loop(item, container, now)
    if container.running or loop is RestartLoop.YES:
        yield _restarts(item, container, loop)
    if loop is not RestartLoop.YES:
        yield _state(item, container)
        if container.running:
            yield from _health(item, container, now)
    if item.spec.restart is not None:
        yield _restart_policy(item, container, item.spec.restart)


# --- restarts --------------------------------------------------------------------------------------------------


def _restart_loop(item: ContainerItem, container: Container, now: int | None) -> RestartLoop:
    if container.state.status == "restarting":
        return RestartLoop.YES
    if not container.running:
        return RestartLoop.NO
    if container.restarts is None:
        return RestartLoop.UNREADABLE
    if container.restarts <= item.spec.max_restarts:
        return RestartLoop.NO
    age = _age(container, now)
    if age is None:
        return RestartLoop.UNREADABLE
    return RestartLoop.YES if age < RECENT else RestartLoop.NO


def _age(container: Container, now: int | None) -> float | None:
    """Return the seconds since the container's start, by the host's clock."""
    started = container.state.started
    return None if started is None or now is None else now - started.timestamp()


def _restarts(item: ContainerItem, container: Container, loop: RestartLoop) -> Result:
    limit = item.spec.max_restarts
    expectation = item.expectation(
        "restarts", f"at most {limit} restarts, or none within the hour", "max_restarts"
    )
    restarts = f"restarted {container.restarts} times" if container.restarts is not None else "restarting"
    observed = f"{restarts}, last started at {_format_time(container.state.started)}"
    match loop:
        case RestartLoop.NO:
            return expectation.ok(observed)
        case RestartLoop.UNREADABLE if container.restarts is None:
            return expectation.unknown("the Docker Engine returned no valid restart count")
        case RestartLoop.UNREADABLE:
            return expectation.unknown(f"{restarts}, and the time since the last start is unknown")
        case RestartLoop.YES:
            last = f"; it last exited {_exit_reason(container)}" if container.state.status == "restarting" else ""
            message = f"restart loop: the container exits, and Docker restarts it each time{last}"
            return expectation.drift(observed, message, fixes.docker("logs --tail 100", container))


# --- state -----------------------------------------------------------------------------------------------------


def _state(item: ContainerItem, container: Container) -> Result:
    expectation, state = item.expectation("state", item.spec.state.value, "state"), container.state
    if state.status is None:
        return expectation.unknown("the Docker Engine returned no valid state")
    if state.status not in item.spec.state.values:
        message, fix = _state_drift(item, container)
        return expectation.drift(_observed(container), message, fix)
    if state.status == "exited" and state.exit_code is None:
        return expectation.unknown("the Docker Engine returned no valid exit code")
    if state.status == "exited" and (state.exit_code != 0 or state.oom_killed):
        logs = fixes.docker("logs --tail 100", container)
        return expectation.drift(
            _observed(container), f"its last run failed: exited {_exit_reason(container)}", logs
        )
    return expectation.ok(_observed(container))


def _observed(container: Container) -> str:
    state = container.state
    if state.status != "exited":
        return state.status or ""
    return f"exited ({'?' if state.exit_code is None else state.exit_code}) at {_format_time(state.finished)}"


def _state_drift(item: ContainerItem, container: Container) -> tuple[str, str | None]:
    """Return the message for an unexpected state, and the fix."""
    # Docker's error may have several lines; a message is one line.
    error = " ".join(container.state.error.split())[:_ERROR_LIMIT]
    error = error and f": {error}"
    match container.state.status:
        case "exited":
            message = f"exited {_exit_reason(container)}{error}; {_restart_outlook(container)}"
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
            return "being removed by Docker", fixes.compose_up(item.spec)
        case _:
            return "running, but it should have completed and exited", fixes.docker("stop", container)


def _exit_reason(container: Container) -> str:
    code = container.state.exit_code
    if container.state.oom_killed:
        return "because it ran out of memory (OOM killed)"
    if code is None:
        return "with an exit code that could not be read"
    return _EXIT_CODES.get(code, f"with exit code {code}")


def _restart_outlook(container: Container) -> str:
    """Describe whether Docker will start the container again. See internetarchive/openlibrary#5530."""
    policy = container.policy
    if policy is None:
        return "its restart policy could not be read"
    if policy == "unless-stopped":
        return f"restart policy {policy}: stopped by hand or exited by itself, it will NOT start at a reboot"
    if policy == "always":
        return f"restart policy {policy}: Docker starts it at the next reboot, not before"
    if policy.startswith("on-failure") and container.restarts:
        return f"restart policy {policy}: Docker gave up after {container.restarts} restarts"
    return f"restart policy {policy}: it will NOT start at a reboot"


# --- health and policy -----------------------------------------------------------------------------------------


def _health(item: ContainerItem, container: Container, now: int | None) -> Iterator[Result]:
    """Evaluate the healthcheck of a running container that has one. The item has no key for it."""
    expectation, health = item.expectation("health", "healthy"), container.state.health
    match health:
        case "":
            return
        case "healthy":
            yield expectation.ok(health)
        case "unhealthy":
            inspect = fixes.docker("inspect --format '{{json .State.Health}}'", container)
            yield expectation.drift(health, "running, but its healthcheck fails", inspect)
        case "starting":
            yield _starting(expectation, container, _age(container, now))
        case _:
            yield expectation.unknown("the Docker Engine returned no valid health status")


def _starting(expectation: Expectation, container: Container, age: float | None) -> Result:
    """Evaluate a healthcheck without a result: ok within an hour after the start, then drift."""
    if age is None:
        return expectation.unknown("its healthcheck has no result yet, and the time since its start is unknown")
    if age < RECENT:
        return expectation.ok("starting", "started within the hour, its healthcheck has no result yet")
    message = f"its healthcheck has had no result since the start at {_format_time(container.state.started)}"
    return expectation.drift("starting", message, fixes.docker("restart", container))


def _restart_policy(item: ContainerItem, container: Container, expected: Expect[str]) -> Result:
    expectation, policy = item.expectation("restart-policy", expected.value, "restart"), container.policy
    if policy is None:
        return expectation.unknown("the Docker Engine returned no valid restart policy")
    if policy in expected.values:
        return expectation.ok(policy)
    stays_down = policy == "no" or policy.startswith("on-failure")
    consequence = ": it will not start after a reboot" if stays_down else ""
    fix = fixes.docker(f"update --restart={expected.value}", container)
    return expectation.drift(policy, f"its restart policy is {policy}{consequence}", fix)


def _format_time(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "an unknown time"
