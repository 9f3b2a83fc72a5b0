"""The section `postgres` of the expected files."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from olaudit.language import AbsolutePath, Section


def _network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


# In a role's file the words in braces are not filled in yet.
_Client = Annotated[
    str, Field(max_length=253, pattern=r"^([A-Za-z0-9]|\{(host|domain)\})([A-Za-z0-9.-]|\{(host|domain)\})*$")
]


class PostgresSpec(Section):
    """Whom a PostgreSQL must admit, and nobody else.

    `hba`: the folder below which its pg_hba.conf lies. `clients`: the hosts that need it, by the fully qualified
    names that the auditor's resolver knows them by. `also`: networks that may be admitted too.
    """

    hba: AbsolutePath = "/etc/postgresql"
    clients: tuple[_Client, ...]
    also: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
