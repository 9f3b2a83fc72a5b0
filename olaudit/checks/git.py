"""git.revision and git.dirty: a deploy's work tree is at the commit it should be at, and nobody has patched it.

Hot patches left behind are lost with the next deploy, and until then one host differs from all others:
internetarchive/openlibrary#9591, #9107, #8847, #11801.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from olaudit import worktree
from olaudit.checker import Check, Checker
from olaudit.language import AbsolutePath, Expect, Section
from olaudit.model import Answers, Command, Expectation, Result, Severity, Unanswered
from olaudit.worktree import MOST, NoRepository, Worktree

_SHOWN = 5  # changed files that a message names

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")]
"""A commit, or the beginning of one."""


class GitSpec(Section):
    """What one work tree should be; what is not given is not judged, but that it is one, and `clean`."""

    branch: Expect[str] | None = None
    commit: Expect[Commit] | None = None
    clean: bool = True
    severity: Severity | None = None


def probes(spec: Mapping[str, GitSpec]) -> tuple[Command, ...]:
    """Ask about each tree."""
    return tuple(worktree.probe(path) for path in spec)


def evaluate(spec: Mapping[str, GitSpec], answers: Answers) -> Iterator[Result]:
    """Judge each tree. What is no repository can neither be dirty: that is one finding."""
    for path, rule in spec.items():
        found = worktree.read(answers[worktree.probe(path)])
        yield _revision(path, rule, found)
        if rule.clean and not isinstance(found, NoRepository):
            yield _dirty(path, rule, found)


def _revision(path: str, rule: GitSpec, found: Worktree | NoRepository | Unanswered) -> Result:
    expectation = _ask("revision", path, rule, _expected(rule))
    if isinstance(found, Unanswered):
        return expectation.unknown(f"{path}: {found.reason}")
    if isinstance(found, NoRepository):
        return expectation.drift("no repository", f"{path}: {found.message}")
    if not found.commit:
        return expectation.drift("no commit", f"the repository {path} has no commit yet")
    observed = f"{found.commit} on {found.branch or 'no branch'}"
    if rule.commit is not None and not found.commit.startswith(rule.commit.values):
        message = f"{path} is at {found.commit[:12]} and not at {rule.commit.value[:12]}"
        return expectation.drift(observed, message, shlex.join(("git", "-C", path, "checkout", rule.commit.value)))
    if rule.branch is not None and found.branch not in rule.branch.values:
        where = f"on the branch {found.branch}" if found.branch else "on no branch (its HEAD is detached)"
        return expectation.drift(observed, f"{path} is {where}, not on {rule.branch}")
    return expectation.ok(observed)


def _dirty(path: str, rule: GitSpec, found: Worktree | Unanswered) -> Result:
    expectation = _ask("dirty", path, rule, "nothing changed since the commit")
    changes = found if isinstance(found, Unanswered) else found.changes
    if isinstance(changes, Unanswered):
        return expectation.unknown(f"{path}: {changes.reason}")
    if not changes:
        return expectation.ok("clean")
    listed, names = changes[:MOST], ", ".join(change[3:] for change in changes[:_SHOWN])
    count = "1 change" if len(changes) == 1 else f"{len(listed)} changes"
    count = f"more than {count}" if len(changes) > MOST else count
    more = ", ..." if len(changes) > _SHOWN else ""
    # No command: what was written by hand may exist nowhere else, so it must be read before it is thrown away.
    return expectation.drift("; ".join(listed), f"{path} has {count} that no commit holds: {names}{more}")


def _expected(rule: GitSpec) -> str:
    commit = f"the commit {rule.commit}" if rule.commit else "a commit"
    return f"{commit} of the branch {rule.branch}" if rule.branch else commit


def _ask(aspect: str, path: str, rule: GitSpec, expected: str) -> Expectation:
    return Expectation(
        check=f"git.{aspect}", subject=path, at=("git", path), expected=expected, severity=rule.severity
    )


CHECKER: Checker[Mapping[str, GitSpec]] = Checker(
    section="git",
    model=dict[AbsolutePath, GitSpec],
    ids=(
        # Warnings: what runs, runs; it is the next deploy, or the next rebuild, that goes another way.
        Check(
            "git.revision",
            Severity.WARNING,
            "it is no git repository, has no commit, or is at another commit or branch than expected",
            "`git -C PATH checkout COMMIT`, or deploy anew",
        ),
        Check(
            "git.dirty",
            Severity.WARNING,
            "files of the work tree are changed or added since its commit (a hot patch left behind)",
            "read `git -C PATH diff`; commit what is worth it, then `git -C PATH checkout -- FILE`",
        ),
    ),
    collected="`git rev-parse` and `git status --porcelain`, without locks, as the audit user",
    probes=probes,
    evaluate=evaluate,
)
