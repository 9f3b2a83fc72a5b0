"""What fleet.git and fleet.tree have in common: a work tree on each host, and one hash of its HEAD."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from olaudit import worktree
from olaudit.checks.fleet.majority import Told, Topic, Vote, compare, reach
from olaudit.checks.fleet.spec import Agree
from olaudit.kind import CheckId, FleetKind
from olaudit.model import Answers, Failure, Judgement, Shell, Unanswered
from olaudit.worktree import NoRepository, Worktree


def agreeing(
    check: CheckId,
    topic: Topic,
    path_of: Callable[[Agree], str | None],
    hash_of: Callable[[Worktree], str],
    collected: str,
) -> FleetKind[Agree]:
    """Make the kind that compares one hash of the work trees at the paths that the sections name."""

    def probes(spec: Agree) -> tuple[Shell, ...]:
        path = path_of(spec)
        return (worktree.question(path),) if path else ()

    def judge(
        specs: Mapping[str, Agree], outcomes: Mapping[str, Answers | Failure]
    ) -> Iterator[tuple[str, Judgement]]:
        paths = {host: path for host, spec in specs.items() if (path := path_of(spec))}
        return compare(topic, {host: Vote(path, told(path, outcomes[host])) for host, path in paths.items()})

    def told(path: str, outcome: Answers | Failure) -> Told:
        answers = reach(outcome)
        if isinstance(answers, Unanswered):
            return answers
        match worktree.read(answers[worktree.question(path)]):
            case Unanswered(reason) | NoRepository(reason):
                return Unanswered(f"{path}: {reason}")
            case found:
                return hash_of(found) or Unanswered(f"the repository {path} has no commit yet")

    return FleetKind(section="agree", model=Agree, ids=(check,), probes=probes, judge=judge, collected=collected)
