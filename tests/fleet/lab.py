"""The lab: the page's hosts, real, on this machine; `up` makes them, `down` leaves nothing of them."""

import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fleet import deploys, engine, images, network, rootfs
from tests.fleet.errors import LabError
from tests.fleet.host import LabHost
from tests.fleet.page import PAGE, Machine, Role
from tests.fleet.place import Place, missing
from tests.fleet.processes import SCRIPTS, Finished, Process, run, spawn, wait_for
from tests.fleet.sweep import processes_of, sweep, traces

# How long `up` waits for another process to be done with the lab: two test runs follow one another.
LOCK_SECONDS = 300.0


class Lab:
    """All hosts of the page (or other `machines`), or those named. A context manager: down again at its end."""

    def __init__(
        self,
        place: Place | None = None,
        only: Collection[str] | None = None,
        machines: Sequence[Machine] = PAGE,
    ) -> None:
        self.place = place or Place()
        self.hosts: Mapping[str, LabHost] = {
            machine.name: LabHost(self.place, machine, index)
            for index, machine in enumerate(machines)
            if only is None or machine.name in only
        }
        self.ssh_config: Path = self.place.directory / "ssh_config"
        self.known_hosts: Path = self.place.directory / "known_hosts"
        self.identity: Path = self.place.directory / "id_ed25519"
        self._lock: socket.socket | None = None

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def up(self) -> None:
        """Bring every host up, ready and as the page says; what an earlier run left is cleared away first."""
        if reason := missing():
            raise LabError(reason)
        self._take(LOCK_SECONDS)
        try:
            sweep(self.place)
            self._prepare()
            network.up(self.place)
            self._each(self._start)
            self._write_ssh_files()
            self._each(self._provision)
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Take everything down, also what an `up` left half done or an earlier run left behind."""
        self._take(0)
        try:
            sweep(self.place)
        finally:
            self.release()

    def release(self) -> None:
        """Leave the lab as it is, for others to use: `down` of any process ends it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def ssh(self, host: str, *command: str, timeout: int = 5) -> Finished:
        """Run a command on a host as an operator would: the real `ssh`, as the auditor's user."""
        options = ("-F", str(self.ssh_config), "-o", "BatchMode=yes", "-o", f"ConnectTimeout={timeout}")
        self.place.require()
        return run(("ssh", *options, host, *command), check=False)

    def traces(self) -> list[str]:
        """Name what of this lab is on the machine; empty when it is down."""
        return traces(self.place)

    def processes(self) -> list[Process]:
        """List this lab's processes."""
        return processes_of(self.place)

    def _take(self, seconds: float) -> None:
        if self._lock is None:
            self._lock = self.place.lock(seconds)

    def _prepare(self) -> None:
        """Make what all hosts have in common."""
        self.place.directory.mkdir(mode=0o755)
        (self.place.directory / "hosts").mkdir()
        rootfs.make_key(self.identity, "olaudit-lab")
        images.write(self.place.directory / "image.tar")
        deploys.build(self.place.directory / "deploys")

    def _each(self, work: Callable[[LabHost], None]) -> None:
        """Do the same to all hosts, four at a time; the first error is raised when all are done."""

        def attempt(host: LabHost) -> None:
            try:
                work(host)
            except Exception as error:
                error.add_note(host.logs())  # `down` is about to remove them
                raise

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(attempt, self.hosts.values()))

    def _start(self, host: LabHost) -> None:
        """Build the host's root, start its first process, and connect it."""
        host.folder.mkdir()
        public = self.identity.with_suffix(".pub").read_text(encoding="ascii")
        rootfs.build(self.place, host.machine, host.folder, public, self.place.directory / "deploys")
        record = host.folder / "init.pid"
        spawn(
            host.folder / "unshare.pid",
            host.folder / "log",
            *("unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child"),
            *("sh", str(SCRIPTS / "recorded.sh"), str(record)),
            *("sh", str(SCRIPTS / "init.sh"), str(host.folder), host.name),
        )
        wait_for(lambda: Process.recorded(record) is not None, f"{host.name} to start")
        network.attach(self.place, host.init, host.index)

    def _provision(self, host: LabHost) -> None:
        """Wait for the host's services, and start its containers."""
        wait_for(host.ssh_answers, f"sshd of {host.name}")
        if host.role is Role.MEMCACHED or host.machine.systemd:
            wait_for(host.memcached_answers, f"memcached of {host.name}")
        if host.role is Role.DOCKER:
            engine.provision(host.docker_socket, self.place.directory / "image.tar", host.containers)

    def _write_ssh_files(self) -> None:
        keys, config = [], []
        for host in self.hosts.values():
            key = (host.folder / "root/etc/ssh/ssh_host_ed25519_key.pub").read_text(encoding="ascii").split()
            keys.append(f"{host.name},{host.address} {key[0]} {key[1]}\n")
            config.append(f"Host {host.name} {host.name}.us.archive.org\n    HostName {host.address}\n")
        config.append(
            f"Host *\n    User {rootfs.USER}\n    IdentityFile {self.identity}\n    IdentitiesOnly yes\n"
            f"    UserKnownHostsFile {self.known_hosts}\n    ConnectTimeout 5\n"
        )
        self.known_hosts.write_text("".join(keys), encoding="ascii")
        self.ssh_config.write_text("".join(config), encoding="ascii")
