"""The part of a host's answers that a result is based on."""

from __future__ import annotations

from olaudit.model import Answer, Answered, Answers, Probe, Result


def keep_basis(result: Result, answers: Answers, *, reduced: bool) -> Answers:
    """Keep the answers to the facts that a result names; if `reduced`, only the parts that it names."""
    answers_of_basis: dict[Probe, Answer] = {}
    for basis in result.based_on:
        answer = answers[basis.fact.probe]
        if reduced and basis.fact.reduce and isinstance(answer, Answered):
            answer = basis.fact.reduce(answer, frozenset(basis.keys))
        answers_of_basis[basis.fact.probe] = answer
    return Answers(answers_of_basis)
