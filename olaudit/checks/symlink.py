"""symlink.target and symlink.dangling: the links that make a deploy live lead where they should.

What a link *resolves to* is compared with what each accepted target resolves to: links are made relative and by
commit (`ln -s deploys/openlibrary/COMMITSHA openlibrary`), and /opt itself may be a link to another volume.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from olaudit.checker import Check, Checker
from olaudit.language import AbsolutePath, Expect, Section
from olaudit.model import Answer, Answers, Command, Expectation, Result, Severity, Unanswered

_COMMIT = "<commit>"
_ABSENT = ("No such file or directory", "Not a directory")


class SymlinkSpec(Section):
    """Where one link should lead. In a target `<commit>` stands for 7 to 40 lowercase hexadecimal digits."""

    target: Expect[AbsolutePath]
    severity: Severity | None = None


Symlinks = dict[AbsolutePath, SymlinkSpec]


# --- asking ----------------------------------------------------------------------------------------------------


def _anchor(target: str) -> str:
    """Give the part of a target that can be resolved: the directories before a placeholder, else all of it."""
    head, placeholder, _ = target.partition(_COMMIT)
    return posixpath.dirname(head) if placeholder else target


def _asked(spec: Mapping[str, SymlinkSpec]) -> tuple[str, ...]:
    anchors = (_anchor(target) for rule in spec.values() for target in rule.target.values)
    return tuple(dict.fromkeys((*spec, *anchors)))


def _look(paths: tuple[str, ...]) -> Command:
    # %y is the type, %Y that of what a link leads to (N: nothing, L: itself, ?: could not be seen), %l its text.
    argv = ("find", *paths, "-maxdepth", "0", "-printf", "%y\\t%Y\\t%p\\t%l\\n")
    return Command(argv, may_hang=True, statuses=(0, 1))  # 1: not all could be seen


def _resolve(paths: tuple[str, ...]) -> Command:
    # Not `realpath -m`: the program of that name on Ubuntu 14.04 is another one, without that option.
    return Command(("readlink", "-m", "--", *paths), may_hang=True)


def probes(spec: Mapping[str, SymlinkSpec]) -> tuple[Command, ...]:
    """Ask what all links and targets are, and what they resolve to."""
    asked = _asked(spec)
    return (_look(asked), _resolve(asked)) if asked else ()


# --- understanding ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is at one path. Nothing, if there is neither a `type` nor a `reason` why it could not be seen."""

    type: str = ""
    end: str = ""
    text: str = ""
    reason: str = ""


def _seen(paths: tuple[str, ...], answer: Answer) -> dict[str, _Seen]:
    """Tell the paths apart: each gives one record, and one error line unless it could be seen, in order.

    A link's text may hold line breaks and so forge records; then there are more than there should be, and
    nothing of the answer is believed.
    """
    if isinstance(answer, Unanswered):
        return dict.fromkeys(paths, _Seen(reason=answer.reason))
    *lines, rest = answer.stdout.split("\n")
    records = [line.split("\t", 3) for line in lines]
    seen = {fields[2]: _Seen(fields[0], fields[1], fields[3]) for fields in records if len(fields) == 4}
    blind = [path for path in paths if path not in seen or seen[path].end == "?"]
    reasons = [line.strip().rpartition(": ")[2] for line in answer.stderr.split("\n") if line.strip()]
    if rest or len(seen) != len(records) or not seen.keys() <= set(paths) or len(blind) != len(reasons):
        return dict.fromkeys(paths, _Seen(reason=f"find's answer makes no sense: {answer.stderr[:200]!r}"))
    for path, reason in zip(blind, reasons, strict=True):
        if reason not in _ABSENT:
            seen[path] = _Seen(reason=reason)
        elif path in seen:
            seen[path] = _Seen(seen[path].type, "N", seen[path].text)
    return {path: seen.get(path, _Seen()) for path in paths}


def _resolved(paths: tuple[str, ...], answer: Answer) -> dict[str, str] | Unanswered:
    if isinstance(answer, Unanswered):
        return answer
    *lines, rest = answer.stdout.split("\n")
    if rest or len(lines) != len(paths) or not all(line.startswith("/") for line in lines):
        return Unanswered(f"readlink's answer makes no sense: {answer.stderr[:200]!r}")
    return dict(zip(paths, lines, strict=True))


# --- judging ---------------------------------------------------------------------------------------------------


