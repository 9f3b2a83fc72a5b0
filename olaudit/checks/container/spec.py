"""What a container should be, as the section `containers` of a host or role says it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from olaudit.checks.container.notation import parse_mount, parse_port
from olaudit.language import AbsolutePath, Expect, Presence, Section
from olaudit.model import Expectation, Severity

DOCKER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
"""What Docker itself accepts as the name of a container."""

_POLICY = re.compile(r"no|always|unless-stopped|on-failure(:[1-9][0-9]{0,8})?")


def _names(name: Expect[str]) -> Expect[str]:
    for value in name.values:
        if not DOCKER_NAME.fullmatch(value):
            msg = f"{value!r} cannot be the name of a container: Docker takes letters, digits, '_', '.' and '-'"
            raise ValueError(msg)
    return name


def _policies(policy: Expect[str]) -> Expect[str]:
    for value in policy.values:
        if not _POLICY.fullmatch(value):
            msg = f"{value!r} is no restart policy: write no, always, unless-stopped, on-failure or on-failure:N"
            raise ValueError(msg)
    return policy


def _allowed(presence: Presence) -> Presence:
    if presence is Presence.FORBIDDEN:
        msg = "a container is required or optional: one that is not listed is unexpected anyway"
        raise ValueError(msg)
    return presence


def _port(text: str) -> str:
    parse_port(text)
    return text


def _mount(text: str) -> str:
    parse_mount(text)
    return text


State = Literal["running", "exited"]
"""What a container should be doing: "exited" is for those that run once and end well."""


class Logging(Section):
    """The caps of the json-file log driver, as compose.yaml gives them; what is not given is not judged."""

    max_size: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}[kmg]$")] | None = None
    max_file: int | None = Field(default=None, ge=1)


class ContainerDefaults(Section):
    """What an item of `containers` may say of its set-up, and `container_defaults` of all items.

    What is not given is not judged, but for `state`. `max_restarts`: how often Docker may have restarted a
    container that last started within the hour before that counts as a restart loop. `mounts`: further ones
    are fine. `ports`: exactly these are published, since Docker opens them past the firewall's own rules.
    `logging`: the caps of its logs; `{}` where it has none and may have any. `code`: the folders inside of it in
    which nothing may differ from its image.
    """

    image: Expect[str] | None = None
    mounts: tuple[Annotated[str, AfterValidator(_mount)], ...] | None = None
    ports: tuple[Annotated[str, AfterValidator(_port)], ...] | None = None
    restart: Annotated[Expect[str], AfterValidator(_policies)] | None = None
    state: Expect[State] = Expect[State](value="running")
    max_restarts: int = Field(default=3, ge=0)
    logging: Logging | None = None
    code: tuple[AbsolutePath, ...] = ()


class ContainerSpec(ContainerDefaults):
    """One expected container. `service` is its name in the compose files; `severity` goes for all its findings."""

    service: str = Field(min_length=1)
    name: Annotated[Expect[str], AfterValidator(_names)]
    hostname: Expect[str] | None = None
    presence: Annotated[Presence, AfterValidator(_allowed)] = Presence.REQUIRED
    severity: Severity | None = None


def _all_different(specs: tuple[ContainerSpec, ...]) -> tuple[ContainerSpec, ...]:
    """Refuse two containers that answer to one name. The error lies at the second one's name."""
    seen: set[str] = set()
    errors: list[InitErrorDetails] = []
    for index, spec in enumerate(specs):
        mine = dict.fromkeys(spec.name.values)
        for name in (name for name in mine if name in seen):
            problem = PydanticCustomError("two_of_a_name", "two containers are named {name}", {"name": name})
            errors.append({"type": problem, "loc": (index, "name"), "input": name})
        seen.update(mine)
    if errors:
        raise ValidationError.from_exception_data("containers", errors)
    return specs


Containers = Annotated[tuple[ContainerSpec, ...], AfterValidator(_all_different)]
"""The section `containers`. Empty: no container may be there."""


@dataclass(frozen=True, slots=True)
class Item:
    """One expected container and its position in the section."""

    index: int
    spec: ContainerSpec

    def expectation(self, aspect: str, expected: str, key: str = "") -> Expectation:
        """Ask `container.ASPECT` of this container; `key` is the key of the item that says what is expected."""
        return Expectation(
            check=f"container.{aspect}",
            subject=self.spec.name.value,
            at=("containers", self.index, key) if key else ("containers", self.index),
            expected=expected,
            severity=self.spec.severity,
        )
