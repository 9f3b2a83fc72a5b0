"""Two texts side by side: which characters of each are not in the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from operator import itemgetter

Part = tuple[bool, str]
"""A piece of a text, and whether it differs from the other text."""

Parts = tuple[Part, ...]

_WORD = re.compile(r"[^\W_]+|.", re.DOTALL)  # `_` and `-` tell container names apart, so they are words too
_MOST = 4096  # pairs of words to be matched; a host that makes its texts as unlike as it can must not cost seconds
_LITTLE = 0.3  # less than this in common is by chance: two texts with nothing to do with each other


def differing(expected: str, observed: str) -> tuple[Parts, Parts]:
    """Part both texts so that what differs stands alone; joined, each gives the text again.

    The time it takes is bounded by the texts' lengths: what is too long to be matched word by word differs whole.
    """
    if not expected or not observed:
        return _whole(expected, differs=False), _whole(observed, differs=False)
    pairs = list(_pairs(expected, observed))
    common = sum(len(one) for differs, one, _ in pairs if not differs)
    if common < _LITTLE * max(len(expected), len(observed)):
        return _whole(expected, differs=True), _whole(observed, differs=True)
    return (
        _joined((differs, one) for differs, one, _ in pairs),
        _joined((differs, other) for differs, _, other in pairs),
    )


def _whole(text: str, *, differs: bool) -> Parts:
    return ((differs, text),) if text else ()


def _joined(parts: Iterator[Part]) -> Parts:
    alike = groupby((part for part in parts if part[1]), key=itemgetter(0))
    return tuple((differs, "".join(text for _, text in same)) for differs, same in alike)


def _pairs(one: str, other: str) -> Iterator[tuple[bool, str, str]]:
    """Give what both have, and what one has in place of the other's: first by the ends, then by words."""
    for differs, left, right in _by_ends(one, other):
        words, others = _WORD.findall(left), _WORD.findall(right)
        if differs and words and others and len(words) * len(others) <= _MOST:
            for changed, some, same in _by_words(words, others):
                yield from _by_ends(some, same) if changed else ((False, some, same),)
        else:
            yield differs, left, right


def _by_ends(one: str, other: str) -> Iterator[tuple[bool, str, str]]:
    start = _shared(one, other)
    end = min(_shared(one[::-1], other[::-1]), len(one) - start, len(other) - start)
    yield False, one[:start], other[:start]
    yield True, one[start : len(one) - end], other[start : len(other) - end]
    yield False, one[len(one) - end :], other[len(other) - end :]


def _shared(one: str, other: str) -> int:
    """Count the characters with which both begin."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _by_words(words: Sequence[str], others: Sequence[str]) -> Iterator[tuple[bool, str, str]]:
    for tag, start, end, begin, until in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        yield tag != "equal", "".join(words[start:end]), "".join(others[begin:until])
