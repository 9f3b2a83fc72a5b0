"""System calls of an audit on a host: strace on sshd and all of its child processes."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fleet.host import LabHost
from tests.fleet.processes import Process, wait_for

_SYSCALLS = """
open openat openat2 creat mkdir mkdirat mknod mknodat link linkat symlink symlinkat unlink unlinkat rmdir
rename renameat renameat2 truncate ftruncate fallocate chmod fchmod fchmodat chown fchown lchown fchownat
utime utimes futimesat utimensat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
mount umount2 move_mount pivot_root chroot swapon swapoff acct quotactl open_by_handle_at connect bind
execve execveat kill tkill tgkill pidfd_send_signal rt_sigqueueinfo sethostname setdomainname settimeofday
clock_settime adjtimex clock_adjtime reboot syslog init_module finit_module delete_module kexec_load bpf
ptrace io_uring_setup msgsnd shmget
"""
_LINE = re.compile(r"(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?[0-9?].*)")
_FOLDER = r"(?:AT_FDCWD|[0-9]+)<(?P<folder>[^>]*)>, "
_PATH = re.compile(rf'(?:{_FOLDER})?"(?P<path>(?:[^"\\]|\\.)*)"')
_WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE")
_UNIX = re.compile(r'sun_path=(@?"[^"]*")')
_INTERNET = re.compile(r'sin6?_port=htons\(([0-9]+)\).*?"([0-9a-f.:]+)"')
_OPENS = {"open", "openat", "openat2"}
_SIGNALS = re.compile(r"(?:kill|tkill|tgkill)\(.*?(SIG[A-Z0-9]+|, 0)\)")


@contextmanager
def traced(host: LabHost, folder: Path) -> Iterator[list[str]]:
    """Trace sshd and its child processes in a host. The list is filled when the block ends."""
    events: list[str] = []
    listener = _outer_pid(host, int(host.sh("pgrep -o -x sshd").stdout))
    calls = ",".join(f"?{name}" for name in re.findall(r"\w+", _SYSCALLS))
    argv = ("strace", "-ff", "-y", "-qqq", "-s", "512", "-e", f"trace={calls}", "-e", "signal=none")
    with subprocess.Popen((*argv, "-o", str(folder / "trace"), "-p", str(listener))) as tracer:
        wait_for(lambda: _tracer_of(listener) == tracer.pid, "strace to be attached")
        try:
            yield events
            wait_for(lambda: not _children(listener), "sshd's processes to end", seconds=10)
        finally:
            tracer.send_signal(signal.SIGINT)
    for path in sorted(folder.glob("trace.*")):
        events += filter(None, map(event, path.read_text(encoding="utf-8", errors="replace").splitlines()))


def event(line: str) -> str | None:
    """Parse a line of strace's output to "CALL PATH"; None for a call that only reads."""
    if not (match := _LINE.match(line)):
        return f"not parsed: {line}" if "(" in line else None
    call, arguments = match["call"], match["arguments"]
    if call in {"connect", "bind"}:
        return f"{call} {_address(arguments)}"
    if call in {"execve", "execveat"}:
        return None if match["result"].startswith("-1 ENOENT") else f"exec {_path(arguments)}"
    if call in _OPENS:
        return f"write {_path(arguments)}" if _WRITES.search(arguments) else None
    if signals := _SIGNALS.match(line):
        return f"{call} {signals[1].strip(', ')}"
    return f"{call} {_path(arguments)}"


def _path(arguments: str) -> str:
    if not (match := _PATH.match(arguments)):
        descriptor = re.match(r"[0-9]+<([^>]*)>", arguments)  # with its path
        return descriptor[1] if descriptor else arguments
    path, folder = match["path"], match["folder"]
    return path if path.startswith("/") or not folder else f"{folder}/{path}"


def _address(arguments: str) -> str:
    if unix := _UNIX.search(arguments):
        return unix[1].strip('"')
    if internet := _INTERNET.search(arguments):
        return f"{internet[2]}:{internet[1]}"
    family = re.search(r"(?:sa|nl)_family=(AF_\w+)", arguments)
    return family[1] if family else arguments


def _outer_pid(host: LabHost, inner: int) -> int:
    """Return the pid on this machine of a host's process."""
    namespace = Path(f"/proc/{host.init.pid}/ns/pid").readlink()
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            if path.with_name("ns").joinpath("pid").readlink() != namespace:
                continue
            pids = next(line.split()[1:] for line in path.read_text().splitlines() if line.startswith("NSpid:"))
        except OSError:
            continue
        if int(pids[-1]) == inner:
            return int(pids[0])
    raise AssertionError(f"no process {inner} in {host.name}")


def _tracer_of(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("TracerPid:"))


def _children(pid: int) -> list[Process]:
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [process for process in map(Process.with_pid, map(int, pids)) if process]
