"""Bar chart of the last runs, readable without styles: all lengths are in user units of the SVG image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median

from olaudit.model import RunSummary
from olaudit.render import view

_SLOT = 20
_MIN_SLOTS = 15  # so that the bar of a single run is not as wide as the chart
_HEIGHT = 140
_MIN_BAR = 3  # so that a single drift is visible next to a run with five hundred
_GAP_FACTOR = 1.6  # times the median pause: a longer pause is a missed run


@dataclass(frozen=True, slots=True)
class Bar:
    """One run: the height of its drift, and of its unknowns on top of it."""

    x: int
    run: RunSummary
    drift: int
    unknown: int

    @property
    def empty(self) -> bool:
        """Whether the run has neither drift nor unknowns; it is drawn differently from a missed run."""
        return not self.drift and not self.unknown


@dataclass(frozen=True, slots=True)
class Gap:
    """A pause longer than usual, and its formatted length."""

    x: int
    length: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The chart: its size, its bars and gaps in order of time, and the count that the tallest bar represents."""

    width: int
    ground: int
    bars: tuple[Bar, ...]
    gaps: tuple[Gap, ...]
    most: int

    @property
    def runs(self) -> tuple[RunSummary, ...]:
        """The runs, the oldest first."""
        return tuple(bar.run for bar in self.bars)


def timeline(runs: Sequence[RunSummary]) -> Timeline:
    """Lay out the chart of `runs`, which are in order of time."""
    pauses = [_seconds(earlier, later) for earlier, later in pairwise(runs)]
    usual = median(pauses) if pauses else 0.0
    most = max((run.drift + run.unknown for run in runs), default=0)
    bars: list[Bar] = []
    gaps: list[Gap] = []
    x = 0
    for run, previous, pause in zip(runs, [None, *runs], [0.0, *pauses], strict=False):
        if previous and pause > _GAP_FACTOR * usual:
            gaps.append(Gap(x, view.age(previous.started_at, run.started_at)))
            x += _SLOT
        bars.append(Bar(x, run, _height(run.drift, most), _height(run.unknown, most)))
        x += _SLOT
    return Timeline(max(x, _MIN_SLOTS * _SLOT), _HEIGHT, tuple(bars), tuple(gaps), most)


def _height(count: int, most: int) -> int:
    # two stacked bars of at least the minimal height must not exceed the chart
    return max(_MIN_BAR, round(count * (_HEIGHT - 2 * _MIN_BAR) / most)) if count else 0


def _seconds(earlier: RunSummary, later: RunSummary) -> float:
    return (datetime.fromisoformat(later.started_at) - datetime.fromisoformat(earlier.started_at)).total_seconds()
