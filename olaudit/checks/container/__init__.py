"""The containers of a host: which are there, under which names, alive, and set up as expected."""

from __future__ import annotations

from collections.abc import Iterator

from olaudit.checks.container.identity import judge_absent, judge_present, judge_rest, judge_unanswered
from olaudit.checks.container.life import judge_life
from olaudit.checks.container.observed import read, read_clock
from olaudit.checks.container.pairing import pair
from olaudit.checks.container.setup import judge_setup
from olaudit.checks.container.spec import ContainerDefaults, Containers, ContainerSpec, Item
from olaudit.kind import CheckId, Kind
from olaudit.model import Answers, Engine, Judgement, Probe, Severity, Shell, Unanswered

CLOCK = Shell(("date", "-u", "+%s"))
"""The host's own clock: how recent a restart is can only be told by it."""


def probes(_spec: tuple[ContainerSpec, ...]) -> tuple[Probe, ...]:
    """Ask for all containers, and what time it is there."""
    return (Engine.CONTAINERS, CLOCK)


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
    nameless = any(container.name is None for container in pairing.rest)
    for item in items:
        if container := pairing.pairs.get(item.index):
            yield from judge_present(item, container)
            yield from judge_life(item, container, now)
            yield from judge_setup(item, container)
        else:
            yield judge_absent(item, nameless)
    yield from judge_rest(items, pairing.rest)


_WARNING, _CRITICAL = Severity.WARNING, Severity.CRITICAL

KIND: Kind[tuple[ContainerSpec, ...]] = Kind(
    section="containers",
    model=Containers,
    defaults=("container_defaults", ContainerDefaults),
    ids=(
        CheckId(
            "container.missing", _CRITICAL, "no container is the expected one, by name or by Compose's labels"
        ),
        CheckId("container.unexpected", _WARNING, "a container is there that is none of the expected ones"),
        CheckId("container.name", _WARNING, "the container has another separator, prefix or project in its name"),
        CheckId("container.hostname", _WARNING, "the container calls itself something else"),
        CheckId("container.image", _WARNING, "the container was created from another image"),
        CheckId(
            "container.state", _CRITICAL, "the container does not run, or a one-shot container did not end well"
        ),
        CheckId(
            "container.health", _CRITICAL, "the running container's own healthcheck fails, or never gets done"
        ),
        CheckId("container.restarts", _CRITICAL, "the container is in a restart loop"),
        CheckId("container.restart-policy", _WARNING, "Docker would not restart the container as expected"),
        CheckId(
            "container.mounts", _WARNING, "an expected mount is absent, of another source, or of another mode"
        ),
        CheckId("container.ports", _WARNING, "other ports are published than expected"),
        CheckId("container.service", _WARNING, "Compose started the container for another service, or did not"),
    ),
    probes=probes,
    judge=judge,
)
