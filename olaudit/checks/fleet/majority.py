"""Who differs from the others: what hosts that should agree say, against what most of them say.

The fleet's old checker swallowed an error, and a stale host went unseen (internetarchive/openlibrary#8361). So a
host that did not tell is never counted as one that agrees, and where too few told, nobody is ok.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from olaudit.model import Answers, Expectation, Failure, Result, Unanswered

ABSENT = "absent"
"""What a host says that does not have the thing at all: hosts that all lack it agree."""

Told = str | Unanswered
"""What one host has, or why that is not known."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What is compared: `thing` as messages call it, such as "the commit of olsystem"."""

    check: str
    thing: str
    at: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """What one host says; `subject` is what the expected file calls the thing on that host."""

    subject: str
    told: Told


def reach(outcome: Answers | Failure) -> Answers | Unanswered:
    """Give the answers of a host, or the reason why there are none."""
    return Unanswered(outcome.message) if isinstance(outcome, Failure) else outcome


def compare(topic: Topic, votes: Mapping[str, Vote]) -> Iterator[tuple[str, Result]]:
    """Judge each host by what most hosts say. One host alone has nobody to agree with, and is not judged."""
    if len(votes) < 2:
        return
    told = {host: vote.told for host, vote in votes.items() if not isinstance(vote.told, Unanswered)}
    counts = Counter(told.values())
    doubt = _doubt(topic, counts, len(votes))
    (most, agreeing), *_ = counts.most_common(1) or [("", 0)]
    for host, vote in votes.items():
        expectation = Expectation(check=topic.check, subject=vote.subject, at=topic.at)
        if isinstance(vote.told, Unanswered):
            yield host, expectation.unknown(vote.told.reason)
        elif doubt:
            yield host, expectation.unknown(doubt)
        else:
            yield host, _against(replace(expectation, expected=most), topic, vote.told, (agreeing, len(told)))


def _doubt(topic: Topic, counts: Counter[str], hosts: int) -> str:
    """Say why no value can be called the fleet's, if so."""
    if not counts:
        return f"no host told {topic.thing}"
    ranked = counts.most_common()
    agreeing, silent = ranked[0][1], hosts - counts.total()
    if silent > agreeing:
        return f"{silent} of {hosts} hosts did not tell {topic.thing}, more than the {agreeing} that agree"
    tied = sorted(value for value, count in ranked if count == agreeing)
    if len(tied) > 1:
        each = " and ".join(_short(value) for value in tied[:3]) + (", ..." if len(tied) > 3 else "")
        return f"no majority has {topic.thing} in common: {_hosts(agreeing)} each {_have(agreeing)} {each}"
    if hosts > 1 and counts.total() == 1:
        return f"only this host told {topic.thing}"
    return ""


def _against(expectation: Expectation, topic: Topic, told: str, share: tuple[int, int]) -> Result:
    agreeing, all_ = share
    if told == expectation.expected:
        return expectation.ok(told, f"{agreeing} of {all_} hosts agree")
    message = (
        f"{topic.thing} is {_short(told)} here, and {_short(expectation.expected)} on {agreeing} of {all_} hosts"
    )
    return expectation.drift(told, message)


def _short(value: str) -> str:
    """Shorten a hash as git and Docker do, and leave anything else."""
    digest = value.removeprefix("sha256:")
    return digest[:12] if len(digest) in (40, 64) else value[:100]


def _hosts(count: int) -> str:
    return f"{count} host{'' if count == 1 else 's'}"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
