"""Snapshots of everything on a host that an audit could change, read from outside without changing it.

Files are read through /proc/PID/root, units through systemd's private socket as root. A snapshot is a flat mapping
from a name ("unit docker.service", "file /etc/hosts") to its state, so snapshots are compared by key.
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.fleet.host import LabHost

Snapshot = dict[str, str]

_UNIT_PROPERTIES = "Id,LoadState,ActiveState,SubState,InvocationID,ActiveEnterTimestampMonotonic,NRestarts"
# Kernel file systems (the relevant content is compared below), and read-only mounts of the machine's folders.
_EXCLUDED = ("/proc", "/sys", "/usr", "/var/lib/dpkg")
# Files of procfs that show what a command loads into the kernel.
_KERNEL_FILES = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names", "/proc/modules", "/proc/filesystems")
_LISTENING = "0A"


def take(host: LabHost) -> Snapshot:
    """Take a snapshot of a host."""
    return {**units(host), **processes(host), **containers(host), **kernel(host), **files(host)}


def units(host: LabHost) -> Snapshot:
    """Read all units in systemd's memory, and its jobs."""
    shown = host.run("systemctl", "show", "--all", "-p", _UNIT_PROPERTIES, "*").stdout
    listed = host.run("systemctl", "list-units", "--all", "--plain", "--no-legend").stdout
    ids = re.compile(r"^Id=(.*)", re.MULTILINE)
    state = {f"unit {name}": block for block in shown.split("\n\n") for name in ids.findall(block)}
    state |= {f"listed unit {line.split()[0]}": " ".join(line.split()) for line in listed.splitlines()}
    return {**state, "jobs": host.run("systemctl", "list-jobs", "--no-legend").stdout}


def processes(host: LabHost) -> Snapshot:
    """Read the processes of the host and its containers, with start time and cgroup."""
    namespace = Path(f"/proc/{host.init.pid}/ns/pid").readlink()
    state = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # the process has ended
            if (path / "ns/pid").readlink() != namespace and not _in_container(path, host):
                continue
            started = (path / "stat").read_text(errors="replace").rpartition(")")[2].split()[19]
            argv = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state[f"process {path.name} {argv}"] = f"{started} {(path / 'cgroup').read_text()}"
    return state


def _in_container(process: Path, host: LabHost) -> bool:
    """Return whether a process in another pid namespace runs in a container of this host."""
    ids = [line.split()[1:] for line in (process / "status").read_text().splitlines() if line.startswith("NSpid:")]
    inside = f"/{host.machine.name}/" in (process / "cgroup").read_text()
    return inside and len(ids[0]) > 2


def containers(host: LabHost) -> Snapshot:
    """Read the containers from the engine's files, because the engine may be stopped."""
    state = {}
    for path in _root(host).glob("var/lib/docker/containers/*/config.v2.json"):
        config = json.loads(path.read_text(encoding="utf-8"))
        state[f"container {config['Name']}"] = json.dumps([config["ID"], config["State"], config["RestartCount"]])
    return state


def kernel(host: LabHost) -> Snapshot:
    """Read mounts, packet filters, modules, listening sockets, the host name and settings."""
    proc = Path(f"/proc/{host.init.pid}")
    state = {f"kernel file {path}": _text(_root(host) / path.lstrip("/")) for path in _KERNEL_FILES}
    state["mounts"] = (proc / "mountinfo").read_text(encoding="utf-8")
    state["hostname"] = host.run("uname", "-n").stdout
    for program in ("iptables-nft-save", "iptables-legacy-save", "ip6tables-nft-save", "ip6tables-legacy-save"):
        state[f"rules by {program}"] = _without_login(host.run(program, "-c").stdout)
    state |= {f"listening {name}": "yes" for name in _listening(proc / "net")}
    return state | {
        f"setting {name}": value for name, value in _settings(_root(host) / "proc/sys/net", "/proc/sys/")
    }


