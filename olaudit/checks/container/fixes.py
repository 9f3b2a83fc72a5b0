"""Fix commands for a container, for an operator to review and paste on its host.

A container's name comes from the host. A command contains it only if Docker accepts it as a name.
"""

import shlex

from olaudit.checks.container.pairing import parse_compose_name
from olaudit.checks.container.spec import DOCKER_NAME, ContainerSpec
from olaudit.facts.containers import Container

UP = "`docker compose up -d --no-deps SERVICE`"
"""The fix of checks in general, as in their documentation."""
RECREATE = "`docker compose up -d --no-deps --force-recreate SERVICE`"
"""As `UP`, for settings that are fixed when a container is created."""

_PROJECT = "openlibrary"


def docker(verb: str, container: Container, *arguments: str) -> str | None:
    """Build `docker VERB NAME ARGUMENTS...`, or None where the container's name is not valid in Docker."""
    name = container.name
    if name is None or not DOCKER_NAME.fullmatch(name):
        return None
    return " ".join(("docker", verb, shlex.quote(name), *map(shlex.quote, arguments)))


def remove(container: Container) -> str | None:
    """Build the command that stops and removes an unexpected container."""
    stop, rm = docker("stop", container), docker("rm", container)
    return f"{stop} && {rm}" if stop and rm else None


def replace(spec: ContainerSpec, container: Container) -> str | None:
    """Build the command that removes a container and creates it with Compose.

    It is for containers that Compose cannot recreate, because they do not belong to the service.
    """
    rm, up = remove(container), compose_up(spec)
    return f"{rm} && {up}" if rm and up else None


def recreate(spec: ContainerSpec) -> str | None:
    """Build the command that makes Compose recreate its own container from the current compose files."""
    return compose_up(spec, " --force-recreate")


def compose_up(spec: ContainerSpec, option: str = "") -> str | None:
    """Build the command that makes Compose create and start the container.

    It does what deploy.sh of internetarchive/openlibrary does. It names the production files, because otherwise
    Compose also reads the developers' override, which "could result in data loss". The profile is the host's name.
    Returns None for other projects, since the location of their files is unknown.
    """
    name = parse_compose_name(spec.name.value, spec.service)
    if name is None or name.project != _PROJECT:
        return None
    # Compose v2 names containers in v1's style only with this option.
    style = " --compatibility" if "_" in name.separators else ""
    return (
        'cd /opt/openlibrary && COMPOSE_FILE=compose.yaml:compose.production.yaml HOSTNAME="$HOSTNAME" '
        f'docker compose{style} --profile "$(hostname -s)" up -d --no-deps{option} {shlex.quote(spec.service)}'
    )
