"""Bar chart of the last runs, readable without styles: all lengths are in user units of the SVG image."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from olaudit.model import RunSummary
from olaudit.render import view

_SLOT = 20
_MIN_SLOTS = 15  # so that the bar of a single run is not as wide as the chart
_HEIGHT = 140
_MIN_BAR = 3  # so that a single drift is visible next to a run with five hundred
_GAP_FACTOR = 1.6  # times the median pause: a longer pause is a missed run


class Bar(NamedTuple):
    """One run: the height of its drift, and of its unknowns on top of it."""

    x: int
    run: RunSummary
    drift: int
    unknown: int


class Timeline(NamedTuple):
    """The chart: its size, the runs and their bars in order of time, and the count of the tallest bar.

    `gaps` are pauses longer than usual: each has its x, and its formatted length.
    """

    width: int
    ground: int
    runs: Sequence[RunSummary]
    bars: Sequence[Bar]
    gaps: Sequence[tuple[int, str]]
    most: int


def timeline(runs: Sequence[RunSummary]) -> Timeline:
    """Lay out the chart of `runs`, which are in order of time."""
    starts = [datetime.fromisoformat(run.started_at) for run in runs]
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(starts)]
    usual = median(pauses) if pauses else 0.0
    most = max((run.drift + run.unknown for run in runs), default=0)
    bars: list[Bar] = []
    gaps: list[tuple[int, str]] = []
    x = 0
    for run, previous, pause in zip(runs, [None, *runs], [0.0, *pauses], strict=False):
        if previous and pause > _GAP_FACTOR * usual:
            gaps.append((x, view.age(previous.started_at, run.started_at)))
            x += _SLOT
        bars.append(Bar(x, run, _height(run.drift, most), _height(run.unknown, most)))
        x += _SLOT
    return Timeline(max(x, _MIN_SLOTS * _SLOT), _HEIGHT, runs, bars, gaps, most)


def _height(count: int, most: int) -> int:
    # two stacked bars of at least the minimal height must not exceed the chart
    return max(_MIN_BAR, round(count * (_HEIGHT - 2 * _MIN_BAR) / most)) if count else 0
