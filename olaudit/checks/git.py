"""git.revision and git.dirty: a deployed work tree is at the expected commit and has no local changes.

The next deploy overwrites a hot patch that was left behind. Until then, one host differs from all others:
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
from olaudit.worktree import MAX_CHANGES, NoRepository, Worktree

_MAX_NAMES = 5  # changed files that a message names

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")]
"""A commit hash, or its first digits."""


class GitSpec(Section):
    """Expected state of one work tree; a key that is not set is not checked, except `clean` (true by default)."""

    branch: Expect[str] | None = None
    commit: Expect[Commit] | None = None
    clean: bool = True
    severity: Severity | None = None


def probes(spec: Mapping[str, GitSpec]) -> tuple[Command, ...]:
    """Build one probe per tree."""
    return tuple(worktree.probe(path) for path in spec)


def evaluate(spec: Mapping[str, GitSpec], answers: Answers) -> Iterator[Result]:
    """Evaluate each tree. A folder that is not a repository gives one finding: it has no `git.dirty`."""
    for path, rule in spec.items():
        tree = worktree.parse(answers[worktree.probe(path)])
        yield _evaluate_revision(path, rule, tree)
        if rule.clean and not isinstance(tree, NoRepository):
            yield _evaluate_changes(path, rule, tree)


def _evaluate_revision(path: str, rule: GitSpec, tree: Worktree | NoRepository | Unanswered) -> Result:
    expectation = _expectation("revision", path, rule, _expected(rule))
    if isinstance(tree, Unanswered):
        return expectation.unknown(f"{path}: {tree.reason}")
    if isinstance(tree, NoRepository):
        return expectation.drift("no repository", f"{path}: {tree.message}")
    if not tree.commit:
        return expectation.drift("no commit", f"the repository {path} has no commits")
    observed = f"{tree.commit} on {tree.branch or 'no branch'}"
    if rule.commit is not None and not tree.commit.startswith(rule.commit.values):
        message = f"{path} is at {tree.commit[:12]}, not at {rule.commit.value[:12]}"
        return expectation.drift(observed, message, shlex.join(("git", "-C", path, "checkout", rule.commit.value)))
    if rule.branch is not None and tree.branch not in rule.branch.values:
        where = f"on branch {tree.branch}" if tree.branch else "on no branch (detached HEAD)"
        return expectation.drift(observed, f"{path} is {where}, not on {rule.branch}")
    return expectation.ok(observed)


def _evaluate_changes(path: str, rule: GitSpec, tree: Worktree | Unanswered) -> Result:
    expectation = _expectation("dirty", path, rule, "no changes since the commit")
    changes = tree if isinstance(tree, Unanswered) else tree.changes
    if isinstance(changes, Unanswered):
        return expectation.unknown(f"{path}: {changes.reason}")
    if not changes:
        return expectation.ok("clean")
    listed, names = changes[:MAX_CHANGES], ", ".join(change[3:] for change in changes[:_MAX_NAMES])
    count = "1 uncommitted change" if len(changes) == 1 else f"{len(listed)} uncommitted changes"
    count = f"more than {count}" if len(changes) > MAX_CHANGES else count
    more = ", ..." if len(changes) > _MAX_NAMES else ""
    # No command: the changes may exist only on this host, so a person has to review them first.
    return expectation.drift("; ".join(listed), f"{path} has {count}: {names}{more}")


def _expected(rule: GitSpec) -> str:
    commit = f"commit {rule.commit}" if rule.commit else "a commit"
    return f"{commit} on branch {rule.branch}" if rule.branch else commit


def _expectation(aspect: str, path: str, rule: GitSpec, expected: str) -> Expectation:
    return Expectation(
        check=f"git.{aspect}", subject=path, at=("git", path), expected=expected, severity=rule.severity
    )


CHECKER: Checker[Mapping[str, GitSpec]] = Checker(
    section="git",
    model=dict[AbsolutePath, GitSpec],
    checks=(
        # Warnings: running services are not affected, but the next deploy or rebuild gives another result.
        Check(
            "git.revision",
            Severity.WARNING,
            "the path is not a git repository, has no commits, or is at another commit or branch than expected",
            "`git -C PATH checkout COMMIT`, or deploy again",
        ),
        Check(
            "git.dirty",
            Severity.WARNING,
            "files in the work tree were changed or added since its commit (for example a hot patch)",
            "review `git -C PATH diff`; commit the changes to keep, then `git -C PATH checkout -- FILE`",
        ),
    ),
    collected="`git rev-parse` and `git status --porcelain`, without locks, as the audit user",
    probes=probes,
    evaluate=evaluate,
)
