"""The last runs as bars, for a drawing without styles: every number is a length in the drawing's own units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median

from olaudit.model import RunSummary
from olaudit.render.ages import age

_SLOT = 20
_SLOTS = 15  # at least: a single run is no wall
_HEIGHT = 140
_LEAST = 3  # so that one drift shows beside a night of five hundred
_MISSED = 1.6  # times the usual pause: a run is missing


@dataclass(frozen=True, slots=True)
class Bar:
    """One run: drift stands on the ground, what was unknown on top of it."""

    x: int
    run: RunSummary
    drift: int
    unknown: int

    @property
    def bare(self) -> bool:
        """Say whether there was nothing to draw: a night without drift is no night without a run."""
        return not self.drift and not self.unknown


@dataclass(frozen=True, slots=True)
class Gap:
    """A pause longer than usual, and how long it was, in words."""

    x: int
    length: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The drawing: its size, its bars and gaps in order of time, and what the tallest bar stands for."""

    width: int
    ground: int
    bars: tuple[Bar, ...]
    gaps: tuple[Gap, ...]
    most: int

    @property
    def runs(self) -> tuple[RunSummary, ...]:
        """List the runs, the oldest first."""
        return tuple(bar.run for bar in self.bars)


def timeline(runs: Sequence[RunSummary]) -> Timeline:
    """Draw `runs`, which are in order of time."""
    pauses = [_seconds(one, next_) for one, next_ in pairwise(runs)]
    missed = [bool(pauses) and pause > _MISSED * median(pauses) for pause in pauses]
    most = max((run.drift + run.unknown for run in runs), default=0)
    bars: list[Bar] = []
    gaps: list[Gap] = []
    x = 0
    for run, (before, gap) in zip(runs, _before(runs, missed), strict=True):
        if before and gap:
            gaps.append(Gap(x, age(before.started_at, run.started_at)))
            x += _SLOT
        bars.append(Bar(x, run, _height(run.drift, most), _height(run.unknown, most)))
        x += _SLOT
    return Timeline(max(x, _SLOTS * _SLOT), _HEIGHT, tuple(bars), tuple(gaps), most)


def _before(runs: Sequence[RunSummary], missed: Sequence[bool]) -> Iterator[tuple[RunSummary | None, bool]]:
    if runs:
        yield None, False
    yield from zip(runs, missed, strict=False)


def _height(count: int, most: int) -> int:
    # two bars on each other, each at least as high as can be seen, must not grow out of the drawing
    return max(_LEAST, round(count * (_HEIGHT - 2 * _LEAST) / most)) if count else 0


def _seconds(one: RunSummary, other: RunSummary) -> float:
    return (datetime.fromisoformat(other.started_at) - datetime.fromisoformat(one.started_at)).total_seconds()
