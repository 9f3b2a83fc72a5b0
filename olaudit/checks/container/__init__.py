"""Checks of a host's containers: presence, names, lifecycle and settings."""

from __future__ import annotations

from collections.abc import Iterator

from olaudit.checker import Checker
from olaudit.checks.container import changes
from olaudit.checks.container.checks import CHECKS
from olaudit.checks.container.identity import (
    evaluate_absent,
    evaluate_present,
    evaluate_unanswered,
    evaluate_unpaired,
    evaluate_unreadable,
    why_uncertain,
)
from olaudit.checks.container.inspect import parse_clock, parse_containers
from olaudit.checks.container.lifecycle import evaluate_lifecycle
from olaudit.checks.container.pairing import pair
from olaudit.checks.container.setup import evaluate_setup
from olaudit.checks.container.spec import ContainerDefaults, ContainerItem, Containers, ContainerSpec
from olaudit.model import Answers, Command, EngineQuery, Probe, Result, Unanswered

CLOCK = Command(("date", "-u", "+%s"))
"""The host's own clock. The age of a restart is measured by it."""


def probes(spec: tuple[ContainerSpec, ...]) -> tuple[Probe, ...]:
    """List the probes: all containers, the host's clock, and the changed files below each container's code."""
    return (EngineQuery.CONTAINERS, CLOCK, *changes.probes(spec))


def evaluate(spec: tuple[ContainerSpec, ...], answers: Answers) -> tuple[Result, ...]:
    """Evaluate every expected container and every unexpected one."""
    return tuple(_evaluate(spec, answers))


def _evaluate(spec: tuple[ContainerSpec, ...], answers: Answers) -> Iterator[Result]:
    items = tuple(ContainerItem(index, container_spec) for index, container_spec in enumerate(spec))
    containers = parse_containers(answers[EngineQuery.CONTAINERS])
    if isinstance(containers, Unanswered):
        yield from evaluate_unanswered(items, containers.reason)
        return
    now, pairing = parse_clock(answers[CLOCK]), pair(spec, containers)
    changed = changes.parse_changes(spec, answers)
    uncertain = why_uncertain(pairing.unpaired)
    for item in items:
        container = pairing.pairs.get(item.index)
        if container and container.unreadable:
            yield evaluate_unreadable(item, container)
        elif container:
            yield from evaluate_present(item, container)
            yield from evaluate_lifecycle(item, container, now)
            yield from evaluate_setup(item, container)
            yield from changes.evaluate_changes(item, container, changed)
        else:
            yield evaluate_absent(item, uncertain)
    yield from evaluate_unpaired(items, pairing.unpaired)


CHECKER: Checker[tuple[ContainerSpec, ...]] = Checker(
    section="containers",
    model=Containers,
    defaults=("container_defaults", ContainerDefaults),
    checks=CHECKS,
    collected=(
        "the engine's `GET /containers/ID/json`, `/containers/ID/changes` of running containers; the host's `date`"
    ),
    facts=probes,
    evaluate=evaluate,
)
