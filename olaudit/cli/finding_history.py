"""What earlier runs know of one finding: its lives, and the answers that were kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from olaudit import recording
from olaudit.collect import CollectedAnswers
from olaudit.errors import OlauditError
from olaudit.history import DriftEpisode, History
from olaudit.model import Failure, Finding, Verdict
from olaudit.render.ages import age, moment

_RUNS = 1000
"""How many runs to look through for the one that last saw a finding; far more than are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finding as it was told, and by which run: its id ("" if only its start, `at`, is known; RFC 3339 UTC).

    `reported` says so in words. `revision` is that of the expected files then, "" if nobody knows. `failure` is
    why its host could not be audited, `remark` what a reader must know first.
    """

    finding: Finding
    reported: str
    run_id: str
    at: str
    revision: str
    failure: Failure | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known beside a report. `answers` is None where none are at hand; `answers_from` says why."""

    sentences: tuple[str, ...]
    answers: CollectedAnswers | None
    answers_from: str


def gone(file: Path, digits: str) -> tuple[DriftEpisode, ...]:
    """Find the lives of a finding that no report has any more; none where there are none, or several fit."""
    if not file.exists():
        return ()
    with History.open(file, create=False) as history:
        lives = [history.episodes(one.id) for one in history.find_subjects(digits)]
    lived = [life for life in lives if life]
    return lived[0] if len(lived) == 1 else ()


def past_of(told: Told, file: Path, replay: Path | None) -> Past:
    """Look a finding up in the history `file`, and its answers in `replay`, else in the history.

    A history that is missing or cannot be used is said so. Raises UsageError for a `replay` that is no recording.
    """
    lives: tuple[DriftEpisode, ...] = ()
    kept, nothing = None, f"There is no history {file}: `olaudit report` keeps one."
    if file.exists():
        try:
            with History.open(file, create=False) as history:
                lives = history.episodes(told.finding.id)
                kept = None if replay else _kept(history, told)
            nothing = f"The history {file} has no drift of this."
        except OlauditError as error:
            nothing = f"The history cannot be read: {error.message}."
    sentences = tuple(_sentences(told.finding, lives, told.at, told.remark)) or (nothing,)
    if replay is not None:
        return Past(sentences=sentences, answers=recording.load(replay), answers_from=str(replay))
    if kept is not None:
        said = f"the run of {moment(told.at)}, as the history has kept them"
        return Past(sentences=sentences, answers=recording.parse(kept, str(file)), answers_from=said)
    return Past(sentences=sentences, answers=None, answers_from="A report alone holds no raw answers.")


def _kept(history: History, told: Told) -> str | None:
    """Give the answers that were kept with a run, if it is in this history and they are."""
    for run in history.runs(_RUNS):
        if run.id == told.run_id or (not told.run_id and run.started_at == told.at):
            return history.recording(run.id)
    return None


def _sentences(found: Finding, lives: Sequence[DriftEpisode], now: str, remark: str) -> Iterator[str]:
    """Tell its lives: the present one first, then the earlier ones, the last of them first.

    With a `remark`, it is not told as of `now`, but as it was last seen, then.
    """
    current = next((life for life in lives if life.ended is None), None)
    since = found.first_seen or (current.finding.first_seen if current else None)
    if since and remark:
        yield f"It was so from {moment(since)} to {moment(now)}, when it was last seen."
    elif since and found.verdict in (Verdict.DRIFT, Verdict.WAIVED):
        yield (
            "It is new: this run saw it first."
            if since >= now
            else (f"It has been so since {moment(since)}: for {age(since, now)} when this was reported.")
        )
    elif current and found.verdict is Verdict.UNKNOWN:
        yield f"It is drift since {moment(since)}, as far as is known; last seen {moment(current.last_seen)}:"
        yield current.finding.message
    elif since and found.verdict is Verdict.UNKNOWN:
        yield f"It has not been known since {moment(since)}."
    for life in reversed(lives):
        if life.ended:
            began = moment(life.finding.first_seen)
            yield f"Earlier: from {began} to {moment(life.ended)} ({life.ending}): {life.finding.message}"
