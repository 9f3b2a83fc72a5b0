"""Which observed container is which expected one, whatever it is called.

The rules are tried in order, each over all containers before the next: a container that has a place by its
name never loses it to one that merely looks alike. Nothing depends on the order of either list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from olaudit.checks.container.inspect import Container
from olaudit.checks.container.spec import ContainerSpec

_RECREATED = re.compile(r"\A(?:[0-9a-f]{12}_)+(?=.)")
"""What Compose puts before a name while it replaces a container, and leaves there when that fails."""

Rule = Callable[[ContainerSpec, Container], bool]


@dataclass(frozen=True, slots=True)
class ComposeName:
    """A name of Compose's making: <project><separator><service><separator><number>."""

    project: str
    number: str
    separators: str


@dataclass(frozen=True, slots=True)
class Pairing:
    """What is what: observed containers by the position of the expected one, and those that are nobody's."""

    pairs: Mapping[int, Container]
    rest: tuple[Container, ...]


def parse_compose_name(name: str, service: str) -> ComposeName | None:
    """Read `name` as Compose's for `service`. The project may be missing: "-web-1" has none, nor has "web-1".

    Only the two separators around the service may be either `_` (Compose v1) or `-` (v2): an underscore
    inside of a service's name belongs to it.
    """
    match = re.fullmatch(rf"(?:(.*)([-_]))?{re.escape(service)}([-_])([0-9]{{1,9}})", name, re.DOTALL)
    return ComposeName(match[1] or "", match[4], (match[2] or "") + match[3]) if match else None


def without_prefix(name: str) -> str:
    """Drop the `<12 hex>_` that a failed recreate left."""
    return _RECREATED.sub("", name)


def same_but_for_separators(spec: ContainerSpec, container: Container) -> bool:
    """Whether the name is an expected one but for the separators around the service, or a recreate's prefix."""
    if container.name is None or _is_oneoff(container):
        return False
    bare = without_prefix(container.name)
    seen = parse_compose_name(bare, spec.service)
    for name in spec.name.values:
        wanted = parse_compose_name(name, spec.service)
        if bare == name or (seen and wanted and (seen.project, seen.number) == (wanted.project, wanted.number)):
            return True
    return False


def same_but_for_project(spec: ContainerSpec, container: Container) -> bool:
    """Whether the name is an expected one but for the project before it: another, or none.

    Without Compose's own word for the service, only a project of one word counts: `openlibrary-fast_web-1`
    is not `web` of a project "openlibrary-fast".
    """
    if container.name is None or container.compose is None or _is_oneoff(container):
        return False
    seen = parse_compose_name(without_prefix(container.name), spec.service)
    if seen is None:
        return False
    labelled = container.compose.service
    if labelled != spec.service and (labelled or not re.fullmatch(r"[a-z0-9]*", seen.project)):
        return False
    wanted = [parse_compose_name(name, spec.service) for name in spec.name.values]
    return any(name is not None and name.number == seen.number for name in wanted)


def _named(spec: ContainerSpec, container: Container) -> bool:
    return container.name == spec.name.value


def _named_otherwise(spec: ContainerSpec, container: Container) -> bool:
    return container.name in spec.name.accept


def _labelled(spec: ContainerSpec, container: Container) -> bool:
    return _has_labels_of(spec.name.value, spec, container)


def _labelled_otherwise(spec: ContainerSpec, container: Container) -> bool:
    return any(_has_labels_of(name, spec, container) for name in spec.name.accept)


def _has_labels_of(name: str, spec: ContainerSpec, container: Container) -> bool:
    wanted, labels = parse_compose_name(name, spec.service), container.compose
    if wanted is None or not wanted.project or labels is None or labels.oneoff:
        return False
    return (labels.project, labels.service, labels.number) == (wanted.project, spec.service, wanted.number)


def _is_oneoff(container: Container) -> bool:
    return container.compose is not None and container.compose.oneoff


_RULES: tuple[Rule, ...] = (
    _named,
    _named_otherwise,
    _labelled,
    _labelled_otherwise,
    same_but_for_separators,
    same_but_for_project,
)


def pair(specs: tuple[ContainerSpec, ...], containers: tuple[Container, ...]) -> Pairing:
    """Give each expected container at most one observed one, and each observed one to at most one."""
    free = sorted(containers, key=_preference)
    waiting = sorted(range(len(specs)), key=lambda index: specs[index].name.value)
    pairs: dict[int, Container] = {}
    for rule in _RULES:
        for index in [index for index in waiting if index not in pairs]:
            found = next((i for i, container in enumerate(free) if rule(specs[index], container)), None)
            if found is not None:
                pairs[index] = free.pop(found)
    return Pairing(pairs, tuple(free))


def _preference(container: Container) -> tuple[bool, str, str]:
    """Order candidates: the running ones first, then by name; the rest only makes the order total."""
    return (not container.running, container.name or "", repr(container))
