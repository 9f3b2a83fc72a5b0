"""container.state, container.health, container.restarts, container.restart-policy: does it live, and will it.

One cause, one alarm: a restart loop is container.restarts alone, and a container that does not run is
container.state alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import Enum, auto

from olaudit.checks.container import fixes
from olaudit.checks.container.inspect import Container
from olaudit.checks.container.spec import Item
from olaudit.language import Expect
from olaudit.model import Expectation, Result

RECENT = 3600
"""Seconds after its start in which a container that was restarted too often counts as looping, and one whose
healthcheck has not come to a verdict yet counts as still starting."""

_LONGEST_ERROR = 300  # characters: runc's own account of a failed start fits

_ENDINGS = {
    126: "with exit code 126 (its command cannot be run)",
    127: "with exit code 127 (its command does not exist)",
    137: "killed by SIGKILL (exit code 137)",
    143: "told to stop by SIGTERM (exit code 143)",
}


class Loop(Enum):
    """Whether a container restarts over and over."""

    NO = auto()
    YES = auto()
    UNREADABLE = auto()


def evaluate_lifecycle(item: Item, container: Container, now: int | None) -> Iterator[Result]:
    """Judge what lives. `now` is the host's own clock (seconds since 1970), or None where it did not tell."""
    loop = _loop(item, container, now)
    if container.running or loop is Loop.YES:
        yield _restarts(item, container, loop)
    if loop is not Loop.YES:
        yield _state(item, container)
        if container.running:
            yield from _health(item, container, now)
    if item.spec.restart is not None:
        yield _restart_policy(item, container, item.spec.restart)


# --- restarts --------------------------------------------------------------------------------------------------


def _loop(item: Item, container: Container, now: int | None) -> Loop:
    if container.state.status == "restarting":
        return Loop.YES
    if not container.running:
        return Loop.NO
    if container.restarts is None:
        return Loop.UNREADABLE
    if container.restarts <= item.spec.max_restarts:
        return Loop.NO
    age = _age(container, now)
    if age is None:
        return Loop.UNREADABLE
    return Loop.YES if age < RECENT else Loop.NO


def _age(container: Container, now: int | None) -> float | None:
    """Count the seconds since the container's start, by the host's clock."""
    started = container.state.started
    return None if started is None or now is None else now - started.timestamp()


def _restarts(item: Item, container: Container, loop: Loop) -> Result:
    most = item.spec.max_restarts
    expectation = item.expectation("restarts", f"at most {most} restarts, or none within the hour", "max_restarts")
    restarts = f"restarted {container.restarts} times" if container.restarts is not None else "restarting"
    observed = f"{restarts}, last started at {_moment(container.state.started)}"
    match loop:
        case Loop.NO:
            return expectation.ok(observed)
        case Loop.UNREADABLE if container.restarts is None:
            return expectation.unknown("the engine's answer does not tell how often it was restarted")
        case Loop.UNREADABLE:
            return expectation.unknown(f"{restarts}, and it cannot be told how long ago the last time was")
        case Loop.YES:
            how = f"; the last time {_ending(container)}" if container.state.status == "restarting" else ""
            message = f"restart loop: it dies and Docker starts it again, over and over{how}"
            return expectation.drift(observed, message, fixes.docker("logs --tail 100", container))


# --- state -----------------------------------------------------------------------------------------------------


def _state(item: Item, container: Container) -> Result:
    expectation, state = item.expectation("state", item.spec.state.value, "state"), container.state
    if state.status is None:
        return expectation.unknown("the engine's answer does not tell its state")
    if state.status not in item.spec.state.values:
        message, fix = _why_not(item, container)
        return expectation.drift(_observed(container), message, fix)
    if state.status == "exited" and state.exit_code is None:
        return expectation.unknown("the engine's answer does not tell its exit code")
    if state.status == "exited" and (state.exit_code != 0 or state.oom_killed):
        logs = fixes.docker("logs --tail 100", container)
        return expectation.drift(_observed(container), f"its last run ended badly, {_ending(container)}", logs)
    return expectation.ok(_observed(container))


