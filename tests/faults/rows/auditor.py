"""Faults on the auditor's side: its keys, agent, jump hosts, disks and limits."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.faults.peers import hold, listening
from tests.faults.row import Auditor, Exits, Expectation, Fails, Inject, Kind, Passes, Row, Target
from tests.faults.scene import ADDRESS, Scene
from tests.faults.sshd import real, running
from tests.transport.sshd import free_port, keygen


def _row(id_: str, title: str, expect: Expectation, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, Kind.AUDITOR, expect, inject, **more)


# --- keys, agent, known hosts ----------------------------------------------------------------------------------


def _with(prepare: Callable[[Scene, int], tuple[str, ...]], *, identity: bool = True) -> Inject:
    """Reach a good host with the lines that `prepare` gives (scene, port)."""

    @contextlib.contextmanager
    def inject(scene: Scene) -> Iterator[Target]:
        with running(scene) as (port, _):
            lines = prepare(scene, port)
            yield Target((*lines, f"HostName {ADDRESS}", f"Port {port}"), (scene.known(port),), identity)

    return inject


def _fifo(scene: Scene, name: str) -> Path:
    path = scene.row_folder() / name
    os.mkfifo(path)
    return path


def _locked(scene: Scene, _: int) -> tuple[str, ...]:
    return (f"IdentityFile {keygen(scene.row_folder() / 'locked', passphrase='secret')}",)


def _huge(scene: Scene, port: int) -> tuple[str, ...]:
    """Put the host's line behind 100,000 others."""
    known = scene.row_folder() / "known_hosts"
    key = scene.known(port).split()[2]
    lines = (f"host-{number}.example.org ssh-ed25519 {key[:-6]}{number:06d}\n" for number in range(100_000))
    known.write_text("".join((*lines, scene.known(port), "\n")), encoding="ascii")
    return (f"UserKnownHostsFile {known}",)


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
        Fails("auth", "not a regular file"),
        _with(lambda scene, _: (f"IdentityFile {_fifo(scene, 'key')}",), identity=False),
        run="auditor",
    ),
    _row(
        "key-encrypted",
        "The key needs a passphrase",
        Fails("auth", "passphrase"),
        _with(_locked, identity=False),
        run="auditor",
    ),
    _row(
        "key-missing",
        "The key file does not exist",
        Fails("auth", "no such file"),
        _with(lambda *_: ("IdentityFile /nonexistent/key",), identity=False),
        run="auditor",
    ),
    _row("agent-silent", "The SSH agent never answers", Passes(), _silent_agent, run="auditor"),
    _row(
        "agent-missing",
        "The SSH agent's socket does not exist",
        Passes(),
        _with(lambda *_: ("IdentityAgent /nonexistent/agent",)),
        run="auditor",
    ),
    _row(
        "known-hosts-fifo",
        "known_hosts is a FIFO",
        Fails("hostkey", "is unknown"),
        _with(lambda scene, _: (f"UserKnownHostsFile {_fifo(scene, 'known_hosts')}",)),
        run="auditor",
    ),
    _row(
        "known-hosts-folder",
        "known_hosts is a directory",
        Fails("hostkey", "is unknown"),
        _with(lambda *_: ("UserKnownHostsFile /etc",)),
        run="auditor",
    ),
    _row("known-hosts-huge", "known_hosts has 100,000 lines", Passes(), _with(_huge), run="auditor"),
)

# --- jump hosts and ProxyCommand -------------------------------------------------------------------------------


@contextlib.contextmanager
def _silent_jump(scene: Scene) -> Iterator[Target]:
    with running(scene) as (port, _), listening(lambda connection, _: hold(connection), scene) as silent:
        yield scene.target(port, f"ProxyJump {ADDRESS}:{silent}")


def _proxy(command: str) -> Inject:
    return _with(lambda *_: (f"ProxyCommand {command}",))


_CAT = "bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & exec cat >&3'"

_WAYS = (
    _row(
        "jump-refused",
        "Nothing listens on the jump host",
        Fails("refused", "at the jump host"),
        _with(lambda *_: (f"ProxyJump {ADDRESS}:{free_port()}",)),
        run="auditor",
    ),
    _row(
        "jump-silent",
        "The jump host never answers",
        Fails("timeout", "at the jump host"),
        _silent_jump,
        run="auditor",
    ),
    _row("proxy-works", "ProxyCommand carries the connection", Passes(), _proxy(_CAT), run="auditor"),
    _row("proxy-hangs", "ProxyCommand hangs", Fails("timeout", "within 4 s"), _proxy("sleep 600"), run="auditor"),
    _row(
        "proxy-fails",
        "ProxyCommand fails, with a text",
        Fails("ssh", "no route to the bastion"),
        _proxy("sh -c 'echo no route to the bastion >&2; exit 7'"),
        run="auditor",
    ),
    _row(
        "proxy-missing",
        "ProxyCommand does not exist",
        Fails("ssh", "ProxyCommand"),
        _proxy("/nonexistent/proxy %h"),
        run="auditor",
    ),
    _row(
        "proxy-ignores-signals",
        "ProxyCommand hangs and ignores signals",
        Fails("timeout", "within 4 s"),
        _proxy("sh -c 'trap \"\" TERM HUP INT PIPE; while :; do sleep 1; done'"),
        run="auditor",
    ),
)

