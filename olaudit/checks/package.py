"""package.version: the packages that a host needs are installed, in an accepted version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import StringConstraints

from olaudit.checker import Checker
from olaudit.language import Expect, Presence, Section
from olaudit.model import Answer, Answers, Check, Command, Expectation, Result, Severity, Unanswered

# Plain names only: dpkg-query treats "*" and "?" as patterns.
PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]

_FORMAT = "--showformat=${Package}\\t${Version}\\t${Status}\\n"
_REFERENCE = "dpkg"
"""A package on every host with dpkg: if its row is missing, dpkg-query did not read the database."""

_NOT_FOUND = re.compile(r"(?:dpkg-query: )?no packages found matching (\S+)")
_ROW = re.compile(r"([^\t]+)\t([^\t]*)\t(\S+) (\S+) (\S+)")


class PackageSpec(Section):
    """Expected package, with accepted replacements (`accept`).

    `version` is a glob that the version must match, with or without its epoch: "20.10.*".
    """

    accept: tuple[PackageName, ...] = ()
    version: Expect[str] | None = None
    presence: Presence = Presence.REQUIRED
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class _Package:
    """One package in dpkg's database; `status` is "installed" if its installation is complete."""

    name: str
    version: str
    status: str

    def __str__(self) -> str:
        """Format the package on one line."""
        return f"{self.name} {self.version}" + ("" if self.status == "installed" else f" ({self.status})")


def _query(spec: Mapping[str, PackageSpec]) -> Command:
    # 1: at least one name is not in the database
    return Command(("dpkg-query", "--show", _FORMAT, *_names(spec)), statuses=(0, 1))


def _names(spec: Mapping[str, PackageSpec]) -> tuple[str, ...]:
    return tuple(sorted({_REFERENCE, *(name for key, rule in spec.items() for name in (key, *rule.accept))}))


def probes(spec: Mapping[str, PackageSpec]) -> tuple[Command, ...]:
    """Build one probe for all packages."""
    return (_query(spec),) if spec else ()


def evaluate(spec: Mapping[str, PackageSpec], answers: Answers) -> Iterator[Result]:
    """Evaluate each package together with its accepted replacements."""
    packages = _parse_packages(_names(spec), answers[_query(spec)])
    for name, rule in spec.items():
        expectation = Expectation(
            check="package.version",
            subject=name,
            at=("packages", name),
            expected=_expected(name, rule),
            severity=rule.severity,
        )
        if isinstance(packages, Unanswered):
            yield expectation.unknown(packages.reason)
        else:
            installed = [packages[candidate] for candidate in (name, *rule.accept) if candidate in packages]
            yield _evaluate(expectation, rule, installed)


def _parse_packages(names: tuple[str, ...], answer: Answer) -> dict[str, _Package] | Unanswered:
    """Parse dpkg-query's output: each of `names` has a row, or an error line that no such package was found.

    A package that was removed or was never installed may still have a row.
    """
    if isinstance(answer, Unanswered):
        return answer
    *lines, partial = answer.stdout.split("\n")
    errors = [line for line in answer.stderr.split("\n") if line]
    rows = [match.groups() for line in lines if (match := _ROW.fullmatch(line))]
    not_found = [match[1].rstrip(".") for line in errors if (match := _NOT_FOUND.match(line))]
    complete = (len(rows), len(not_found)) == (len(lines), len(errors)) and not partial
    if not complete or sorted({*not_found, *(row[0] for row in rows)}) != list(names):
        excerpt = (answer.stderr or answer.stdout).strip()[:200]
        return Unanswered(f"cannot parse the output of dpkg-query: {excerpt!r}")
    packages = {
        name: _Package(name, version[:100], status if error == "ok" else error)
        for name, version, _, error, status in rows
        if status not in ("not-installed", "config-files")
    }
    if _REFERENCE not in packages:
        return Unanswered(f"dpkg-query does not list {_REFERENCE}: no package database")
    return packages


def _evaluate(expectation: Expectation, rule: PackageSpec, installed: list[_Package]) -> Result:
    names = " ".join(package.name for package in installed)
    match rule.presence, bool(installed):
        case Presence.FORBIDDEN, True:
            message = f"{_format_packages(installed)} is installed, but must not be"
            return expectation.drift(_format_packages(installed), message, f"apt-get remove {names}")
        case Presence.FORBIDDEN | Presence.OPTIONAL, False:
            return expectation.ok("not installed")
        case Presence.REQUIRED, False:
            name = expectation.subject
            replacements = f", nor is {' or '.join(rule.accept)}" if rule.accept else ""
            return expectation.drift(
                "not installed", f"{name} is not installed{replacements}", f"apt-get install {name}"
            )
        case _:
            return _evaluate_versions(expectation, rule, installed)


def _evaluate_versions(expectation: Expectation, rule: PackageSpec, installed: list[_Package]) -> Result:
    for package in installed:
        if package.status != "installed":
            message = f"the installation of {package.name} is incomplete: {package.status}"
            return expectation.drift(str(package), message, "dpkg --configure -a")
    for package in installed:
        if _is_accepted(package.version, rule.version):
            return expectation.ok(str(package))
    message = f"{_format_packages(installed)} is installed, not {rule.version}"
    return expectation.drift(_format_packages(installed), message, f"apt-get install {installed[0].name}")


def _is_accepted(version: str, rule: Expect[str] | None) -> bool:
    upstream = version.partition(":")[2] or version
    return rule is None or any(fnmatchcase(text, glob) for glob in rule.values for text in (version, upstream))


def _expected(name: str, rule: PackageSpec) -> str:
    if rule.presence is Presence.FORBIDDEN:
        return f"no {name}"
    return f"{name} {rule.version}" if rule.version else name


def _format_packages(packages: list[_Package]) -> str:
    return ", ".join(map(str, packages))


CHECKER: Checker[Mapping[str, PackageSpec]] = Checker(
    section="packages",
    model=dict[PackageName, PackageSpec],
    checks=(
        Check(
            "package.version",
            # Running services are not affected, but the next deploy or upgrade fails:
            # internetarchive/openlibrary#7667
            Severity.WARNING,
            "the package is not installed, only partly installed, or has another version",
            "`apt-get install PACKAGE`",
        ),
    ),
    collected="`dpkg-query --show`",
    facts=probes,
    evaluate=evaluate,
)
