"""The containers of a host: which are there, under which names, alive, and set up as expected."""

from __future__ import annotations

from collections.abc import Iterator

from olaudit.checker import Checker
from olaudit.checks.container import changes
from olaudit.checks.container.identity import (
    evaluate_absent,
    evaluate_present,
    evaluate_rest,
    evaluate_unanswered,
    evaluate_unreadable,
    why_uncertain,
)
from olaudit.checks.container.ids import IDS
from olaudit.checks.container.inspect import read, read_clock
from olaudit.checks.container.lifecycle import evaluate_lifecycle
from olaudit.checks.container.pairing import pair
from olaudit.checks.container.setup import evaluate_setup
from olaudit.checks.container.spec import ContainerDefaults, Containers, ContainerSpec, Item
from olaudit.model import Answers, Command, EngineQuery, Probe, Result, Unanswered

CLOCK = Command(("date", "-u", "+%s"))
"""The host's own clock: how recent a restart is can only be told by it."""


def probes(spec: tuple[ContainerSpec, ...]) -> tuple[Probe, ...]:
    """Ask for all containers, what time it is there, and what was changed in their code."""
    return (EngineQuery.CONTAINERS, CLOCK, *changes.probes(spec))


def evaluate(spec: tuple[ContainerSpec, ...], answers: Answers) -> tuple[Result, ...]:
    """Judge every expected container, and every other one."""
    return tuple(_evaluate(spec, answers))


def _evaluate(spec: tuple[ContainerSpec, ...], answers: Answers) -> Iterator[Result]:
    items = tuple(Item(index, one) for index, one in enumerate(spec))
    containers = read(answers[EngineQuery.CONTAINERS])
    if isinstance(containers, Unanswered):
        yield from evaluate_unanswered(items, containers.reason)
        return
    now, pairing = read_clock(answers[CLOCK]), pair(spec, containers)
    changed = changes.read(spec, answers)
    uncertain = why_uncertain(pairing.rest)
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
    yield from evaluate_rest(items, pairing.rest)


CHECKER: Checker[tuple[ContainerSpec, ...]] = Checker(
    section="containers",
    model=Containers,
    defaults=("container_defaults", ContainerDefaults),
    ids=IDS,
    collected="the engine's `GET /containers/ID/json`, `/containers/ID/changes` of running ones; `date` there",
    probes=probes,
    evaluate=evaluate,
)
