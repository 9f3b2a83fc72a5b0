"""One host of the lab: commands in it, drift on it, faults of it; what changes it undoes itself."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from tests.fleet import engine
from tests.fleet.errors import LabError
from tests.fleet.page import Container, Machine, Role
from tests.fleet.place import Place
from tests.fleet.processes import Finished, Process, run, wait_for

# Longer than anything here takes, short enough that a hung engine fails one test and not the night.
COMMAND_SECONDS = 60
_STOP_SSHD = """
pid=$(cat /run/sshd.pid) && kill "$pid" || exit 1
while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
"""
_HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"


class LabHost:
    """A running host. It holds no handles: all it knows is on disk, so that any process can pick it up."""

    def __init__(self, place: Place, machine: Machine, index: int) -> None:
        self.machine = machine
        self.name: str = machine.name
        self.role: Role = machine.role
        self.containers: tuple[Container, ...] = machine.containers
        self.folder: Path = place.directory / "hosts" / machine.name
        self._place = place
        self.index: int = index

    @property
    def address(self) -> str:
        """Its address; LabError when the lab's device is gone and the address is not the lab's any more."""
        return self._place.address(self.index)

    @property
    def init(self) -> Process:
        """Its first process, by the pid this machine knows it under."""
        process = Process.recorded(self.folder / "init.pid")
        if process is None:
            raise LabError(f"{self.name} is not running")
        return process

    @property
    def docker_socket(self) -> Path:
        """Its engine's socket, reachable from outside."""
        return Path(f"/proc/{self.init.pid}/root/run/docker.sock")

    def run(
        self,
        *argv: str,
        input: str | None = None,  # noqa: A002 - subprocess.run's own word
        check: bool = True,
    ) -> Finished:
        """Run a command as root inside the host; exit 124 means that it hung."""
        # All namespaces but cgroup's, which hosts share with the machine. `timeout` runs inside: to kill
        # nsenter from outside would leave the command behind, still holding the pipes.
        enter = ("nsenter", "-t", str(self.init.pid), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--")
        return run((*enter, "timeout", "-k", "5", str(COMMAND_SECONDS), *argv), stdin=input, check=check)

    def sh(self, script: str, *, check: bool = True) -> Finished:
        """Run a shell script as root inside the host."""
        return self.run("sh", "-c", script, check=check)

    @contextmanager
    def drift(self, do: str, undo: str) -> Iterator[None]:
        """Change the host with one script, and take the change back with the other."""
        try:
            self.sh(do)
        except LabError:
            self.sh(undo, check=False)  # take half a change back too, as far as it goes
            raise
        try:
            yield
        finally:
            self.sh(undo)

    @contextmanager
    def replacing(self, name: str, **changes: str | bool) -> Iterator[None]:
        """Replace a container by one with other properties; without any, just remove it."""
        old = next(container for container in self.containers if container.name == name)
        new = replace(old, **changes) if changes else None  # type: ignore[arg-type]  # text fields alone
        with engine.replaced(self.docker_socket, old, new):
            yield

    @contextmanager
    def sshd_option(self, line: str) -> Iterator[None]:
        """Put a line ahead of sshd's configuration, where it wins."""
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
        """Make it silent: whatever is sent to it is lost, on open connections too."""
        rule = ("INPUT", "-i", "eth0", "-j", "DROP")
        self.run("iptables", "-w", "-I", *rule)
        try:
            yield
        finally:
            self.run("iptables", "-w", "-D", *rule)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Let nothing listen on port 22, so that the kernel refuses; open sessions live on."""
        self.sh(_STOP_SSHD)
        try:
            yield
        finally:
            self._start_sshd()

    @contextmanager
    def hung_docker(self) -> Iterator[None]:
        """Stop the engine in its tracks: its socket still takes connections, and never answers."""
        pid = self.sh("cat /run/docker.pid").stdout.strip()
        self.run("kill", "-STOP", pid)
        try:
            yield
        finally:
            self.run("kill", "-CONT", pid)
            wait_for(self.engine_answers, f"the engine of {self.name}")

    @contextmanager
    def changed_host_key(self) -> Iterator[None]:
        """Really present another host key, as a machine does that was set up anew under an old name."""
        self.sh(f"mv {_HOST_KEY} {_HOST_KEY}.kept && ssh-keygen -q -t ed25519 -N '' -C new -f {_HOST_KEY}")
        try:
            self._restart_sshd()
            yield
        finally:
            self.sh(f"mv {_HOST_KEY}.kept {_HOST_KEY} && ssh-keygen -y -f {_HOST_KEY} >{_HOST_KEY}.pub")
            self._restart_sshd()

    def restart_memcached(self, *arguments: str) -> None:
        """Restart memcached: from its conf file, or with just these arguments, whatever the file says."""
        self.run("sh", "/.lab/memcached.sh", *arguments)
        wait_for(self.memcached_answers, f"memcached of {self.name}")

    def memcached(self, command: str) -> str:
        """Send one command to memcached on 127.0.0.1:11211, and give its reply; empty when nobody listens."""
        talk = "exec 3<>/dev/tcp/127.0.0.1/11211 && printf '%s\\r\\nquit\\r\\n' \"$0\" >&3 && cat <&3"
        return self.run("bash", "-c", talk, command, check=False).stdout

    def memcached_answers(self) -> bool:
        """Whether memcached answers where it should listen."""
        return self.memcached("version").startswith("VERSION")

    def engine_answers(self) -> bool:
        """Whether the host's Docker Engine answers."""
        return engine.answers(self.docker_socket)

    def ssh_answers(self) -> bool:
        """Whether an SSH server greets on port 22."""
        with suppress(OSError), socket.create_connection((self.address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
        return False

    def logs(self) -> str:
        """Give the last lines of the host's own logs, for an error's note."""
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
