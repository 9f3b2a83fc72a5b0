"""Builder of fleet.git and fleet.tree, which compare one hash of the HEAD of a work tree on each host."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from olaudit import worktree
from olaudit.checker import Check, FleetChecker
from olaudit.checks.fleet.majority import HostValue, Topic, Vote, answers_of, compare
from olaudit.checks.fleet.spec import Agree
from olaudit.model import Answers, Command, Failure, Result, Unanswered
from olaudit.worktree import NoRepository, Worktree


def worktree_checker(
    check: Check,
    topic: Topic,
    path_of: Callable[[Agree], str | None],
    hash_of: Callable[[Worktree], str],
    collected: str,
) -> FleetChecker[Agree]:
    """Build the checker that compares one hash of the work trees at the paths of the sections."""

    def probes(spec: Agree) -> tuple[Command, ...]:
        path = path_of(spec)
        return (worktree.probe(path),) if path else ()

    def evaluate(
        specs: Mapping[str, Agree], outcomes: Mapping[str, Answers | Failure]
    ) -> Iterator[tuple[str, Result]]:
        paths = {host: path for host, spec in specs.items() if (path := path_of(spec))}
        return compare(topic, {host: Vote(path, value_at(path, outcomes[host])) for host, path in paths.items()})

    def value_at(path: str, outcome: Answers | Failure) -> HostValue:
        answers = answers_of(outcome)
        if isinstance(answers, Unanswered):
            return answers
        match worktree.parse(answers[worktree.probe(path)]):
            case Unanswered(reason) | NoRepository(reason):
                return Unanswered(f"{path}: {reason}")
            case repository:
                return hash_of(repository) or Unanswered(f"the repository {path} has no commit yet")

    return FleetChecker(
        section="agree", model=Agree, checks=(check,), probes=probes, evaluate=evaluate, collected=collected
    )
