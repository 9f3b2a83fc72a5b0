"""Processes of the lab, identified by pid and start time, so that no other process is ever killed."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fleet.errors import LabError
from tests.fleet.layout import PATH

SCRIPTS = Path(__file__).parent / "scripts"
# The caller's environment does not reach the lab: proxies and DOCKER_HOST, for example, would change it.
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}
CompletedCommand = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Process:
    """A process. Its start (clock ticks since boot) distinguishes it from a later one with the same pid."""

    pid: int
    started: int

    @classmethod
    def with_pid(cls, pid: int) -> "Process | None":
        """Return the running process with this pid, or None; a zombie does not count as running."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # the name in parentheses may contain any character
        return None if fields[0] in "ZX" else cls(pid, int(fields[19]))

    @classmethod
    def from_record(cls, record: Path) -> "Process | None":
        """Read the record that scripts/record_pid.sh wrote; None if it is missing or the process has ended."""
        try:
            pid, started = record.read_text(encoding="ascii").split()
        except (OSError, ValueError):
            return None
        process = cls(int(pid), int(started))
        return process if process.alive() else None

    def alive(self) -> bool:
        """Return whether this process still runs."""
        return Process.with_pid(self.pid) == self

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                # Checked after opening the handle: from now on no other process can get the pid.
                if self.alive():
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)


def spawn(record: Path, log: Path, *argv: str) -> None:
    """Start `argv` detached; the process writes its pid and start time to `record` first."""
    stdin = (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)
    stdout = (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.posix_spawn(
        "/bin/sh",
        ["sh", str(SCRIPTS / "record_pid.sh"), str(record), *argv],
        ENVIRONMENT,
        file_actions=[stdin, stdout, (os.POSIX_SPAWN_DUP2, 1, 2)],
        setsid=True,
    )


def kill_all(processes: Iterable[Process]) -> None:
    """Kill all processes and wait until they have ended."""
    processes = list(processes)
    for process in processes:
        process.kill()

    def ended() -> bool:
        for process in processes:
            with suppress(ChildProcessError):  # init reaps the child of an earlier run
                os.waitpid(process.pid, os.WNOHANG)
        return not any(process.alive() for process in processes)

    wait_for(ended, f"processes {[process.pid for process in processes]} to end", seconds=20)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Poll until `condition` holds. Raises LabError with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)


def run(argv: Sequence[str], *, stdin: str | None = None, check: bool = True) -> CompletedCommand:
    """Run a command. With `check`, a failure raises LabError with the command's error output."""
    completed = subprocess.run(
        argv,
        input=stdin or "",
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=ENVIRONMENT,
        check=False,
    )
    if check and completed.returncode != 0:
        message = (completed.stderr or completed.stdout).strip()
        raise LabError(f"{' '.join(argv)}: exit {completed.returncode}: {message}")
    return completed
