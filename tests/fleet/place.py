"""Where one lab lives on the machine, and what it needs there."""

import os
import shutil
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from tests.fleet.errors import LabError

PROGRAMS = (
    "containerd", "dockerd", "docker", "git", "ip", "iptables", "memcached", "nsenter", "perl", "pivot_root",
    "cron", "dbus-daemon", "runc", "setsid", "ssh", "ssh-keygen", "sshd", "strace", "sudo", "systemctl", "tini",
    "unshare",
)  # fmt: skip
BUSYBOX = Path("/usr/bin/busybox")
MEMCACHED_WRAPPER = Path("/usr/share/memcached/scripts/systemd-memcached-wrapper")
PACKAGES = (
    "docker.io openssh-server memcached busybox-static iproute2 iptables tini git sudo cron dbus strace systemd"
)
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_NETWORK = IPv4Network("10.213.7.0/24")


@dataclass(frozen=True, slots=True)
class Place:
    """The names that belong to one lab: every trace it leaves on the machine carries one of them."""

    name: str = "olaudit-lab"
    device: str = "olab0"
    network: IPv4Network = _NETWORK

    @property
    def directory(self) -> Path:
        """The lab's files. On the disk's own file system: Docker's overlay2 can't sit on an overlay."""
        return Path("/var/lib") / self.name

    @property
    def gateway(self) -> IPv4Address:
        """This machine's own address in the lab's network."""
        return self.network[1]

    def present(self) -> bool:
        """Whether the lab's device exists."""
        return Path("/sys/class/net", self.device).exists()

    def address(self, index: int) -> str:
        """Give the address of the lab's host number `index`, but only while the lab's device exists.

        With the device gone the same address follows the default route, to somebody else's machine.
        """
        self.require()
        return str(self.network[10 + index])

    def require(self) -> None:
        """Raise LabError unless the lab's device exists."""
        if not self.present():
            raise LabError(f"the lab is down (no device {self.device}): its addresses lead elsewhere now")

    def lock(self, seconds: float) -> socket.socket:
        """Take the lab for this process, waiting up to `seconds`; it is free again when the socket closes."""
        # An abstract socket leaves no file behind, and the kernel frees it when its process dies.
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        deadline = time.monotonic() + seconds
        while True:
            with suppress(OSError):
                lock.bind(f"\0{self.name}")
                return lock
            if time.monotonic() > deadline:
                lock.close()
                raise LabError(f"another process is using the lab {self.name}")
            time.sleep(0.1)


def missing() -> str | None:
    """Say why no lab can run on this machine, or None where it can."""
    if os.geteuid() != 0:
        return "the real fleet needs root (namespaces, devices, Docker Engines)"
    lacking = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    lacking += [str(path) for path in (BUSYBOX, MEMCACHED_WRAPPER) if not path.exists()]
    if lacking:
        return f"the real fleet needs {', '.join(lacking)} (Debian: {PACKAGES})"
    return None
