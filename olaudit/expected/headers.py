"""Models of the parts of expected files that are not sections: the header of a host file, and fleet.yaml."""

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
        raise ValueError(f"{text!r} is not a valid host name: use lowercase letters, digits, hyphens and dots")
    return text


def _no_repeats(names: tuple[str, ...]) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise PydanticCustomError("repeated", "{name} is listed twice", {"name": repr(name), "index": index})
    return names


HostName = Annotated[str, AfterValidator(_host_name)]
Names = Annotated[tuple[str, ...], AfterValidator(_no_repeats)]
HostNames = Annotated[tuple[HostName, ...], AfterValidator(_no_repeats)]


class HostHeader(Section):
    """The keys of a host file that are not sections."""

    host: Annotated[HostName, Field(description="The host's short name, which is also the name of the file.")]
    roles: Annotated[Names, Field(description="Names of files in roles/, merged in this order.")] = ()


class RetiredHeader(Section):
    """One retired host name."""

    replaced_by: Annotated[HostName, Field(description="The host that replaced it.")]
    issue: Annotated[str, Field(description="The issue that documents the replacement.")] = ""


class FleetFile(Section):
    """The content of fleet.yaml."""

    name: Annotated[str, Field(description="The name of the fleet.")]
    domain: Annotated[HostName, Field(description="The suffix that makes a short host name fully qualified.")]
    every_host: Annotated[Names, Field(description="Roles of every host, merged before the host's own.")] = ()
    rollout: Annotated[HostNames, Field(description="Hosts in the order in which they are upgraded.")] = ()
    retired: Annotated[
        Mapping[HostName, RetiredHeader], Field(default_factory=dict, description="Retired host names.")
    ]
