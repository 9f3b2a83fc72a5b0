"""One batch of read-only commands as a POSIX shell script, and its answers as a framed stream.

The script is fed to `/bin/sh` on standard input. It runs on dash with coreutils of 2014 and writes nothing.
Every answer is framed by a random marker:

    MARKER o 3          standard output of command 3 follows
    ...
    MARKER e 3 0        its exit status was 0; standard error follows
    ...
    MARKER z 3          the answer of command 3 is complete

Commands that cannot hang are gathered and written at once: a packet per command is the largest cost of an
audit. Commands that can hang (a dead mount leaves them in uninterruptible sleep, beyond any signal) run after
them, all at the same time, each as a stream of its own: base64, in lines with the prefix `MARKER l 7 `. A line of
text can be of any length, and a long one is torn apart by the lines of other streams; a line of base64 is
shorter than PIPE_BUF (4,096 bytes), and so is written as a whole.

An answer cannot be forged. Whoever supplies the output of a command (a service that the command asks, the owner
of a file) does not know the marker: it exists in the script, in the memory of the shell and on standard input of
`sed`, never in the arguments or the environment of a process, which every user of the host can read in /proc.
Should a marker leak nevertheless, `Reader` accepts from a stream only the frames of its own command, and keeps
the first answer.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence

from olaudit.model import Answered, Command
from olaudit.transport.automount import GUARD, NOT_RUN
from olaudit.transport.frames import COMMAND_SECONDS, LATER_BYTES, WIDTH, frame

_SUDO = "$S "

# The marker is written by `echo`, which every shell has built in (`printf` is a program in some), and reaches
# `sed` as a script on a descriptor. `unset`: a variable that the login exported would pass the marker on to
# commands.
_HEAD = r"""exec 2>/dev/null
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
unset M POSIXLY_CORRECT BLOCK_SIZE BLOCKSIZE DF_BLOCK_SIZE QUOTING_STYLE TIME_STYLE COLUMNS GREP_OPTIONS
M={marker}
echo
T={seconds}
{guard}ask() {{
  n=$1; shift
  echo "$M o $n"
  if [ "$U" ] && e=$(blocked "$@" 3>&-); then r={not_run}
  else
    e=$(timeout -k 1 "$T" "$@" 2>&1 >&3 3>&- </dev/null)
    r=$?
  fi
  echo
  echo "$M e $n $r"
  printf '%s\n' "$e"
  echo "$M z $n"
}}
later() {{
  {{ ask "$@" 3>&1; }} </dev/null | head -c {bytes} | base64 -w {width} | {{
    exec 4<&0
    echo "s/^/$M l $1 /" | sed -u -f /proc/self/fd/3 3<&0 <&4 4<&-
  }} &
}}
"""


def script(commands: Sequence[Command], marker: str) -> str:
    """Write the batch that runs `commands`; command numbers are their positions."""
    lines = {n: f"{n} {_SUDO * command.sudo}{shlex.join(command.argv)}" for n, command in enumerate(commands)}
    at_once = [f"ask {lines[n]}" for n, command in enumerate(commands) if not command.may_hang]
    later = [f"later {lines[n]}" for n, command in enumerate(commands) if command.may_hang]
    gathered = ["{", *at_once, "} 3>&1 | dd ibs=64k obs=1024k"] if at_once else []
    # -k: a command that sudo refuses leaves no ticket in /run/sudo. root itself needs no sudo, and may have none
    root = ["""S='sudo -n -k --'; [ "$(id -u)" = 0 ] && S="""] if any(one.sudo for one in commands) else []
    head = _HEAD.format(
        marker=marker,
        guard=GUARD,
        not_run=NOT_RUN,
        seconds=COMMAND_SECONDS,
        bytes=LATER_BYTES,
        width=WIDTH,
    )
    return "\n".join([head, *root, *gathered, *later, "wait", ""])


def answer_batch(text: str, run: Callable[[tuple[str, ...]], Answered]) -> bytes:
    """Answer a batch as the shell of a host would, with `run` in place of its commands: for simulated hosts."""
    marker = next(line[2:] for line in text.splitlines() if line.startswith("M="))
    return b"".join(
        frame(number, run(argv), marker, stream=may_hang) for number, argv, may_hang in commands_of(text)
    )


def commands_of(text: str) -> Iterator[tuple[int, tuple[str, ...], bool]]:
    """Parse a batch into command numbers, argument vectors, and whether the command can hang."""
    pending = ""
    for line in text.splitlines():
        if not pending and not line.startswith(("ask ", "later ")):
            continue
        pending += line
        try:
            words = shlex.split(pending)
        except ValueError:  # a quoted argument continues on the next line
            pending += "\n"
            continue
        pending = ""
        argv = words[2:] if words[2] != _SUDO.strip() else words[3:]
        yield int(words[1]), tuple(argv), words[0] == "later"
