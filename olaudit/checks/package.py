"""package.version: the packages that a host needs are installed, in a version that will do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import StringConstraints

from olaudit.checker import Check, Checker
from olaudit.language import Expect, Presence, Section
from olaudit.model import Answer, Answers, Command, Expectation, Result, Severity, Unanswered

# Names alone: to dpkg-query "*" and "?" are patterns.
PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]

_FORMAT = "--showformat=${Package}\\t${Version}\\t${Status}\\n"
_WITNESS = "dpkg"
"""Is installed wherever dpkg is: without its row dpkg-query did not read the database, and says so of no name."""

_UNKNOWN = re.compile(r"(?:dpkg-query: )?no packages found matching (\S+)")
_ROW = re.compile(r"([^\t]+)\t([^\t]*)\t(\S+) (\S+) (\S+)")


class PackageSpec(Section):
    """One package, or another in its stead (`accept`).

    `version` is a glob, which the version with or without its epoch must match: "20.10.*".
    """

    accept: tuple[PackageName, ...] = ()
    version: Expect[str] | None = None
    presence: Presence = Presence.REQUIRED
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class _Package:
    """What dpkg says of one package; `status` is "installed" if all is well with it."""

    name: str
    version: str
    status: str

    def __str__(self) -> str:
        """Show it on one line."""
        return f"{self.name} {self.version}" + ("" if self.status == "installed" else f" ({self.status})")


def _look(spec: Mapping[str, PackageSpec]) -> Command:
    # 1: at least one name is not known to it
    return Command(("dpkg-query", "--show", _FORMAT, *_names(spec)), statuses=(0, 1))


def _names(spec: Mapping[str, PackageSpec]) -> tuple[str, ...]:
    return tuple(sorted({_WITNESS, *(name for key, rule in spec.items() for name in (key, *rule.accept))}))


def probes(spec: Mapping[str, PackageSpec]) -> tuple[Command, ...]:
    """Ask for all packages at once."""
    return (_look(spec),) if spec else ()


def evaluate(spec: Mapping[str, PackageSpec], answers: Answers) -> Iterator[Result]:
    """Judge each package, or the first there is of those that may stand in for it."""
    packages = _packages(_names(spec), answers[_look(spec)])
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
            there = [packages[one] for one in (name, *rule.accept) if one in packages]
            yield _evaluate(expectation, rule, there)


def _packages(names: tuple[str, ...], answer: Answer) -> dict[str, _Package] | Unanswered:
    """Parse dpkg-query's rows: each of `names` has one, or an error line that says that dpkg does not know it.

    Of a package that was removed, or was never there, dpkg may still know the name.
    """
    if isinstance(answer, Unanswered):
        return answer
    *lines, rest = answer.stdout.split("\n")
    errors = [line for line in answer.stderr.split("\n") if line]
    rows = [match.groups() for line in lines if (match := _ROW.fullmatch(line))]
    unknown = [match[1].rstrip(".") for line in errors if (match := _UNKNOWN.match(line))]
    understood = (len(rows), len(unknown)) == (len(lines), len(errors)) and not rest
    if not understood or sorted({*unknown, *(row[0] for row in rows)}) != list(names):
        excerpt = (answer.stderr or answer.stdout).strip()[:200]
        return Unanswered(f"dpkg-query's answer is not understood: {excerpt!r}")
    packages = {
        name: _Package(name, version[:100], status if error == "ok" else error)
        for name, version, _, error, status in rows
        if status not in ("not-installed", "config-files")
    }
    return packages if _WITNESS in packages else Unanswered(f"dpkg does not list {_WITNESS}: no package database")


def _evaluate(expectation: Expectation, rule: PackageSpec, there: list[_Package]) -> Result:
    names = " ".join(one.name for one in there)
    match rule.presence, bool(there):
        case Presence.FORBIDDEN, True:
            message = f"{_listed(there)} is installed, and should not be"
            return expectation.drift(_listed(there), message, f"apt-get remove {names}")
        case Presence.FORBIDDEN | Presence.OPTIONAL, False:
            return expectation.ok("not installed")
        case Presence.REQUIRED, False:
            name = expectation.subject
            others = f", nor is {' or '.join(rule.accept)}" if rule.accept else ""
            return expectation.drift(
                "not installed", f"{name} is not installed{others}", f"apt-get install {name}"
            )
        case _:
            return _evaluate_versions(expectation, rule, there)


def _evaluate_versions(expectation: Expectation, rule: PackageSpec, there: list[_Package]) -> Result:
    for one in there:
        if one.status != "installed":
            message = f"the installation of {one.name} was broken off: {one.status}"
            return expectation.drift(str(one), message, "dpkg --configure -a")
    for one in there:
        if _is_accepted(one.version, rule.version):
            return expectation.ok(str(one))
    message = f"{_listed(there)} is installed, not {rule.version}"
    return expectation.drift(_listed(there), message, f"apt-get install {there[0].name}")


def _is_accepted(version: str, rule: Expect[str] | None) -> bool:
    upstream = version.partition(":")[2] or version
    return rule is None or any(fnmatchcase(one, glob) for glob in rule.values for one in (version, upstream))


def _expected(name: str, rule: PackageSpec) -> str:
    if rule.presence is Presence.FORBIDDEN:
        return f"no {name}"
    return f"{name} {rule.version}" if rule.version else name


def _listed(packages: list[_Package]) -> str:
    return ", ".join(map(str, packages))


CHECKER: Checker[Mapping[str, PackageSpec]] = Checker(
    section="packages",
    model=dict[PackageName, PackageSpec],
    ids=(
        Check(
            "package.version",
            # What runs goes on running; the next deploy or upgrade goes wrong (internetarchive/openlibrary#7667).
            Severity.WARNING,
            "it is not installed, is half installed, or has another version",
            "`apt-get install PACKAGE`",
        ),
    ),
    collected="`dpkg-query --show`",
    probes=probes,
    evaluate=evaluate,
)
