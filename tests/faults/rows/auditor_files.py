"""Faults on the auditor's side: its keys, agent, known hosts, jump hosts and ProxyCommand."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.faults.peers import hold, listening
from tests.faults.row import AllOk, ExpectedOutcome, Inject, Kind, Row, Target, Unreachable
from tests.faults.scene import ADDRESS, Scene
from tests.faults.sshd import running
from tests.transport.sshd import free_port, keygen


def _row(id_: str, title: str, expect: ExpectedOutcome, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, Kind.AUDITOR, expect, inject, **more)


# --- keys, agent, known hosts ----------------------------------------------------------------------------------


def _with_lines(prepare: Callable[[Scene, int], tuple[str, ...]], *, identity: bool = True) -> Inject:
    """Reach a healthy host with the lines of ssh_config that `prepare(scene, port)` returns."""

    @contextlib.contextmanager
    def inject(scene: Scene) -> Iterator[Target]:
        with running(scene) as (port, _):
            lines = prepare(scene, port)
            yield Target(
                (*lines, f"HostName {ADDRESS}", f"Port {port}"), (scene.known_hosts_line(port),), identity
            )

    return inject


def _fifo(scene: Scene, name: str) -> Path:
    path = scene.row_folder() / name
    os.mkfifo(path)
    return path


def _locked(scene: Scene, _: int) -> tuple[str, ...]:
    return (f"IdentityFile {keygen(scene.row_folder() / 'locked', passphrase='secret')}",)


def _huge(scene: Scene, port: int) -> tuple[str, ...]:
    """Write known_hosts with the host's line after 30,000 others."""
    known_hosts = scene.row_folder() / "known_hosts"
    key = scene.known_hosts_line(port).split()[2]
    lines = (f"host-{number}.example.org ssh-ed25519 {key[:-6]}{number:06d}\n" for number in range(30_000))
    known_hosts.write_text("".join((*lines, scene.known_hosts_line(port), "\n")), encoding="ascii")
    return (f"UserKnownHostsFile {known_hosts}",)


@contextlib.contextmanager
def _silent_agent(scene: Scene) -> Iterator[Target]:
    path = scene.folder / "agent"
    with running(scene) as (port, _), socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(path))
        agent.listen(8)
        yield scene.target(port, f"IdentityAgent {path}")


_FILES = (
    _row(
        "key-fifo",
        "The key file is a FIFO",
        Unreachable("auth", "not a regular file"),
        _with_lines(lambda scene, _: (f"IdentityFile {_fifo(scene, 'key')}",), identity=False),
        run="auditor",
    ),
    _row(
        "key-encrypted",
        "The key needs a passphrase",
        Unreachable("auth", "passphrase"),
        _with_lines(_locked, identity=False),
        run="auditor",
    ),
    _row(
        "key-missing",
        "The key file does not exist",
        Unreachable("auth", "no such file"),
        _with_lines(lambda *_: ("IdentityFile /nonexistent/key",), identity=False),
        run="auditor",
    ),
    _row("agent-silent", "The SSH agent never answers", AllOk(), _silent_agent, run="auditor"),
    _row(
        "agent-missing",
        "The SSH agent's socket does not exist",
        AllOk(),
        _with_lines(lambda *_: ("IdentityAgent /nonexistent/agent",)),
        run="auditor",
    ),
    _row(
        "known-hosts-fifo",
        "known_hosts is a FIFO",
        Unreachable("hostkey", "is unknown"),
        _with_lines(lambda scene, _: (f"UserKnownHostsFile {_fifo(scene, 'known_hosts')}",)),
        run="auditor",
    ),
    _row(
        "known-hosts-folder",
        "known_hosts is a directory",
        Unreachable("hostkey", "is unknown"),
        _with_lines(lambda *_: ("UserKnownHostsFile /etc",)),
        run="auditor",
    ),
    _row("known-hosts-huge", "known_hosts has 30,000 lines", AllOk(), _with_lines(_huge), run="auditor"),
)

# --- jump hosts and ProxyCommand -------------------------------------------------------------------------------


@contextlib.contextmanager
def _silent_jump(scene: Scene) -> Iterator[Target]:
    with running(scene) as (port, _), listening(lambda connection, _: hold(connection), scene) as silent:
        yield scene.target(port, f"ProxyJump {ADDRESS}:{silent}")


def _proxy(command: str) -> Inject:
    return _with_lines(lambda *_: (f"ProxyCommand {command}",))


_CAT = "bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & exec cat >&3'"

_ROUTES = (
    _row(
        "jump-refused",
        "Nothing listens on the jump host",
        Unreachable("refused", "at the jump host"),
        _with_lines(lambda *_: (f"ProxyJump {ADDRESS}:{free_port()}",)),
        run="auditor",
    ),
    _row(
        "jump-silent",
        "The jump host never answers",
        Unreachable("timeout", "at the jump host"),
        _silent_jump,
        run="auditor",
    ),
    _row("proxy-works", "ProxyCommand carries the connection", AllOk(), _proxy(_CAT), run="auditor"),
    _row(
        "proxy-hangs",
        "ProxyCommand hangs",
        Unreachable("timeout", "within 4 s"),
        _proxy("sleep 600"),
        run="auditor",
    ),
    _row(
        "proxy-fails",
        "ProxyCommand fails, with a text",
        Unreachable("ssh", "no route to the bastion"),
        _proxy("sh -c 'echo no route to the bastion >&2; exit 7'"),
        run="auditor",
    ),
    _row(
        "proxy-missing",
        "ProxyCommand does not exist",
        Unreachable("ssh", "ProxyCommand"),
        _proxy("/nonexistent/proxy %h"),
        run="auditor",
    ),
    _row(
        "proxy-ignores-signals",
        "ProxyCommand hangs and ignores signals",
        Unreachable("timeout", "within 4 s"),
        _proxy("sh -c 'trap \"\" TERM HUP INT PIPE; while :; do sleep 1; done'"),
        run="auditor",
    ),
)

ROWS: tuple[Row, ...] = (*_FILES, *_ROUTES)
