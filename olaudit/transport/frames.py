"""Framed output of a batch (see `batch`): encoding of an answer, and parsing of all answers."""

import base64
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from olaudit.model import Answer, Answered, Command, Probe, Unanswered
from olaudit.transport.automount import BLOCKED_STATUS

MAX_BYTES = 4 << 20
"""Most bytes of all answers of one host. An answer that exceeds this is unanswered; it is never truncated."""

STREAM_BYTES = 1 << 20
"""Most bytes of the stream of one command that can hang."""

TOO_LARGE = f"its answer was larger than {STREAM_BYTES >> 20} MiB"

ENDED_EARLY = "the shell on the host ended before this was answered"
"""Reason for commands without a complete answer where the stream ended and the connection did not."""

COMMAND_SECONDS = 10
"""Time limit of one command, after which `timeout` terminates it."""

WIDTH = 3000
"""Characters of base64 in one line: a multiple of 4. The line with its prefix stays below PIPE_BUF."""


def encode_answer(number: int, answered: Answered, marker: str, *, stream: bool = False) -> bytes:
    """Encode one answer as the script does. `stream`: as for a command that can hang."""
    text = (
        f"{marker} o {number}\n{answered.stdout}\n"
        f"{marker} e {number} {answered.status}\n{answered.stderr}\n{marker} z {number}\n"
    )
    if stream:
        encoded = base64.b64encode(text.encode()).decode()
        chunks = (encoded[start : start + WIDTH] for start in range(0, len(encoded), WIDTH))
        text = "".join(f"{marker} l {number} {chunk}\n" for chunk in chunks)
    return text.encode()


@dataclass(slots=True)
class _Frame:
    """An answer that is being received."""

    number: int
    stdout: list[bytes] = field(default_factory=list)
    stderr: list[bytes] = field(default_factory=list)
    status: int | None = None


