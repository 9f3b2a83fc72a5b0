"""path.*: files and directories exist, with the expected type, owner, mode and content.

Links are followed (/opt may be on an external volume), so a dangling link counts as missing. A missing path gives
one finding: type, owner, mode and content are evaluated only for files that exist.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from olaudit.checker import Checker
from olaudit.checks.path.spec import Paths, PathSpec, is_glob
from olaudit.facts.files import FileEntry, Files, equal_files, files_at, find_command, matching_files
from olaudit.language import Presence
from olaudit.model import Basis, Check, Expectation, Fact, Facts, Result, Severity, Unknown

MISSING = Check(
    "path.missing",
    Severity.CRITICAL,
    "the path does not exist, is a dangling link, or no file matches",
    "deploy it again",
)
TYPE = Check(
    "path.type",
    Severity.CRITICAL,
    "it is a directory instead of a file, or a file instead of a directory",
    "move it away, then deploy again",
)
OWNER = Check("path.owner", Severity.WARNING, "it belongs to another user or group", "`chown OWNER:GROUP PATH`")
MODE = Check("path.mode", Severity.WARNING, "it has another mode", "`chmod MODE PATH`")
CONTENT = Check(
    "path.content",
    Severity.WARNING,
    "it differs from the file that it must equal",
    "`cp --backup=numbered SOURCE PATH`",
)
FORBIDDEN = Check("path.forbidden", Severity.CRITICAL, "a file exists that must not exist", "`rm -ri PATH`")


def _facts(spec: Mapping[str, PathSpec]) -> Iterator[Fact[Any]]:
    """Yield two facts for all plain paths, with links followed and not, and one per glob and per content."""
    if plain := _plain_paths(spec):
        yield files_at(plain, follow=True)
        yield files_at(plain, follow=False)
    yield from (matching_files(path) for path in spec if is_glob(path))
    yield from (equal_files(path, rule.content.equals) for path, rule in spec.items() if rule.content)


def _plain_paths(spec: Mapping[str, PathSpec]) -> tuple[str, ...]:
    return tuple(path for path in spec if not is_glob(path))


def evaluate(spec: Mapping[str, PathSpec], facts: Facts) -> Iterator[Result]:
    """Evaluate each path: whether it exists, then its type, owner, mode and content."""
    plain = _plain_paths(spec)
    for path, rule in spec.items():
        if is_glob(path):
            followed = unfollowed = _observe(path, matching_files(path), facts)
        else:
            followed = _observe(path, files_at(plain, follow=True), facts)
            unfollowed = _observe(path, files_at(plain, follow=False), facts)
        yield from _evaluate_path(path, rule, followed, unfollowed)
        if rule.content and (followed.files.present or followed.files.unread):
            yield _evaluate_content(path, rule, rule.content.equals, facts)


@dataclass(frozen=True, slots=True)
class _Observed:
    """The files at one path or glob, and the fact that they come from."""

    path: str
    files: Files
    fact: Fact[Mapping[str, Files]]

    def about(self, *entries: FileEntry) -> Basis:
        """Return the part of the fact that is about `entries`; the answer about a glob has only names."""
        return self.fact.about(*([entry.name for entry in entries] if is_glob(self.path) else [self.path]))


def _observe(path: str, fact: Fact[Mapping[str, Files]], facts: Facts) -> _Observed:
    value = facts[fact]
    return _Observed(path, Files(unread=value) if isinstance(value, Unknown) else value[path], fact)


def _expect(check: Check, path: str, rule: PathSpec, expected: str, *based_on: Basis) -> Expectation:
    return check.expect(path, ("paths", path), expected, severity=rule.severity, based_on=based_on)


def _evaluate_path(path: str, rule: PathSpec, followed: _Observed, unfollowed: _Observed) -> Iterator[Result]:
    if rule.presence is Presence.FORBIDDEN:
        yield _evaluate_forbidden(path, rule, unfollowed)
        return
    expected = "present" if rule.presence is Presence.REQUIRED else "present or absent"
    files, links = followed.files, unfollowed.files.links
    missing = _expect(MISSING, path, rule, expected, followed.about(*files.present[:1]))
    if files.present:
        yield missing.ok("present")
    elif files.unread:
        yield missing.unknown(files.unread.reason)
    elif rule.presence is Presence.OPTIONAL:
        yield missing.ok("absent", "it may be absent")
    else:
        based_on = dict.fromkeys((followed.about(*links), unfollowed.about(*links)))
        yield _evaluate_absent(_expect(MISSING, path, rule, expected, *based_on), is_link=bool(links))
    if files.present or files.unread:
        yield from (_evaluate_attribute(rule, attribute, followed) for attribute in _attributes(rule))


def _evaluate_absent(expectation: Expectation, *, is_link: bool) -> Result:
    path = expectation.subject
    if is_link:
        return expectation.drift("a dangling link", f"{path} is a link whose target does not exist")
    return expectation.drift("absent", f"no file matches {path}" if is_glob(path) else f"{path} does not exist")


def _evaluate_forbidden(path: str, rule: PathSpec, observed: _Observed) -> Result:
    files = observed.files
    expectation = _expect(FORBIDDEN, path, rule, "absent", observed.about(*files.entries))
    if files.entries:
        names = ", ".join(entry.name for entry in files.entries)
        return expectation.drift("present", f"{names} must not exist", _fix(path, ("rm", "-ri")))
    return expectation.unknown(files.unread.reason) if files.unread else expectation.ok("absent")


def _evaluate_content(path: str, rule: PathSpec, other: str, facts: Facts) -> Result:
    fact = equal_files(path, other)
    expectation = _expect(CONTENT, path, rule, f"the same as {other}", Basis(fact))
    # The fix keeps the file that differs as a backup: it may contain a hot patch.
    fix = shlex.join(("cp", "--backup=numbered", "--", other, path))
    drift = expectation.drift("different content", f"{path} differs from {other}", fix)
    return expectation.evaluate(
        facts[fact], lambda equal: expectation.ok(expectation.expected) if equal else drift
    )


@dataclass(frozen=True, slots=True)
class _Attribute:
    """An attribute that all existing files must have; `fix` is a command without its operands.

    For a match of a glob that is a link, `find` reads the type of the target, but the owner and mode of the link.
    `of_target` marks the attribute that is read from the target.
    """

    check: Check
    expected: str
    observe: Callable[[FileEntry], str]
    passes: Callable[[FileEntry], bool]
    fix: tuple[str, ...] = ()
    of_target: bool = False


def _attributes(rule: PathSpec) -> Iterator[_Attribute]:
    if rule.type:
        yield _Attribute(
            TYPE, rule.type, lambda entry: entry.type, lambda entry: entry.type == rule.type, of_target=True
        )
    owner, group = rule.owner, rule.group
    if owner or group:
        expected = f"{owner or ''}:{group}" if group else f"{owner}"
        yield _Attribute(
            OWNER,
            expected,
            lambda entry: f"{_name_or_id(entry.owner)}:{_name_or_id(entry.group)}",
            lambda entry: owner in (None, *entry.owner) and group in (None, *entry.group),
            ("chown", expected),
        )
    if rule.mode:
        mode = int(rule.mode, 8)
        expected = f"{mode:04o}"
        yield _Attribute(
            MODE,
            expected,
            lambda entry: f"{entry.mode:04o}",
            lambda entry: entry.mode == mode,
            ("chmod", expected),
        )


def _name_or_id(names: tuple[str, str]) -> str:
    return names[1] if names[0] == "UNKNOWN" else names[0]  # stat prints UNKNOWN for an id without a name


def _evaluate_attribute(rule: PathSpec, attribute: _Attribute, observed: _Observed) -> Result:
    path, unread, present = observed.path, observed.files.unread, observed.files.present
    links = [] if attribute.of_target else [entry for entry in present if entry.linked]
    wrong = [entry for entry in present if entry not in links and not attribute.passes(entry)]
    based_on = observed.about(*(wrong or links or present))
    expectation = _expect(attribute.check, path, rule, attribute.expected, based_on)
    if not present and unread:
        return expectation.unknown(unread.reason)
    names = ", ".join(entry.name for entry in wrong or links)
    if not wrong and (unread or links):
        reason = unread.reason if unread else f"{names} is a link; set this expectation on its target instead"
        return expectation.unknown(f"cannot check all matches: {reason}")
    values = ", ".join(dict.fromkeys(attribute.observe(entry) for entry in wrong or present))
    if not wrong:
        return expectation.ok(values)
    fix = _fix(path, attribute.fix) if attribute.fix else None
    return expectation.drift(values, f"{names}: {values} instead of {attribute.expected}", fix)


def _fix(path: str, command: tuple[str, ...]) -> str:
    if is_glob(path):
        return shlex.join((*find_command(path), "-exec", *command, "{}", "+"))
    return shlex.join((*command, "--", path))


CHECKER: Checker[Mapping[str, PathSpec]] = Checker(
    section="paths",
    model=Paths,
    checks=(MISSING, TYPE, OWNER, MODE, CONTENT, FORBIDDEN),
    collected="`stat`, with links followed and not; `find` for wildcards; `cmp` for content",
    facts=_facts,
    evaluate=evaluate,
)
