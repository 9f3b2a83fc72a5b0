"""Comparison of a value that hosts should agree on: each host against the value of most hosts.

The fleet's previous checker hid an error, and nothing reported a stale host: internetarchive/openlibrary#8361.
So a host without an answer never counts as one that agrees, and no host is ok if too few answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from olaudit.model import Answers, Expectation, Failure, Result, Unanswered

ABSENT = "absent"
"""The value of a host that lacks the compared object: hosts that all lack it agree."""

HostValue = str | Unanswered
"""The value of one host, or why it is unknown."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What is compared. `name` is its name in messages, such as "the commit of olsystem"."""

    check: str
    name: str
    at: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """The value of one host. `subject` is the expected file's name for the compared object on that host."""

    subject: str
    value: HostValue


def answers_of(outcome: Answers | Failure) -> Answers | Unanswered:
    """Return the answers of a host, or the reason why there are none."""
    return Unanswered(outcome.message) if isinstance(outcome, Failure) else outcome


def compare(topic: Topic, votes: Mapping[str, Vote]) -> Iterator[tuple[str, Result]]:
    """Evaluate each host against the value of most hosts. A single host has no others, and is not evaluated."""
    if len(votes) < 2:
        return
    values = {host: vote.value for host, vote in votes.items() if not isinstance(vote.value, Unanswered)}
    counts = Counter(values.values())
    doubt = _why_undecided(topic, counts, len(votes))
    (most, agreeing), *_ = counts.most_common(1) or [("", 0)]
    for host, vote in votes.items():
        expectation = Expectation(check=topic.check, subject=vote.subject, at=topic.at)
        if isinstance(vote.value, Unanswered):
            yield host, expectation.unknown(vote.value.reason)
        elif doubt:
            yield host, expectation.unknown(doubt)
        else:
            expectation = replace(expectation, expected=most)
            yield host, _evaluate(expectation, topic, vote.value, (agreeing, len(values)))


def _why_undecided(topic: Topic, counts: Counter[str], hosts: int) -> str:
    """Explain why no value counts as the fleet's; empty if one does."""
    if not counts:
        return f"no host returned {topic.name}"
    ranked = counts.most_common()
    agreeing, unanswered = ranked[0][1], hosts - counts.total()
    if unanswered > agreeing:
        return f"{unanswered} of {hosts} hosts did not return {topic.name}, more than the {agreeing} that agree"
    tied = sorted(value for value, count in ranked if count == agreeing)
    if len(tied) > 1:
        each = " and ".join(_shorten(value) for value in tied[:3]) + (", ..." if len(tied) > 3 else "")
        return f"no majority for {topic.name}: {_hosts(agreeing)} each {_have(agreeing)} {each}"
    if hosts > 1 and counts.total() == 1:
        return f"only this host returned {topic.name}"
    return ""


def _evaluate(expectation: Expectation, topic: Topic, value: str, share: tuple[int, int]) -> Result:
    agreeing, total = share
    if value == expectation.expected:
        return expectation.ok(value, f"{agreeing} of {total} hosts agree")
    most = _shorten(expectation.expected)
    message = f"{topic.name} is {_shorten(value)} here, but {most} on {agreeing} of {total} hosts"
    return expectation.drift(value, message)


def _shorten(value: str) -> str:
    """Shorten a hash as git and Docker do; limit any other value to 100 characters."""
    digest = value.removeprefix("sha256:")
    return digest[:12] if len(digest) in (40, 64) else value[:100]


def _hosts(count: int) -> str:
    return f"{count} host{'' if count == 1 else 's'}"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
