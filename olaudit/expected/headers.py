"""What expected files say besides their sections: a host's name and roles, and fleet.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from olaudit.language import Section

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def _host_name(text: str) -> str:
    if not _HOST.fullmatch(text) or len(text) > 253:
        msg = f"{text!r} is no host name: lowercase letters, digits, hyphens and dots make one"
        raise ValueError(msg)
    return text


def _no_repeats(names: tuple[str, ...]) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise PydanticCustomError("repeated", "{name} is named twice", {"name": repr(name), "index": index})
    return names


HostName = Annotated[str, AfterValidator(_host_name)]
Names = Annotated[tuple[str, ...], AfterValidator(_no_repeats)]
HostNames = Annotated[tuple[HostName, ...], AfterValidator(_no_repeats)]


class HostHeader(Section):
    """The head of a host file."""

    host: Annotated[HostName, Field(description="The host's short name; the file is called the same.")]
    roles: Annotated[Names, Field(description="Files in roles/, laid over each other in this order.")] = ()


class RetiredHeader(Section):
    """One name that is out of use."""

    replaced_by: Annotated[HostName, Field(description="The host that took over.")]
    issue: Annotated[str, Field(description="The issue that tells of it.")] = ""


class FleetFile(Section):
    """All of fleet.yaml."""

    name: Annotated[str, Field(description="What people call the fleet.")]
    domain: Annotated[HostName, Field(description="What follows a short host name to make it fully qualified.")]
    every_host: Annotated[Names, Field(description="Roles that every host has, before its own.")] = ()
    rollout: Annotated[HostNames, Field(description="Hosts in the order in which they are upgraded.")] = ()
    retired: Annotated[
        Mapping[HostName, RetiredHeader],
        Field(default_factory=dict, description="Host names that are out of use."),
    ]
