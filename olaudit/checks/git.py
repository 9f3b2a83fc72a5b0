"""git.revision and git.dirty: a deployed work tree is at the expected commit and has no local changes.

The next deploy overwrites a hot patch that was left behind. Until then, one host differs from all others:
internetarchive/openlibrary#9591, #9107, #8847, #11801.
"""

import shlex
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated

from pydantic import Field

from olaudit.checker import Checker
from olaudit.facts.worktree import MAX_CHANGES, NoRepository, Worktree, worktree
from olaudit.language import AbsolutePath, Expect, Section
from olaudit.model import Check, Expectation, Facts, Result, Severity, Unknown, because

_MAX_NAMES = 5  # changed files that a message names

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")]
"""A commit hash, or its first digits."""


class GitSpec(Section):
    """Expected state of one work tree; a key that is not set is not checked, except `clean` (true by default)."""

    branch: Expect[str] | None = None
    commit: Expect[Commit] | None = None
    clean: bool = True
    severity: Severity | None = None


# Warnings: running services are not affected, but the next deploy or rebuild gives another result.
REVISION = Check(
    "git.revision",
    Severity.WARNING,
    "the path is not a git repository, has no commits, or is at another commit or branch than expected",
    "`git -C PATH checkout COMMIT`, or deploy again",
)
DIRTY = Check(
    "git.dirty",
    Severity.WARNING,
    "files in the work tree were changed or added since its commit (for example a hot patch)",
    "review `git -C PATH diff`; commit the changes to keep, then `git -C PATH checkout -- FILE`",
)


def evaluate(spec: Mapping[str, GitSpec], facts: Facts) -> Iterator[Result]:
    """Evaluate each tree. A folder that is not a repository gives one finding: it has no `git.dirty`."""
    for path, rule in spec.items():
        fact = worktree(path)
        tree: Worktree | NoRepository | Unknown = because(path, facts[fact])
        at, based_on = ("git", path), (fact,)
        revision = REVISION.expect(path, at, _expected(rule), severity=rule.severity, based_on=based_on)
        yield revision.evaluate(tree, partial(_evaluate_revision, revision, rule))
        if rule.clean and not isinstance(tree, NoRepository):
            expected = "no changes since the commit"
            dirty = DIRTY.expect(path, at, expected, severity=rule.severity, based_on=based_on)
            changes = tree if isinstance(tree, Unknown) else because(path, tree.changes)
            yield dirty.evaluate(changes, partial(_evaluate_changes, dirty))


def _evaluate_revision(expectation: Expectation, rule: GitSpec, tree: Worktree | NoRepository) -> Result:
    path = expectation.subject
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


def _evaluate_changes(expectation: Expectation, changes: tuple[str, ...]) -> Result:
    path = expectation.subject
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


CHECKER: Checker[Mapping[str, GitSpec]] = Checker(
    section="git",
    model=dict[AbsolutePath, GitSpec],
    checks=(REVISION, DIRTY),
    collected="`git rev-parse` and `git status --porcelain`, without locks, as the audit user",
    facts=lambda spec: map(worktree, spec),
    evaluate=evaluate,
)
