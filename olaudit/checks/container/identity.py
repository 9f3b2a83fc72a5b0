"""container.missing, container.unexpected, container.name: which containers exist, and under which names."""

from collections.abc import Iterator
from typing import Any

from olaudit.checks.container import fixes
from olaudit.checks.container.pairing import (
    Pair,
    Pairing,
    about,
    differs_in_project,
    differs_in_separators,
    find_rivals,
    parse_compose_name,
    without_prefix,
)
from olaudit.checks.container.spec import ContainerSpec
from olaudit.facts.containers import CONTAINERS, Container
from olaudit.language import Presence
from olaudit.model import Basis, Check, Expectation, Fact, Result, Severity, Unknown

_SEPARATOR_STYLES = {"--": "Compose v2", "__": "Compose v1"}
_NAME_LIMIT = 5  # names in a message
_UNNAMED = "the Docker Engine did not return the names of all containers"

MISSING = Check(
    "container.missing",
    Severity.CRITICAL,
    "no container matches the expected one, by name or by Compose labels",
    fixes.UP,
)
UNEXPECTED = Check(
    "container.unexpected",
    Severity.WARNING,
    "a container exists that matches no expected one",
    "`docker stop NAME`, after its owner is known",
)
NAME = Check(
    "container.name",
    Severity.WARNING,
    "the container has another separator, prefix or project in its name",
    "`docker rename NAME EXPECTED`",
)


def evaluate_unanswered(specs: tuple[ContainerSpec, ...], reason: str) -> Iterator[Result]:
    """Return unknown for every expected container and for unexpected ones: the engine gave no list."""
    for index, spec in enumerate(specs):
        expectation = _expect_presence(index, spec, CONTAINERS)
        yield expectation.unknown(f"cannot determine whether the container exists: {reason}")
    yield _expect_no_unexpected().unknown(f"cannot determine which containers exist: {reason}")


def evaluate_present(pair: Pair) -> Iterator[Result]:
    """Evaluate a paired container: it is not missing, and its name is the expected one or another."""
    container, spec = pair.container, pair.spec
    presence = _expect_presence(pair.index, spec, about(container))
    if container.unreadable:
        yield presence.unknown(f"the container could not be inspected: {container.unreadable}")
        return
    yield presence.ok(container.name or container.id[:12])
    expectation, name = pair.expect(NAME, spec.name.value, "name"), container.name
    if name is None:
        yield expectation.unknown("the Docker Engine returned no name for the container with its Compose labels")
    elif name in spec.name.values:
        yield expectation.ok(name)
    else:
        fix = fixes.docker("rename", container, spec.name.value)
        yield expectation.drift(name, f"{_name_difference(spec, name)}: it is named {name}", fix)


def why_uncertain(containers: tuple[Container, ...]) -> str:
    """Explain why an absent container may be one of the unpaired `containers`; empty where none can be."""
    unreadable = sorted(container.name or "(no name)" for container in containers if container.unreadable)
    if unreadable:
        return f"it may be a container that could not be inspected: {', '.join(unreadable[:_NAME_LIMIT])}"
    if any(container.name is None for container in containers):
        return f"cannot determine whether the container exists: {_UNNAMED}"
    return ""


def evaluate_absent(index: int, spec: ContainerSpec, uncertain: str) -> Result:
    """Evaluate an expected container that no readable container matches."""
    expectation = _expect_presence(index, spec, CONTAINERS)
    if uncertain:
        return expectation.unknown(uncertain)
    if spec.presence is Presence.OPTIONAL:
        return expectation.ok("absent", "absent, which is allowed")
    message = f"no container on this host matches {spec.name}, by name or by Compose labels"
    return expectation.drift("absent", message, fixes.compose_up(spec))


def evaluate_unpaired(specs: tuple[ContainerSpec, ...], pairing: Pairing) -> Iterator[Result]:
    """Evaluate the containers that match no expected one: one result per name, or one ok if there are none."""
    unpaired = pairing.unpaired
    by_name = {container.name: container for container in reversed(unpaired) if container.name is not None}
    for name in sorted(by_name):
        container = by_name[name]
        basis = about(container, *find_rivals(specs, pairing, container))
        expectation = UNEXPECTED.expect(name, ("containers",), "absent", based_on=(basis,))
        if container.unreadable:
            yield expectation.unknown(f"the container could not be inspected: {container.unreadable}")
            continue
        message, fix = _unexpected_reason(specs, container)
        yield expectation.drift(_summary(container), message, fix)
    unnamed = [container for container in unpaired if container.name is None]
    if unnamed:
        reasons = (container.unreadable for container in unnamed if container.unreadable)
        messages = (f"a container could not be inspected: {reason}" for reason in reasons)
        yield _expect_no_unexpected().unknown(next(messages, _UNNAMED))
    elif not unpaired:
        yield _expect_no_unexpected().ok("none")


def _expect_no_unexpected() -> Expectation:
    return UNEXPECTED.expect("container", ("containers",), "no further container", based_on=(CONTAINERS,))


def _expect_presence(index: int, spec: ContainerSpec, basis: Fact[Any] | Basis) -> Expectation:
    expected = "present, or absent" if spec.presence is Presence.OPTIONAL else "present"
    at = ("containers", index)
    return MISSING.expect(spec.name.value, at, expected, severity=spec.severity, based_on=(basis,))


def _summary(container: Container) -> str:
    status, image = container.state.status, container.image
    status = "in an unreadable state" if isinstance(status, Unknown) else status
    return f"{status}, image {'unreadable' if isinstance(image, Unknown) else image}"


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


def _unexpected_reason(specs: tuple[ContainerSpec, ...], container: Container) -> tuple[str, str | None]:
    name = container.name or ""
    compose = None if isinstance(container.compose, Unknown) else container.compose
    if compose and compose.oneoff:
        service = f" for the service {compose.service}" if compose.service else ""
        message = f"left by `docker compose run`{service}: a one-off container, not part of the fleet"
        return message, fixes.remove(container)
    if (bare := without_prefix(name)) != name:
        return f"left by a failed recreate of {bare}", fixes.remove(container)
    for spec in specs:
        if differs_in_separators(spec, container) or differs_in_project(spec, container):
            message = f"a second container for {spec.name}, in addition to the one that matches it"
            return message, fixes.remove(container)
    # The container may still be needed. A stop can be undone, so a running container is only stopped.
    fix = fixes.docker("rm" if container.state.status in {"created", "exited", "dead"} else "stop", container)
    if compose and compose.service:
        origin = f"of the Compose service {compose.service} (project {compose.project or 'unknown'})"
        return f"a container {origin} that is not expected on this host", fix
    return "a container that is not expected on this host", fix