def _observed(container: Container) -> str:
    state = container.state
    if state.status != "exited":
        return state.status or ""
    return f"exited ({'?' if state.exit_code is None else state.exit_code}) at {_moment(state.finished)}"


def _why_not(item: Item, container: Container) -> tuple[str, str | None]:
    """Say in plain words what the state means, and what to do about it."""
    # Docker's error may be of many lines; a message is one sentence.
    error = " ".join(container.state.error.split())[:_LONGEST_ERROR]
    error = error and f": {error}"
    match container.state.status:
        case "exited":
            message = f"exited, {_ending(container)}{error}, {_comes_back(container)}"
            return message, fixes.docker("start", container)
        case "paused":
            message = "paused: somebody froze its processes with `docker pause`, and they answer nobody"
            return message, fixes.docker("unpause", container)
        case "created":
            return f"created, but never started{error}", fixes.docker("start", container)
        case "dead":
            message = f"dead: Docker failed to remove it and cannot start it again{error}"
            return message, fixes.docker("rm --force", container)
        case "removing":
            return "being removed by Docker", fixes.compose_up(item.spec)
        case _:
            return "it runs, where it should have run once and ended", fixes.docker("stop", container)


def _ending(container: Container) -> str:
    code = container.state.exit_code
    if container.state.oom_killed:
        return "killed because it ran out of memory"
    if code is None:
        return "with an exit code that cannot be read"
    return _ENDINGS.get(code, f"with exit code {code}")


def _comes_back(container: Container) -> str:
    """Say whether Docker will start it again. See internetarchive/openlibrary#5530."""
    policy = container.policy
    if policy is None:
        return "under a restart policy that cannot be read"
    if policy == "unless-stopped":
        return "under the policy unless-stopped: stopped by hand or died, it will NOT come back at a reboot"
    if policy == "always":
        return "under the policy always: Docker starts it again at the next reboot, not before"
    if policy.startswith("on-failure") and container.restarts:
        return f"under the policy {policy}: Docker gave up after {container.restarts} restarts"
    return f"under the policy {policy}: it will NOT come back at a reboot"


# --- health and policy -----------------------------------------------------------------------------------------


def _health(item: Item, container: Container, now: int | None) -> Iterator[Result]:
    """Judge the healthcheck of a running container that has one. It has no key of its own in the item."""
    expectation, health = item.expectation("health", "healthy"), container.state.health
    match health:
        case "":
            return
        case "healthy":
            yield expectation.ok(health)
        case "unhealthy":
            look = fixes.docker("inspect --format '{{json .State.Health}}'", container)
            yield expectation.drift(health, "it runs, but its own healthcheck fails", look)
        case "starting":
            yield _starting(expectation, container, _age(container, now))
        case _:
            yield expectation.unknown("the engine's answer does not tell its health")


def _starting(expectation: Expectation, container: Container, age: float | None) -> Result:
    """Allow a healthcheck its time after a start, within reason."""
    if age is None:
        return expectation.unknown("its healthcheck is still starting, and it cannot be told since when")
    if age < RECENT:
        return expectation.ok("starting", "started within the hour, its healthcheck has not come to a verdict yet")
    message = f"its healthcheck has come to no verdict since {_moment(container.state.started)}"
    return expectation.drift("starting", message, fixes.docker("restart", container))


def _restart_policy(item: Item, container: Container, expected: Expect[str]) -> Result:
    expectation, policy = item.expectation("restart-policy", expected.value, "restart"), container.policy
    if policy is None:
        return expectation.unknown("the engine's answer does not tell its restart policy")
    if policy in expected.values:
        return expectation.ok(policy)
    lost = policy == "no" or policy.startswith("on-failure")
    then = ": it will not come back after a reboot" if lost else ""
    fix = fixes.docker(f"update --restart={expected.value}", container)
    return expectation.drift(policy, f"its restart policy is {policy}{then}", fix)


def _moment(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "an unknown time"
