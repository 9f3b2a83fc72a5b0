"""path.*: files and directories exist, with the expected type, owner, mode and content.

Links are followed (/opt may be on an external volume), so a dangling link counts as missing. A missing path gives
one finding: type, owner, mode and content are evaluated only for files that exist.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from olaudit.checker import Checker
from olaudit.checks.path.observation import (
    FileEntry,
    PathObservation,
    compare_probe,
    find_matches,
    find_probe,
    parse_comparison,
    parse_find,
    parse_stat,
    stat_probe,
)
from olaudit.checks.path.spec import Paths, PathSpec, is_glob
from olaudit.language import Presence
from olaudit.model import Answers, Check, Command, Expectation, Result, Severity, Unanswered


def probes(spec: Mapping[str, PathSpec]) -> Iterator[Command]:
    """Build two probes for all plain paths, with links followed and not, and one per glob and per content."""
    if plain := _plain_paths(spec):
        yield stat_probe(plain, follow=True)
        yield stat_probe(plain, follow=False)
    yield from (find_probe(path) for path in spec if is_glob(path))
    yield from (compare_probe(path, rule.content.equals) for path, rule in spec.items() if rule.content)


def evaluate(spec: Mapping[str, PathSpec], answers: Answers) -> Iterator[Result]:
    """Evaluate each path: whether it exists, then its type, owner, mode and content."""
    plain = _plain_paths(spec)
    followed = parse_stat(plain, answers[stat_probe(plain, follow=True)])
    unfollowed = parse_stat(plain, answers[stat_probe(plain, follow=False)])
    for path, rule in spec.items():
        if path in followed:
            yield from _evaluate_path(path, rule, followed[path], unfollowed[path])
            if rule.content and (followed[path].present or followed[path].reason):
                yield _evaluate_content(path, rule, rule.content.equals, answers)
        else:
            matches = parse_find(answers[find_probe(path)])
            yield from _evaluate_path(path, rule, matches, matches)


def _plain_paths(spec: Mapping[str, PathSpec]) -> tuple[str, ...]:
    return tuple(path for path in spec if not is_glob(path))


def _evaluate_path(
    path: str, rule: PathSpec, followed: PathObservation, unfollowed: PathObservation
) -> Iterator[Result]:
    if rule.presence is Presence.FORBIDDEN:
        yield _evaluate_forbidden(path, rule, unfollowed)
        return
    expected = "present" if rule.presence is Presence.REQUIRED else "present or absent"
    missing = _expectation("missing", path, rule, expected)
    if followed.present:
        yield missing.ok("present")
        yield from (_evaluate_attribute(path, attribute, followed) for attribute in _attributes(path, rule))
    elif followed.reason:
        yield missing.unknown(followed.reason)
        yield from (attribute.expectation.unknown(followed.reason) for attribute in _attributes(path, rule))
    elif rule.presence is Presence.OPTIONAL:
        yield missing.ok("absent", "it may be absent")
    elif unfollowed.links:
        yield missing.drift("a dangling link", f"{path} is a link whose target does not exist")
    else:
        yield missing.drift("absent", f"no file matches {path}" if is_glob(path) else f"{path} does not exist")


def _evaluate_content(path: str, rule: PathSpec, other: str, answers: Answers) -> Result:
    expectation = _expectation("content", path, rule, f"the same as {other}")
    equal = parse_comparison(answers[compare_probe(path, other)])
    if isinstance(equal, Unanswered):
        return expectation.unknown(equal.reason)
    if equal:
        return expectation.ok(expectation.expected)
    # The fix keeps the file that differs as a backup: it may contain a hot patch.
    fix = shlex.join(("cp", "--backup=numbered", "--", other, path))
    return expectation.drift("different content", f"{path} differs from {other}", fix)


def _evaluate_forbidden(path: str, rule: PathSpec, observation: PathObservation) -> Result:
    expectation = _expectation("forbidden", path, rule, "absent")
    if observation.entries:
        names = ", ".join(entry.name for entry in observation.entries)
        return expectation.drift("present", f"{names} must not exist", _fix(path, ("rm", "-ri")))
    return expectation.unknown(observation.reason) if observation.reason else expectation.ok("absent")


def _expectation(aspect: str, path: str, rule: PathSpec, expected: str) -> Expectation:
    return Expectation(
        check=f"path.{aspect}", subject=path, at=("paths", path), expected=expected, severity=rule.severity
    )


@dataclass(frozen=True, slots=True)
class _Attribute:
    """An attribute that all existing files must have; `fix` is a command without its operands.

    For a match of a glob that is a link, `find` reads the type of the target, but the owner and mode of the link.
    `of_target` marks the attribute that is read from the target.
    """

    expectation: Expectation
    observe: Callable[[FileEntry], str]
    passes: Callable[[FileEntry], bool]
    fix: tuple[str, ...] = ()
    of_target: bool = False


def _attributes(path: str, rule: PathSpec) -> Iterator[_Attribute]:
    if rule.type:
        yield _Attribute(
            _expectation("type", path, rule, rule.type),
            lambda entry: entry.type,
            lambda entry: entry.type == rule.type,
            of_target=True,
        )
    owner, group = rule.owner, rule.group
    if owner or group:
        expected = f"{owner or ''}:{group}" if group else f"{owner}"
        yield _Attribute(
            _expectation("owner", path, rule, expected),
            lambda entry: f"{_name_or_id(entry.owner)}:{_name_or_id(entry.group)}",
            lambda entry: owner in (None, *entry.owner) and group in (None, *entry.group),
            ("chown", expected),
        )
    if rule.mode:
        mode = int(rule.mode, 8)
        expected = f"{mode:04o}"
        yield _Attribute(
            _expectation("mode", path, rule, expected),
            lambda entry: f"{entry.mode:04o}",
            lambda entry: entry.mode == mode,
            ("chmod", expected),
        )


def _name_or_id(names: tuple[str, str]) -> str:
    return names[1] if names[0] == "UNKNOWN" else names[0]  # stat prints UNKNOWN for an id without a name


def _evaluate_attribute(path: str, attribute: _Attribute, observation: PathObservation) -> Result:
    links = [entry.name for entry in observation.present if entry.linked and not attribute.of_target]
    wrong = [entry for entry in observation.present if entry.name not in links and not attribute.passes(entry)]
    if not wrong and (observation.reason or links):
        reason = observation.reason or f"{', '.join(links)} is a link; set this expectation on its target instead"
        return attribute.expectation.unknown(f"cannot check all matches: {reason}")
    observed = ", ".join(dict.fromkeys(attribute.observe(entry) for entry in wrong or observation.present))
    if not wrong:
        return attribute.expectation.ok(observed)
    names = ", ".join(entry.name for entry in wrong)
    message = f"{names}: {observed} instead of {attribute.expectation.expected}"
    return attribute.expectation.drift(observed, message, _fix(path, attribute.fix) if attribute.fix else None)


def _fix(path: str, command: tuple[str, ...]) -> str:
    if is_glob(path):
        return shlex.join((*find_matches(path), "-exec", *command, "{}", "+"))
    return shlex.join((*command, "--", path))


CHECKER: Checker[Mapping[str, PathSpec]] = Checker(
    section="paths",
    model=Paths,
    checks=(
        Check(
            "path.missing",
            Severity.CRITICAL,
            "the path does not exist, is a dangling link, or no file matches",
            "deploy it again",
        ),
        Check(
            "path.type",
            Severity.CRITICAL,
            "it is a directory instead of a file, or a file instead of a directory",
            "move it away, then deploy again",
        ),
        Check("path.owner", Severity.WARNING, "it belongs to another user or group", "`chown OWNER:GROUP PATH`"),
        Check("path.mode", Severity.WARNING, "it has another mode", "`chmod MODE PATH`"),
        Check(
            "path.content",
            Severity.WARNING,
            "it differs from the file that it must equal",
            "`cp --backup=numbered SOURCE PATH`",
        ),
        Check("path.forbidden", Severity.CRITICAL, "a file exists that must not exist", "`rm -ri PATH`"),
    ),
    collected="`stat`, with links followed and not; `find` for wildcards; `cmp` for content",
    facts=probes,
    evaluate=evaluate,
)
