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
    """A public check id, `kind.aspect`, with its severity, when it drifts and how to mend that.

    The texts are one clause each; `docs/checks.md` is made of them.
    """

    id: str
    severity: Severity
    drift_when: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker(Generic[S]):
    """One kind of check: the section of the expected files it reads, what it asks, and how it judges.

    `model` is what pydantic makes of the section (a `language.Section`, or a tuple or mapping of them).
    `probes` and `judge` are pure; `judge` is total: whatever a host answers, it returns judgements and never
    raises, and an unanswered probe gives unknown. `measure` gives the numbers in the same answers that are worth
    a curve; one that is not known is left out. `collected` says for the docs how the answers are come by.
    `defaults`, where given, is a section of its own whose keys every item of this (list) section takes unless it
    has them.
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
    """A kind of check one floor up: hosts that should agree, judged together after all have been asked.

    As a `Checker`, but `judge` is given, by host, the section of every audited host that has it, and what that host
    answered (or why it could not be asked). It names the host that each judgement is about. It is not called
    for fewer than two hosts: there is nobody to agree with.
    """

    section: str
    model: Any
    ids: tuple[Check, ...]
    probes: Callable[[S], Iterable[Probe]]
    evaluate: Callable[[Mapping[str, S], Mapping[str, Answers | Failure]], Iterable[tuple[str, Result]]]
    collected: str = ""
    defaults: tuple[str, Any] | None = None


AnyChecker = Checker[Any] | FleetChecker[Any]
