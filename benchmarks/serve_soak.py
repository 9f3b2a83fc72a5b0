"""Benchmark of `olaudit serve` over 1,000 audits of a hostile fleet.

    python benchmarks/serve_soak.py [AUDITS]     (as root)

The hosts are rows of the fault matrix: silent servers, Docker Engines that answer slowly or endlessly, sessions
that never answer or never end, and two healthy hosts. It prints the threads, descriptors and memory of the
process, which should stay constant.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tabulate import tabulate

from tests.faults.rows import ROWS
from tests.faults.runs import healthy
from tests.faults.scene import Scene
from tests.serve.harness import get

AUDITS = 1000
HOSTS = (
    "banner-none",
    "kex-stops",
    "banner-line-endless",
    "forced-sleep",
    "answer-endless-at-once",
    "engine-silent",
    "engine-drip",
    "engine-body-drip",
    "engine-headers-drip",
    "engine-continue-endless",
    "engine-chunks-endless",
    "engine-body-endless",
    "containers-deep",
    "requests-endless",
)
TIMEOUT = "1.5"
INTERVAL = "2"
_LAST_AUDIT = re.compile(r'^olaudit_last_audit_timestamp_seconds\{host="([^"]+)"\} (\S+)$', re.MULTILINE)
_FIELDS = ("Threads", "VmRSS")
_UP = re.compile(r"^olaudit_host_up\{.*\} 1", re.MULTILINE)


@contextmanager
def fleet() -> Iterator[Scene]:
    """Run the hostile and the healthy hosts."""
    rows = [row for row in ROWS if row.id in HOSTS]
    with tempfile.TemporaryDirectory(prefix="olaudit-soak-") as folder, ExitStack() as stack:
        scene = Scene(Path(folder) / "run")
        for row in rows:
            scene.id = row.id
            scene.roles[row.id] = row.role
            scene.targets[row.id] = stack.enter_context(row.inject(scene))
        stack.enter_context(healthy(scene))
        scene.write()
        yield scene


@contextmanager
def serving(scene: Scene) -> Iterator[tuple[int, int]]:
    """Run `olaudit serve`; yield its process id and port."""
    command = [
        sys.executable, "-m", "olaudit", "serve", "-e", str(scene.expected), "--ssh-config", str(scene.ssh_config),
        "--listen", "127.0.0.1:0", "--timeout", TIMEOUT, "--interval", INTERVAL, "-j", "64",
    ]  # fmt: skip
    with (scene.folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield process.pid, _port(scene.folder / "log")
        finally:
            process.terminate()
            process.wait(10)


def _port(log: Path) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if match := re.search(r"listening on http://127\.0\.0\.1:(\d+)", log.read_text(encoding="utf-8")):
            return int(match[1])
        time.sleep(0.05)
    raise SystemExit(log.read_text(encoding="utf-8"))


def process_size(pid: int) -> tuple[int, int, float]:
    """Return the threads, the descriptors and the resident memory (MiB) of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    threads, memory = (int(re.findall(rf"^{name}:\s+(\d+)", status, re.MULTILINE)[0]) for name in _FIELDS)
    return threads, len(list(Path(f"/proc/{pid}/fd").iterdir())), memory / 1024


def soak(scene: Scene, audits: int) -> Iterator[list[str]]:
    """Yield a row after each tenth of the audits."""
    with serving(scene) as (pid, port):
        started = time.monotonic()
        last: dict[str, str] = {}
        done = next_row = 0
        while True:
            body = get(port, "/metrics").body
            current = dict(_LAST_AUDIT.findall(body))
            done += sum(last.get(host) != moment for host, moment in current.items())
            last = current
            if done >= next_row:
                threads, descriptors, memory = process_size(pid)
                seconds = time.monotonic() - started
                up = len(_UP.findall(body))
                yield [str(done), f"{seconds:.0f}", str(threads), str(descriptors), f"{memory:.1f}", str(up)]
                next_row += audits // 10
            if done >= audits:
                return
            time.sleep(0.1)


def main() -> None:
    """Print the table."""
    audits = int(sys.argv[1]) if len(sys.argv) > 1 else AUDITS
    head = ["audits", "seconds", "threads", "descriptors", "memory (MiB)", "hosts up"]
    with fleet() as scene:
        print(tabulate(list(soak(scene, audits)), head, disable_numparse=True))


if __name__ == "__main__":
    main()
