"""The section `postgres` of the expected files."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from olaudit.language import AbsolutePath, Section


def _check_network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


# In the file of a role, the placeholders in braces are not replaced yet.
_ClientName = Annotated[
    str, Field(max_length=253, pattern=r"^([A-Za-z0-9]|\{(host|domain)\})([A-Za-z0-9.-]|\{(host|domain)\})*$")
]


class PostgresSpec(Section):
    """The hosts that a PostgreSQL server must admit; no other host may be admitted.

    `hba`: the folder that contains pg_hba.conf, at any depth. `clients`: the hosts that need the database, by the
    fully qualified names that the auditor's resolver knows. `also`: networks that may be admitted too.
    """

    hba: AbsolutePath = "/etc/postgresql"
    clients: tuple[_ClientName, ...]
    also: tuple[Annotated[str, AfterValidator(_check_network)], ...] = ()
