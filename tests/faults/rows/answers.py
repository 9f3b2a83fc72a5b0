"""Hostile and unusual answers of a real host: output and exit of its programs, and lost connections."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from tests.faults.hosts import FAKED, SHELL, account, program, without
from tests.faults.row import AllOk, ExpectedFinding, ExpectedOutcome, Inject, Kind, Row, Target, Unreachable
from tests.faults.scene import ADDRESS, Scene
from tests.faults.sshd import real_sshd, running


def _row(id_: str, title: str, expect: ExpectedOutcome, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, Kind.SSHD, expect, inject, **{"run": "answers", **more})


def _unknown(check: str, text: str, *affects: str) -> ExpectedFinding:
    return ExpectedFinding(check, "unknown", text, affects)


def _faked(name: str, script: str) -> Inject:
    return real_sshd(FAKED, setup=program(name, script))


_HOSTNAME = "host.hostname"
_FORBIDDEN = "path.forbidden"

# --- programs --------------------------------------------------------------------------------------------------

_FORGE = """\
texts=$(cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n')
marker=$(echo "$texts" | grep -oE '[0-9a-f]{32}' | head -n 1)
for n in 0 1 2 3 4 5 6 7 8 9; do
  printf '\\n%s o %s\\n\\n%s e %s 0\\n\\n%s z %s\\n' "$marker" $n "$marker" $n "$marker" $n
done
sleep 1"""
"""Reads the batch's marker from /proc, as any user can, and forges answers of other commands with it."""

_PROGRAMS = (
    _row(
        "program-missing",
        "A program is not installed",
        _unknown(_HOSTNAME, "command not found"),
        real_sshd(setup=without("uname")),
    ),
    _row(
        "program-not-executable",
        "A program may not be executed",
        _unknown(_HOSTNAME, "cannot be executed"),
        real_sshd(setup="mount --bind /run/authorized_keys /usr/bin/uname"),
    ),
    _row(
        "program-killed",
        "A program is killed by a signal (SIGSEGV)",
        _unknown(_FORBIDDEN, "SEGV", "path."),
        _faked("find", "kill -SEGV $$"),
    ),
    _row(
        "program-out-of-memory",
        "The kernel kills a program after half of its answer (SIGKILL)",
        _unknown(_FORBIDDEN, "the host ran out of memory", "path."),
        _faked("find", "echo partial; kill -KILL $$"),
    ),
    _row(
        "program-fails-silently",
        "A program fails without a message",
        _unknown(_FORBIDDEN, "status 7", "path."),
        _faked("find", "exit 7"),
    ),
    _row(
        "program-hangs",
        "A program hangs, as on a dead mount",
        _unknown("disk.free", "no answer within 4 s"),
        _faked("df", "exec sleep 600"),
    ),
    _row(
        "program-ignores-signals",
        "A program hangs and ignores SIGTERM",
        _unknown("disk.free", "no answer within 4 s"),
        _faked("df", "trap '' TERM INT HUP; while :; do sleep 1; done"),
    ),
    _row(
        "program-hangs-at-once",
        "A program hangs that should never hang",
        Unreachable("timeout", "answered nothing within"),
        _faked("uname", "exec sleep 600"),
    ),
    _row(
        "program-stopped",
        "A program is stopped (SIGSTOP) in the middle of its answer",
        _unknown("disk.free", "no answer within 4 s"),
        _faked("df", "echo '  Avail'; kill -STOP $$"),
    ),
    _row(
        "answer-endless",
        "A program prints without end",
        _unknown("disk.free", "MiB", "path."),
        _faked("df", "exec yes"),
        run="output-floods",
        timeout=8.0,
    ),
    _row(
        "answer-endless-at-once",
        "A program that should never print much prints without end",
        _unknown(_HOSTNAME, "more than 4 MiB", *SHELL),
        _faked("uname", "exec yes"),
        run="output-floods",
        timeout=8.0,
    ),
    _row(
        "answer-one-endless-line",
        "A program prints a line without end",
        _unknown("disk.free", "1 MiB"),
        _faked("df", "exec cat /dev/zero"),
        run="output-floods",
        timeout=8.0,
    ),
    _row(
        "stderr-endless",
        "A program writes to standard error without end",
        _unknown("disk.free", "no answer within", *SHELL),
        _faked("df", "exec yes >&2"),
        run="output-floods",
        timeout=8.0,
    ),
    _row(
        "answer-empty",
        "A program succeeds and prints nothing",
        _unknown("disk.free", "df"),
        _faked("df", "exit 0"),
    ),
    _row(
        "answer-nul",
        "An answer contains NUL bytes",
        ExpectedFinding(_HOSTNAME, "drift", "\\x00"),
        _faked("uname", "printf 'a\\0b\\n'"),
    ),
    _row(
        "answer-not-utf-8",
        "An answer is not UTF-8 and contains a surrogate",
        ExpectedFinding(_HOSTNAME, "drift", "\\xff"),
        _faked("uname", "printf '\\377\\355\\240\\200\\n'"),
    ),
    _row(
        "answer-escapes",
        "An answer contains terminal escapes and a bidirectional override",
        ExpectedFinding(_HOSTNAME, "drift", "\\x1b"),
        _faked("uname", "printf '\\033[2J\\033]0;owned\\007\\342\\200\\256x\\n'"),
    ),
    _row(
        "answer-huge-number",
        "An answer contains a number of 5,000 digits",
        _unknown("disk.free", "df"),
        _faked("df", "echo Avail; printf '%05000d 1 1 /\\n' 9"),
    ),
    _row(
        "answer-forged",
        "A program reads the marker in /proc and answers for other programs",
        ExpectedFinding(_FORBIDDEN, "drift", "/etc/forbidden", ("disk.free", "path.")),
        real_sshd(FAKED, setup="touch /etc/forbidden\n" + program("df", _FORGE)),
    ),
    _row(
        "answer-kills-shell",
        "A program kills the shell of the batch",
        _unknown("disk.free", "the shell on the host ended before this was answered", "path."),
        _faked(
            "df",
            "sleep 0.5; kill -KILL $(ps -eo pid=,args= | awk '$2 == \"/bin/sh\" { print $1 }')",
        ),
    ),
)

# --- the system ------------------------------------------------------------------------------------------------

_SYSTEM = (
    _row(
        "no-processes",
        "The user must not start processes (ulimit -u)",
        Unreachable("ssh", "the host runs no command"),
        real_sshd("ForceCommand ulimit -p 1; exec /bin/sh", setup=account(uid=61301)),
    ),
    _row(
        "no-memory",
        "The user's programs get no memory (ulimit -v)",
        _unknown(_FORBIDDEN, "failed to map", *SHELL),
        real_sshd("ForceCommand ulimit -v 4000; exec /bin/sh"),
    ),
    _row(
        "no-descriptors",
        "The user's programs may open few files (ulimit -n)",
        Unreachable("ssh", "the host runs no command"),
        real_sshd("ForceCommand ulimit -n 4; exec /bin/sh"),
    ),
    _row(
        "clock-behind",
        "The host's clock is in 1970",
        ExpectedFinding("clock.skew", "drift", "behind"),
        _faked("date", "echo 60.123456789"),
        role="clock",
    ),
    _row(
        "clock-far-ahead",
        "The host's clock is in the year 30,000",
        ExpectedFinding("clock.skew", "drift", "ahead"),
        _faked("date", "echo 884541340800.123456789"),
        role="clock",
    ),
    _row(
        "clock-garbage",
        "The host's clock is not a number",
        ExpectedFinding("clock.skew", "unknown", "date"),
        _faked("date", "echo nan"),
        role="clock",
    ),
    _row("proc-missing", "/proc is not mounted", AllOk(), real_sshd(setup="umount -l /proc")),
)

# --- the connection --------------------------------------------------------------------------------------------

_SESSION = "$(pgrep -f 'sshd: root')"
_AS_ROOT = ("User root",)


def _relayed(limit: int, *, close: bool) -> Inject:
    """Reach the host through a relay that stops after `limit` bytes of its answers, and closes if `close`."""

    @contextlib.contextmanager
    def inject(scene: Scene) -> Iterator[Target]:
        with running(scene) as (port, _), _relay(port, limit, close=close) as relayed:
            yield scene.target(relayed)

    return inject


@contextlib.contextmanager
def _relay(port: int, limit: int, *, close: bool) -> Iterator[int]:
    with socket.create_server((ADDRESS, 0)) as server, contextlib.ExitStack() as connections:

        def copy(source: socket.socket, sink: socket.socket, remaining: float) -> None:
            with contextlib.suppress(OSError):
                while remaining > 0 and (data := source.recv(int(min(remaining, 1 << 16)))):
                    sink.sendall(data)
                    remaining -= len(data)
                if remaining and not close:
                    return
                if close:
                    sink.shutdown(socket.SHUT_RDWR)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    host = socket.create_connection((ADDRESS, port))
                    connections.callback(client.close)
                    connections.callback(host.close)
                    threading.Thread(target=copy, args=(client, host, float("inf")), daemon=True).start()
                    threading.Thread(target=copy, args=(host, client, limit), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


_CONNECTION = (
    _row(
        "session-stopped",
        "The session's sshd is stopped (SIGSTOP) before the last answer",
        _unknown("disk.free", "no answer within 4 s", "path."),
        real_sshd(FAKED, setup=program("df", f"sleep 0.5; kill -STOP {_SESSION}; sleep 60"), client=_AS_ROOT),
    ),
    _row(
        "session-killed",
        "The session's sshd is killed before the last answer",
        _unknown("disk.free", "the connection ended", "path."),
        real_sshd(FAKED, setup=program("df", f"sleep 0.5; kill -KILL {_SESSION}; sleep 60"), client=_AS_ROOT),
    ),
    _row(
        "host-dies",
        "All processes of the host are killed before the last answer",
        _unknown("disk.free", "the connection ended", "path."),
        real_sshd(FAKED, setup=program("df", "sleep 0.5; kill -KILL -1"), client=_AS_ROOT),
    ),
    _row(
        "cut-in-exchange",
        "Packets are lost after the middle of the key exchange",
        Unreachable("timeout", "within 4 s"),
        _relayed(600, close=False),
    ),
    _row(
        "closed-in-exchange",
        "The connection is closed in the middle of the key exchange",
        Unreachable("ssh", "it closed the connection during the key exchange"),
        _relayed(600, close=True),
    ),
)

ROWS: tuple[Row, ...] = (*_PROGRAMS, *_SYSTEM, *_CONNECTION)
