"""OpenSSH server on loopback, with the sshd_config that a test needs."""

from __future__ import annotations

import contextlib
import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
"""


def keygen(file: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """Generate a key pair."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", f"test {kind}", "-f", file], check=True
    )
    return file


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True)
class Sshd:
    """A running server. `config` writes an ssh_config in which the server is `host`."""

    folder: Path
    port: int

    @property
    def identity(self) -> Path:
        return self.folder / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def config(self, *lines: str, name: str = "host") -> Path:
        """Write an ssh_config. `lines` come first, so they take precedence."""
        file = self.folder / f"config-{name}"
        stanza = [
            f"Host {name}",
            *lines,
            "HostName 127.0.0.1",
            f"Port {self.port}",
            f"User {getpass.getuser()}",
            f"IdentityFile {self.identity}",
            "IdentitiesOnly yes",
            f"UserKnownHostsFile {self.known_hosts}",
            "GlobalKnownHostsFile none",
        ]
        file.write_text("\n  ".join(stanza) + "\n")
        return file


@contextlib.contextmanager
def running(folder: Path, extra: Sequence[str] = ()) -> Iterator[Sshd]:
    """Run an sshd with `extra` lines of configuration before the default ones."""
    folder.mkdir(exist_ok=True)
    if not (folder / "host_key").exists():
        keygen(folder / "host_key")
        keygen(folder / "id_ed25519")
        shutil.copy(folder / "id_ed25519.pub", folder / "authorized_keys")
    port = free_port()
    host_key = (folder / "host_key.pub").read_text().rsplit(" ", 1)[0]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    config = folder / "sshd_config"
    config.write_text("\n".join(extra) + "\n" + _CONFIG.format(port=port, folder=folder))
    Path("/run/sshd").mkdir(exist_ok=True)
    program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    assert program, "openssh-server is not installed: run tests/run"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, "-D", "-e", "-f", config], stderr=log)
        try:
            _await_banner(port, folder)
            yield Sshd(folder, port)
        finally:
            server.terminate()
            server.wait(10)


def _await_banner(port: int, folder: Path) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
            if connection.recv(4) == b"SSH-":
                return
        time.sleep(0.05)
    raise AssertionError((folder / "log").read_text())