def _without_login(rules: str) -> str:
    """Remove comments, which contain the time, and the counters that logins change.

    Those are the counters of built-in chains and of the table nat.
    """
    lines, table = [], ""
    for line in rules.splitlines():
        table = line if line.startswith("*") else table
        chain = re.sub(r"^(:[A-Z]+ [A-Z]+) \[.*\]", r"\1", line)
        lines += [re.sub(r"\[[0-9]+:[0-9]+\]", "[]", chain) if table == "*nat" else chain] * (line[:1] != "#")
    return "\n".join(lines)


def _listening(net: Path) -> Iterator[str]:
    for protocol in ("tcp", "tcp6", "udp", "udp6", "raw"):
        for line in (net / protocol).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING or not protocol.startswith("tcp"):
                yield f"{protocol} {fields[1]} {fields[9]}"
    for line in (net / "unix").read_text(encoding="utf-8").splitlines()[1:]:
        fields = line.split()
        if int(fields[3], 16) & 0x10000:  # __SO_ACCEPTCON
            yield f"unix {fields[6:]}"


def _settings(folder: Path, below: str) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_mode & 0o444:
            yield str(path).partition(below)[2], _text(path)


def files(host: LabHost) -> Snapshot:
    """Read all files of the host, across mounts but not into automount points, without access times.

    The change time (ctime) is included: it changes with every write, rename or link.
    """
    root = _root(host)
    skipped = {*_EXCLUDED, *automount_points(host)}
    state = {"file /": _describe(root)}
    for folder, folders, names in os.walk(root):
        inside = f"/{os.path.relpath(folder, root)}" if folder != str(root) else ""
        folders[:] = [name for name in folders if f"{inside}/{name}" not in skipped]
        for name in (*folders, *names):
            state[f"file {inside}/{name}"] = _describe(Path(folder, name))
    return state


def automount_points(host: LabHost) -> set[str]:
    """Return the automount points of the host; walking into one would mount it."""
    mounts = (Path(f"/proc/{host.init.pid}") / "mountinfo").read_text(encoding="utf-8").splitlines()
    return {line.split()[4] for line in mounts if " - autofs " in line}


def _describe(path: Path) -> str:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return "removed while it was read"
    content = ""
    if stat.S_ISLNK(status.st_mode):
        content = str(path.readlink())
    elif stat.S_ISREG(status.st_mode):
        try:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:  # nsfs, where Docker binds network namespaces
            content = str(error.strerror)
    times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
    owner = f"{status.st_uid}:{status.st_gid}"
    return (
        f"{stat.filemode(status.st_mode)} {owner} {status.st_nlink} {status.st_size} {status.st_rdev} "
        f"{times} {status.st_dev}:{status.st_ino} {content}"
    )


def _root(host: LabHost) -> Path:
    return Path(f"/proc/{host.init.pid}/root")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return str(error.strerror)


# Counters, values that change by themselves, and settings per network device.
_CHANGING = re.compile(
    r"fs/(aio-nr|dentry-state|file-nr|inode-|quota/)|kernel/(ns_last_pid|pty/nr|random/|perf_|sched_)"
    r"|net/(ipv[46]/(conf|neigh)/|netfilter/nf_conntrack_count)|vm/stat_refresh"
)


def machine() -> Snapshot:
    """Read the state of this machine that no host may change: what namespaces share, and its own."""
    settings = {f"setting {name}": value for name, value in _settings(Path("/proc/sys"), "/proc/sys/")}
    mounts = "\n".join(sorted(line.split()[4] for line in _text(Path("/proc/self/mountinfo")).splitlines()))
    return {
        **{key: value for key, value in settings.items() if not _CHANGING.search(key)},
        **{f"device {path}": _describe(path) for path in Path("/dev").iterdir()},
        "mounts": mounts,
        "modules": _text(Path("/proc/modules")),
    }


def differences(before: Snapshot, after: Snapshot) -> dict[str, tuple[str, str]]:
    """Return the differing entries as key -> (before, after)."""
    keys = sorted(before.keys() | after.keys())
    pairs = {key: (before.get(key, "absent"), after.get(key, "absent")) for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
