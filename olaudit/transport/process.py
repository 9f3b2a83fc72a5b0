"""Local commands and waits for their output, each bounded in time."""

import contextlib
import math
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence


def run_command(
    argv: Sequence[str], seconds: float, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
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
    return subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to the process group that `pid` leads. The caller has not reaped `pid` yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def readable(descriptor: int, seconds: float | None) -> bool:
    """Wait until `descriptor` has data or is at its end, for at most `seconds` (None: no limit)."""
    poll = select.poll()  # select(2) rejects descriptors from 1,024 on, which `serve` with a large fleet opens
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else math.ceil(seconds * 1000)))
