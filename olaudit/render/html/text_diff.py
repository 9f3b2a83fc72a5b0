"""Differences between two texts, by character: which segments of each are not in the other."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from operator import itemgetter

Segment = tuple[bool, str]
"""A piece of a text, and whether it differs from the other text."""

Segments = tuple[Segment, ...]

_WORD = re.compile(r"[^\W_]+|.", re.DOTALL)  # `_` and `-` distinguish container names, so they are words too
_MAX_PAIRS = 4096  # of words to match; texts that a host made as different as possible must not cost seconds
_MIN_COMMON = 0.3  # a smaller common share is by chance: the texts are unrelated


def diff_texts(expected: str, observed: str) -> tuple[Segments, Segments]:
    """Split both texts into segments that differ and segments that do not; joined, they are the texts again.

    The time is bounded by the texts' lengths: parts too long to match word by word differ as a whole.
    """
    if not expected or not observed:
        return _single_segment(expected, differs=False), _single_segment(observed, differs=False)
    pairs = list(_pairs(expected, observed))
    common = sum(len(left) for differs, left, _ in pairs if not differs)
    if common < _MIN_COMMON * max(len(expected), len(observed)):
        return _single_segment(expected, differs=True), _single_segment(observed, differs=True)
    return (
        _joined((differs, left) for differs, left, _ in pairs),
        _joined((differs, right) for differs, _, right in pairs),
    )


def _single_segment(text: str, *, differs: bool) -> Segments:
    return ((differs, text),) if text else ()


def _joined(segments: Iterator[Segment]) -> Segments:
    groups = groupby((segment for segment in segments if segment[1]), key=itemgetter(0))
    return tuple((differs, "".join(text for _, text in adjacent)) for differs, adjacent in groups)


def _pairs(left: str, right: str) -> Iterator[tuple[bool, str, str]]:
    """Yield corresponding pieces of both texts, and whether they differ: compare the ends first, then words."""
    for differs, left_piece, right_piece in _by_ends(left, right):
        left_words, right_words = _WORD.findall(left_piece), _WORD.findall(right_piece)
        if differs and left_words and right_words and len(left_words) * len(right_words) <= _MAX_PAIRS:
            for changed, left_run, right_run in _by_words(left_words, right_words):
                yield from _by_ends(left_run, right_run) if changed else ((False, left_run, right_run),)
        else:
            yield differs, left_piece, right_piece


def _by_ends(left: str, right: str) -> Iterator[tuple[bool, str, str]]:
    start = _common_prefix_length(left, right)
    end = min(_common_prefix_length(left[::-1], right[::-1]), len(left) - start, len(right) - start)
    yield False, left[:start], right[:start]
    yield True, left[start : len(left) - end], right[start : len(right) - end]
    yield False, left[len(left) - end :], right[len(right) - end :]


def _common_prefix_length(left: str, right: str) -> int:
    differences = (index for index, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1])
    return next(differences, min(len(left), len(right)))


def _by_words(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[bool, str, str]]:
    opcodes = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    for tag, left_start, left_end, right_start, right_end in opcodes:
        yield tag != "equal", "".join(left[left_start:left_end]), "".join(right[right_start:right_end])