class _LineSplitter:
    """Splitter of a byte stream, which arrives in chunks, into lines."""

    def __init__(self) -> None:
        self._incomplete = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Add a chunk and return the complete lines, without line ends."""
        self._incomplete += data
        if b"\n" not in data:  # avoids a copy of a long line for each of its chunks
            return []
        *lines, incomplete = bytes(self._incomplete).split(b"\n")
        self._incomplete = bytearray(incomplete)
        return lines


class _FrameParser:
    """Parser of the frames of one stream, which accepts frames of the commands `numbers` only.

    Each complete answer is stored in `answers`, by command number. The first answer of a command is kept.
    """

    def __init__(
        self, commands: Sequence[Command], numbers: Iterable[int], marker: bytes, answers: dict[int, Answer]
    ) -> None:
        self._commands = commands
        self._numbers = {b"%d" % n: n for n in numbers}
        self._marker = marker
        self._answers = answers
        self._frame: _Frame | None = None
        self._splitter = _LineSplitter()
        self.started = False
        self.size = 0
        self._invalid = False

    def feed_encoded(self, encoded: bytes) -> None:
        """Decode the next line of base64. After a line that is not base64, the rest of the stream is ignored."""
        if self._invalid:
            return
        try:
            data = base64.b64decode(encoded, validate=True)
        except ValueError:
            self._invalid = True
            return
        self.size += len(data)
        for line in self._splitter.feed(data):
            self.feed_line(line)

    def feed_line(self, line: bytes) -> None:
        """Parse the next line."""
        fields = line.split(b" ")
        if fields[0] == self._marker and len(fields) > 2:
            self.started = True
            n = self._numbers.get(fields[2])
            self._frame = None if n is None or n in self._answers else self._parse_marker_line(n, fields)
        elif frame := self._frame:
            (frame.stdout if frame.status is None else frame.stderr).append(line)

    def _parse_marker_line(self, n: int, fields: list[bytes]) -> _Frame | None:
        """Parse a line that begins with the marker, and return the frame that is open after it."""
        frame = self._frame
        match fields:
            case [_, b"o", _]:
                return _Frame(n)
            case [_, b"e", _, status] if frame and frame.number == n and frame.status is None:
                frame.status = _parse_status(status)
                return frame if frame.status >= 0 else None
            case [_, b"z", _] if frame and frame.number == n and frame.status is not None:
                self._answers[n] = _answer(self._commands[n], frame, frame.status)
        return None


class BatchReader:
    """Parser of the output of a batch, which arrives in chunks of any size. It keeps the complete answers.

    No input raises an exception, or takes more memory than a small multiple of `MAX_BYTES`.
    """

    def __init__(self, commands: Sequence[Command], marker: str) -> None:
        self._commands = commands
        self._stream_prefix = marker.encode() + b" l "
        self._splitter = _LineSplitter()
        self._size = 0
        self._answers: dict[int, Answer] = {}
        prompt = [n for n, command in enumerate(commands) if not command.may_hang]
        self._gathered = _FrameParser(commands, prompt, marker.encode(), self._answers)
        self._streams = {
            b"%d" % n: _FrameParser(commands, (n,), marker.encode(), self._answers)
            for n, command in enumerate(commands)
            if command.may_hang
        }
        self._prompt = prompt
        self._prompt_seconds: float | None = None
        self.start()

    def start(self) -> None:
        """Start the clock. Called again right before the batch is sent."""
        self._sent, self._started = time.time(), time.monotonic()

    @property
    def complete(self) -> bool:
        """Whether every command has been answered."""
        return len(self._answers) == len(self._commands)

    @property
    def started(self) -> bool:
        """Whether output of the batch has arrived, rather than of the login shell before it."""
        return self._gathered.started or any(stream.size for stream in self._streams.values())

    @property
    def overflowed(self) -> bool:
        """Whether the host sent more than `MAX_BYTES`. No further output is parsed then."""
        return self._size > MAX_BYTES

    def feed(self, data: bytes) -> None:
        """Parse the next chunk of the output."""
        self._size += len(data)
        if self.overflowed:
            return
        for line in self._splitter.feed(data):
            if line.startswith(self._stream_prefix):
                number, _, encoded = line[len(self._stream_prefix) :].partition(b" ")
                if stream := self._streams.get(number):
                    stream.feed_encoded(encoded)
            else:
                self._gathered.feed_line(line)
        if self._prompt_seconds is None and all(n in self._answers for n in self._prompt):
            self._prompt_seconds = time.monotonic() - self._started

    def clock(self) -> Answer:
        """Build the answer to `ConnectionProbe.CLOCK`: when the batch was sent and answered."""
        if self._prompt_seconds is None:
            return Unanswered(
                "the commands were not answered, so the host's clock cannot be compared with the auditor's"
            )
        return Answered(json.dumps({"sent": self._sent, "received": self._sent + self._prompt_seconds}))

    def answers(self, reason: str) -> dict[Probe, Answer]:
        """Return an answer for every command. A command without a complete answer is unanswered for `reason`."""
        if self.overflowed:
            reason = f"the host answered with more than {MAX_BYTES >> 20} MiB"
        return {
            command: self._answers.get(n, Unanswered(TOO_LARGE if self._too_large(n) else reason))
            for n, command in enumerate(self._commands)
        }

    def _too_large(self, n: int) -> bool:
        stream = self._streams.get(b"%d" % n)
        return stream is not None and stream.size >= STREAM_BYTES


def _sudo_refused(frame: _Frame, status: int) -> str:
    """Explain why sudo did not run the command; "" if it did."""
    first_line = frame.stderr[0].decode(errors="backslashreplace") if frame.stderr else ""
    if first_line.startswith("sudo: "):
        return f"which was refused: {first_line.removeprefix('sudo: ')}"
    return "which is not installed" if status == 127 and "'sudo'" in first_line else ""


def _parse_status(field: bytes) -> int:
    """Parse an exit status that the script wrote; -1 for anything else (Python rejects huge numbers)."""
    return int(field) if field.isdigit() and len(field) < 6 else -1


def _answer(command: Command, frame: _Frame, status: int) -> Answer:
    """Build the answer of a command; Unanswered if it did not run or was terminated."""
    program = command.argv[0]
    if status == BLOCKED_STATUS:
        point = b" ".join(frame.stderr).decode(errors="backslashreplace")
        not_run = f"{program} was not run because it could mount it"
        return Unanswered(f"{point} is an automount point that is not mounted, and {not_run}")
    if command.sudo and (refusal := _sudo_refused(frame, status)):
        return Unanswered(f"{program} needs sudo, {refusal}")
    outputs = (frame.stdout, frame.stderr)
    stdout, stderr = (b"\n".join(lines).decode(errors="backslashreplace") for lines in outputs)
    reason = _timeout_failure(program, status, stderr)
    return Unanswered(reason) if reason else Answered(stdout, stderr, status)


def _timeout_failure(program: str, status: int, stderr: str) -> str:
    """Explain an exit status that `timeout` set itself; "" for a status of the command that it ran."""
    message = stderr.partition(": ")[2] if stderr.startswith("timeout: ") else ""
    if status == 127 and not message and "timeout" in stderr:
        return "the host has no `timeout` command (GNU coreutils)"
    reasons = {
        124: f"{program} gave no answer within {COMMAND_SECONDS} s and was terminated",
        137: f"{program} was killed: it took longer than {COMMAND_SECONDS} s, or the host ran out of memory",
    }
    if message:
        reasons[125] = f"{program} could not be started: {message}"
        reasons[126] = f"{program} cannot be executed: {message}"
        reasons[127] = f"command not found: {program}"
    return reasons.get(status, "")
