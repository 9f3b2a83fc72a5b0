"""What fleet.git and fleet.tree have in common: a work tree on each host, and one hash of its HEAD."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from olaudit import worktree
from olaudit.checker import Check, FleetChecker
from olaudit.checks.fleet.majority import Told, Topic, Vote, compare, reach
from olaudit.checks.fleet.spec import Agree
from olaudit.model import Answers, Command, Failure, Result, Unanswered
from olaudit.worktree import NoRepository, Worktree


def agreeing(
    check: Check,
    topic: Topic,
    path_of: Callable[[Agree], str | None],
    hash_of: Callable[[Worktree], str],
    collected: str,
) -> FleetChecker[Agree]:
    """Make the kind that compares one hash of the work trees at the paths that the sections name."""

    def probes(spec: Agree) -> tuple[Command, ...]:
        path = path_of(spec)
        return (worktree.probe(path),) if path else ()

    def evaluate(
        specs: Mapping[str, Agree], outcomes: Mapping[str, Answers | Failure]
    ) -> Iterator[tuple[str, Result]]:
        paths = {host: path for host, spec in specs.items() if (path := path_of(spec))}
        return compare(topic, {host: Vote(path, told(path, outcomes[host])) for host, path in paths.items()})

    def told(path: str, outcome: Answers | Failure) -> Told:
        answers = reach(outcome)
        if isinstance(answers, Unanswered):
            return answers
        match worktree.parse(answers[worktree.probe(path)]):
            case Unanswered(reason) | NoRepository(reason):
                return Unanswered(f"{path}: {reason}")
            case found:
                return hash_of(found) or Unanswered(f"the repository {path} has no commit yet")

    return FleetChecker(
        section="agree", model=Agree, ids=(check,), probes=probes, evaluate=evaluate, collected=collected
    )
