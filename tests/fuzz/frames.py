"""Fuzz targets of the reader of the batch's stream: arbitrary bytes and complete frames, in pieces of any size."""

from __future__ import annotations

import secrets

from olaudit.model import Answered, Command, Unanswered
from olaudit.transport.frames import BatchReader, encode_answer
from tests.fuzz.source import ByteSource

MARKER = "0123456789abcdef0123456789abcdef"
COMMANDS = (
    Command(("uname", "-n")),
    Command(("df", "/"), may_hang=True, statuses=(0, 1)),
    Command(("cat", "/etc/hosts")),
    Command(("cmp", "a", "b"), may_hang=True, sudo=True, statuses=(0, 1)),
)
_SECRET = "wholeframe"  # in the output of each complete frame, and nowhere else


def frames(data: bytes) -> None:
    """Feed a stream in pieces: only complete frames give answers, and nothing raises."""
    source = ByteSource(data)
    stream, complete = _stream(source)
    reader = BatchReader(COMMANDS, MARKER)
    min_size = 1 + len(stream) // 20_000
    while stream:
        size = min_size + source.number(source.choice((2, 30, 70000)))
        reader.feed(stream[:size])
        stream = stream[size:]
        assert isinstance(reader.complete, bool)
        assert isinstance(reader.clock(), Answered | Unanswered)
    answers = reader.answers("cut off")
    assert list(answers) == list(COMMANDS)
    for n, command in enumerate(COMMANDS):
        answer = answers[command]
        # answers without the secret come from the random bytes, which contain the marker too
        if isinstance(answer, Answered) and _SECRET in answer.stdout:
            assert n in complete, (n, answer)


def _stream(source: ByteSource) -> tuple[bytes, set[int]]:
    """Build a stream of complete frames, parts of frames, and lines similar to those of the protocol."""
    parts: list[bytes] = []
    complete: set[int] = set()
    for _ in range(source.number(12)):
        n = source.number(len(COMMANDS))
        match source.number(6):
            case 0 | 1:
                parts.append(_frame(source, n, _SECRET, right=True))
                complete.add(n)
            case 2:
                # a frame of another stream than that of the command, so no answer to it
                parts.append(_frame(source, n, _SECRET, right=False))
            case 3:
                half = _frame(source, n, "half", right=source.number(2) == 1)
                at = source.number(len(half))
                parts.append(half[:at] if source.number(2) else half[at:])
            case 4:
                parts.append(source.choice(_LINES).replace(b"M", MARKER.encode()))
            case _:
                parts.append(source.take(source.number(200)))
    return b"".join(parts), complete


def _frame(source: ByteSource, n: int, word: str, *, right: bool) -> bytes:
    answer = Answered(f"{word} {_text(source)}", _text(source), source.number(256))
    return encode_answer(n, answer, MARKER, stream=COMMANDS[n].may_hang is right)


def _text(source: ByteSource) -> str:
    return source.text().encode(errors="replace").decode()


_LINES = (
    b"M\n", b"M o 0\n", b"M o 1\n", b"M o 99999\n", b"M o -1\n", b"M e 0 0\n", b"M e 0 999999999999\n",
    b"M z 0\n",
    b"M l 1 M o 1\n", b"M l 1 text\n", b"M l 3 M e 3 0\n", b"M l 1 M z 1\n", b"M l 0 M o 0\n", b"M o \xb2\n",
    b"\n",
    b"M e 0\n", b"M  o  0\n", b"x" * 100_000, b"\0" * 9, b"M l\n", b"M l  \n",
)  # fmt: skip


def noise(data: bytes) -> None:
    """Feed random bytes, which cannot contain the marker: no command is answered."""
    reader = BatchReader(COMMANDS, secrets.token_hex(16))
    for at in range(0, len(data), 97):
        reader.feed(data[at : at + 97])
    assert not any(isinstance(answer, Answered) for answer in reader.answers("cut off").values())
