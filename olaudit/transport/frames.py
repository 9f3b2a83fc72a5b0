"""The framed output of a batch (see `batch`): how an answer is written, and how the answers are read back."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from olaudit.model import Answer, Answered, Command, Probe, Unanswered
from olaudit.transport import automount

MAX_BYTES = 4 << 20
"""How much one host may answer in all. What goes beyond is unanswered, never cut short and believed."""

LATER_BYTES = 1 << 20
"""How much one command that may hang can answer."""

TOO_LARGE = f"its answer was larger than {LATER_BYTES >> 20} MiB"

ENDED_EARLY = "the shell on the host ended before this was answered"
"""The reason for commands without a complete answer when the stream ended and the connection did not."""

COMMAND_SECONDS = 10
"""How long one command may take before `timeout` ends it."""

WIDTH = 3000
"""Characters of base64 in a line: a multiple of 4, and with the prefix less than PIPE_BUF."""


def frame(number: int, answered: Answered, marker: str, *, stream: bool = False) -> bytes:
    """Write one answer as the batch does; `stream` is for commands that can hang."""
    text = (
        f"{marker} o {number}\n{answered.stdout}\n"
        f"{marker} e {number} {answered.status}\n{answered.stderr}\n{marker} z {number}\n"
    )
    if stream:
        coded = base64.b64encode(text.encode()).decode()
        pieces = (coded[at : at + WIDTH] for at in range(0, len(coded), WIDTH))
        text = "".join(f"{marker} l {number} {piece}\n" for piece in pieces)
    return text.encode()


@dataclass(slots=True)
class _Frame:
    """An answer that is being received."""

    number: int
    out: list[bytes] = field(default_factory=list)
    err: list[bytes] = field(default_factory=list)
    status: int | None = None


class _Lines:
    """Splits bytes that arrive in pieces into lines."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Add a piece; return the lines that are complete, without their ends."""
        self._rest += data
        if b"\n" not in data:  # a long line in small pieces must not cost a copy of the line for each piece
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        return lines


class _Frames:
    """The frames of one stream, in which only the commands `own` (by number) can answer.

    `done` takes each answer that is complete; the first of a command is kept.
    """

    def __init__(
        self, commands: Sequence[Command], own: Iterable[int], marker: bytes, done: dict[int, Answer]
    ) -> None:
        self._commands = commands
        self._own = {b"%d" % n: n for n in own}
        self._marker = marker
        self._done = done
        self._frame: _Frame | None = None
        self.started = False

    def line(self, line: bytes) -> None:
        """Parse the next line."""
        words = line.split(b" ")
        if words[0] == self._marker and len(words) > 2:
            self.started = True
            n = self._own.get(words[2])
            self._frame = None if n is None or n in self._done else self._marked(n, words)
        elif frame := self._frame:
            (frame.out if frame.status is None else frame.err).append(line)

    def _marked(self, n: int, words: list[bytes]) -> _Frame | None:
        """Act on a line of the batch's own; return the frame that is open after it."""
        frame = self._frame
        match words:
            case [_, b"o", _]:
                return _Frame(n)
            case [_, b"e", _, status] if frame and frame.number == n and frame.status is None:
                frame.status = _small(status)
                return frame if frame.status >= 0 else None
            case [_, b"z", _] if frame and frame.number == n and frame.status is not None:
                self._done[n] = _answer(self._commands[n], frame, frame.status)
        return None


class _Stream:
    """The stream of one command that can hang: lines of base64."""

    def __init__(self, frames: _Frames) -> None:
        self._frames = frames
        self._lines = _Lines()
        self._broken = False
        self.size = 0

    def feed(self, coded: bytes) -> None:
        """Decode the next line. After one that is no base64, nothing more of this stream is believed."""
        if self._broken:
            return
        try:
            data = base64.b64decode(coded, validate=True)
        except ValueError:
            self._broken = True
            return
        self.size += len(data)
        for line in self._lines.feed(data):
            self._frames.line(line)


