"""One batch of read-only commands as a POSIX shell script, and its answers as a framed stream.

The script is fed to `/bin/sh` on standard input. It runs on dash with coreutils of 2014 and writes nothing.
Every answer is framed by a random marker that no file's content can guess:

    MARKER o 3          standard output of command 3 follows
    ...
    MARKER e 3 0        its exit status was 0; standard error follows
    ...
    MARKER z 3          command 3 is answered in full

Commands that cannot hang are gathered and written at once: a packet per command is the largest cost of an
audit. Those that can (a dead mount leaves them in uninterruptible sleep, beyond any signal) come after, all
at the same time, and each of their lines carries a prefix of its own (`MARKER l 7 `), because lines, unlike
whole answers, are short enough to be written without being torn apart by the others.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from olaudit.model import Answer, Answered, Probe, Shell, Unanswered

MAX_BYTES = 4 << 20
"""How much one host may answer in all. What goes beyond is unanswered, never cut short and believed."""

LATER_BYTES = 1 << 20
"""How much a command that may hang can answer: `sed` holds a line in memory, and a file may be one long line."""

TOO_LARGE = f"its answer was larger than {LATER_BYTES >> 20} MiB"
"""Why a command has no whole answer when the batch itself came to its end."""

COMMAND_SECONDS = 10
"""How long one command may take before `timeout` ends it."""

_SUDO = "$S "

_HEAD = r"""exec 2>/dev/null
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
M={marker}
ask() {{
  n=$1; shift
  printf '%s o %s\n' "$M" "$n"
  e=$(timeout -k 1 {seconds} "$@" 2>&1 >&3 3>&- </dev/null)
  r=$?
  printf '\n%s e %s %s\n%s\n%s z %s\n' "$M" "$n" "$r" "$e" "$M" "$n"
}}
later() {{
  {{ ask "$@" 3>&1; }} </dev/null | head -c {bytes} | sed -u "s/^/$M l $1 /" &
}}
"""


def script(commands: Sequence[Shell], marker: str) -> str:
    """Write the batch that runs `commands`; command numbers are their positions."""
    lines = {n: f"{n} {_SUDO * command.sudo}{shlex.join(command.argv)}" for n, command in enumerate(commands)}
    at_once = [f"ask {lines[n]}" for n, command in enumerate(commands) if not command.may_hang]
    later = [f"later {lines[n]}" for n, command in enumerate(commands) if command.may_hang]
    gathered = ["{", *at_once, "} 3>&1 | dd ibs=64k obs=1024k"] if at_once else []
    # -k: a command that sudo refuses leaves no ticket in /run/sudo. root itself needs no sudo, and may have none
    root = ["""S='sudo -n -k --'; [ "$(id -u)" = 0 ] && S="""] if any(one.sudo for one in commands) else []
    head = _HEAD.format(marker=marker, seconds=COMMAND_SECONDS, bytes=LATER_BYTES)
    return "\n".join([head, *root, *gathered, *later, "wait", ""])


def questions(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Read a batch back as numbers and commands: what a simulated host does with it."""
    pending = ""
    for line in text.splitlines():
        if not pending and not line.startswith(("ask ", "later ")):
            continue
        pending += line
        try:
            words = shlex.split(pending)
        except ValueError:  # a quoted argument goes on in the next line
            pending += "\n"
            continue
        pending = ""
        argv = words[2:] if words[2] != _SUDO.strip() else words[3:]
        yield int(words[1]), tuple(argv)


def frame(number: int, answered: Answered, marker: str) -> bytes:
    """Write one answer as the batch's `ask` would: for simulated hosts."""
    text = (
        f"{marker} o {number}\n{answered.stdout}\n"
        f"{marker} e {number} {answered.status}\n{answered.stderr}\n{marker} z {number}\n"
    )
    return text.encode()


def marker_of(text: str) -> str:
    """Find the marker in a batch: for simulated hosts."""
    return next(line[2:] for line in text.splitlines() if line.startswith("M="))


