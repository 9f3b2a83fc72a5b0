"""The check ids about containers: how bad each is, when it drifts, and how that is mended."""

from __future__ import annotations

from olaudit.checker import Check
from olaudit.model import Severity

_WARNING, _CRITICAL = Severity.WARNING, Severity.CRITICAL
_UP = "`docker compose up -d --no-deps SERVICE`"
_RECREATE = "`docker compose up -d --no-deps --force-recreate SERVICE`"

IDS = (
    Check("container.missing", _CRITICAL, "no container is the expected one, by name or by Compose's labels", _UP),
    Check(
        "container.unexpected",
        _WARNING,
        "a container is there that is none of the expected ones",
        "`docker stop NAME`, once it is known whose it is",
    ),
    Check(
        "container.name",
        _WARNING,
        "the container has another separator, prefix or project in its name",
        "`docker rename NAME EXPECTED`",
    ),
    Check("container.hostname", _WARNING, "the container calls itself something else", _RECREATE),
    Check("container.image", _WARNING, "the container was created from another image", _RECREATE),
    Check(
        "container.state",
        _CRITICAL,
        "the container does not run, or a one-shot container did not end well",
        "`docker logs NAME`, then `docker start NAME`",
    ),
    Check(
        "container.health",
        _CRITICAL,
        "the running container's own healthcheck fails, or never gets done",
        "`docker logs NAME`, then `docker restart NAME`",
    ),
    Check(
        "container.restarts",
        _CRITICAL,
        "the container is in a restart loop",
        "`docker logs NAME` says why it dies",
    ),
    Check(
        "container.restart-policy",
        _WARNING,
        "Docker would not restart the container as expected",
        "`docker update --restart POLICY NAME`",
    ),
    Check(
        "container.mounts",
        _WARNING,
        "an expected mount is absent, of another source, or of another mode",
        _RECREATE,
    ),
    Check("container.ports", _WARNING, "other ports are published than expected", _RECREATE),
    # Warnings: a disk fills over weeks, and a hot patch is lost with the next recreate; nothing is down yet.
    Check(
        "container.logging",
        _WARNING,
        "its logs have another driver or other caps, or grow without end",
        f"{_RECREATE}: log caps are set when a container is created",
    ),
    Check(
        "container.modified",
        _WARNING,
        "code inside the running container differs from its image",
        f"`docker diff NAME`; commit what is worth it, then {_RECREATE}",
    ),
    Check(
        "container.service",
        _WARNING,
        "Compose started the container for another service, or did not",
        f"`docker rm NAME`, then {_UP}",
    ),
)
