"""fleet.tree: all hosts have the same files of openlibrary.

It is an unpacked tarball with a fresh `git init` on each host, so commits differ everywhere; `HEAD^{tree}` is the
hash of the files alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from olaudit import worktree
from olaudit.checks.fleet.majority import Told, Topic, Vote, compare, reach
from olaudit.checks.fleet.spec import Agree
from olaudit.kind import CheckId, FleetKind
from olaudit.model import Answers, Failure, Judgement, Severity, Shell, Unanswered
from olaudit.worktree import NoRepository

_TOPIC = Topic("fleet.tree", "the tree of openlibrary", ("agree", "openlibrary"))


def probes(spec: Agree) -> tuple[Shell, ...]:
    """Ask about the work tree."""
    return (worktree.question(spec.openlibrary),) if spec.openlibrary else ()


def judge(
    specs: Mapping[str, Agree], outcomes: Mapping[str, Answers | Failure]
) -> Iterator[tuple[str, Judgement]]:
    """Compare the trees."""
    paths = {host: spec.openlibrary for host, spec in specs.items() if spec.openlibrary}
    return compare(_TOPIC, {host: Vote(path, _tree(path, reach(outcomes[host]))) for host, path in paths.items()})


def _tree(path: str, answers: Answers | Unanswered) -> Told:
    if isinstance(answers, Unanswered):
        return answers
    match worktree.read(answers[worktree.question(path)]):
        case Unanswered(reason) | NoRepository(reason):
            return Unanswered(f"{path}: {reason}")
        case found:
            return found.tree or Unanswered(f"the repository {path} has no commit yet")


KIND: FleetKind[Agree] = FleetKind(
    section="agree",
    model=Agree,
    ids=(
        # A warning: what users see depends on the host that they happen to reach, but they see it.
        CheckId(
            "fleet.tree",
            Severity.WARNING,
            "most other hosts have other files of openlibrary",
            "deploy openlibrary to the host that is named",
        ),
    ),
    collected="`git rev-parse HEAD^{tree}` on each host; what most hosts say counts",
    probes=probes,
    judge=judge,
)
