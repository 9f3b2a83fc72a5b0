"""The units of a host whose process 1 is systemd: a short list of Debian's own, and nothing else.

systemd runs on the kernel of the machine, so no unit may run that sets what the machine shares: udev and its
trigger, sysctl, modules-load, remount-fs, the API mounts, binfmt, random-seed, hwdb, timesyncd, pstore and so on.
To mask each of them is to forget one. Here the folders of units and generators are replaced by empty ones that
hold copies of the units listed: what is not listed does not exist, whatever the machine has installed.
"""

import os
import shutil
from pathlib import Path

from tests.fleet.place import Place

_SYSTEM = Path("lib/systemd/system")
_REPLACED = (
    _SYSTEM, Path("lib/systemd/system-generators"), Path("lib/systemd/system-environment-generators"),
    Path("lib/systemd/user"), Path("lib/tmpfiles.d"), Path("lib/sysctl.d"), Path("lib/modules-load.d"),
)  # fmt: skip

SERVICES = ("containerd.service", "cron.service", "docker.service", "memcached.service", "ssh.service")
"""What the host runs, each enabled as Debian's packages do."""

_UNITS = (
    *SERVICES, "docker.socket", "dbus.service", "dbus.socket",
    "systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket",
    # what these are ordered by
    "basic.target", "local-fs.target", "local-fs-pre.target", "multi-user.target", "network.target",
    "network-online.target", "nss-user-lookup.target", "paths.target", "remote-fs.target", "shutdown.target",
    "slices.target", "sockets.target", "swap.target", "sysinit.target", "timers.target", "umount.target",
)  # fmt: skip

_ENABLED = {
    "multi-user.target.wants": (*SERVICES, "dbus.service"),
    "sockets.target.wants": (
        "docker.socket",
        "dbus.socket",
        "systemd-journald.socket",
        "systemd-journald-dev-log.socket",
    ),
}


def build(place: Place, name: str, folder: Path) -> None:
    """Lay out the host's units below `folder/root`, and what scripts/init.sh wants beside it."""
    hidden = folder / "hidden"
    for path in _REPLACED:
        (hidden / path).mkdir(parents=True)
        os.setxattr(hidden / path, "trusted.overlay.opaque", b"y")
    for unit in _UNITS:
        shutil.copy(Path("/usr") / _SYSTEM / unit, hidden / _SYSTEM / unit)
    # A mail program, as sudo expects one (it runs as the user): what it is given ends up in a file
    (hidden / "sbin/sendmail").write_text("#!/bin/sh\ncat >>/var/tmp/mail.lab\n", encoding="ascii")
    (hidden / "sbin/sendmail").chmod(0o755)
    etc = folder / "root/etc"
    (etc / "machine-id").write_text("0123456789abcdef0123456789abcdef\n", encoding="ascii")
    units = etc / "systemd/system"
    # Debian's unit runs modprobe
    (units / "containerd.service.d").mkdir(parents=True)
    (units / "containerd.service.d/lab.conf").write_text("[Service]\nExecStartPre=\n", encoding="ascii")
    for wants, names in _ENABLED.items():
        (units / wants).mkdir()
        for unit in names:
            (units / wants / unit).symlink_to("/lib/systemd/system/" + unit)
    (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")
    (folder / "cgroup").write_text(f"{cgroups() / place.name / name}\n", encoding="ascii")


def cgroups() -> Path:
    """Find the mount point of the unified hierarchy."""
    top = Path("/sys/fs/cgroup")
    return top / "unified" if (top / "unified").is_dir() else top
