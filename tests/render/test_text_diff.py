"""Differences between two texts, by character."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.render.html.text_diff import Segments, diff_texts

TEXT = st.text("ab_- 12", max_size=40)


def marked(segments: Segments) -> str:
    """Join the segments, with those that differ in brackets."""
    return "".join(f"[{text}]" if differs else text for differs, text in segments)


def unmarked(segments: Segments) -> str:
    return "".join(text for differs, text in segments if not differs)


@pytest.mark.parametrize(
    ("expected", "observed", "left", "right"),
    [
        ("Ubuntu 20.04", "Ubuntu 18.04", "Ubuntu [20].04", "Ubuntu [18].04"),
        ("openlibrary-web-1", "openlibrary_web_1", "openlibrary[-]web[-]1", "openlibrary[_]web[_]1"),
        ("-m 6144", "-m 61440", "-m 6144", "-m 6144[0]"),
        ("a b c d", "a c d", "a [b ]c d", "a c d"),
        ("running", "exited (143)", "[running]", "[exited (143)]"),
        ("directory", "does not exist", "[directory]", "[does not exist]"),
        ("same", "same", "same", "same"),
        ("64 MB", "", "64 MB", ""),
        ("", "64 MB", "", "64 MB"),
        ("", "", "", ""),
    ],
)
def test_differing_segments_are_marked(expected: str, observed: str, left: str, right: str) -> None:
    expected_segments, observed_segments = diff_texts(expected, observed)
    assert (marked(expected_segments), marked(observed_segments)) == (left, right)


@given(TEXT, TEXT)
def test_segments_join_to_the_texts_and_unmarked_ones_are_equal(expected: str, observed: str) -> None:
    left, right = diff_texts(expected, observed)
    assert "".join(text for _, text in left) == expected
    assert "".join(text for _, text in right) == observed
    if expected and observed:
        assert unmarked(left) == unmarked(right)


@given(TEXT)
def test_equal_texts_have_no_marked_segments(text: str) -> None:
    assert all(not differs for segments in diff_texts(text, text) for differs, _ in segments)


def test_the_time_is_bounded_for_adversarial_texts() -> None:
    worst = [("ab" * 1000, "ba" * 1000), ("a," * 1000, ",a" * 999), ("x" + "a b " * 499, "y" + "b a " * 499)]
    start = perf_counter()
    for expected, observed in worst * 10:
        diff_texts(expected, observed)
        diff_texts(expected[:62], observed[:62])
    assert perf_counter() - start < 10  # it takes some hundredths of a second; without a bound, minutes
