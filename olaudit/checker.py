"""Definition of a checker: each module of `checks/` defines one or several."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from olaudit.model import Check, Fact, Facts, Measurement, Metric, Probe, Result, Vote

S = TypeVar("S")


def _none(_section: Any, _facts: Facts) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker(Generic[S]):
    """A checker: the section of the expected files that it owns, the facts that it needs, and its evaluation.

    `model` is the pydantic type of the section (a `language.Section`, or a tuple or mapping of them). `facts`
    lists the facts that it needs. `evaluate` is pure and total: it returns results of `checks` for any facts,
    never raises, and an unknown fact gives `unknown`. `vote` returns the values that should equal those of other
    hosts; they are compared after all hosts were audited. `measure` returns the numbers that are exported as
    `metrics`; an unknown number is left out. `collected` describes the facts for the docs. `defaults`, where set,
    is the name and the model of another section, whose keys apply to items of this (list) section that lack them.
    """

    section: str
    model: Any
    checks: tuple[Check, ...]
    facts: Callable[[S], Iterable[Fact[Any]]]
    evaluate: Callable[[S, Facts], Iterable[Result]] = _none
    vote: Callable[[S, Facts], Iterable[Vote]] = _none
    measure: Callable[[S, Facts], Iterable[Measurement]] = _none
    metrics: tuple[Metric, ...] = ()
    collected: str = ""
    defaults: tuple[str, Any] | None = None

    def probes(self, section: S) -> tuple[Probe, ...]:
        """List the probes of the facts that `section` needs, each once."""
        return tuple(dict.fromkeys(fact.probe for fact in self.facts(section)))

    @property
    def compares_hosts(self) -> bool:
        """Whether the checks compare hosts with each other."""
        return self.vote is not _none


AnyChecker = Checker[Any]