# --- the auditor's machine -------------------------------------------------------------------------------------

How = Callable[[Scene], AbstractContextManager[Auditor]]


def _how(**settings: Any) -> How:
    return lambda _: contextlib.nullcontext(Auditor(**settings))


@contextlib.contextmanager
def _silent_resolver(scene: Scene) -> Iterator[Auditor]:
    """Name a resolver that receives queries and never answers."""
    config = scene.folder / "resolv.conf"
    config.write_text("nameserver 127.0.0.153\noptions timeout:30\n", encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.153", 53))
        yield Auditor(prelude=f"mount --bind {config} /etc/resolv.conf")


def _full_disk(scene: Scene) -> AbstractContextManager[Auditor]:
    folder = scene.folder / "full"
    folder.mkdir()
    prelude = f"mount -t tmpfs -o size=8k full {folder}; head -c 8192 /dev/zero >{folder}/other || :"
    return contextlib.nullcontext(Auditor(prelude=prelude, arguments=("-o", f"json={folder}/report.json")))


def _report(scene: Scene, *, history: Path, prelude: str = "") -> Auditor:
    reports = scene.folder / "reports"
    reports.mkdir(exist_ok=True)
    return Auditor(
        command="report", prelude=prelude, arguments=("--reports", str(reports), "--history", str(history))
    )


def _corrupt_history(scene: Scene) -> AbstractContextManager[Auditor]:
    history = scene.folder / "history.sqlite"
    history.write_bytes(b"SQLite format 3\0" + os.urandom(8192))
    return contextlib.nullcontext(_report(scene, history=history))


def _fifo_history(scene: Scene) -> AbstractContextManager[Auditor]:
    return contextlib.nullcontext(_report(scene, history=_fifo(scene, "history.sqlite")))


@contextlib.contextmanager
def _locked_history(scene: Scene) -> Iterator[Auditor]:
    history = scene.folder / "history.sqlite"
    with contextlib.closing(sqlite3.connect(history, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield _report(scene, history=history)


def _fifo_expected(scene: Scene) -> AbstractContextManager[Auditor]:
    os.mkfifo(scene.expected / "hosts" / "fifo.yaml")
    return contextlib.nullcontext(Auditor())


def _device_expected(scene: Scene) -> AbstractContextManager[Auditor]:
    (scene.expected / "hosts" / "zero.yaml").symlink_to("/dev/zero")
    return contextlib.nullcontext(Auditor())


def _name(name: str) -> Inject:
    return lambda _: contextlib.nullcontext(Target((f"HostName {name}",)))


_GOOD = real()
_OWN: dict[str, Any] = {"healthy": False}

_MACHINE = (
    _row(
        "resolver-silent",
        "The auditor's resolver never answers",
        Fails("dns", "resolver did not answer"),
        _name("host.example.org"),
        auditor=_silent_resolver,
        slow=True,
    ),
    _row(
        "disk-full",
        "The disk for the report is full",
        Exits(74, "No space left on device"),
        _GOOD,
        auditor=_full_disk,
        **_OWN,
    ),
    _row(
        "stdout-full",
        "Standard output is full",
        Exits(74, "No space left on device", prints=False),
        _GOOD,
        auditor=_how(stdout=Path("/dev/full")),
        **_OWN,
    ),
    _row(
        "descriptors-few",
        "The auditor may open 6 files (ulimit -n)",
        Exits(3, ""),
        _GOOD,
        auditor=_how(prelude="ulimit -n 6"),
        slow=True,
        **_OWN,
    ),
    _row(
        "interrupt",
        "The audit is interrupted (SIGINT) while a host is silent",
        Exits(130, "interrupted"),
        real("ForceCommand sleep 600"),
        auditor=_how(interrupt_after=1.0),
        **_OWN,
    ),
    _row(
        "expected-fifo",
        "An expected file is a FIFO",
        Exits(2, "fifo.yaml", prints=False),
        _GOOD,
        auditor=_fifo_expected,
        slow=True,
        **_OWN,
    ),
    _row(
        "expected-device",
        "An expected file is /dev/zero",
        Exits(2, "zero.yaml", prints=False),
        _GOOD,
        auditor=_device_expected,
        slow=True,
        **_OWN,
    ),
    _row(
        "history-corrupt",
        "The history is damaged",
        Exits(2, "history.sqlite", prints=False),
        _GOOD,
        auditor=_corrupt_history,
        slow=True,
        **_OWN,
    ),
    _row(
        "history-fifo",
        "The history is a FIFO",
        Exits(2, "history.sqlite", prints=False),
        _GOOD,
        auditor=_fifo_history,
        slow=True,
        **_OWN,
    ),
    _row(
        "history-locked",
        "Another process has locked the history",
        Exits(2, "is locked", prints=False),
        _GOOD,
        auditor=_locked_history,
        slow=True,
        **_OWN,
    ),
)

ROWS: tuple[Row, ...] = (*_FILES, *_WAYS, *_MACHINE)