def evaluate(spec: Mapping[str, SymlinkSpec], answers: Answers) -> Iterator[Result]:
    """Judge each link: whether it is one, whether it leads anywhere, and whether it leads where it should."""
    asked = _asked(spec)
    seen = _seen(asked, answers[_look(asked)])
    resolved = _resolved(asked, answers[_resolve(asked)])
    for link, rule in spec.items():
        yield from _evaluate_link(link, rule, seen, resolved)


def _evaluate_link(
    link: str, rule: SymlinkSpec, seen: Mapping[str, _Seen], resolved: Mapping[str, str] | Unanswered
) -> Iterator[Result]:
    target = _ask("target", link, rule, str(rule.target))
    dangling = _ask("dangling", link, rule, "it leads to something")
    this = seen[link]
    if this.reason:
        yield target.unknown(this.reason)
        yield dangling.unknown(this.reason)
    elif not this.type:
        yield target.drift("absent", f"there is no {link}", _fix(link, rule))
    elif this.type != "l":
        what = {"d": "a directory", "f": "a file"}.get(this.type, "a special file")
        # No command for this one: `ln` would put the link into the directory, or the file would be lost.
        yield target.drift(what, f"{link} is {what} and not a link: move that away, then make the link")
    elif this.end in ("N", "L"):
        # Another link helps only if the text is wrong; if it is right, the deploy itself is missing.
        fix = None if _is_accepted_text(link, this.text, rule) else _fix(link, rule)
        yield dangling.drift(this.text, f"{link} leads to {this.text!r}, which does not exist", fix)
    else:
        yield _evaluate_target(target, rule, seen, resolved, link)
        yield dangling.ok(this.text)


def _evaluate_target(
    expectation: Expectation,
    rule: SymlinkSpec,
    seen: Mapping[str, _Seen],
    resolved: Mapping[str, str] | Unanswered,
    link: str,
) -> Result:
    text = seen[link].text
    if _is_accepted_text(link, text, rule):
        return expectation.ok(text)
    if isinstance(resolved, Unanswered):
        return expectation.unknown(resolved.reason)
    end = resolved[link]
    for target in rule.target.values:
        anchor = _anchor(target)
        base, rest = resolved[anchor].rstrip("/"), target.removeprefix(anchor.rstrip("/"))
        if re.fullmatch(re.escape(base) + _pattern(rest), end.rstrip("/")):
            return expectation.ok(text, f"it leads to {end}")
    for target in rule.target.values:
        if reason := seen[_anchor(target)].reason:
            return expectation.unknown(f"what {target} leads to could not be seen: {reason}")
    return expectation.drift(text, f"{link} leads to {end!r} and not to {rule.target}", _fix(link, rule))


def _ask(aspect: str, link: str, rule: SymlinkSpec, expected: str) -> Expectation:
    at = ("symlinks", link, "target")
    return Expectation(check=f"symlink.{aspect}", subject=link, at=at, expected=expected, severity=rule.severity)


def _is_accepted_text(link: str, text: str, rule: SymlinkSpec) -> bool:
    """Say whether a link names an accepted target itself, in one step, absolute or relative."""
    if ".." in text.split("/"):
        return False  # where ".." leads to depends on the links before it
    named = posixpath.normpath(posixpath.join(posixpath.dirname(link), text))
    return any(re.fullmatch(_pattern(target), named) for target in rule.target.values)


def _pattern(target: str) -> str:
    return "[0-9a-f]{7,40}".join(map(re.escape, target.split(_COMMIT)))


def _fix(link: str, rule: SymlinkSpec) -> str | None:
    target = rule.target.value
    return None if _COMMIT in target else shlex.join(("ln", "-sfn", target, link))


CHECKER: Checker[Mapping[str, SymlinkSpec]] = Checker(
    section="symlinks",
    model=Symlinks,
    ids=(
        Check(
            "symlink.target",
            Severity.CRITICAL,
            "it leads elsewhere, is not there, or is not a link",
            "`ln -sfn TARGET LINK`",
        ),
        Check(
            "symlink.dangling",
            Severity.CRITICAL,
            "it leads to nothing",
            "`ln -sfn TARGET LINK`, or deploy what it should lead to",
        ),
    ),
    collected="`find -printf` for the links, `readlink -m` for what they and the accepted targets resolve to",
    probes=probes,
    evaluate=evaluate,
)
