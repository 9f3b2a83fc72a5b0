"""host.os: the machine runs the expected operating system release."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from olaudit.checker import Checker
from olaudit.language import Expect, Section
from olaudit.model import Answers, Check, Command, Expectation, Result, Severity, Unanswered

_FILE = "/etc/os-release"
_MAX_VALUE_LENGTH = 1000

OS_RELEASE = Command(("head", "-c", "65536", "--", _FILE))
"""Reads os-release(5), which exists since Ubuntu 12.04; `lsb_release` is a separate package."""


class OsSpec(Section):
    """Expected release, as in os-release(5): `id: ubuntu`, `version_id: "14.04"`, `codename: trusty`."""

    id: Expect[str]
    version_id: Expect[str]
    codename: Expect[str] | None = None
    severity: Severity | None = None

    def __str__(self) -> str:
        """Format the expected release on one line."""
        return _format_release(str(self.id), str(self.version_id), str(self.codename or ""))


def probes(_spec: OsSpec) -> tuple[Command, ...]:
    """Return the probe for the file that describes the system."""
    return (OS_RELEASE,)


def evaluate(spec: OsSpec, answers: Answers) -> Iterator[Result]:
    """Compare id, version and codename; the finding points to the first one that differs."""
    expectation = _expectation(spec)
    answer = answers[OS_RELEASE]
    if isinstance(answer, Unanswered):
        yield expectation.unknown(answer.reason)
        return
    variables = _parse_variables(answer.stdout)
    observed = {
        "id": variables.get("ID", ""),
        "version_id": variables.get("VERSION_ID", ""),
        "codename": _codename(variables),
    }
    if not observed["id"]:
        yield expectation.unknown(f"{_FILE} has no ID: {answer.stdout[:200]!r}")
        return
    release = _format_release(*observed.values())
    expected = {"id": spec.id, "version_id": spec.version_id, "codename": spec.codename}
    for key, rule in expected.items():
        if rule and observed[key] not in rule.values:
            # No command: a release upgrade takes a day, and the expected file may be outdated.
            yield _expectation(spec, key).drift(release, f"the machine runs {release or 'another release'}")
            return
    yield expectation.ok(release)


def _expectation(spec: OsSpec, *key: str) -> Expectation:
    return Expectation(check="host.os", subject="os", at=("os", *key), expected=str(spec), severity=spec.severity)


def _format_release(id_: str, version: str, codename: str) -> str:
    return " ".join(part for part in (id_, version, codename and f"({codename})") if part)


def _parse_variables(text: str) -> dict[str, str]:
    """Parse the shell assignments of os-release(5); other lines are ignored."""
    return {
        name: _unquote(value)
        for name, equals, value in (line.partition("=") for line in text.split("\n"))
        if equals
    }


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


CHECKER = Checker(
    section="os",
    model=OsSpec,
    checks=(
        Check(
            "host.os",
            # No outage, but packages, init system and end of support differ from what the team expects.
            Severity.WARNING,
            "the machine runs another release than expected",
            "upgrade the machine, or correct the expected file",
        ),
    ),
    collected=f"`{_FILE}`: ID, VERSION_ID and the codename",
    facts=probes,
    evaluate=evaluate,
)
