"""Checkers: each is one module of `checks/`, which defines a `Checker`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from olaudit.model import Answers, Failure, Measurement, Probe, Result, Severity

S = TypeVar("S")


def _nothing(_spec: Any, _answers: Answers) -> Iterable[Measurement]:
    return ()


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its public id (`kind.aspect`), its severity, when it drifts and how to fix the drift.

    The texts are one clause each; `docs/checks.md` is generated from them.
    """

    id: str
    severity: Severity
    drift_when: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker(Generic[S]):
    """The section of the expected files that a checker owns, the probes that it needs, and its evaluation.

    `model` is the pydantic type of the section (a `language.Section`, or a tuple or mapping of them). `probes` and
    `evaluate` are pure. `evaluate` is total: it returns results for any answers, never raises, and an unanswered
    probe gives `unknown`. `measure` returns the numbers in the same answers that are exported as metrics; an
    unknown number is left out. `collected` describes the probes for the docs. `defaults`, where given, is a
    section of its own whose keys apply to each item of this (list) section that does not set them.
    """

    section: str
    model: Any
    ids: tuple[Check, ...]
    probes: Callable[[S], Iterable[Probe]]
    evaluate: Callable[[S, Answers], Iterable[Result]]
    measure: Callable[[S, Answers], Iterable[Measurement]] = _nothing
    collected: str = ""
    defaults: tuple[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetChecker(Generic[S]):
    """A checker of what hosts should have in common, evaluated after all hosts were asked.

    As a `Checker`, except that `evaluate` receives, by host, the section of each audited host that has one, and
    the answers of that host (or why there are none). It returns results with the host that each concerns. It is
    not called for fewer than two hosts, which have nothing to be compared with.
    """

    section: str
    model: Any
    ids: tuple[Check, ...]
    probes: Callable[[S], Iterable[Probe]]
    evaluate: Callable[[Mapping[str, S], Mapping[str, Answers | Failure]], Iterable[tuple[str, Result]]]
    collected: str = ""
    defaults: tuple[str, Any] | None = None


AnyChecker = Checker[Any] | FleetChecker[Any]
