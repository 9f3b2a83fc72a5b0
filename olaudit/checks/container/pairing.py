"""Pairing of observed containers with expected ones, under any name.

The rules are tried in order, each for all containers before the next. So a container that matches by name never
loses its place to one that is only similar. The result does not depend on the order of either list.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from olaudit.checks.container.spec import ContainerSpec
from olaudit.facts.containers import CONTAINERS, Container
from olaudit.model import Basis, Check, Expectation, Fact, Unknown

_RECREATE_PREFIX = re.compile(r"\A(?:[0-9a-f]{12}_)+(?=.)")
"""The prefix that Compose adds to a name while it replaces a container. It remains when the recreate fails."""

PairingRule = Callable[[ContainerSpec, Container], bool]


@dataclass(frozen=True, slots=True)
class ComposeName:
    """A container name of Compose's form: <project><separator><service><separator><number>."""

    project: str
    number: str
    separators: str


@dataclass(frozen=True, slots=True)
class Pair:
    """An expected container, at `index` of the section, and the observed one that it is paired with."""

    index: int
    spec: ContainerSpec
    container: Container

    def expect(self, check: Check, expected: str, key: str = "", *further: Fact[Any] | Basis) -> Expectation:
        """Build the expectation of a check, based on the observed container and on `further` facts.

        `key` is the item's key that sets the expected value, if any.
        """
        at = ("containers", self.index, key) if key else ("containers", self.index)
        based_on = (about(self.container), *further)
        return check.expect(self.spec.name.value, at, expected, severity=self.spec.severity, based_on=based_on)


@dataclass(frozen=True, slots=True)
class Pairing:
    """The observed containers by the position of the expected one, and the containers that match none."""

    pairs: Mapping[int, Container]
    unpaired: tuple[Container, ...]


def about(*containers: Container) -> Basis:
    """Return the part of `CONTAINERS` that describes these containers."""
    return CONTAINERS.about(*(key for container in containers if (key := container.name or container.id)))


def parse_compose_name(name: str, service: str) -> ComposeName | None:
    """Parse `name` as Compose's name for `service`. The project may be missing, as in "-web-1" and "web-1".

    Only the two separators around the service may be either `_` (Compose v1) or `-` (v2): an underscore
    inside the service's name belongs to it.
    """
    match = re.fullmatch(rf"(?:(.*)([-_]))?{re.escape(service)}([-_])([0-9]{{1,9}})", name, re.DOTALL)
    return ComposeName(match[1] or "", match[4], (match[2] or "") + match[3]) if match else None


def without_prefix(name: str) -> str:
    """Remove the `<12 hex>_` prefixes of failed recreates."""
    return _RECREATE_PREFIX.sub("", name)


def differs_in_separators(spec: ContainerSpec, container: Container) -> bool:
    """Return whether the name differs from an expected one only in its separators or a recreate's prefix."""
    if container.name is None or _is_oneoff(container):
        return False
    bare = without_prefix(container.name)
    observed = parse_compose_name(bare, spec.service)
    for name in spec.name.values:
        expected = parse_compose_name(name, spec.service)
        if bare == name or (
            observed and expected and (observed.project, observed.number) == (expected.project, expected.number)
        ):
            return True
    return False


def differs_in_project(spec: ContainerSpec, container: Container) -> bool:
    """Return whether the name differs from an expected one only in the project, which is another or missing.

    Without Compose's label for the service, only a project of one word counts: `openlibrary-fast_web-1`
    is not `web` of a project "openlibrary-fast".
    """
    if container.name is None or isinstance(container.compose, Unknown) or _is_oneoff(container):
        return False
    observed = parse_compose_name(without_prefix(container.name), spec.service)
    if observed is None:
        return False
    label = container.compose.service
    if label != spec.service and (label or not re.fullmatch(r"[a-z0-9]*", observed.project)):
        return False
    expected = [parse_compose_name(name, spec.service) for name in spec.name.values]
    return any(name is not None and name.number == observed.number for name in expected)


def _has_labels_of(name: str, spec: ContainerSpec, container: Container) -> bool:
    """Return whether Compose's labels are those of the container that it would name `name`."""
    expected, labels = parse_compose_name(name, spec.service), container.compose
    if expected is None or not expected.project or isinstance(labels, Unknown) or labels.oneoff:
        return False
    return (labels.project, labels.service, labels.number) == (expected.project, spec.service, expected.number)


def _is_oneoff(container: Container) -> bool:
    return not isinstance(container.compose, Unknown) and container.compose.oneoff


_RULES: tuple[PairingRule, ...] = (
    lambda spec, container: container.name == spec.name.value,
    lambda spec, container: container.name in spec.name.accept,
    lambda spec, container: _has_labels_of(spec.name.value, spec, container),
    lambda spec, container: any(_has_labels_of(name, spec, container) for name in spec.name.accept),
    differs_in_separators,
    differs_in_project,
)


def pair(specs: tuple[ContainerSpec, ...], containers: tuple[Container, ...]) -> Pairing:
    """Pair each expected container with at most one observed container, and each observed one with at most one."""
    candidates = sorted(containers, key=_preference)
    indices = sorted(range(len(specs)), key=lambda index: specs[index].name.value)
    pairs: dict[int, Container] = {}
    for rule in _RULES:
        for index in [index for index in indices if index not in pairs]:
            position = next((i for i, container in enumerate(candidates) if rule(specs[index], container)), None)
            if position is not None:
                pairs[index] = candidates.pop(position)
    return Pairing(pairs, tuple(candidates))


def find_rivals(specs: tuple[ContainerSpec, ...], pairing: Pairing, container: Container) -> tuple[Container, ...]:
    """Find the containers with which items are paired that `container` would match too."""
    return tuple(
        pairing.pairs[index]
        for index, spec in enumerate(specs)
        if index in pairing.pairs and any(rule(spec, container) for rule in _RULES)
    )


def _preference(container: Container) -> tuple[bool, str, str]:
    """Return the sort key of candidates: running ones first, then by name; `repr` only makes the order total."""
    return (not container.running, container.name or "", repr(container))
