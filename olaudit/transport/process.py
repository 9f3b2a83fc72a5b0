"""Local commands, each bounded in time together with its child processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """Exit status and output of a command that ended."""

    status: int
    stdout: bytes
    stderr: bytes


def run_command(
    argv: Sequence[str], seconds: float, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> CommandOutput:
    """Run a command to its end. Raises OSError, and TimeoutError after it killed the process group."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
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
    return CommandOutput(process.returncode, stdout, stderr)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to the process group that `pid` leads. The caller has not reaped `pid` yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
