"""host.os: the machine runs the operating system release that its expected file says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from olaudit.checker import Check, Checker
from olaudit.language import Expect, Section
from olaudit.model import Answers, Command, Expectation, Result, Severity, Unanswered

_FILE = "/etc/os-release"
_LONGEST_VALUE = 1000

RELEASE = Command(("head", "-c", "65536", "--", _FILE))
"""Asks os-release(5), which every release since Ubuntu 12.04 has; `lsb_release` is a package of its own."""


class OsSpec(Section):
    """The release, in the words of os-release(5): `id: ubuntu`, `version_id: "14.04"`, `codename: trusty`."""

    id: Expect[str]
    version_id: Expect[str]
    codename: Expect[str] | None = None
    severity: Severity | None = None

    def __str__(self) -> str:
        """Show the expected release on one line."""
        return _named(str(self.id), str(self.version_id), str(self.codename or ""))


def probes(_spec: OsSpec) -> tuple[Command, ...]:
    """Ask for the file in which the system describes itself."""
    return (RELEASE,)


def evaluate(spec: OsSpec, answers: Answers) -> Iterator[Result]:
    """Compare id, version and codename; the first that differs is where the finding points to."""
    expectation = _question(spec)
    answer = answers[RELEASE]
    if isinstance(answer, Unanswered):
        yield expectation.unknown(answer.reason)
        return
    said = _variables(answer.stdout)
    seen = {"id": said.get("ID", ""), "version_id": said.get("VERSION_ID", ""), "codename": _codename(said)}
    if not seen["id"]:
        yield expectation.unknown(f"{_FILE} has no ID: {answer.stdout[:200]!r}")
        return
    observed = _named(*seen.values())
    wanted = {"id": spec.id, "version_id": spec.version_id, "codename": spec.codename}
    for key, rule in wanted.items():
        if rule and seen[key] not in rule.values:
            # No command: to install another release is a day's work, and the page may be what is out of date.
            yield _question(spec, key).drift(observed, f"the machine runs {observed or 'something else'}")
            return
    yield expectation.ok(observed)


def _question(spec: OsSpec, *key: str) -> Expectation:
    return Expectation(check="host.os", subject="os", at=("os", *key), expected=str(spec), severity=spec.severity)


def _named(id_: str, version: str, codename: str) -> str:
    return " ".join(word for word in (id_, version, codename and f"({codename})") if word)


def _variables(text: str) -> dict[str, str]:
    """Read the shell assignments of os-release(5); a line that is none counts for nothing."""
    return {
        name: _unquoted(value)
        for name, equals, value in (line.partition("=") for line in text.split("\n"))
        if equals
    }


def _unquoted(value: str) -> str:
    if len(value) > _LONGEST_VALUE:  # shlex takes minutes for a value of some megabytes
        return ""
    try:
        return "".join(shlex.split(value))[:200]
    except ValueError:
        return ""


def _codename(said: Mapping[str, str]) -> str:
    """Give the codename: older files have it in VERSION alone, "14.04.6 LTS, Trusty Tahr", "8 (jessie)"."""
    if codename := said.get("VERSION_CODENAME") or said.get("UBUNTU_CODENAME"):
        return codename
    match = re.search(r"[,(] ?([A-Za-z]+)", said.get("VERSION", ""))
    return match[1].lower() if match else ""


CHECKER = Checker(
    section="os",
    model=OsSpec,
    ids=(
        Check(
            "host.os",
            # Nothing is down by it; but packages, init system and end of support are not what people believe.
            Severity.WARNING,
            "the machine runs another release than expected",
            "upgrade the machine, or write down what it runs now",
        ),
    ),
    collected=f"`{_FILE}`: ID, VERSION_ID and the codename",
    probes=probes,
    evaluate=evaluate,
)
