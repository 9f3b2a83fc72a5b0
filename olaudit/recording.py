"""Recordings: the answers of every host as a JSON file, which can be evaluated again without a network."""

from dataclasses import asdict
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from olaudit.collect import CollectedAnswers
from olaudit.errors import UsageError
from olaudit.files import MAX_DATA_BYTES, read_regular
from olaudit.model import (
    Answer,
    Answered,
    Answers,
    Command,
    ConnectionProbe,
    ContainerChanges,
    ContainerFields,
    EngineVersion,
    Failure,
    HostAnswers,
    ImageLayers,
    Lookup,
    Probe,
    Unanswered,
)

_VERSION = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _RecordedAnswer(_Record):
    """One probe, under a key for its type, with its answer, or the reason why there is none."""

    shell: tuple[str, ...] | None = None
    sudo: bool = False
    engine: Literal["version", "containers"] | None = None
    layers: str | None = None
    changes: tuple[str, ...] | None = None
    lookup: str | None = None
    reached: ConnectionProbe | None = None
    stdout: str = ""
    stderr: str = ""
    status: int = 0
    unanswered: str | None = None

    def pair(self) -> tuple[Probe, Answer]:
        """Return the probe and its answer as the collection returned them."""
        if self.unanswered is not None:
            return self._probe(), Unanswered(self.unanswered)
        return self._probe(), Answered(self.stdout, self.stderr, self.status)

    def _probe(self) -> Probe:
        if self.layers is not None:
            return ImageLayers(self.layers)
        if self.changes is not None:
            return ContainerChanges(self.changes)
        if self.lookup is not None:
            return Lookup(self.lookup)
        if self.engine is not None:
            return EngineVersion() if self.engine == "version" else ContainerFields()
        return self.reached or Command(self.shell or (), sudo=self.sudo)


class _Host(_Record):
    host: str
    duration_seconds: float
    failure: Failure | None = None
    answers: tuple[_RecordedAnswer, ...] = ()


class _Recording(_Record):
    recording_version: int
    complete: bool
    hosts: tuple[_Host, ...]


def dump(collected: CollectedAnswers) -> str:
    """Format a recording as text. It contains the hosts' raw answers, so keep it as private as the hosts."""
    recording = _Recording(
        recording_version=_VERSION,
        complete=collected.complete,
        hosts=tuple(_host(host) for host in collected.hosts),
    )
    return recording.model_dump_json(indent=1, exclude_defaults=True) + "\n"


def load(file: Path) -> CollectedAnswers:
    """Read a recording. Raises UsageError for a file that is not a recording."""
    try:
        text = read_regular(file, MAX_DATA_BYTES)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    return parse(text, str(file))


def parse(text: str | bytes, name: str) -> CollectedAnswers:
    """Parse the text of the recording `name`. Raises UsageError for a text that is not a recording."""
    try:
        recording = _Recording.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{name}: not a recording of olaudit: {where + ': ' if where else ''}{first['msg']}",
            "record one with `olaudit check --record FILE`",
        ) from None
    if recording.recording_version != _VERSION:
        raise UsageError(f"{name}: recorded by a newer olaudit (version {recording.recording_version})")
    return CollectedAnswers(tuple(_answers(host) for host in recording.hosts), recording.complete)


def _host(host: HostAnswers) -> _Host:
    if isinstance(host.outcome, Failure):
        return _Host(host=host.host, duration_seconds=host.duration_seconds, failure=host.outcome)
    answers = tuple(_recorded_answer(probe, answer) for probe, answer in host.outcome.raw().items())
    return _Host(host=host.host, duration_seconds=host.duration_seconds, answers=answers)


def _recorded_answer(probe: Probe, answer: Answer) -> _RecordedAnswer:
    record = _recorded_probe(probe)
    if isinstance(answer, Unanswered):
        return record.model_copy(update={"unanswered": answer.reason})
    return record.model_copy(update=asdict(answer))


def _recorded_probe(probe: Probe) -> _RecordedAnswer:
    match probe:
        case Command(argv, sudo=sudo):
            return _RecordedAnswer(shell=argv, sudo=sudo)
        case EngineVersion() | ContainerFields():
            return _RecordedAnswer(engine="version" if isinstance(probe, EngineVersion) else "containers")
        case ImageLayers(image):
            return _RecordedAnswer(layers=image)
        case ContainerChanges(paths):
            return _RecordedAnswer(changes=paths)
        case Lookup(name):
            return _RecordedAnswer(lookup=name)
        case ConnectionProbe():
            return _RecordedAnswer(reached=probe)


def _answers(host: _Host) -> HostAnswers:
    outcome = host.failure or Answers(dict(record.pair() for record in host.answers))
    return HostAnswers(host.host, outcome, host.duration_seconds)