class Reader:
    """Parses the output of a batch as it arrives, in pieces of any size, and keeps the answers that are complete.

    Total: no input raises, and no input costs more memory than a small multiple of `MAX_BYTES`.
    """

    def __init__(self, commands: Sequence[Command], marker: str) -> None:
        self._commands = commands
        self._prefix = marker.encode() + b" l "
        self._lines = _Lines()
        self._size = 0
        self._done: dict[int, Answer] = {}
        cheap = [n for n, command in enumerate(commands) if not command.may_hang]
        self._gathered = _Frames(commands, cheap, marker.encode(), self._done)
        self._streams = {
            b"%d" % n: _Stream(_Frames(commands, (n,), marker.encode(), self._done))
            for n, command in enumerate(commands)
            if command.may_hang
        }

    @property
    def complete(self) -> bool:
        """Whether every command has been answered."""
        return len(self._done) == len(self._commands)

    @property
    def settled(self) -> bool:
        """Whether every command that cannot hang has been answered."""
        return all(n in self._done or command.may_hang for n, command in enumerate(self._commands))

    @property
    def started(self) -> bool:
        """Whether anything has come from the batch itself, rather than from the login before it."""
        return self._gathered.started or any(stream.size for stream in self._streams.values())

    @property
    def overflowed(self) -> bool:
        """Whether the host sent more than it may; nothing further is read then."""
        return self._size > MAX_BYTES

    def feed(self, data: bytes) -> None:
        """Parse the next piece of the output."""
        self._size += len(data)
        if self.overflowed:
            return
        for line in self._lines.feed(data):
            if line.startswith(self._prefix):
                number, _, coded = line[len(self._prefix) :].partition(b" ")
                if stream := self._streams.get(number):
                    stream.feed(coded)
            else:
                self._gathered.line(line)

    def answers(self, reason: str) -> dict[Probe, Answer]:
        """Return an answer for every command; one without a complete answer is unanswered for `reason`."""
        if self.overflowed:
            reason = f"the host answered with more than {MAX_BYTES >> 20} MiB"
        return {
            command: self._done.get(n, Unanswered(TOO_LARGE if self._too_large(n) else reason))
            for n, command in enumerate(self._commands)
        }

    def _too_large(self, n: int) -> bool:
        stream = self._streams.get(b"%d" % n)
        return stream is not None and stream.size >= LATER_BYTES


def _sudo_refused(frame: _Frame, status: int) -> str:
    """Explain why sudo did not run the command; "" if it did."""
    first = frame.err[0].decode(errors="backslashreplace") if frame.err else ""
    if first.startswith("sudo: "):
        return f"and was refused: {first.removeprefix('sudo: ')}"
    return "which is not installed" if status == 127 and "'sudo'" in first else ""


def _small(word: bytes) -> int:
    """Parse a number that the batch wrote; -1 for anything else (Python refuses huge ones)."""
    return int(word) if word.isdigit() and len(word) < 6 else -1


def _answer(command: Command, frame: _Frame, status: int) -> Answer:
    """Distinguish a command that ran from one that was ended, is missing, or may not be run."""
    program = command.argv[0]
    if status == automount.NOT_RUN:
        return Unanswered(automount.explain(program, b" ".join(frame.err).decode(errors="backslashreplace")))
    if command.sudo and (refusal := _sudo_refused(frame, status)):
        return Unanswered(f"{program} needs sudo there, {refusal}")
    stdout, stderr = (b"\n".join(lines).decode(errors="backslashreplace") for lines in (frame.out, frame.err))
    reason = _not_run(program, status, stderr)
    return Unanswered(reason) if reason else Answered(stdout, stderr, status)


def _not_run(program: str, status: int, stderr: str) -> str:
    """Explain a status of `timeout` itself, rather than of the command that it runs; "" for any other."""
    own = stderr.partition(": ")[2] if stderr.startswith("timeout: ") else ""
    if status == 127 and not own and "timeout" in stderr:
        return "the host has no `timeout` command (GNU coreutils)"
    reasons = {
        124: f"{program} gave no answer within {COMMAND_SECONDS} s and was ended",
        137: f"{program} was killed: it took longer than {COMMAND_SECONDS} s, or the host ran out of memory",
    }
    if own:
        reasons[125] = f"{program} could not be started: {own}"
        reasons[126] = f"{program} may not be run there: {own}"
        reasons[127] = f"no such command there: {program}"
    return reasons.get(status, "")
