"""Local commands that resolving and connecting need, each bounded in time together with its children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command wrote, and its exit status."""

    status: int
    stdout: bytes
    stderr: bytes


def run_command(argv: Sequence[str], seconds: float, stdin: bytes = b"") -> Completed:
    """Run a command to its end. Raises OSError; TimeoutError after its process group was killed."""
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        stdout, stderr = process.communicate(stdin, timeout=max(0.001, seconds))
    except subprocess.TimeoutExpired:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]  # all three are pipes
        raise TimeoutError from None
    return Completed(process.returncode, stdout, stderr)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to the process group that `pid` leads. The caller has not reaped `pid` yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
