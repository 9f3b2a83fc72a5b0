"""Real sshd on loopback, as the first process of a host with a private /etc, /run, /home and host name."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.row import Inject, Target
from tests.faults.scene import ADDRESS, Scene
from tests.transport.sshd import free_port

_HOST = Path(__file__).parent / "scripts" / "host.sh"
_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey /run/host_key
PidFile /run/sshd.pid
AuthorizedKeysFile /run/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
"""


@contextlib.contextmanager
def sshd(
    scene: Scene,
    *config: str,
    setup: str = "",
    client: tuple[str, ...] = (),
    keys: str = "",
    greets: bool = True,
    known_hosts_key: Path | None = None,
) -> Iterator[Target]:
    """Run an sshd. `config` comes first in sshd_config; `setup` is a script that runs as root before sshd.

    `keys` precedes the auditor's key in authorized_keys; `client` are lines of ssh_config.
    """
    with running(scene, *config, setup=setup, keys=keys, greets=greets) as (port, _):
        yield scene.target(port, *client, key=known_hosts_key)


@contextlib.contextmanager
def running(
    scene: Scene, *config: str, setup: str = "", keys: str = "", greets: bool = True
) -> Iterator[tuple[int, int]]:
    """Run an sshd; yield its port and the pid of the host's first process."""
    folder = scene.row_folder()
    (folder / "upper").mkdir(exist_ok=True)
    port = free_port()
    (folder / "authorized_keys").write_text(keys + scene.public, encoding="ascii")
    (folder / "setup.sh").write_text(setup + "\n", encoding="utf-8")
    (folder / "sshd_config").write_text("\n".join((*config, _CONFIG.format(port=port))), encoding="ascii")
    namespaces = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*namespaces, "sh", str(_HOST), str(folder), scene.id],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            if greets:
                _await_banner(process, port, folder / "log")
            yield port, _child(process.pid)
        finally:
            process.kill()
            process.wait(10)


def _await_banner(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((ADDRESS, port), 1) as connection:
            if connection.recv(4) == b"SSH-":
                return
        time.sleep(0.02)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace"))


def _child(pid: int) -> int:
    """Wait for the first process of a host and return its pid."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    until = time.monotonic() + 20
    while not (pids := children.read_text(encoding="ascii").split()) and time.monotonic() < until:
        time.sleep(0.01)
    return int(pids[0])


def real_sshd(
    *config: str, setup: str = "", client: tuple[str, ...] = (), keys: str = "", greets: bool = True
) -> Inject:
    """Return the injection of an sshd."""
    return lambda scene: sshd(scene, *config, setup=setup, client=client, keys=keys, greets=greets)
