"""Docker sockets without an engine, without access, or behind an sshd that forwards nothing."""

from __future__ import annotations

from typing import Any

from tests.faults.engines import DAEMON, engine
from tests.faults.hosts import ENGINE, without
from tests.faults.peers import hold
from tests.faults.row import AllOk, ExpectedFinding, ExpectedOutcome, Inject, Kind, Row
from tests.faults.sshd import real_sshd


def _row(id_: str, title: str, expect: ExpectedOutcome, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, Kind.ENGINE_BEHIND_SSHD, expect, inject, role="engine", **{"run": "sockets", **more})


def _unknown(text: str, check: str = "docker.engine") -> ExpectedFinding:
    return ExpectedFinding(check, "unknown", text, ENGINE)


def _silent(text: str = "no answer") -> ExpectedFinding:
    return _unknown(text)


_NO_COMMAND = "mount -t tmpfs none /usr/local/bin\n" + without("docker").replace("rm ", "rm -f ")
_SOCKET = "/run/docker.sock"
_BIND = f"{DAEMON}python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('{_SOCKET}')\"\n"
"""Creates a socket on which no process listens."""
_NO_FORWARDING = "AllowStreamLocalForwarding no"

ROWS: tuple[Row, ...] = (
    _row(
        "docker-absent",
        "Docker is not installed",
        ExpectedFinding("docker.engine", "drift", "the Docker Engine is stopped", ENGINE),
        real_sshd(setup=_NO_COMMAND),
    ),
    _row(
        "docker-stopped",
        "The socket listens, and no engine runs",
        ExpectedFinding("docker.engine", "drift", "the Docker Engine is stopped", ENGINE),
        engine(lambda request: request.reply_normally(), setup="", contacted=False),
    ),
    _row(
        "docker-hidden",
        "Processes of other users are hidden (hidepid)",
        _unknown("hidepid"),
        engine(
            lambda request: request.reply_normally(),
            setup=f"{DAEMON}mount -o remount,hidepid=2 /proc\n",
            contacted=False,
        ),
    ),
    _row(
        "socket-missing",
        "The engine runs, and its socket does not exist",
        _unknown("no Docker Engine listens at"),
        real_sshd(setup=DAEMON),
    ),
    _row(
        "socket-dead",
        "The socket exists, and no process listens",
        _unknown("no Docker Engine listens at"),
        real_sshd(setup=f"{_BIND}chmod 666 {_SOCKET}"),
    ),
    _row(
        "socket-fifo",
        "The socket is a FIFO",
        _unknown("no Docker Engine listens at"),
        real_sshd(setup=f"{DAEMON}mkfifo -m 666 {_SOCKET}"),
    ),
    _row(
        "socket-folder",
        "The socket is a directory",
        _unknown("Docker"),
        real_sshd(setup=f"{DAEMON}mkdir {_SOCKET}"),
    ),
    _row(
        "socket-closed",
        "The user has no access to the socket",
        _unknown("docker group"),
        real_sshd(setup=f"{_BIND}chmod 600 {_SOCKET}"),
    ),
    _row(
        "forwarding-off",
        "sshd forwards no sockets, the docker command exists",
        AllOk(),
        engine(lambda request: request.reply_normally(), _NO_FORWARDING),
    ),
    _row(
        "forwarding-off-no-command",
        "sshd forwards no sockets, and there is no docker command",
        _unknown("nor a docker command"),
        engine(lambda request: request.reply_normally(), _NO_FORWARDING, setup=DAEMON + _NO_COMMAND),
    ),
    _row(
        "forwarding-off-silent",
        "sshd forwards no sockets, the docker command hangs",
        _silent("no answer within"),
        engine(lambda request: hold(request.connection), _NO_FORWARDING),
    ),
    _row(
        "engine-sessions-one",
        "MaxSessions is 1 beside an engine",
        AllOk(),
        engine(lambda request: request.reply_normally(), "MaxSessions 1"),
    ),
)
