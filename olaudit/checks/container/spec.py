"""The section `containers` of a host or role, and `container_defaults`."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from olaudit.facts.container_settings import parse_mount, parse_port
from olaudit.language import AbsolutePath, Expect, Presence, Section, not_forbidden, parsed_by
from olaudit.model import Severity

DOCKER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
"""The container names that Docker accepts."""


def _all_match(pattern: re.Pattern[str], problem: str) -> AfterValidator:
    """Build the validator of an expectation whose values must all match `pattern`."""

    def check(expected: Expect[str]) -> Expect[str]:
        for value in expected.values:
            if not pattern.fullmatch(value):
                raise ValueError(f"{value!r} {problem}")
        return expected

    return AfterValidator(check)


_VALID_NAMES = _all_match(
    DOCKER_NAME, "is not a valid container name: Docker accepts letters, digits, '_', '.' and '-'"
)
_VALID_POLICIES = _all_match(
    re.compile(r"no|always|unless-stopped|on-failure(:[1-9][0-9]{0,8})?"),
    "is not a restart policy: write no, always, unless-stopped, on-failure or on-failure:N",
)
_NOT_FORBIDDEN = not_forbidden("a container is required or optional: a container that is not listed is unexpected")

ExpectedState = Literal["running", "exited"]
"""The expected state of a container. "exited" is for one-shot containers that exit with code 0."""


class Logging(Section):
    """The limits of the json-file log driver, as in compose.yaml. An omitted limit is not evaluated."""

    max_size: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}[kmg]$")] | None = None
    max_file: int | None = Field(default=None, ge=1)


class ContainerDefaults(Section):
    """The settings of an item of `containers`, and of `container_defaults` for all items.

    A setting that is omitted is not evaluated, except `state`. `max_restarts`: more restarts of a container that
    last started within the hour count as a restart loop. `mounts`: further mounts are allowed. `ports`: exactly
    these are published, since Docker opens them in spite of the firewall's rules. `logging`: the limits of its
    logs; `{}` allows any. `code`: the folders inside the container in which no file may differ from its image.
    """

    image: Expect[str] | None = None
    mounts: tuple[Annotated[str, parsed_by(parse_mount)], ...] | None = None
    ports: tuple[Annotated[str, parsed_by(parse_port)], ...] | None = None
    restart: Annotated[Expect[str], _VALID_POLICIES] | None = None
    state: Expect[ExpectedState] = Expect[ExpectedState](value="running")
    max_restarts: int = Field(default=3, ge=0)
    logging: Logging | None = None
    code: tuple[AbsolutePath, ...] = ()


class ContainerSpec(ContainerDefaults):
    """One expected container. `service` is its name in the compose files, `severity` that of all its findings."""

    service: str = Field(min_length=1)
    name: Annotated[Expect[str], _VALID_NAMES]
    hostname: Expect[str] | None = None
    presence: Annotated[Presence, _NOT_FORBIDDEN] = Presence.REQUIRED
    severity: Severity | None = None


def _unique_names(specs: tuple[ContainerSpec, ...]) -> tuple[ContainerSpec, ...]:
    """Reject two containers with the same name. The error's location is the name of the second container."""
    used_names: set[str] = set()
    errors: list[InitErrorDetails] = []
    for index, spec in enumerate(specs):
        names = dict.fromkeys(spec.name.values)
        for name in (name for name in names if name in used_names):
            problem = PydanticCustomError("duplicate_name", "two containers are named {name}", {"name": name})
            errors.append({"type": problem, "loc": (index, "name"), "input": name})
        used_names.update(names)
    if errors:
        raise ValidationError.from_exception_data("containers", errors)
    return specs


Containers = Annotated[tuple[ContainerSpec, ...], AfterValidator(_unique_names)]
"""The section `containers`. An empty section allows no container."""
