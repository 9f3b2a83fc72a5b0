"""package.version: the packages that a host needs are installed, in an accepted version."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Annotated

from pydantic import StringConstraints

from olaudit.checker import Checker
from olaudit.facts.packages import Package, packages
from olaudit.language import Expect, Presence, Section
from olaudit.model import Check, Expectation, Fact, Facts, Result, Severity

# Plain names only: dpkg-query treats "*" and "?" as patterns.
PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]


class PackageSpec(Section):
    """Expected package, with accepted replacements (`accept`).

    `version` is a glob that the version must match, with or without its epoch: "20.10.*".
    """

    accept: tuple[PackageName, ...] = ()
    version: Expect[str] | None = None
    presence: Presence = Presence.REQUIRED
    severity: Severity | None = None


VERSION = Check(
    "package.version",
    # Running services are not affected, but the next deploy or upgrade fails: internetarchive/openlibrary#7667
    Severity.WARNING,
    "the package is not installed, only partly installed, or has another version",
    "`apt-get install PACKAGE`",
)


def _fact(spec: Mapping[str, PackageSpec]) -> Fact[Mapping[str, Package]]:
    return packages(name for key, rule in spec.items() for name in (key, *rule.accept))


def evaluate(spec: Mapping[str, PackageSpec], facts: Facts) -> Iterator[Result]:
    """Evaluate each package together with its accepted replacements."""
    fact = _fact(spec)
    for name, rule in spec.items():
        at, based_on = ("packages", name), (fact.about(name, *rule.accept),)
        expectation = VERSION.expect(name, at, _expected(name, rule), severity=rule.severity, based_on=based_on)
        yield expectation.evaluate(facts[fact], partial(_evaluate, expectation, rule))


def _evaluate(expectation: Expectation, rule: PackageSpec, packages_by_name: Mapping[str, Package]) -> Result:
    installed = [
        packages_by_name[name] for name in (expectation.subject, *rule.accept) if name in packages_by_name
    ]
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


def _evaluate_versions(expectation: Expectation, rule: PackageSpec, installed: list[Package]) -> Result:
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


def _format_packages(packages: list[Package]) -> str:
    return ", ".join(map(str, packages))


CHECKER: Checker[Mapping[str, PackageSpec]] = Checker(
    section="packages",
    model=dict[PackageName, PackageSpec],
    checks=(VERSION,),
    collected="`dpkg-query --show`",
    facts=lambda spec: (_fact(spec),) if spec else (),
    evaluate=evaluate,
)
