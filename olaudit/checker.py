"""Definition of a checker: each module of `checks/` defines a `Checker` or a `FleetChecker`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from olaudit.model import Answers, Failure, Measurement, Probe, Result, Severity

S = TypeVar("S")


def _no_measurements(_spec: Any, _answers: Answers) -> Iterable[Measurement]:
    return ()


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its public id (`kind.aspect`), severity, condition of drift, and fix.

    `drift_when` and `fix` are one clause each; `docs/checks.md` is generated from them.
    """

    id: str
    severity: Severity
    drift_when: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker(Generic[S]):
    """A checker: the section of the expected files that it owns, the probes that it needs, and its evaluation.

    `model` is the pydantic type of the section (a `language.Section`, or a tuple or mapping of them). `probes` and
    `evaluate` are pure. `evaluate` is total: it returns results for any answers, never raises, and an unanswered
    probe gives `unknown`. `measure` returns the numbers in the same answers that are exported as metrics; an
    unknown number is left out. `collected` describes the probes for the docs. `defaults`, where set, is the name
    and the model of another section. Its keys apply to the items of this (list) section that lack them.
    """

    section: str
    model: Any
    checks: tuple[Check, ...]
    probes: Callable[[S], Iterable[Probe]]
    evaluate: Callable[[S, Answers], Iterable[Result]]
    measure: Callable[[S, Answers], Iterable[Measurement]] = _no_measurements
    collected: str = ""
    defaults: tuple[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetChecker(Generic[S]):
    """A checker of what hosts should have in common, evaluated after the answers of all hosts have arrived.

    It differs from `Checker` in `evaluate`. This receives two mappings by host: the sections of the hosts that
    have one, and the answers or the failure of each of these hosts. It returns pairs of a host and a result. It is
    not called for fewer than two hosts, because a single host has no other to be compared with.
    """

    section: str
    model: Any
    checks: tuple[Check, ...]
    probes: Callable[[S], Iterable[Probe]]
    evaluate: Callable[[Mapping[str, S], Mapping[str, Answers | Failure]], Iterable[tuple[str, Result]]]
    collected: str = ""
    defaults: tuple[str, Any] | None = None


AnyChecker = Checker[Any] | FleetChecker[Any]
