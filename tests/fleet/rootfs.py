"""Root folder of a host: mount points, a small `/etc`, keys, and the configuration of its role."""

import json
import os
import shutil
import stat
from pathlib import Path

from tests.fleet import restricted_files, units
from tests.fleet.inventory import Machine, Role
from tests.fleet.layout import LabLayout
from tests.fleet.processes import SCRIPTS, run

USER = "audit"
# 9.7 GiB in kB, the wiki page's example of a memcached host; 300 MB less gives its `-m 9300`.
MEMORY_KB = int(9.7 * 1024 * 1024)

_FOLDERS = (
    "1", "dev", "etc/cron.d", "etc/ssh", "opt", "proc", "root", "run", "sys", "usr", "var/cache",
    "var/lib/docker", "var/lib/dpkg", "var/log", "var/spool/cron/crontabs", f"home/{USER}/.ssh", ".lab",
)  # fmt: skip
# Programs that bare-metal hosts do not have. `/usr/local` may have a newer docker client and is hidden everywhere.
_DOCKER_PROGRAMS = (
    "bin/containerd", "bin/containerd-shim", "bin/containerd-shim-runc-v1", "bin/containerd-shim-runc-v2",
    "bin/ctr", "bin/docker", "sbin/dockerd", "sbin/docker-init", "sbin/docker-proxy", "sbin/runc",
)  # fmt: skip

_PASSWD = f"""\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
memcache:x:110:110:Memcached:/nonexistent:/bin/false
sshd:x:111:65534::/run/sshd:/usr/sbin/nologin
messagebus:x:112:112::/nonexistent:/usr/sbin/nologin
{USER}:x:1000:1000:Fleet auditor:/home/{USER}:/bin/bash
"""
# `*`, not `!`: sshd without PAM treats `!` as a locked account and refuses its keys too.
_SHADOW = "".join(f"{line.split(':')[0]}:*:19000:0:99999:7:::\n" for line in _PASSWD.splitlines())
_GROUP = (
    f"root:x:0:\ndaemon:x:1:\ntty:x:5:\nmemcache:x:110:\nmessagebus:x:112:\n{USER}:x:1000:\nnogroup:x:65534:\n"
)
_SSHD = f"""\
Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
PidFile /run/sshd.pid
UsePAM no
UseDNS no
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowUsers {USER}
AllowStreamLocalForwarding yes
PrintMotd no
Subsystem sftp /usr/lib/openssh/sftp-server
"""
_MEMCACHED = """\
# memcached default config file
# This configuration file is read by the start-memcached script provided as
# part of the Debian GNU/Linux distribution.

# Run memcached as a daemon. This command is implied, and is not needed for the
# daemon to run.
-d

# Log memcached's output to /var/log/memcached
logfile /var/log/memcached.log

# Start with a cap of 64 megs of memory. It's reasonable, and the daemon default
# -m 64
-m 9300

# Default connection port is 11211
-p 11211

# Run the daemon as root. The start-memcached will default to running as root if no
# -u command is present in this config file
-u memcache

# Specify which IP address to listen on. The default is to listen on all IP addresses
-l 127.0.0.1

# Limit the number of simultaneous incoming connections. The daemon default is 1024
# -c 1024

# Use a pidfile
-P /var/run/memcached/memcached.pid
"""
_RELEASES = {
    "trusty": ("14.04", "14.04.6 LTS, Trusty Tahr", "14.04.6 LTS"),
    "focal": ("20.04", "20.04.6 LTS (Focal Fossa)", "20.04.6 LTS"),
}


def build(layout: LabLayout, machine: Machine, folder: Path, client_key: str, deploys: Path) -> None:
    """Fill the host's `folder` with `root` and the other files that scripts/init.sh reads."""
    root = folder / "root"
    for name in _FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "var/tmp"):
        (root / name).mkdir()
        (root / name).chmod(0o1777)
    _etc(root / "etc", machine)
    _ssh(root, machine, client_key)
    _sudo(root / "etc")
    _hidden(folder / "hidden", docker=machine.role is Role.DOCKER)
    for script in ("rc.sh", "memcached.sh"):
        shutil.copy(SCRIPTS / script, root / ".lab" / script)
    restricted_files.build(layout, machine.name, root)
    if machine.role is Role.MEMCACHED or machine.systemd:
        (root / "etc/memcached.conf").write_text(_MEMCACHED, encoding="ascii")
        (folder / "meminfo").write_text(_meminfo(), encoding="ascii")
    if machine.role is Role.DOCKER:
        _docker(layout, root, machine)
        run(("cp", "-a", "--", f"{deploys}/.", str(root)))
    # Absolute links come last: from outside, a write through such a link changes this machine.
    for link in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if Path("/", link).is_symlink():
            (root / link).symlink_to(Path("/", link).readlink())
    (root / "var/run").symlink_to("/run")
    (root / "var/lock").symlink_to("/run/lock")
    (root / "etc/mtab").symlink_to("/proc/self/mounts")
    if machine.systemd:
        units.build(layout, machine.name, folder)


