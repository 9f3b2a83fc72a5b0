"""Background of a finding: its episodes in the history, and the stored answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from olaudit import recording
from olaudit.collect import CollectedAnswers
from olaudit.errors import OlauditError
from olaudit.history import DriftEpisode, History
from olaudit.model import Failure, Finding, Verdict
from olaudit.render.view import age, moment

_MAX_RUNS = 1000
"""How many runs to search for the one that last saw a finding; more than a history usually keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedFinding:
    """A finding, with the run that reported it.

    `run_id` is "" if only the run's start is known; `started_at` is RFC 3339 UTC. `reported` describes the run.
    `revision` is that of the run's expected files, "" if unknown. `failure` is why the host could not be audited.
    `remark` is a note that readers need first.
    """

    finding: Finding
    reported: str
    run_id: str
    started_at: str
    revision: str
    failure: Failure | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingBackground:
    """Sentences about a finding's episodes, and raw answers; `answers` is None if there are none.

    `answers_from` describes the source of the answers, or why there are none.
    """

    sentences: tuple[str, ...]
    answers: CollectedAnswers | None
    answers_from: str


def find_episodes(file: Path, id_prefix: str) -> tuple[DriftEpisode, ...]:
    """Find the episodes of the finding whose id begins with `id_prefix`.

    Returns no episodes if the history is missing, or if no finding or several findings match.
    """
    if not file.exists():
        return ()
    with History.open(file, create=False) as history:
        by_subject = [history.episodes(subject.id) for subject in history.find_subjects(id_prefix)]
    not_empty = [episodes for episodes in by_subject if episodes]
    return not_empty[0] if len(not_empty) == 1 else ()


def load_background(reported: ReportedFinding, file: Path, replay: Path | None) -> FindingBackground:
    """Load a finding's episodes from the history `file`, and its answers from `replay`, else from the history.

    A history that is missing or cannot be used becomes a sentence. Raises UsageError if `replay` is no recording.
    """
    episodes: tuple[DriftEpisode, ...] = ()
    stored, no_episodes = None, f"There is no history {file}: `olaudit report` creates it."
    if file.exists():
        try:
            with History.open(file, create=False) as history:
                episodes = history.episodes(reported.finding.id)
                stored = None if replay else _stored_recording(history, reported)
            no_episodes = f"The history {file} has no drift of this finding."
        except OlauditError as error:
            no_episodes = f"The history cannot be read: {error.message}."
    sentences = tuple(_sentences(reported, episodes)) or (no_episodes,)
    answers, source = None, "A report contains no raw answers."
    if replay is not None:
        answers, source = recording.load(replay), str(replay)
    elif stored is not None:
        answers = recording.parse(stored, str(file))
        source = f"the run of {moment(reported.started_at)}, stored in the history"
    return FindingBackground(sentences=sentences, answers=answers, answers_from=source)


def _stored_recording(history: History, reported: ReportedFinding) -> str | None:
    """Load the recording of the run that reported the finding; None if the history does not have it."""
    for run in history.runs(_MAX_RUNS):
        if run.id == reported.run_id or (not reported.run_id and run.started_at == reported.started_at):
            return history.recording(run.id)
    return None


def _sentences(reported: ReportedFinding, episodes: Sequence[DriftEpisode]) -> Iterator[str]:
    """Describe the episodes: the open one first, then the ended ones, newest first.

    A finding with a `remark` is described as last seen, not as of the report.
    """
    finding, now = reported.finding, reported.started_at
    current = next((episode for episode in episodes if episode.ended is None), None)
    since = finding.first_seen or (current.finding.first_seen if current else None)
    if since and reported.remark:
        yield f"First seen {moment(since)}, last seen {moment(now)}."
    elif since and finding.verdict in (Verdict.DRIFT, Verdict.WAIVED):
        yield (
            "New: this run is the first to see it."
            if since >= now
            else f"First seen {moment(since)}, {age(since, now)} before this report."
        )
    elif current and finding.verdict is Verdict.UNKNOWN:
        yield f"Drift since {moment(since)}, last seen {moment(current.last_seen)}, and unobserved since:"
        yield current.finding.message
    elif since and finding.verdict is Verdict.UNKNOWN:
        yield f"Unknown since {moment(since)}."
    for episode in reversed(episodes):
        if episode.ended:
            period = f"{moment(episode.finding.first_seen)} to {moment(episode.ended)}"
            yield f"Earlier: {period} ({episode.ending}): {episode.finding.message}"
