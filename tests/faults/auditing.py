"""Auditing process that measures itself: `python -m tests.faults.auditing RECORD ARGUMENT...`.

It writes the JSON file RECORD. `began` is the monotonic time when all modules were loaded, `code` the exit code.
`peak_mib` is the peak of resident memory, `threads` are the threads that remained after the command.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

import olaudit.transport.local
import olaudit.transport.ssh  # noqa: F401 - loaded before the clock starts
from olaudit.cli import main


def peak_mib(pid: int | str = "self") -> float:
    """Read the peak of a process's resident memory; `ru_maxrss` would include the parent before exec."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    match = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(match[1]) / 1024 if match else 0.0


def _run(record: Path, arguments: list[str]) -> int:
    measurement: dict[str, Any] = {"began": time.monotonic()}

    def write() -> None:
        measurement["peak_mib"] = peak_mib()
        record.write_text(json.dumps(measurement), encoding="ascii")

    write()
    atexit.register(write)
    if limit := os.environ.get("FAULTS_DESCRIPTORS"):
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(limit), int(limit)))
    measurement["code"] = main(arguments)
    measurement["threads"] = [
        thread.name for thread in threading.enumerate() if thread is not threading.main_thread()
    ]
    code: int = measurement["code"]
    return code


if __name__ == "__main__":
    sys.exit(_run(Path(sys.argv[1]), sys.argv[2:]))
