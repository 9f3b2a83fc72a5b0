"""symlink.target and symlink.dangling: the symbolic links that activate a deploy point to the expected targets.

The path that a link *resolves to* is compared with the path that each accepted target resolves to. Deploys create
relative links with a commit (`ln -s deploys/openlibrary/COMMITSHA openlibrary`), and /opt may be a link to another
volume.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from olaudit.checker import Checker
from olaudit.language import AbsolutePath, Expect, Section
from olaudit.model import Answer, Answers, Check, Command, Expectation, Result, Severity, Unanswered

_COMMIT = "<commit>"
_ABSENT = ("No such file or directory", "Not a directory")


class SymlinkSpec(Section):
    """Expected target of one link. `<commit>` in a target matches 7 to 40 lowercase hexadecimal digits."""

    target: Expect[AbsolutePath]
    severity: Severity | None = None


Symlinks = dict[AbsolutePath, SymlinkSpec]


# --- probes ----------------------------------------------------------------------------------------------------


def _anchor(target: str) -> str:
    """Return the part of a target that can be resolved: the directories before a placeholder, else all of it."""
    head, placeholder, _ = target.partition(_COMMIT)
    return posixpath.dirname(head) if placeholder else target


def _probed_paths(spec: Mapping[str, SymlinkSpec]) -> tuple[str, ...]:
    anchors = (_anchor(target) for rule in spec.values() for target in rule.target.values)
    return tuple(dict.fromkeys((*spec, *anchors)))


def _find(paths: tuple[str, ...]) -> Command:
    # %y is the type, %Y the type of a link's target (N: missing, L: loop, ?: unreadable), %l the text of the link.
    argv = ("find", *paths, "-maxdepth", "0", "-printf", "%y\\t%Y\\t%p\\t%l\\n")
    return Command(argv, may_hang=True, statuses=(0, 1))  # 1: not all paths could be read


def _readlink(paths: tuple[str, ...]) -> Command:
    # Not `realpath -m`: on Ubuntu 14.04, realpath is another program without that option.
    return Command(("readlink", "-m", "--", *paths), may_hang=True)


def probes(spec: Mapping[str, SymlinkSpec]) -> tuple[Command, ...]:
    """Build the probes for the types of all links and targets, and for the paths that they resolve to."""
    paths = _probed_paths(spec)
    return (_find(paths), _readlink(paths)) if paths else ()


# --- parsing ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _PathState:
    """State of one path: its type, the type of a link's target, and the text of the link.

    The path does not exist if both `type` and `reason` are empty; `reason` is why it could not be read.
    """

    type: str = ""
    target_type: str = ""
    text: str = ""
    reason: str = ""


def _parse_states(paths: tuple[str, ...], answer: Answer) -> dict[str, _PathState]:
    """Parse find's output: each path has one record, and an error line if it could not be read, in order.

    A link's text may contain line breaks and so forge records. Then there are more records than paths, and the
    whole answer is rejected.
    """
    if isinstance(answer, Unanswered):
        return dict.fromkeys(paths, _PathState(reason=answer.reason))
    *lines, partial = answer.stdout.split("\n")
    records = [line.split("\t", 3) for line in lines]
    states = {fields[2]: _PathState(fields[0], fields[1], fields[3]) for fields in records if len(fields) == 4}
    unread = [path for path in paths if path not in states or states[path].target_type == "?"]
    reasons = [line.strip().rpartition(": ")[2] for line in answer.stderr.split("\n") if line.strip()]
    if partial or len(states) != len(records) or not states.keys() <= set(paths) or len(unread) != len(reasons):
        return dict.fromkeys(paths, _PathState(reason=f"cannot parse the output of find: {answer.stderr[:200]!r}"))
    for path, reason in zip(unread, reasons, strict=True):
        if reason not in _ABSENT:
            states[path] = _PathState(reason=reason)
        elif path in states:
            states[path] = _PathState(states[path].type, "N", states[path].text)
    return {path: states.get(path, _PathState()) for path in paths}


def _parse_resolved(paths: tuple[str, ...], answer: Answer) -> dict[str, str] | Unanswered:
    if isinstance(answer, Unanswered):
        return answer
    *lines, partial = answer.stdout.split("\n")
    if partial or len(lines) != len(paths) or not all(line.startswith("/") for line in lines):
        return Unanswered(f"cannot parse the output of readlink: {answer.stderr[:200]!r}")
    return dict(zip(paths, lines, strict=True))


# --- evaluation ------------------------------------------------------------------------------------------------


def evaluate(spec: Mapping[str, SymlinkSpec], answers: Answers) -> Iterator[Result]:
    """Evaluate each link: it is a link, its target exists, and it is an expected target."""
    paths = _probed_paths(spec)
    states = _parse_states(paths, answers[_find(paths)])
    resolved = _parse_resolved(paths, answers[_readlink(paths)])
    for link, rule in spec.items():
        yield from _evaluate_link(link, rule, states, resolved)


def _evaluate_link(
    link: str, rule: SymlinkSpec, states: Mapping[str, _PathState], resolved: Mapping[str, str] | Unanswered
) -> Iterator[Result]:
    target = _expectation("target", link, rule, str(rule.target))
    dangling = _expectation("dangling", link, rule, "the target of the link exists")
    state = states[link]
    if state.reason:
        yield target.unknown(state.reason)
        yield dangling.unknown(state.reason)
    elif not state.type:
        yield target.drift("absent", f"{link} does not exist", _fix(link, rule))
    elif state.type != "l":
        observed = {"d": "a directory", "f": "a file"}.get(state.type, "a special file")
        # No command: `ln` would create the link inside the directory, or overwrite the file.
        yield target.drift(observed, f"{link} is {observed}, not a link: move it away, then create the link")
    elif state.target_type in ("N", "L"):
        # A new link helps only if the text of the link is wrong; if it is right, the deploy is missing.
        fix = None if _is_accepted_text(link, state.text, rule) else _fix(link, rule)
        yield dangling.drift(state.text, f"{link} points to {state.text!r}, which does not exist", fix)
    else:
        yield _evaluate_target(target, rule, states, resolved, link)
        yield dangling.ok(state.text)


def _evaluate_target(
    expectation: Expectation,
    rule: SymlinkSpec,
    states: Mapping[str, _PathState],
    resolved: Mapping[str, str] | Unanswered,
    link: str,
) -> Result:
    text = states[link].text
    if _is_accepted_text(link, text, rule):
        return expectation.ok(text)
    if isinstance(resolved, Unanswered):
        return expectation.unknown(resolved.reason)
    path = resolved[link]
    for target in rule.target.values:
        anchor = _anchor(target)
        base, suffix = resolved[anchor].rstrip("/"), target.removeprefix(anchor.rstrip("/"))
        if re.fullmatch(re.escape(base) + _pattern(suffix), path.rstrip("/")):
            return expectation.ok(text, f"it resolves to {path}")
    for target in rule.target.values:
        if reason := states[_anchor(target)].reason:
            return expectation.unknown(f"cannot resolve {target}: {reason}")
    return expectation.drift(text, f"{link} resolves to {path!r}, not to {rule.target}", _fix(link, rule))


def _expectation(aspect: str, link: str, rule: SymlinkSpec, expected: str) -> Expectation:
    at = ("symlinks", link, "target")
    return Expectation(check=f"symlink.{aspect}", subject=link, at=at, expected=expected, severity=rule.severity)


def _is_accepted_text(link: str, text: str, rule: SymlinkSpec) -> bool:
    """Return whether the text of a link, absolute or relative, is itself an accepted target."""
    if ".." in text.split("/"):
        return False  # the meaning of ".." depends on the links before it
    target_path = posixpath.normpath(posixpath.join(posixpath.dirname(link), text))
    return any(re.fullmatch(_pattern(target), target_path) for target in rule.target.values)


def _pattern(target: str) -> str:
    return "[0-9a-f]{7,40}".join(map(re.escape, target.split(_COMMIT)))


def _fix(link: str, rule: SymlinkSpec) -> str | None:
    target = rule.target.value
    return None if _COMMIT in target else shlex.join(("ln", "-sfn", target, link))


CHECKER: Checker[Mapping[str, SymlinkSpec]] = Checker(
    section="symlinks",
    model=Symlinks,
    checks=(
        Check(
            "symlink.target",
            Severity.CRITICAL,
            "the path does not exist, is not a link, or resolves to another target",
            "`ln -sfn TARGET LINK`",
        ),
        Check(
            "symlink.dangling",
            Severity.CRITICAL,
            "the target of the link does not exist",
            "`ln -sfn TARGET LINK`, or deploy the missing target",
        ),
    ),
    collected="`find -printf` for the links, `readlink -m` to resolve them and the accepted targets",
    facts=probes,
    evaluate=evaluate,
)
