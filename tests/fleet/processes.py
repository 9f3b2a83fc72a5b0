"""Processes the lab starts, each remembered by pid *and* start time, so that no other one is ever ended."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fleet.errors import LabError
from tests.fleet.place import PATH

SCRIPTS = Path(__file__).parent / "scripts"
# Nothing of the caller's environment reaches the lab: proxies, DOCKER_HOST and the like would change it.
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}
Finished = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Process:
    """One process, told apart from a later one with the same pid by its start (clock ticks since boot)."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """Look at a process that may be gone; one that has ended but was not yet reaped counts as gone."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # the name in parentheses may hold anything
        return None if fields[0] in "ZX" else cls(pid, int(fields[19]))

    @classmethod
    def recorded(cls, record: Path) -> "Process | None":
        """Read what scripts/recorded.sh wrote; None when there is nothing or the process is gone."""
        try:
            pid, started = record.read_text(encoding="ascii").split()
        except (OSError, ValueError):
            return None
        process = cls(int(pid), int(started))
        return process if process.alive() else None

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Process.of(self.pid) == self

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                # Asked after the handle is held: from here on the pid cannot become somebody else's.
                if self.alive():
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)


def spawn(record: Path, log: Path, *argv: str) -> None:
    """Start `argv` detached; it writes its pid and start time to `record` before it does anything else."""
    nothing = (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)
    output = (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.posix_spawn(
        "/bin/sh",
        ["sh", str(SCRIPTS / "recorded.sh"), str(record), *argv],
        ENVIRONMENT,
        file_actions=[nothing, output, (os.POSIX_SPAWN_DUP2, 1, 2)],
        setsid=True,
    )


def end(processes: Iterable[Process]) -> None:
    """End all of them, and return when they are gone."""
    processes = list(processes)
    for process in processes:
        process.kill()

    def gone() -> bool:
        for process in processes:
            with suppress(ChildProcessError):  # a child of an earlier run is init's to reap
                os.waitpid(process.pid, os.WNOHANG)
        return not any(process.alive() for process in processes)

    wait_for(gone, f"processes {[process.pid for process in processes]} to end", seconds=20)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Poll until `condition` holds; LabError names `what` was awaited in vain."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)


def run(argv: Sequence[str], *, stdin: str | None = None, check: bool = True) -> Finished:
    """Run a command to its end; with `check`, LabError carries what it said when it failed."""
    done = subprocess.run(
        argv,
        input=stdin or "",
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=ENVIRONMENT,
        check=False,
    )
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done
