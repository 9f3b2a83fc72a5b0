"""The section `memcached` of the expected files."""

from __future__ import annotations

import posixpath
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from olaudit.language import Section, Size, parse_size


class Reserve(Section):
    """The memory that memcached's limit must leave to the rest of the machine."""

    least: Size
    most: Size

    @model_validator(mode="after")
    def _least_not_above_most(self) -> Reserve:
        if parse_size(self.least) > parse_size(self.most):
            msg = f"least ({self.least}) is more than most ({self.most})"
            raise ValueError(msg)
        return self


def _plain_path(path: str) -> str:
    if not path.startswith("/") or posixpath.normpath(path) != path or not path.isprintable():
        msg = f"{path!r} is not a plain absolute path"
        raise ValueError(msg)
    return path


class MemcachedSpec(Section):
    """memcached's memory limit, address and configuration. The host itself connects to `address`."""

    reserve: Reserve
    address: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.:-]*$")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 11211
    config: Annotated[str, AfterValidator(_plain_path)] = "/etc/memcached.conf"
