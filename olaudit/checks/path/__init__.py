"""path.*: files and directories exist, and are of the right type, owner, mode and content.

Links are followed (/opt may lie on an external volume), so a link to nothing counts as missing. A path that
is not there is one finding: what it should be like is judged only of what is there.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from olaudit.checker import Check, Checker
from olaudit.checks.path.observation import Entry, Seen, compare, find, matches, same, seen_glob, seen_paths, stat
from olaudit.checks.path.spec import Paths, PathSpec, is_glob
from olaudit.language import Presence
from olaudit.model import Answers, Command, Expectation, Result, Severity, Unanswered


def probes(spec: Mapping[str, PathSpec]) -> Iterator[Command]:
    """Ask for all plain paths at once, links followed and not, and for each glob and each content on its own."""
    if plain := _plain(spec):
        yield stat(plain, follow=True)
        yield stat(plain, follow=False)
    yield from (find(path) for path in spec if is_glob(path))
    yield from (compare(path, rule.content.equals) for path, rule in spec.items() if rule.content)


def evaluate(spec: Mapping[str, PathSpec], answers: Answers) -> Iterator[Result]:
    """Judge each path: whether it is there first, and then what it is like."""
    plain = _plain(spec)
    followed = seen_paths(plain, answers[stat(plain, follow=True)])
    unfollowed = seen_paths(plain, answers[stat(plain, follow=False)])
    for path, rule in spec.items():
        if path in followed:
            yield from _evaluate_path(path, rule, followed[path], unfollowed[path])
            if rule.content and (followed[path].live or followed[path].reason):
                yield _evaluate_content(path, rule, rule.content.equals, answers)
        else:
            seen = seen_glob(answers[find(path)])
            yield from _evaluate_path(path, rule, seen, seen)


def _plain(spec: Mapping[str, PathSpec]) -> tuple[str, ...]:
    return tuple(path for path in spec if not is_glob(path))


def _evaluate_path(path: str, rule: PathSpec, seen: Seen, unfollowed: Seen) -> Iterator[Result]:
    if rule.presence is Presence.FORBIDDEN:
        yield _forbidden(path, rule, unfollowed)
        return
    missing = _ask("missing", path, rule, "present" if rule.presence is Presence.REQUIRED else "present or absent")
    if seen.live:
        yield missing.ok("present")
        yield from (_evaluate_aspect(path, aspect, seen) for aspect in _aspects(path, rule))
    elif seen.reason:
        yield missing.unknown(seen.reason)
        yield from (aspect.expectation.unknown(seen.reason) for aspect in _aspects(path, rule))
    elif rule.presence is Presence.OPTIONAL:
        yield missing.ok("absent", "it may be absent")
    elif unfollowed.links:
        yield missing.drift("a link to nothing", f"{path} is a link to something that does not exist")
    else:
        yield missing.drift("absent", f"nothing matches {path}" if is_glob(path) else f"{path} does not exist")


def _evaluate_content(path: str, rule: PathSpec, other: str, answers: Answers) -> Result:
    expectation = _ask("content", path, rule, f"the same as {other}")
    equal = same(answers[compare(path, other)])
    if isinstance(equal, Unanswered):
        return expectation.unknown(equal.reason)
    if equal:
        return expectation.ok(expectation.expected)
    # The file that differs is kept beside: it may be somebody's hot patch.
    fix = shlex.join(("cp", "--backup=numbered", "--", other, path))
    return expectation.drift("another content", f"{path} differs from {other}", fix)


def _forbidden(path: str, rule: PathSpec, seen: Seen) -> Result:
    expectation = _ask("forbidden", path, rule, "absent")
    if seen.entries:
        there = ", ".join(entry.name for entry in seen.entries)
        return expectation.drift("present", f"{there} must not be there", _fix(path, ("rm", "-ri")))
    return expectation.unknown(seen.reason) if seen.reason else expectation.ok("absent")


def _ask(aspect: str, path: str, rule: PathSpec, expected: str) -> Expectation:
    return Expectation(
        check=f"path.{aspect}", subject=path, at=("paths", path), expected=expected, severity=rule.severity
    )


@dataclass(frozen=True, slots=True)
class _Aspect:
    """One thing to be right about everything that is there; `mend` is a command less its operands.

    What a matching link leads to has the type that was seen, but its owner and mode were not (`own`).
    """

    expectation: Expectation
    observe: Callable[[Entry], str]
    passes: Callable[[Entry], bool]
    fix: tuple[str, ...] = ()
    own: bool = True


def _aspects(path: str, rule: PathSpec) -> Iterator[_Aspect]:
    if rule.type:
        yield _Aspect(
            _ask("type", path, rule, rule.type), lambda e: e.type, lambda e: e.type == rule.type, own=False
        )
    owner, group = rule.owner, rule.group
    if owner or group:
        expected = f"{owner or ''}:{group}" if group else f"{owner}"
        yield _Aspect(
            _ask("owner", path, rule, expected),
            lambda e: f"{_shown(e.owner)}:{_shown(e.group)}",
            lambda e: owner in (None, *e.owner) and group in (None, *e.group),
            ("chown", expected),
        )
    if rule.mode:
        mode = int(rule.mode, 8)
        expected = f"{mode:04o}"
        yield _Aspect(
            _ask("mode", path, rule, expected),
            lambda e: f"{e.mode:04o}",
            lambda e: e.mode == mode,
            ("chmod", expected),
        )


def _shown(names: tuple[str, str]) -> str:
    return names[1] if names[0] == "UNKNOWN" else names[0]  # stat's word for an id that nobody has


def _evaluate_aspect(path: str, aspect: _Aspect, seen: Seen) -> Result:
    links = [entry.name for entry in seen.live if entry.linked and aspect.own]
    wrong = [entry for entry in seen.live if entry.name not in links and not aspect.passes(entry)]
    if not wrong and (seen.reason or links):
        reason = seen.reason or f"{', '.join(links)} is a link; expect this of what it leads to instead"
        return aspect.expectation.unknown(f"not all matches could be seen: {reason}")
    observed = ", ".join(dict.fromkeys(aspect.observe(entry) for entry in wrong or seen.live))
    if not wrong:
        return aspect.expectation.ok(observed)
    names = ", ".join(entry.name for entry in wrong)
    message = f"{names}: {observed} instead of {aspect.expectation.expected}"
    return aspect.expectation.drift(observed, message, _fix(path, aspect.fix) if aspect.fix else None)


def _fix(path: str, command: tuple[str, ...]) -> str:
    return shlex.join((*matches(path), "-exec", *command, "{}", "+") if is_glob(path) else (*command, "--", path))


CHECKER: Checker[Mapping[str, PathSpec]] = Checker(
    section="paths",
    model=Paths,
    ids=(
        Check(
            "path.missing",
            Severity.CRITICAL,
            "nothing is there, a link to nothing is, or no file matches",
            "deploy it again",
        ),
        Check(
            "path.type",
            Severity.CRITICAL,
            "it is a directory instead of a file, or the other way round",
            "move it away, and deploy again",
        ),
        Check("path.owner", Severity.WARNING, "it belongs to another user or group", "`chown OWNER:GROUP PATH`"),
        Check("path.mode", Severity.WARNING, "it has another mode", "`chmod MODE PATH`"),
        Check(
            "path.content",
            Severity.WARNING,
            "it differs from the file that it should equal",
            "`cp --backup=numbered SOURCE PATH`",
        ),
        Check("path.forbidden", Severity.CRITICAL, "something is there that must not be", "`rm -ri PATH`"),
    ),
    collected="`stat`, with links followed and not; `find` for wildcards, and `cmp` for content",
    probes=probes,
    evaluate=evaluate,
)
