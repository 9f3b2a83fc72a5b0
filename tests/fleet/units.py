"""Units of a host whose process 1 is systemd: a short list of Debian's units, and no others.

systemd runs on the kernel of the machine, so no unit may change what the machine shares: udev and its trigger,
sysctl, modules-load, remount-fs, the API mounts, binfmt, random-seed, hwdb, timesyncd, pstore and so on.
A list of masked units would be incomplete. Instead, folders with copies of the listed units replace the folders of
units and generators. The other units of the machine do not exist for the host.
"""

import os
import shutil
from pathlib import Path

from tests.fleet.layout import LabLayout

_SYSTEM = Path("lib/systemd/system")
_REPLACED = (
    _SYSTEM, Path("lib/systemd/system-generators"), Path("lib/systemd/system-environment-generators"),
    Path("lib/systemd/user"), Path("lib/tmpfiles.d"), Path("lib/sysctl.d"), Path("lib/modules-load.d"),
)  # fmt: skip

SERVICES = ("containerd.service", "cron.service", "docker.service", "memcached.service", "ssh.service")
"""Services of the host, enabled as Debian's packages enable them."""

_UNITS = (
    *SERVICES, "docker.socket", "dbus.service", "dbus.socket",
    "systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket",
    # units that order the others
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


def build(layout: LabLayout, name: str, folder: Path) -> None:
    """Create the host's units below `folder/root`, and the other files that scripts/init.sh reads."""
    hidden = folder / "hidden"
    for path in _REPLACED:
        (hidden / path).mkdir(parents=True)
        os.setxattr(hidden / path, "trusted.overlay.opaque", b"y")
    for unit in _UNITS:
        shutil.copy(Path("/usr") / _SYSTEM / unit, hidden / _SYSTEM / unit)
    # A mail program for sudo, which runs it as the user: it appends its input to a file
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
    (folder / "cgroup").write_text(f"{cgroups() / layout.name / name}\n", encoding="ascii")


def cgroups() -> Path:
    """Return the mount point of the unified hierarchy."""
    top = Path("/sys/fs/cgroup")
    return top / "unified" if (top / "unified").is_dir() else top
