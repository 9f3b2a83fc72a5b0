"""Names and addresses of a lab on the machine, and its requirements."""

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
class LabLayout:
    """The names of one lab: everything that it creates on the machine has one of them."""

    name: str = "olaudit-lab"
    device: str = "olab0"
    network: IPv4Network = _NETWORK

    @property
    def directory(self) -> Path:
        """The folder of the lab, on the file system of the disk: Docker's overlay2 does not work on an overlay."""
        return Path("/var/lib") / self.name

    @property
    def gateway(self) -> IPv4Address:
        """The address of this machine in the lab's network."""
        return self.network[1]

    def present(self) -> bool:
        """Return whether the lab's device exists."""
        return Path("/sys/class/net", self.device).exists()

    def address(self, index: int) -> str:
        """Return the address of host number `index`. Raises LabError unless the lab's device exists.

        Without the device, packets to this address follow the default route and reach another machine.
        """
        self.require()
        return str(self.network[10 + index])

    def require(self) -> None:
        """Raise LabError unless the lab's device exists."""
        if not self.present():
            raise LabError(f"the lab is down (no device {self.device}): its addresses may be in use elsewhere")

    def lock(self, seconds: float) -> socket.socket:
        """Lock the lab for this process, waiting up to `seconds`. Closing the socket releases the lock."""
        # An abstract socket leaves no file, and the kernel releases it when its process ends.
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


def missing_requirement() -> str | None:
    """Return the reason why no lab can run on this machine, or None."""
    if os.geteuid() != 0:
        return "the real fleet needs root (namespaces, devices, Docker Engines)"
    unavailable = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    unavailable += [str(path) for path in (BUSYBOX, MEMCACHED_WRAPPER) if not path.exists()]
    if unavailable:
        return f"the real fleet needs {', '.join(unavailable)} (Debian: {PACKAGES})"
    return None
