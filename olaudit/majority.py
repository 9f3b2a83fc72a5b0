"""Comparison of values that hosts should agree on: each host against the value of most hosts.

The fleet's previous checker hid an error, and nothing reported a stale host: internetarchive/openlibrary#8361.
So a host without an answer never counts as one that agrees, and no host is ok if too few answered.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from olaudit.model import Expectation, Result, Unknown, Vote


def compare(votes: Mapping[str, Vote]) -> Iterator[tuple[str, Result]]:
    """Evaluate each host against the value of most hosts. `votes` has the votes on one topic, by host.

    A single host has no others, and is not evaluated.
    """
    if len(votes) < 2:
        return
    topic = next(iter(votes.values())).topic
    values = {host: vote.value for host, vote in votes.items() if not isinstance(vote.value, Unknown)}
    counts = Counter(values.values())
    doubt = _why_undecided(topic, counts, len(votes))
    (most, agreeing), *_ = counts.most_common(1) or [("", 0)]
    for host, vote in votes.items():
        if isinstance(vote.value, Unknown):
            yield host, vote.expectation.unknown(vote.value.reason)
        elif doubt:
            yield host, vote.expectation.unknown(doubt)
        else:
            expectation = replace(vote.expectation, expected=most)
            yield host, _evaluate(expectation, topic, vote.value, (agreeing, len(values)))


def _why_undecided(topic: str, counts: Counter[str], hosts: int) -> str:
    """Explain why no value counts as the fleet's; empty if one does."""
    if not counts:
        return f"no host returned {topic}"
    ranked = counts.most_common()
    agreeing, unanswered = ranked[0][1], hosts - counts.total()
    if unanswered > agreeing:
        return f"{unanswered} of {hosts} hosts did not return {topic}, more than the {agreeing} that agree"
    tied = sorted(value for value, count in ranked if count == agreeing)
    if len(tied) > 1:
        each = " and ".join(_shorten(value) for value in tied[:3]) + (", ..." if len(tied) > 3 else "")
        hosts_have = "1 host each has" if agreeing == 1 else f"{agreeing} hosts each have"
        return f"no majority for {topic}: {hosts_have} {each}"
    if hosts > 1 and counts.total() == 1:
        return f"only this host returned {topic}"
    return ""


def _evaluate(expectation: Expectation, topic: str, value: str, share: tuple[int, int]) -> Result:
    agreeing, total = share
    if value == expectation.expected:
        return expectation.ok(value, f"{agreeing} of {total} hosts agree")
    most = _shorten(expectation.expected)
    message = f"{topic} is {_shorten(value)} here, but {most} on {agreeing} of {total} hosts"
    return expectation.drift(value, message)


def _shorten(value: str) -> str:
    """Shorten a hash as git and Docker do; limit any other value to 100 characters."""
    digest = value.removeprefix("sha256:")
    return digest[:12] if len(digest) in (40, 64) else value[:100]
