"""symlink.target and symlink.dangling: the symbolic links that activate a deploy point to the expected targets.

The path that a link *resolves to* is compared with the path that each accepted target resolves to. Deploys create
relative links with a commit (`ln -s deploys/openlibrary/COMMITSHA openlibrary`), and /opt may be a link to another
volume.
"""

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping

from olaudit.checker import Checker
from olaudit.facts.links import PathState, PathStates, path_states, resolved_paths
from olaudit.language import AbsolutePath, Expect, Section
from olaudit.model import Basis, Check, Expectation, Fact, Facts, Result, Severity, Unknown, combine

_COMMIT = "<commit>"


class SymlinkSpec(Section):
    """Expected target of one link. `<commit>` in a target matches 7 to 40 lowercase hexadecimal digits."""

    target: Expect[AbsolutePath]
    severity: Severity | None = None


Symlinks = dict[AbsolutePath, SymlinkSpec]


TARGET = Check(
    "symlink.target",
    Severity.CRITICAL,
    "the path does not exist, is not a link, or resolves to another target",
    "`ln -sfn TARGET LINK`",
)
DANGLING = Check(
    "symlink.dangling",
    Severity.CRITICAL,
    "the target of the link does not exist",
    "`ln -sfn TARGET LINK`, or deploy the missing target",
)


def _anchor(target: str) -> str:
    """Return the part of a target that can be resolved: the directories before a placeholder, else all of it."""
    head, placeholder, _ = target.partition(_COMMIT)
    return posixpath.dirname(head) if placeholder else target


_LinkFacts = tuple[Fact[PathStates], Fact[Mapping[str, str]]]
"""The facts of all links and anchors: their states, and the paths that they resolve to."""


def _facts(spec: Mapping[str, SymlinkSpec]) -> _LinkFacts:
    anchors = (_anchor(target) for rule in spec.values() for target in rule.target.values)
    paths = tuple(dict.fromkeys((*spec, *anchors)))
    return path_states(paths), resolved_paths(paths)


def evaluate(spec: Mapping[str, SymlinkSpec], facts: Facts) -> Iterator[Result]:
    """Evaluate each link: it is a link, its target exists, and it is an expected target."""
    link_facts = states_fact, _ = _facts(spec)
    states = facts[states_fact]
    for link, rule in spec.items():
        based_on = states_fact.about(link)
        target = _expect(TARGET, link, rule, str(rule.target), based_on)
        dangling = _expect(DANGLING, link, rule, "the target of the link exists", based_on)
        match states if isinstance(states, Unknown) else states[link]:
            case Unknown(reason):
                yield target.unknown(reason)
                yield dangling.unknown(reason)
            case PathState(type="l", text=text, dangling=True):
                # A new link helps only if the text of the link is wrong; if it is right, the deploy is missing.
                fix = None if _is_accepted_text(link, text, rule) else _fix(link, rule)
                yield dangling.drift(text, f"{link} points to {text!r}, which does not exist", fix)
            case PathState(type="l", text=text):
                accepted = _is_accepted_text(link, text, rule)
                yield target.ok(text) if accepted else _evaluate_resolved(link, rule, text, facts, link_facts)
                yield dangling.ok(text)
            case state:
                yield _evaluate_other(target, rule, state)


def _expect(check: Check, link: str, rule: SymlinkSpec, expected: str, *based_on: Basis) -> Expectation:
    return check.expect(link, ("symlinks", link, "target"), expected, severity=rule.severity, based_on=based_on)


def _evaluate_other(expectation: Expectation, rule: SymlinkSpec, state: PathState | None) -> Result:
    link = expectation.subject
    if state is None:
        return expectation.drift("absent", f"{link} does not exist", _fix(link, rule))
    observed = {"d": "a directory", "f": "a file"}.get(state.type, "a special file")
    # No command: `ln` would create the link inside the directory, or overwrite the file.
    return expectation.drift(observed, f"{link} is {observed}, not a link: move it away, then create the link")


def _evaluate_resolved(link: str, rule: SymlinkSpec, text: str, facts: Facts, link_facts: _LinkFacts) -> Result:
    """Evaluate a link whose text is not an accepted target: the path that it resolves to can be one."""
    states_fact, resolved_fact = link_facts
    anchors = {target: _anchor(target) for target in rule.target.values}
    values = combine(facts[states_fact], facts[resolved_fact])
    resolved = {} if isinstance(values, Unknown) else values[1]
    resolved_keys = (resolved[path] for path in (link, *anchors.values()) if resolved)
    based_on = (states_fact.about(link, *anchors.values()), resolved_fact.about(*resolved_keys))
    expectation = _expect(TARGET, link, rule, str(rule.target), *based_on)
    if isinstance(values, Unknown):
        return expectation.unknown(values.reason)
    states = values[0]
    path = resolved[link]
    for target, anchor in anchors.items():
        base, suffix = resolved[anchor].rstrip("/"), target.removeprefix(anchor.rstrip("/"))
        if re.fullmatch(re.escape(base) + _pattern(suffix), path.rstrip("/")):
            return expectation.ok(text, f"it resolves to {path}")
    for target, anchor in anchors.items():
        if isinstance(state := states[anchor], Unknown):
            return expectation.unknown(f"cannot resolve {target}: {state.reason}")
    return expectation.drift(text, f"{link} resolves to {path!r}, not to {rule.target}", _fix(link, rule))


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
    checks=(TARGET, DANGLING),
    collected="`find -printf` for the links, `readlink -m` to resolve them and the accepted targets",
    facts=lambda spec: _facts(spec) if spec else (),
    evaluate=evaluate,
)
