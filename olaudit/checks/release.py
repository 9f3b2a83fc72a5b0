"""host.os: the machine runs the expected operating system release."""

from collections.abc import Iterator
from functools import partial

from olaudit.checker import Checker
from olaudit.facts.os_release import RELEASE, Release
from olaudit.language import Expect, Section
from olaudit.model import Check, Expectation, Facts, Result, Severity


class OsSpec(Section):
    """Expected release, as in os-release(5): `id: ubuntu`, `version_id: "14.04"`, `codename: trusty`."""

    id: Expect[str]
    version_id: Expect[str]
    codename: Expect[str] | None = None
    severity: Severity | None = None

    def __str__(self) -> str:
        return _format_release(str(self.id), str(self.version_id), str(self.codename or ""))


CHECK = Check(
    "host.os",
    # No outage, but packages, init system and end of support differ from what the team expects.
    Severity.WARNING,
    "the machine runs another release than expected",
    "upgrade the machine, or correct the expected file",
)


def evaluate(spec: OsSpec, facts: Facts) -> Iterator[Result]:
    """Compare id, version and codename; the finding points to the first one that differs."""
    yield _expectation(spec).evaluate(facts[RELEASE], partial(_evaluate, spec))


def _evaluate(spec: OsSpec, release: Release) -> Result:
    observed = _format_release(release.id, release.version_id, release.codename)
    for key in ("id", "version_id", "codename"):
        rule: Expect[str] | None = getattr(spec, key)
        if rule and getattr(release, key) not in rule.values:
            # No command: a release upgrade takes a day, and the expected file may be outdated.
            return _expectation(spec, key).drift(observed, f"the machine runs {observed}")
    return _expectation(spec).ok(observed)


def _expectation(spec: OsSpec, *key: str) -> Expectation:
    return CHECK.expect("os", ("os", *key), str(spec), severity=spec.severity, based_on=(RELEASE,))


def _format_release(id_: str, version: str, codename: str) -> str:
    return " ".join(part for part in (id_, version, codename and f"({codename})") if part)


CHECKER = Checker(
    section="os",
    model=OsSpec,
    checks=(CHECK,),
    collected="`/etc/os-release`: ID, VERSION_ID and the codename",
    facts=lambda _spec: (RELEASE,),
    evaluate=evaluate,
)
