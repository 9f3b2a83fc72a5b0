"""The lab: real hosts of the wiki page on this machine. `up` creates them, `down` removes all of their traces."""

import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fleet import deploys, engine, images, network, rootfs
from tests.fleet.cleanup import lab_processes, leftovers, remove_lab
from tests.fleet.errors import LabError
from tests.fleet.host import LabHost
from tests.fleet.inventory import INVENTORY, Machine, Role
from tests.fleet.layout import LabLayout, missing_requirement
from tests.fleet.processes import SCRIPTS, CompletedCommand, Process, run, spawn, wait_for

# How long `up` waits until another process releases the lab, so that two test runs follow one another.
LOCK_SECONDS = 300.0


class Lab:
    """Context manager that runs all `machines`, or those named in `only`, and removes them at its end."""

    def __init__(
        self,
        layout: LabLayout | None = None,
        only: Collection[str] | None = None,
        machines: Sequence[Machine] = INVENTORY,
    ) -> None:
        self.layout = layout or LabLayout()
        self.hosts: Mapping[str, LabHost] = {
            machine.name: LabHost(self.layout, machine, index)
            for index, machine in enumerate(machines)
            if only is None or machine.name in only
        }
        self.ssh_config: Path = self.layout.directory / "ssh_config"
        self.known_hosts: Path = self.layout.directory / "known_hosts"
        self.identity: Path = self.layout.directory / "id_ed25519"
        self._lock: socket.socket | None = None

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def up(self) -> None:
        """Remove the leftovers of an earlier run, then start every host and wait until it conforms to the page."""
        if reason := missing_requirement():
            raise LabError(reason)
        self._acquire(LOCK_SECONDS)
        try:
            remove_lab(self.layout)
            self._prepare()
            network.up(self.layout)
            self._run_on_all(self._start)
            self._write_ssh_files()
            self._run_on_all(self._provision)
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Remove everything, including a half-finished `up` and the leftovers of an earlier run."""
        self._acquire(0)
        try:
            remove_lab(self.layout)
        finally:
            self.release()

    def release(self) -> None:
        """Release the running lab for other processes. `down` of any process removes it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def ssh(self, host: str, *command: str, timeout: int = 5) -> CompletedCommand:
        """Run a command on a host with the OpenSSH client, as the auditor's user."""
        options = ("-F", str(self.ssh_config), "-o", "BatchMode=yes", "-o", f"ConnectTimeout={timeout}")
        self.layout.require()
        return run(("ssh", *options, host, *command), check=False)

    def leftovers(self) -> list[str]:
        """List what remains of this lab on the machine; empty if it is down."""
        return leftovers(self.layout)

    def processes(self) -> list[Process]:
        """List the processes of this lab."""
        return lab_processes(self.layout)

    def _acquire(self, seconds: float) -> None:
        if self._lock is None:
            self._lock = self.layout.lock(seconds)

    def _prepare(self) -> None:
        """Create the files that all hosts share."""
        self.layout.directory.mkdir(mode=0o755)
        (self.layout.directory / "hosts").mkdir()
        rootfs.make_key(self.identity, "olaudit-lab")
        images.write(self.layout.directory / "image.tar")
        deploys.build(self.layout.directory / "deploys")

    def _run_on_all(self, work: Callable[[LabHost], None]) -> None:
        """Run `work` on all hosts, four at a time. Raises the first error when all have ended."""

        def attempt(host: LabHost) -> None:
            try:
                work(host)
            except Exception as error:
                error.add_note(host.logs())  # `down` removes them
                raise

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(attempt, self.hosts.values()))

    def _start(self, host: LabHost) -> None:
        """Build the host's root, start its first process, and connect it."""
        host.folder.mkdir()
        public = self.identity.with_suffix(".pub").read_text(encoding="ascii")
        rootfs.build(self.layout, host.machine, host.folder, public, self.layout.directory / "deploys")
        record = host.folder / "init.pid"
        spawn(
            host.folder / "unshare.pid",
            host.folder / "log",
            *("unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child"),
            *("sh", str(SCRIPTS / "record_pid.sh"), str(record)),
            *("sh", str(SCRIPTS / "init.sh"), str(host.folder), host.name),
        )
        wait_for(lambda: Process.from_record(record) is not None, f"{host.name} to start")
        network.attach(self.layout, host.init, host.index)

    def _provision(self, host: LabHost) -> None:
        """Wait for the host's services, and start its containers."""
        wait_for(host.ssh_answers, f"sshd of {host.name}")
        if host.role is Role.MEMCACHED or host.machine.systemd:
            wait_for(host.memcached_answers, f"memcached of {host.name}")
        if host.role is Role.DOCKER:
            engine.provision(host.docker_socket, self.layout.directory / "image.tar", host.containers)

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
