"""Everything about a host that an audit could change, read from outside of it, so that reading changes nothing.

Files are read through /proc/PID/root, units through systemd's private socket as root. A snapshot is a flat mapping
from a name ("unit docker.service", "file /etc/hosts") to its state, so that two of them differ by key.
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

_SHOWN = "Id,LoadState,ActiveState,SubState,InvocationID,ActiveEnterTimestampMonotonic,NRestarts"
# Of the kernel's making (compared by what they say, below), or read-only mounts of the machine's own folders.
_NOT_WALKED = ("/proc", "/sys", "/usr", "/var/lib/dpkg")
# Of sysfs and procfs: what may be set, and what a command loads into the kernel by asking it.
_SAID = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names", "/proc/modules", "/proc/filesystems")
_LISTENING = "0A"


def take(host: LabHost) -> Snapshot:
    """Take a snapshot of all there is."""
    return {**units(host), **processes(host), **containers(host), **kernel(host), **files(host)}


def units(host: LabHost) -> Snapshot:
    """List all units that systemd has in memory, and its jobs."""
    shown = host.run("systemctl", "show", "--all", "-p", _SHOWN, "*").stdout
    listed = host.run("systemctl", "list-units", "--all", "--plain", "--no-legend").stdout
    ids = re.compile(r"^Id=(.*)", re.MULTILINE)
    found = {f"unit {name}": block for block in shown.split("\n\n") for name in ids.findall(block)}
    found |= {f"listed unit {line.split()[0]}": " ".join(line.split()) for line in listed.splitlines()}
    return {**found, "jobs": host.run("systemctl", "list-jobs", "--no-legend").stdout}


def processes(host: LabHost) -> Snapshot:
    """List the processes of the host and of its containers, each with its start and its cgroup."""
    space = Path(f"/proc/{host.init.pid}/ns/pid").readlink()
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended
            if (path / "ns/pid").readlink() != space and not _below(path, host):
                continue
            started = (path / "stat").read_text(errors="replace").rpartition(")")[2].split()[19]
            argv = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found[f"process {path.name} {argv}"] = f"{started} {(path / 'cgroup').read_text()}"
    return found


def _below(process: Path, host: LabHost) -> bool:
    """Whether a process in another pid namespace is in a container of this host."""
    ids = [line.split()[1:] for line in (process / "status").read_text().splitlines() if line.startswith("NSpid:")]
    inside = f"/{host.machine.name}/" in (process / "cgroup").read_text()
    return inside and len(ids[0]) > 2


def containers(host: LabHost) -> Snapshot:
    """List the containers by what the engine keeps of them on disk, for it may be stopped."""
    found = {}
    for path in _root(host).glob("var/lib/docker/containers/*/config.v2.json"):
        kept = json.loads(path.read_text(encoding="utf-8"))
        found[f"container {kept['Name']}"] = json.dumps([kept["ID"], kept["State"], kept["RestartCount"]])
    return found


def kernel(host: LabHost) -> Snapshot:
    """Read mounts, packet filters, modules, listening sockets, names and settings."""
    proc = Path(f"/proc/{host.init.pid}")
    found = {f"said by {path}": _text(_root(host) / path.lstrip("/")) for path in _SAID}
    found["mounts"] = (proc / "mountinfo").read_text(encoding="utf-8")
    found["hostname"] = host.run("uname", "-n").stdout
    for program in ("iptables-nft-save", "iptables-legacy-save", "ip6tables-nft-save", "ip6tables-legacy-save"):
        found[f"rules by {program}"] = _without_login(host.run(program, "-c").stdout)
    found |= {f"listening {name}": "yes" for name in _listening(proc / "net")}
    return found | {
        f"setting {name}": value for name, value in _settings(_root(host) / "proc/sys/net", "/proc/sys/")
    }


def _without_login(rules: str) -> str:
    """Drop comments, which hold the time, and what counts logins: built-in chains, and all of the table nat."""
    kept, table = [], ""
    for line in rules.splitlines():
        table = line if line.startswith("*") else table
        chain = re.sub(r"^(:[A-Z]+ [A-Z]+) \[.*\]", r"\1", line)
        kept += [re.sub(r"\[[0-9]+:[0-9]+\]", "[]", chain) if table == "*nat" else chain] * (line[:1] != "#")
    return "\n".join(kept)


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
    """Walk the host's root through all its mounts but automount points; the time of the last access is left out.

    The time of the last status change is not: whatever is written, renamed or linked shows in it.
    """
    root = _root(host)
    skipped = {*_NOT_WALKED, *automount_points(host)}
    found = {"file /": _describe(root)}
    for folder, folders, names in os.walk(root):
        inside = f"/{os.path.relpath(folder, root)}" if folder != str(root) else ""
        folders[:] = [name for name in folders if f"{inside}/{name}" not in skipped]
        for name in (*folders, *names):
            found[f"file {inside}/{name}"] = _describe(Path(folder, name))
    return found


def automount_points(host: LabHost) -> set[str]:
    """List the automount points of the host: to walk into one mounts it."""
    mounts = (Path(f"/proc/{host.init.pid}") / "mountinfo").read_text(encoding="utf-8").splitlines()
    return {line.split()[4] for line in mounts if " - autofs " in line}


def _describe(path: Path) -> str:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return "gone while it was looked at"
    content = ""
    if stat.S_ISLNK(status.st_mode):
        content = str(path.readlink())
    elif stat.S_ISREG(status.st_mode):
        try:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:  # of nsfs, where Docker binds network namespaces
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


# What counts or changes by itself, and what each network device has.
_CHANGING = re.compile(
    r"fs/(aio-nr|dentry-state|file-nr|inode-|quota/)|kernel/(ns_last_pid|pty/nr|random/|perf_|sched_)"
    r"|net/(ipv[46]/(conf|neigh)/|netfilter/nf_conntrack_count)|vm/stat_refresh"
)


def machine() -> Snapshot:
    """Read what all namespaces of this machine share, or what belongs to its own: no host may change any of it."""
    settings = {f"setting {name}": value for name, value in _settings(Path("/proc/sys"), "/proc/sys/")}
    mounts = "\n".join(sorted(line.split()[4] for line in _text(Path("/proc/self/mountinfo")).splitlines()))
    return {
        **{key: value for key, value in settings.items() if not _CHANGING.search(key)},
        **{f"device {path}": _describe(path) for path in Path("/dev").iterdir()},
        "mounts": mounts,
        "modules": _text(Path("/proc/modules")),
    }


def differences(before: Snapshot, after: Snapshot) -> dict[str, tuple[str, str]]:
    """Give what is not the same, each with its state before and after."""
    keys = sorted(before.keys() | after.keys())
    pairs = {key: (before.get(key, "absent"), after.get(key, "absent")) for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
