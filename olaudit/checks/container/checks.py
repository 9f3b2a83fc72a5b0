"""The check ids of containers, with their severities, drift conditions and fixes."""

from __future__ import annotations

from olaudit.model import Check, Severity

_WARNING, _CRITICAL = Severity.WARNING, Severity.CRITICAL
_UP = "`docker compose up -d --no-deps SERVICE`"
_RECREATE = "`docker compose up -d --no-deps --force-recreate SERVICE`"

CHECKS = (
    Check(
        "container.missing", _CRITICAL, "no container matches the expected one, by name or by Compose labels", _UP
    ),
    Check(
        "container.unexpected",
        _WARNING,
        "a container exists that matches no expected one",
        "`docker stop NAME`, after its owner is known",
    ),
    Check(
        "container.name",
        _WARNING,
        "the container has another separator, prefix or project in its name",
        "`docker rename NAME EXPECTED`",
    ),
    Check("container.hostname", _WARNING, "the container has another hostname", _RECREATE),
    Check("container.image", _WARNING, "the container was created from another image", _RECREATE),
    Check(
        "container.state",
        _CRITICAL,
        "the container does not run, or a one-shot container failed",
        "`docker logs NAME`, then `docker start NAME`",
    ),
    Check(
        "container.health",
        _CRITICAL,
        "the running container's healthcheck fails, or returns no result within an hour",
        "`docker logs NAME`, then `docker restart NAME`",
    ),
    Check(
        "container.restarts",
        _CRITICAL,
        "the container is in a restart loop",
        "`docker logs NAME` shows why it exits",
    ),
    Check(
        "container.restart-policy",
        _WARNING,
        "the container's restart policy differs",
        "`docker update --restart POLICY NAME`",
    ),
    Check(
        "container.mounts",
        _WARNING,
        "an expected mount is absent, or has another source or mode",
        _RECREATE,
    ),
    Check("container.ports", _WARNING, "the published ports differ from the expected ones", _RECREATE),
    # Warnings: a disk fills over weeks, and a hot patch is lost with the next recreate. Nothing is down yet.
    Check(
        "container.logging",
        _WARNING,
        "its logs have another driver or other limits, or grow without limit",
        f"{_RECREATE}: log limits are set when a container is created",
    ),
    Check(
        "container.modified",
        _WARNING,
        "code inside the running container differs from its image",
        f"`docker diff NAME`; commit the changes to keep, then {_RECREATE}",
    ),
    Check(
        "container.service",
        _WARNING,
        "Compose started the container for another service, or did not start it",
        f"`docker rm NAME`, then {_UP}",
    ),
)
