"""Recorded runs: what every host answered, as a plain JSON file that can be judged again without a network."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from olaudit.collect import Collected
from olaudit.errors import UsageError
from olaudit.model import Answer, Answered, Answers, Engine, Failure, HostAnswers, Probe, Reason, Shell, Unanswered

_VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Asked(_Part):
    """One probe with its answer: either a command or a question to the engine, either answered or not."""

    shell: tuple[str, ...] | None = None
    engine: Engine | None = None
    stdout: str = ""
    stderr: str = ""
    status: int = 0
    unanswered: str | None = None

    def pair(self) -> tuple[Probe, Answer]:
        """Give it as the collectors had it."""
        probe: Probe = self.engine or Shell(self.shell or ())
        if self.unanswered is not None:
            return probe, Unanswered(self.unanswered)
        return probe, Answered(self.stdout, self.stderr, self.status)


class _Failure(_Part):
    reason: Reason
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


def dump(collected: Collected) -> str:
    """Write a recording as text. It holds what hosts said, so keep it as private as them."""
    recording = _Recording(
        recording_version=_VERSION,
        complete=collected.complete,
        hosts=tuple(_host(host) for host in collected.hosts),
    )
    return recording.model_dump_json(indent=1, exclude_defaults=True) + "\n"


def load(file: Path) -> Collected:
    """Read a recording. Raises UsageError for a file that is none."""
    try:
        recording = _Recording.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{file}: not a recording of olaudit: {where + ': ' if where else ''}{first['msg']}",
            "record one with `olaudit check --record FILE`",
        ) from None
    if recording.recording_version != _VERSION:
        raise UsageError(f"{file}: recorded by a newer olaudit (version {recording.recording_version})")
    return Collected(tuple(_answers(host) for host in recording.hosts), recording.complete)


def _host(host: HostAnswers) -> _Host:
    if isinstance(host.outcome, Failure):
        failure = _Failure(reason=host.outcome.reason, message=host.outcome.message)
        return _Host(host=host.host, duration_seconds=host.duration_seconds, failure=failure)
    asked = tuple(_asked(probe, answer) for probe, answer in host.outcome.items())
    return _Host(host=host.host, duration_seconds=host.duration_seconds, answers=asked)


def _asked(probe: Probe, answer: Answer) -> _Asked:
    shell, engine = (probe.argv, None) if isinstance(probe, Shell) else (None, probe)
    if isinstance(answer, Unanswered):
        return _Asked(shell=shell, engine=engine, unanswered=answer.reason)
    return _Asked(shell=shell, engine=engine, stdout=answer.stdout, stderr=answer.stderr, status=answer.status)


def _answers(host: _Host) -> HostAnswers:
    outcome: Answers | Failure
    if host.failure:
        outcome = Failure(host.failure.reason, host.failure.message)
    else:
        outcome = Answers(dict(asked.pair() for asked in host.answers))
    return HostAnswers(host.host, outcome, host.duration_seconds)
