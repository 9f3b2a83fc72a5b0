"""The release of the operating system, from os-release(5)."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from olaudit.model import Answered, Command, Fact, Unknown

_FILE = "/etc/os-release"
_MAX_VALUE_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Release:
    """A release, such as "ubuntu", "14.04" and "trusty"; the version and the codename may be empty."""

    id: str
    version_id: str
    codename: str


def _parse(answer: Answered) -> Release | Unknown:
    assignments = (line.partition("=") for line in answer.stdout.split("\n"))
    variables = {name: _unquote(value) for name, equals, value in assignments if equals}
    if not (id_ := variables.get("ID")):
        return Unknown(f"{_FILE} has no ID: {answer.stdout[:200]!r}")
    return Release(id_, variables.get("VERSION_ID", ""), _codename(variables))


def _unquote(value: str) -> str:
    if len(value) > _MAX_VALUE_LENGTH:  # shlex takes minutes for a value of several megabytes
        return ""
    try:
        return "".join(shlex.split(value))[:200]
    except ValueError:
        return ""


def _codename(variables: Mapping[str, str]) -> str:
    """Return the codename; older files have it only in VERSION: "14.04.6 LTS, Trusty Tahr", "8 (jessie)"."""
    if codename := variables.get("VERSION_CODENAME") or variables.get("UBUNTU_CODENAME"):
        return codename
    match = re.search(r"[,(] ?([A-Za-z]+)", variables.get("VERSION", ""))
    return match[1].lower() if match else ""


RELEASE = Fact("os_release", Command(("head", "-c", "65536", "--", _FILE)), _parse)
"""Reads os-release(5), which exists since Ubuntu 12.04; `lsb_release` is a separate package."""
