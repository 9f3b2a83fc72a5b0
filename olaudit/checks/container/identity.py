"""container.missing, container.unexpected, container.name: who is there, and under which name."""

from __future__ import annotations

from collections.abc import Iterator

from olaudit.checks.container import fixes
from olaudit.checks.container.inspect import Container
from olaudit.checks.container.pairing import (
    parse_compose_name,
    same_but_for_project,
    same_but_for_separators,
    without_prefix,
)
from olaudit.checks.container.spec import ContainerSpec, Item
from olaudit.language import Presence
from olaudit.model import Expectation, Result

_STYLES = {"--": "Compose v2's", "__": "Compose v1's"}
_SHOWN = 5  # names in a message
_NAMELESS = "the engine's answer does not tell the names of all containers"


def _nobody() -> Expectation:
    return Expectation(
        check="container.unexpected", subject="container", at=("containers",), expected="no further container"
    )


def evaluate_unanswered(items: tuple[Item, ...], reason: str) -> Iterator[Result]:
    """Say of every expected container, and of all others, that the engine did not tell."""
    for item in items:
        yield _presence(item).unknown(f"cannot tell: {reason}")
    yield _nobody().unknown(f"cannot tell: {reason}")


def evaluate_present(item: Item, container: Container) -> Iterator[Result]:
    """Judge a container that was found: it is not missing, and has its name or another one."""
    shown = container.name or container.id[:12]
    yield _presence(item).ok(shown)
    expectation, name = item.expectation("name", item.spec.name.value, "name"), container.name
    if name is None:
        yield expectation.unknown(
            "the engine's answer does not tell the name of the container that has its labels"
        )
    elif name in item.spec.name.values:
        yield expectation.ok(name)
    else:
        fix = fixes.docker("rename", container, item.spec.name.value)
        yield expectation.drift(name, f"{_why_renamed(item.spec, name)}: it is named {name}", fix)


def evaluate_unreadable(item: Item, container: Container) -> Result:
    """Judge a container that the engine lists and does not describe: nothing is known of it but its name."""
    return _presence(item).unknown(f"it could not be read: {container.unreadable}")


def why_uncertain(containers: tuple[Container, ...]) -> str:
    """Say why a container that was not found may be one of `containers`; empty where it cannot be."""
    unreadable = sorted(container.name or "one without a name" for container in containers if container.unreadable)
    if unreadable:
        return f"not known: it may be a container that could not be read: {', '.join(unreadable[:_SHOWN])}"
    return f"cannot tell: {_NAMELESS}" if any(container.name is None for container in containers) else ""


def evaluate_absent(item: Item, uncertain: str) -> Result:
    """Judge a container that was not found among those that could be read."""
    if uncertain:
        return _presence(item).unknown(uncertain)
    if item.spec.presence is Presence.OPTIONAL:
        return _presence(item).ok("absent", "absent, which is allowed")
    message = f"no container of this host is {item.spec.name}, by its name or by Compose's labels"
    return _presence(item).drift("absent", message, fixes.compose_up(item.spec))


def evaluate_rest(items: tuple[Item, ...], rest: tuple[Container, ...]) -> Iterator[Result]:
    """Judge the containers that are nobody's, one judgement per name; one for all when there is none."""
    named = {container.name: container for container in reversed(rest) if container.name is not None}
    for name in sorted(named):
        container = named[name]
        expectation = Expectation(
            check="container.unexpected", subject=name, at=("containers",), expected="absent"
        )
        if container.unreadable:
            yield expectation.unknown(f"it could not be read: {container.unreadable}")
            continue
        message, fix = _why_unexpected(items, container)
        yield expectation.drift(_shown(container), message, fix)
    nameless = [container for container in rest if container.name is None]
    if nameless:
        yield _nobody().unknown(
            next((container.unreadable for container in nameless if container.unreadable), _NAMELESS)
        )
    elif not rest:
        yield _nobody().ok("none")


def _presence(item: Item) -> Expectation:
    optional = item.spec.presence is Presence.OPTIONAL
    return item.expectation("missing", "present, or absent" if optional else "present")


def _shown(container: Container) -> str:
    return f"{container.state.status or 'in an unreadable state'}, image {container.image or 'unreadable'}"


def _why_renamed(spec: ContainerSpec, name: str) -> str:
    """Say which difference the name has, the plainest first."""
    bare = without_prefix(name)
    if bare != name:
        return "a recreate that failed left its prefix before the name"
    seen = parse_compose_name(name, spec.service)
    if seen is None:
        return "its Compose labels say that it is this container, under a name of somebody's own"
    wanted = [parse_compose_name(value, spec.service) for value in spec.name.values]
    if any(other is not None and other.project == seen.project for other in wanted):
        style = _STYLES.get(seen.separators, "mixed")
        return f"the name has {style} separators around the service"
    return f"the name has {'another' if seen.project else 'no'} project before the service"


def _why_unexpected(items: tuple[Item, ...], container: Container) -> tuple[str, str | None]:
    """Say what an unexpected container is, as far as one can tell, and what to do about it."""
    name, compose = container.name or "", container.compose
    if compose is not None and compose.oneoff:
        of = f" for the service {compose.service}" if compose.service else ""
        return f"left over from `docker compose run`{of}: a one-off, not a part of the fleet", fixes.remove(
            container
        )
    if (bare := without_prefix(name)) != name:
        return f"left behind by a recreate of {bare} that failed", fixes.remove(container)
    for item in items:
        if same_but_for_separators(item.spec, container) or same_but_for_project(item.spec, container):
            return f"a second container for {item.spec.name}, beside the one that counts", fixes.remove(container)
    # Who put it there may want it yet: stopping it can be taken back.
    fix = fixes.docker("rm" if container.state.status in {"created", "exited", "dead"} else "stop", container)
    if compose is not None and compose.service:
        origin = f"of the Compose service {compose.service} (project {compose.project or 'unknown'})"
        return f"a container {origin} that is not expected on this host", fix
    return "a container that is not expected on this host", fix
