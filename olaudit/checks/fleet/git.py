"""fleet.git: all hosts have the same commit of olsystem, which is a real clone on each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from olaudit import worktree
from olaudit.checks.fleet.majority import Told, Topic, Vote, compare, reach
from olaudit.checks.fleet.spec import Agree
from olaudit.kind import CheckId, FleetKind
from olaudit.model import Answers, Failure, Judgement, Severity, Shell, Unanswered
from olaudit.worktree import NoRepository

_TOPIC = Topic("fleet.git", "the commit of olsystem", ("agree", "olsystem"))


def probes(spec: Agree) -> tuple[Shell, ...]:
    """Ask about the work tree."""
    return (worktree.question(spec.olsystem),) if spec.olsystem else ()


def judge(
    specs: Mapping[str, Agree], outcomes: Mapping[str, Answers | Failure]
) -> Iterator[tuple[str, Judgement]]:
    """Compare the commits."""
    paths = {host: spec.olsystem for host, spec in specs.items() if spec.olsystem}
    return compare(
        _TOPIC, {host: Vote(path, _commit(path, reach(outcomes[host]))) for host, path in paths.items()}
    )


def _commit(path: str, answers: Answers | Unanswered) -> Told:
    if isinstance(answers, Unanswered):
        return answers
    match worktree.read(answers[worktree.question(path)]):
        case Unanswered(reason) | NoRepository(reason):
            return Unanswered(f"{path}: {reason}")
        case found:
            return found.commit or Unanswered(f"the repository {path} has no commit yet")


KIND: FleetKind[Agree] = FleetKind(
    section="agree",
    model=Agree,
    ids=(
        # A warning: the host serves, but with the settings of another day.
        CheckId(
            "fleet.git",
            Severity.WARNING,
            "most other hosts have another commit of olsystem",
            "deploy olsystem to the host that is named",
        ),
    ),
    collected="`git rev-parse HEAD` on each host; what most hosts say counts",
    probes=probes,
    judge=judge,
)
