"""Commands that mend a container on its host, for an operator to read, think about, and paste.

A name that a host gave is pasted only where it is a name that Docker itself would take.
"""

from __future__ import annotations

import shlex

from olaudit.checks.container.inspect import Container
from olaudit.checks.container.pairing import parse_compose_name
from olaudit.checks.container.spec import DOCKER_NAME, ContainerSpec

_PROJECT = "openlibrary"


def docker(verb: str, container: Container, *further: str) -> str | None:
    """Write `docker VERB NAME FURTHER...`, or nothing where the container's name is not one of Docker's."""
    name = container.name
    if name is None or not DOCKER_NAME.fullmatch(name):
        return None
    return " ".join(("docker", verb, shlex.quote(name), *map(shlex.quote, further)))


def remove(container: Container) -> str | None:
    """Stop and remove a container that should not be there."""
    stop, rm = docker("stop", container), docker("rm", container)
    return f"{stop} && {rm}" if stop and rm else None


def replace(spec: ContainerSpec, container: Container) -> str | None:
    """Remove a container and have Compose create it: for what is in Compose's way, rather than out of date."""
    rm, up = remove(container), compose_up(spec)
    return f"{rm} && {up}" if rm and up else None


def recreate(spec: ContainerSpec) -> str | None:
    """Have Compose create its own container anew, as compose.yaml says now."""
    return compose_up(spec, " --force-recreate")


def compose_up(spec: ContainerSpec, option: str = "") -> str | None:
    """Have Compose create and start the container.

    As deploy.sh of internetarchive/openlibrary does it: the production files by name (without them Compose takes
    the developers' override too, and that "could result in data loss"), and the profile is the host's name.
    Nothing is said of other projects: where their files lie is not known.
    """
    name = parse_compose_name(spec.name.value, spec.service)
    if name is None or name.project != _PROJECT:
        return None
    # Compose v2 names containers in v1's style only when told to.
    style = " --compatibility" if "_" in name.separators else ""
    return (
        'cd /opt/openlibrary && COMPOSE_FILE=compose.yaml:compose.production.yaml HOSTNAME="$HOSTNAME" '
        f'docker compose{style} --profile "$(hostname -s)" up -d --no-deps{option} {shlex.quote(spec.service)}'
    )
