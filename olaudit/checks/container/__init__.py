"""The containers of a host: which are there, under which names, alive, and set up as expected."""

from __future__ import annotations

from collections.abc import Iterator

from olaudit.checks.container import changes
from olaudit.checks.container.identity import (
    judge_absent,
    judge_present,
    judge_rest,
    judge_unanswered,
    judge_unreadable,
    why_uncertain,
)
from olaudit.checks.container.ids import IDS
from olaudit.checks.container.life import judge_life
from olaudit.checks.container.observed import read, read_clock
from olaudit.checks.container.pairing import pair
from olaudit.checks.container.setup import judge_setup
from olaudit.checks.container.spec import ContainerDefaults, Containers, ContainerSpec, Item
from olaudit.kind import Kind
from olaudit.model import Answers, Engine, Judgement, Probe, Shell, Unanswered

CLOCK = Shell(("date", "-u", "+%s"))
"""The host's own clock: how recent a restart is can only be told by it."""


def probes(spec: tuple[ContainerSpec, ...]) -> tuple[Probe, ...]:
    """Ask for all containers, what time it is there, and what was changed in their code."""
    return (Engine.CONTAINERS, CLOCK, *changes.probes(spec))


def judge(spec: tuple[ContainerSpec, ...], answers: Answers) -> tuple[Judgement, ...]:
    """Judge every expected container, and every other one."""
    return tuple(_judge(spec, answers))


def _judge(spec: tuple[ContainerSpec, ...], answers: Answers) -> Iterator[Judgement]:
    items = tuple(Item(index, one) for index, one in enumerate(spec))
    containers = read(answers[Engine.CONTAINERS])
    if isinstance(containers, Unanswered):
        yield from judge_unanswered(items, containers.reason)
        return
    now, pairing = read_clock(answers[CLOCK]), pair(spec, containers)
    changed = changes.read(spec, answers)
    uncertain = why_uncertain(pairing.rest)
    for item in items:
        container = pairing.pairs.get(item.index)
        if container and container.unreadable:
            yield judge_unreadable(item, container)
        elif container:
            yield from judge_present(item, container)
            yield from judge_life(item, container, now)
            yield from judge_setup(item, container)
            yield from changes.judge_changes(item, container, changed)
        else:
            yield judge_absent(item, uncertain)
    yield from judge_rest(items, pairing.rest)


KIND: Kind[tuple[ContainerSpec, ...]] = Kind(
    section="containers",
    model=Containers,
    defaults=("container_defaults", ContainerDefaults),
    ids=IDS,
    collected="the engine's `GET /containers/ID/json`, `/containers/ID/changes` of running ones; `date` there",
    probes=probes,
    judge=judge,
)
