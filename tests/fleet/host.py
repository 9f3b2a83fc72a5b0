"""A host of the lab: commands, drift and faults. Every change is undone at its end."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from tests.fleet import engine
from tests.fleet.errors import LabError
from tests.fleet.inventory import Container, Machine, Role
from tests.fleet.layout import LabLayout
from tests.fleet.processes import CompletedCommand, Process, run, wait_for

# Longer than any command here takes, short enough that a hung engine fails one test and not the whole run.
COMMAND_SECONDS = 60
_STOP_SSHD = """
pid=$(cat /run/sshd.pid) && kill "$pid" || exit 1
while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
"""
_HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"


class LabHost:
    """A running host. Its state is on disk, without open handles, so any process can use it."""

    def __init__(self, layout: LabLayout, machine: Machine, index: int) -> None:
        self.machine = machine
        self.name: str = machine.name
        self.role: Role = machine.role
        self.containers: tuple[Container, ...] = machine.containers
        self.folder: Path = layout.directory / "hosts" / machine.name
        self._layout = layout
        self.index: int = index

    @property
    def address(self) -> str:
        """Its address. Raises LabError without the lab's device, because the address is then not the lab's."""
        return self._layout.address(self.index)

    @property
    def init(self) -> Process:
        """Its first process, by its pid on this machine."""
        process = Process.from_record(self.folder / "init.pid")
        if process is None:
            raise LabError(f"{self.name} is not running")
        return process

    @property
    def docker_socket(self) -> Path:
        """The socket of its engine, as a path outside the host."""
        return Path(f"/proc/{self.init.pid}/root/run/docker.sock")

    def run(
        self,
        *argv: str,
        input: str | None = None,  # noqa: A002 - the name in subprocess.run
        check: bool = True,
    ) -> CompletedCommand:
        """Run a command as root inside the host; status 124 means that it timed out."""
        # All namespaces except cgroup, which hosts share with the machine. `timeout` runs inside: killing
        # nsenter from outside would leave the command running with the pipes open.
        enter = ("nsenter", "-t", str(self.init.pid), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--")
        return run((*enter, "timeout", "-k", "5", str(COMMAND_SECONDS), *argv), stdin=input, check=check)

    def sh(self, script: str, *, check: bool = True) -> CompletedCommand:
        """Run a shell script as root inside the host."""
        return self.run("sh", "-c", script, check=check)

    @contextmanager
    def drift(self, do: str, undo: str) -> Iterator[None]:
        """Change the host with the script `do` and undo the change with the script `undo`."""
        try:
            self.sh(do)
        except LabError:
            self.sh(undo, check=False)  # undo a partial change as far as possible
            raise
        try:
            yield
        finally:
            self.sh(undo)

    @contextmanager
    def replaced_container(self, name: str, **changes: str | bool) -> Iterator[None]:
        """Replace a container by one with other properties; without `changes`, only remove it."""
        old = next(container for container in self.containers if container.name == name)
        new = replace(old, **changes) if changes else None  # type: ignore[arg-type]  # only these fields
        with engine.replaced(self.docker_socket, old, new):
            yield

    @contextmanager
    def sshd_option(self, line: str) -> Iterator[None]:
        """Put a line first in sshd's configuration, where it takes precedence."""
        config = "/etc/ssh/sshd_config"
        try:
            self.sh(f"cp {config} {config}.kept && {{ echo '{line}'; cat {config}.kept; }} >{config}")
            self._restart_sshd()
            yield
        finally:
            self.sh(f"mv {config}.kept {config}")
            self._restart_sshd()

    @contextmanager
    def dropping_packets(self) -> Iterator[None]:
        """Drop all packets to the host, on open connections too."""
        rule = ("INPUT", "-i", "eth0", "-j", "DROP")
        self.run("iptables", "-w", "-I", *rule)
        try:
            yield
        finally:
            self.run("iptables", "-w", "-D", *rule)

    @contextmanager
    def refusing_connections(self) -> Iterator[None]:
        """Stop the listener on port 22, so that the kernel refuses connections; open sessions continue."""
        self.sh(_STOP_SSHD)
        try:
            yield
        finally:
            self._start_sshd()

    @contextmanager
    def hung_docker(self) -> Iterator[None]:
        """Stop the engine with SIGSTOP: its socket accepts connections and never answers."""
        pid = self.sh("cat /run/docker.pid").stdout.strip()
        self.run("kill", "-STOP", pid)
        try:
            yield
        finally:
            self.run("kill", "-CONT", pid)
            wait_for(self.engine_answers, f"the engine of {self.name}")

    @contextmanager
    def changed_host_key(self) -> Iterator[None]:
        """Present another host key, as a reinstalled machine with the same name does."""
        self.sh(f"mv {_HOST_KEY} {_HOST_KEY}.kept && ssh-keygen -q -t ed25519 -N '' -C new -f {_HOST_KEY}")
        try:
            self._restart_sshd()
            yield
        finally:
            self.sh(f"mv {_HOST_KEY}.kept {_HOST_KEY} && ssh-keygen -y -f {_HOST_KEY} >{_HOST_KEY}.pub")
            self._restart_sshd()

    def restart_memcached(self, *arguments: str) -> None:
        """Restart memcached: with `arguments` if there are any, else with those of its configuration file."""
        self.run("sh", "/.lab/memcached.sh", *arguments)
        wait_for(self.memcached_answers, f"memcached of {self.name}")

    def memcached(self, command: str) -> str:
        """Send a command to memcached on 127.0.0.1:11211 and return its reply; empty if nothing listens."""
        script = "exec 3<>/dev/tcp/127.0.0.1/11211 && printf '%s\\r\\nquit\\r\\n' \"$0\" >&3 && cat <&3"
        return self.run("bash", "-c", script, command, check=False).stdout

    def memcached_answers(self) -> bool:
        """Return whether memcached answers on its expected address."""
        return self.memcached("version").startswith("VERSION")

    def engine_answers(self) -> bool:
        """Return whether the host's Docker Engine answers."""
        return engine.answers(self.docker_socket)

    def ssh_answers(self) -> bool:
        """Return whether an SSH server sends its greeting on port 22."""
        with suppress(OSError), socket.create_connection((self.address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
        return False

    def logs(self) -> str:
        """Return the last lines of the host's logs, for the note of an error."""
        tails = []
        for path in (self.folder / "log", *sorted((self.folder / "root/var/log").glob("*.log"))):
            with suppress(OSError):
                tails += [f"{self.name} {path.name}:", *path.read_text("utf-8", "replace").splitlines()[-8:]]
        return "\n".join(tails)

    def _restart_sshd(self) -> None:
        self.sh(_STOP_SSHD)
        self._start_sshd()

    def _start_sshd(self) -> None:
        self.run("/usr/sbin/sshd")
        wait_for(self.ssh_answers, f"sshd of {self.name}")
