"""Checks of a host's containers: presence, names, lifecycle and settings."""

from collections.abc import Iterator
from typing import Any

from olaudit.checker import Checker
from olaudit.checks.container import changes, identity, lifecycle, setup
from olaudit.checks.container.pairing import Pair, pair
from olaudit.checks.container.spec import ContainerDefaults, Containers, ContainerSpec
from olaudit.facts import clock
from olaudit.facts.container_changes import changes_below
from olaudit.facts.containers import CONTAINERS
from olaudit.model import Fact, Facts, Result, Unknown


def list_facts(specs: tuple[ContainerSpec, ...]) -> tuple[Fact[Any], ...]:
    """List the facts: all containers, the host's clock, and the changed files below each container's code."""
    code = changes.list_code(specs)
    return (CONTAINERS, clock.SECONDS, *([changes_below(code)] if code else []))


def evaluate(specs: tuple[ContainerSpec, ...], facts: Facts) -> Iterator[Result]:
    """Evaluate every expected container and every unexpected one."""
    containers = facts[CONTAINERS]
    if isinstance(containers, Unknown):
        yield from identity.evaluate_unanswered(specs, containers.reason)
        return
    pairing, code = pair(specs, containers), changes.list_code(specs)
    uncertain = identity.why_uncertain(pairing.unpaired)
    for index, spec in enumerate(specs):
        container = pairing.pairs.get(index)
        if container is None:
            yield identity.evaluate_absent(index, spec, uncertain)
            continue
        described = Pair(index, spec, container)
        yield from identity.evaluate_present(described)
        if not container.unreadable:
            yield from lifecycle.evaluate_lifecycle(described, facts[clock.SECONDS])
            yield from setup.evaluate_setup(described)
            yield from changes.evaluate_changes(described, code, facts)
    yield from identity.evaluate_unpaired(specs, pairing)


CHECKER: Checker[tuple[ContainerSpec, ...]] = Checker(
    section="containers",
    model=Containers,
    defaults=("container_defaults", ContainerDefaults),
    checks=(
        identity.MISSING,
        identity.UNEXPECTED,
        identity.NAME,
        setup.HOSTNAME,
        setup.IMAGE,
        lifecycle.STATE,
        lifecycle.HEALTH,
        lifecycle.RESTARTS,
        lifecycle.RESTART_POLICY,
        setup.MOUNTS,
        setup.PORTS,
        setup.LOGGING,
        changes.MODIFIED,
        setup.SERVICE,
    ),
    collected=(
        "the engine's `GET /containers/ID/json`, `/containers/ID/changes` of running containers; the host's `date`"
    ),
    facts=list_facts,
    evaluate=evaluate,
)
