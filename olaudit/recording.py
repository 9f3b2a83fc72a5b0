"""Recorded runs: what every host answered, as a plain JSON file that can be judged again without a network."""

from __future__ import annotations

from pathlib import Path

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
    EngineQuery,
    Failure,
    FailureReason,
    HostAnswers,
    ImageLayers,
    Lookup,
    Probe,
    Unanswered,
)

_VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Asked(_Part):
    """One probe, under the name of its type, with its answer: what was said, or why nothing was."""

    shell: tuple[str, ...] | None = None
    sudo: bool = False
    engine: EngineQuery | None = None
    layers: str | None = None
    changes: tuple[str, ...] | None = None
    lookup: str | None = None
    reached: ConnectionProbe | None = None
    stdout: str = ""
    stderr: str = ""
    status: int = 0
    unanswered: str | None = None

    def pair(self) -> tuple[Probe, Answer]:
        """Give it as the collectors had it."""
        probe = self._probe()
        if self.unanswered is not None:
            return probe, Unanswered(self.unanswered)
        return probe, Answered(self.stdout, self.stderr, self.status)

    def _probe(self) -> Probe:
        if self.layers is not None:
            return ImageLayers(self.layers)
        if self.changes is not None:
            return ContainerChanges(self.changes)
        if self.lookup is not None:
            return Lookup(self.lookup)
        return self.engine or self.reached or Command(self.shell or (), sudo=self.sudo)


class _Failure(_Part):
    reason: FailureReason
    message: str


class _Host(_Part):
    host: str
    duration_seconds: float
    failure: _Failure | None = None
    answers: tuple[_Asked, ...] = ()


class _Recording(_Part):
    recording_version: int
    complete: bool
    hosts: tuple[_Host, ...]


def dump(collected: CollectedAnswers) -> str:
    """Write a recording as text. It holds what hosts said, so keep it as private as them."""
    recording = _Recording(
        recording_version=_VERSION,
        complete=collected.complete,
        hosts=tuple(_host(host) for host in collected.hosts),
    )
    return recording.model_dump_json(indent=1, exclude_defaults=True) + "\n"


def load(file: Path) -> CollectedAnswers:
    """Read a recording. Raises UsageError for a file that is none."""
    try:
        text = read_regular(file, MAX_DATA_BYTES)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    return parse(text, str(file))


def parse(text: str | bytes, name: str) -> CollectedAnswers:
    """Read a recording that was kept under `name`. Raises UsageError for a text that is none."""
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
        failure = _Failure(reason=host.outcome.reason, message=host.outcome.message)
        return _Host(host=host.host, duration_seconds=host.duration_seconds, failure=failure)
    asked = tuple(_asked(probe, answer) for probe, answer in host.outcome.raw().items())
    return _Host(host=host.host, duration_seconds=host.duration_seconds, answers=asked)


def _asked(probe: Probe, answer: Answer) -> _Asked:
    asked = _question(probe)
    if isinstance(answer, Unanswered):
        return asked.model_copy(update={"unanswered": answer.reason})
    said = {"stdout": answer.stdout, "stderr": answer.stderr, "status": answer.status}
    return asked.model_copy(update=said)


def _question(probe: Probe) -> _Asked:
    match probe:
        case Command(argv, sudo=sudo):
            return _Asked(shell=argv, sudo=sudo)
        case EngineQuery():
            return _Asked(engine=probe)
        case ImageLayers(image):
            return _Asked(layers=image)
        case ContainerChanges(paths):
            return _Asked(changes=paths)
        case Lookup(name):
            return _Asked(lookup=name)
        case ConnectionProbe():
            return _Asked(reached=probe)


def _answers(host: _Host) -> HostAnswers:
    outcome: Answers | Failure
    if host.failure:
        outcome = Failure(host.failure.reason, host.failure.message)
    else:
        outcome = Answers(dict(asked.pair() for asked in host.answers))
    return HostAnswers(host.host, outcome, host.duration_seconds)
