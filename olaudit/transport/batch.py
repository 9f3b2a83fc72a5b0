"""Batch of read-only commands: one POSIX shell script per host, whose answers return as a framed stream.

`/bin/sh` reads the script from standard input. It runs on dash with coreutils of 2014 and writes no file.
A random marker frames every answer:

    MARKER o 3          standard output of command 3 follows
    ...
    MARKER e 3 0        command 3 ended with status 0; its standard error follows
    ...
    MARKER z 3          the answer of command 3 is complete

The answers of commands that cannot hang are gathered and written together. Commands that can hang (on a dead
mount, where no signal ends them) run afterwards, in parallel. Each of these has its own stream: base64, in lines
with the prefix `MARKER l 7 `, which are shorter than PIPE_BUF (4,096 bytes) and so are written in one piece.

An answer cannot be forged: the marker is never in the arguments or the environment of a process, which every user
of the host can read in /proc. If it leaks nevertheless, `BatchReader` accepts from a stream only the frames of its
own command, and keeps the first answer. docs/decisions/0001 has the reasons and the alternatives.
"""

import shlex
from collections.abc import Callable, Iterator, Sequence

from olaudit.model import Answered, Command
from olaudit.transport.automount import BLOCKED_STATUS, GUARD
from olaudit.transport.frames import COMMAND_SECONDS, STREAM_BYTES, WIDTH, encode_answer

_SUDO = "$S "

# `echo` writes the marker: it is built into every shell, while `printf` is a program in some. `sed` reads the
# marker as a script from a descriptor. `unset`: if the login exported M, commands would inherit the marker.
_PREAMBLE = r"""exec 2>/dev/null
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
unset M POSIXLY_CORRECT BLOCK_SIZE BLOCKSIZE DF_BLOCK_SIZE QUOTING_STYLE TIME_STYLE COLUMNS GREP_OPTIONS
M={marker}
echo
T={seconds}
{guard}answer() {{
  n=$1; shift
  echo "$M o $n"
  if [ "$U" ] && e=$(blocked "$@" 3>&-); then r={blocked_status}
  else
    e=$(timeout -k 1 "$T" "$@" 2>&1 >&3 3>&- </dev/null)
    r=$?
  fi
  echo
  echo "$M e $n $r"
  printf '%s\n' "$e"
  echo "$M z $n"
}}
stream() {{
  {{ answer "$@" 3>&1; }} </dev/null | head -c {bytes} | base64 -w {width} | {{
    exec 4<&0
    echo "s/^/$M l $1 /" | sed -u -f /proc/self/fd/3 3<&0 <&4 4<&-
  }} &
}}
"""


def build_script(commands: Sequence[Command], marker: str) -> str:
    """Build the script that runs `commands`. The number of a command is its position."""
    lines = {n: f"{n} {_SUDO * command.sudo}{shlex.join(command.argv)}" for n, command in enumerate(commands)}
    prompt = [f"answer {lines[n]}" for n, command in enumerate(commands) if not command.may_hang]
    streamed = [f"stream {lines[n]}" for n, command in enumerate(commands) if command.may_hang]
    gathered = ["{", *prompt, "} 3>&1 | dd ibs=64k obs=1024k"] if prompt else []
    needs_sudo = any(command.sudo for command in commands)
    # -k: sudo writes no ticket to /run/sudo. root needs no sudo, and sudo may not be installed there
    sudo = ["""S='sudo -n -k --'; [ "$(id -u)" = 0 ] && S="""] if needs_sudo else []
    preamble = _PREAMBLE.format(
        marker=marker,
        guard=GUARD,
        blocked_status=BLOCKED_STATUS,
        seconds=COMMAND_SECONDS,
        bytes=STREAM_BYTES,
        width=WIDTH,
    )
    return "\n".join([preamble, *sudo, *gathered, *streamed, "wait", ""])


def answer_script(text: str, run: Callable[[tuple[str, ...]], Answered]) -> bytes:
    """Answer a script as the shell of a host does, with `run` in place of the commands. For simulated hosts."""
    marker = next(line[2:] for line in text.splitlines() if line.startswith("M="))
    return b"".join(
        encode_answer(number, run(argv), marker, stream=may_hang) for number, argv, may_hang in parse_script(text)
    )


def parse_script(text: str) -> Iterator[tuple[int, tuple[str, ...], bool]]:
    """Parse a script into command numbers, argument vectors, and whether the command can hang."""
    pending = ""
    for line in text.splitlines():
        if not pending and not line.startswith(("answer ", "stream ")):
            continue
        pending += line
        try:
            keyword, number, *argv = shlex.split(pending)
        except ValueError:  # a quoted argument continues on the next line
            pending += "\n"
            continue
        pending = ""
        if argv[0] == _SUDO.strip():
            del argv[0]
        yield int(number), tuple(argv), keyword == "stream"