def _etc(etc: Path, machine: Machine) -> None:
    docker_group = f"docker:x:999:{USER}\n" if machine.role is Role.DOCKER else ""
    for name, text in {
        "passwd": _PASSWD,
        "group": _GROUP + docker_group,
        "hostname": f"{machine.name}\n",
        "hosts": f"127.0.0.1 localhost\n127.0.1.1 {machine.name}.us.archive.org {machine.name}\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
        "resolv.conf": "# the lab has no resolver\n",
        "timezone": "Etc/UTC\n",
    }.items():
        (etc / name).write_text(text, encoding="ascii")
    (etc / "shadow").write_text(_SHADOW, encoding="ascii")
    (etc / "shadow").chmod(0o600)
    for name in ("ld.so.cache", "ld.so.conf", "protocols", "services"):
        if Path("/etc", name).exists():
            shutil.copy(Path("/etc", name), etc / name)
    for name in ("ld.so.conf.d", "alternatives", "perl"):
        if Path("/etc", name).is_dir():
            shutil.copytree(Path("/etc", name), etc / name, symlinks=True)
    _release(etc, machine.release)


def _release(etc: Path, release: str) -> None:
    if release not in _RELEASES:
        shutil.copy("/usr/lib/os-release", etc / "os-release")
        return
    number, version, pretty = _RELEASES[release]
    (etc / "os-release").write_text(
        f'NAME="Ubuntu"\nVERSION="{version}"\nID=ubuntu\nID_LIKE=debian\nPRETTY_NAME="Ubuntu {pretty}"\n'
        f'VERSION_ID="{number}"\n',
        encoding="ascii",
    )
    (etc / "lsb-release").write_text(
        f"DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE={number}\nDISTRIB_CODENAME={release}\n"
        f'DISTRIB_DESCRIPTION="Ubuntu {pretty}"\n',
        encoding="ascii",
    )


def _ssh(root: Path, machine: Machine, client_key: str) -> None:
    (root / "etc/ssh/sshd_config").write_text(_SSHD, encoding="ascii")
    make_key(root / "etc/ssh/ssh_host_ed25519_key", machine.name)
    home = root / "home" / USER
    (home / ".ssh/authorized_keys").write_text(client_key, encoding="ascii")
    for path in (home, home / ".ssh", home / ".ssh/authorized_keys"):
        os.chown(path, 1000, 1000)
    (home / ".ssh").chmod(0o700)


def _sudo(etc: Path) -> None:
    """Write the sudoers lines that docs/operating.md documents for the auditor."""
    text = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
    allowed = text.partition("```sudoers\n")[2].partition("```")[0]
    (etc / "sudoers").write_text(f"root ALL=(ALL) ALL\n{allowed}", encoding="utf-8")
    (etc / "sudoers").chmod(0o440)
    (etc / "pam.d").mkdir()
    for service in ("sudo", "other"):
        (etc / "pam.d" / service).write_text(
            "".join(f"{step} required pam_permit.so\n" for step in ("auth", "account", "session")),
            encoding="ascii",
        )


def make_key(path: Path, comment: str) -> None:
    """Generate an ed25519 key pair without a passphrase."""
    run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)))


def _hidden(folder: Path, *, docker: bool) -> None:
    """Create an overlay layer that removes programs from `/usr`."""
    for name in ("local", "bin", "sbin"):
        (folder / name).mkdir(parents=True)
    os.setxattr(folder / "local", "trusted.overlay.opaque", b"y")
    for name in () if docker else _DOCKER_PROGRAMS:
        if Path("/usr", name).exists():
            os.mknod(folder / name, stat.S_IFCHR, os.makedev(0, 0))


def _docker(layout: LabLayout, root: Path, machine: Machine) -> None:
    (root / "etc/docker").mkdir()
    settings: dict[str, object] = {
        "log-driver": "json-file",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
    }
    if not machine.systemd:  # a systemd host has its own cgroup namespace
        settings["cgroup-parent"] = f"/{layout.name}/{machine.name}"
    (root / "etc/docker/daemon.json").write_text(json.dumps(settings, indent=2), encoding="ascii")


def _meminfo() -> str:
    values = {"MemTotal": MEMORY_KB, "MemFree": 300_000, "MemAvailable": 420_000, "Cached": 120_000}
    return "".join(f"{name + ':':<16}{value:>8} kB\n" for name, value in values.items())
