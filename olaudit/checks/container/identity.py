"""container.missing, container.unexpected, container.name: which containers exist, and under which names."""

from __future__ import annotations

from collections.abc import Iterator

from olaudit.checks.container import fixes
from olaudit.checks.container.inspect import Container
from olaudit.checks.container.pairing import (
    differs_in_project,
    differs_in_separators,
    parse_compose_name,
    without_prefix,
)
from olaudit.checks.container.spec import ContainerItem, ContainerSpec
from olaudit.language import Presence
from olaudit.model import Expectation, Result

_SEPARATOR_STYLES = {"--": "Compose v2", "__": "Compose v1"}
_NAME_LIMIT = 5  # names in a message
_UNNAMED = "the Docker Engine did not return the names of all containers"


def _no_unexpected() -> Expectation:
    return Expectation(
        check="container.unexpected", subject="container", at=("containers",), expected="no further container"
    )


def evaluate_unanswered(items: tuple[ContainerItem, ...], reason: str) -> Iterator[Result]:
    """Return unknown for every expected container and for unexpected ones: the engine gave no list."""
    for item in items:
        yield _presence(item).unknown(f"cannot determine whether the container exists: {reason}")
    yield _no_unexpected().unknown(f"cannot determine which containers exist: {reason}")


def evaluate_present(item: ContainerItem, container: Container) -> Iterator[Result]:
    """Evaluate a paired container: it is not missing, and its name is the expected one or another."""
    yield _presence(item).ok(container.name or container.id[:12])
    expectation, name = item.expectation("name", item.spec.name.value, "name"), container.name
    if name is None:
        yield expectation.unknown("the Docker Engine returned no name for the container with its Compose labels")
    elif name in item.spec.name.values:
        yield expectation.ok(name)
    else:
        fix = fixes.docker("rename", container, item.spec.name.value)
        yield expectation.drift(name, f"{_name_difference(item.spec, name)}: it is named {name}", fix)


def evaluate_unreadable(item: ContainerItem, container: Container) -> Result:
    """Evaluate a container that the engine lists but does not describe: only its name is known."""
    return _presence(item).unknown(f"the container could not be inspected: {container.unreadable}")


def why_uncertain(containers: tuple[Container, ...]) -> str:
    """Explain why an absent container may be one of the unpaired `containers`; empty where none can be."""
    unreadable = sorted(container.name or "(no name)" for container in containers if container.unreadable)
    if unreadable:
        return f"it may be a container that could not be inspected: {', '.join(unreadable[:_NAME_LIMIT])}"
    if any(container.name is None for container in containers):
        return f"cannot determine whether the container exists: {_UNNAMED}"
    return ""


def evaluate_absent(item: ContainerItem, uncertain: str) -> Result:
    """Evaluate an expected container that no readable container matches."""
    if uncertain:
        return _presence(item).unknown(uncertain)
    if item.spec.presence is Presence.OPTIONAL:
        return _presence(item).ok("absent", "absent, which is allowed")
    message = f"no container on this host matches {item.spec.name}, by name or by Compose labels"
    return _presence(item).drift("absent", message, fixes.compose_up(item.spec))


def evaluate_unpaired(items: tuple[ContainerItem, ...], unpaired: tuple[Container, ...]) -> Iterator[Result]:
    """Evaluate the containers that match no expected one: one result per name, or one ok if there are none."""
    by_name = {container.name: container for container in reversed(unpaired) if container.name is not None}
    for name in sorted(by_name):
        container = by_name[name]
        expectation = Expectation(
            check="container.unexpected", subject=name, at=("containers",), expected="absent"
        )
        if container.unreadable:
            yield expectation.unknown(f"the container could not be inspected: {container.unreadable}")
            continue
        message, fix = _unexpected_reason(items, container)
        yield expectation.drift(_summary(container), message, fix)
    unnamed = [container for container in unpaired if container.name is None]
    if unnamed:
        reasons = (container.unreadable for container in unnamed if container.unreadable)
        messages = (f"a container could not be inspected: {reason}" for reason in reasons)
        yield _no_unexpected().unknown(next(messages, _UNNAMED))
    elif not unpaired:
        yield _no_unexpected().ok("none")


def _presence(item: ContainerItem) -> Expectation:
    optional = item.spec.presence is Presence.OPTIONAL
    return item.expectation("missing", "present, or absent" if optional else "present")


def _summary(container: Container) -> str:
    return f"{container.state.status or 'in an unreadable state'}, image {container.image or 'unreadable'}"


def _name_difference(spec: ContainerSpec, name: str) -> str:
    """Describe how the name differs from the expected one; the most specific difference comes first."""
    bare = without_prefix(name)
    if bare != name:
        return "a failed recreate left a prefix before the name"
    observed = parse_compose_name(name, spec.service)
    if observed is None:
        return "its Compose labels match, but its name does not"
    expected = [parse_compose_name(value, spec.service) for value in spec.name.values]
    if any(other is not None and other.project == observed.project for other in expected):
        style = _SEPARATOR_STYLES.get(observed.separators, "mixed")
        return f"the name has {style} separators around the service"
    return f"the name has {'another' if observed.project else 'no'} project before the service"


def _unexpected_reason(items: tuple[ContainerItem, ...], container: Container) -> tuple[str, str | None]:
    """Return the origin of an unexpected container as a message, and the fix."""
    name, compose = container.name or "", container.compose
    if compose is not None and compose.oneoff:
        service = f" for the service {compose.service}" if compose.service else ""
        message = f"left by `docker compose run`{service}: a one-off container, not part of the fleet"
        return message, fixes.remove(container)
    if (bare := without_prefix(name)) != name:
        return f"left by a failed recreate of {bare}", fixes.remove(container)
    for item in items:
        if differs_in_separators(item.spec, container) or differs_in_project(item.spec, container):
            message = f"a second container for {item.spec.name}, in addition to the one that matches it"
            return message, fixes.remove(container)
    # The container may still be needed. A stop can be undone, so a running container is only stopped.
    fix = fixes.docker("rm" if container.state.status in {"created", "exited", "dead"} else "stop", container)
    if compose is not None and compose.service:
        origin = f"of the Compose service {compose.service} (project {compose.project or 'unknown'})"
        return f"a container {origin} that is not expected on this host", fix
    return "a container that is not expected on this host", fix
