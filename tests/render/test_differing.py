"""Which characters of two texts differ."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.render.html.differing import Parts, differing

TEXT = st.text("ab_- 12", max_size=40)


def marked(parts: Parts) -> str:
    """Write the parts that differ in brackets."""
    return "".join(f"[{text}]" if differs else text for differs, text in parts)


def unmarked(parts: Parts) -> str:
    return "".join(text for differs, text in parts if not differs)


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
def test_what_differs_is_marked(expected: str, observed: str, left: str, right: str) -> None:
    parts, others = differing(expected, observed)
    assert (marked(parts), marked(others)) == (left, right)


@given(TEXT, TEXT)
def test_no_character_is_lost_or_added_and_what_is_not_marked_is_the_same(expected: str, observed: str) -> None:
    parts, others = differing(expected, observed)
    assert "".join(text for _, text in parts) == expected
    assert "".join(text for _, text in others) == observed
    if expected and observed:
        assert unmarked(parts) == unmarked(others)


@given(TEXT)
def test_of_two_same_texts_nothing_is_marked(text: str) -> None:
    assert all(not differs for parts in differing(text, text) for differs, _ in parts)


def test_the_worst_that_a_host_can_say_costs_no_time() -> None:
    worst = [("ab" * 1000, "ba" * 1000), ("a," * 1000, ",a" * 999), ("x" + "a b " * 499, "y" + "b a " * 499)]
    began = perf_counter()
    for expected, observed in worst * 10:
        differing(expected, observed)
        differing(expected[:62], observed[:62])
    assert perf_counter() - began < 10  # it takes a few hundredths; without a bound, minutes