@dataclass(slots=True)
class _Frame:
    """An answer on its way in."""

    out: list[bytes] = field(default_factory=list)
    err: list[bytes] = field(default_factory=list)
    status: int | None = None


class Reader:
    """Takes the stream of a batch as it arrives, in pieces of any size, and keeps what is complete."""

    def __init__(self, commands: Sequence[Shell], marker: str) -> None:
        self._commands = commands
        self._marker = marker.encode()
        self._rest = b""
        self._size = 0
        self._gathered: _Frame | None = None
        self._frames: dict[int, _Frame] = {}
        self._done: dict[int, Answer] = {}

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
        """Whether anything at all has come from the batch itself, rather than from the login before it."""
        return self._gathered is not None or bool(self._frames) or bool(self._done)

    @property
    def overflowed(self) -> bool:
        """Whether the host has said more than it may; nothing further is read then."""
        return self._size > MAX_BYTES

    def feed(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        self._size += len(data)
        if self.overflowed:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)

    def answers(self, reason: str) -> dict[Probe, Answer]:
        """Give what is known; a command without a complete answer is unanswered for `reason`."""
        if self.overflowed:
            reason = f"the host answered with more than {MAX_BYTES >> 20} MiB"
        return {command: self._done.get(n, Unanswered(reason)) for n, command in enumerate(self._commands)}

    def _line(self, line: bytes) -> None:
        prefix = self._marker + b" l "
        if line.startswith(prefix):
            number, _, inner = line[len(prefix) :].partition(b" ")
            n = self._number(number)
            if n is not None:
                self._frames[n] = self._advance(self._frames.get(n), inner) or _Frame()
        else:
            self._gathered = self._advance(self._gathered, line)

    def _advance(self, frame: _Frame | None, line: bytes) -> _Frame | None:
        """Put one line into the frame it belongs to; None once (or while) no frame is open."""
        words = line.split(b" ")
        if words[0] != self._marker or len(words) < 3:
            if frame is not None:
                (frame.out if frame.status is None else frame.err).append(line)
            return frame
        n = self._number(words[2])
        if words[1] == b"o":
            return _Frame()
        if frame is None or n is None:
            return None
        if words[1] == b"e" and len(words) == 4:
            frame.status = _small(words[3])
            return frame if frame.status >= 0 else None
        if words[1] == b"z" and frame.status is not None:
            self._done[n] = _judge(self._commands[n], frame, frame.status)
        return None

    def _number(self, word: bytes) -> int | None:
        n = _small(word)
        return n if 0 <= n < len(self._commands) else None


def _sudo_refused(frame: _Frame, status: int) -> str:
    """Say how sudo did not do what it was asked to; "" if it did."""
    said = frame.err[0].decode(errors="backslashreplace") if frame.err else ""
    if said.startswith("sudo: "):
        return f"and was refused: {said.removeprefix('sudo: ')}"
    return "which is not installed" if status == 127 and "'sudo'" in said else ""


def _small(word: bytes) -> int:
    """Read a number of the batch's own making; -1 for what a host made up (Python refuses huge ones)."""
    return int(word) if word.isdigit() and len(word) < 6 else -1


def _judge(command: Shell, frame: _Frame, status: int) -> Answer:
    """Tell a command that ran from one that was ended, is missing, or may not be run."""
    program = command.argv[0]
    if command.sudo and (refusal := _sudo_refused(frame, status)):
        return Unanswered(f"{program} needs sudo there, {refusal}")
    stdout, stderr = (b"\n".join(lines).decode(errors="backslashreplace") for lines in (frame.out, frame.err))
    match status:
        case 124 | 137:
            return Unanswered(f"{program} gave no answer within {COMMAND_SECONDS} s and was ended")
        case 125:
            return Unanswered(f"{program} could not be started: {stderr.strip()}")
        case 126:
            return Unanswered(f"{program} may not be run there: {stderr.strip()}")
        case 127:
            return Unanswered(f"no such command there: {program}")
        case _:
            return Answered(stdout, stderr, status)
