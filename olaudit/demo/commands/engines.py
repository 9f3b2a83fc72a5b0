"""The script that finds Docker Engines among a machine's processes."""

from __future__ import annotations

from collections.abc import Iterator

from olaudit.demo.machine import Machine
from olaudit.model import Answered

_DAEMON = "dockerd"


def engines(machine: Machine, _arguments: tuple[str, ...] = ()) -> Answered:
    """Describe process 1 and the engines. A machine with an engine has its units too."""
    return Answered("".join(f"{line}\n" for line in _lines(machine)))


def _lines(machine: Machine) -> Iterator[str]:
    yield "engine-processes"
    if machine.engine:
        yield from ("socket /run/docker.sock", "unit docker.service", "unit docker.socket")
    for process in sorted(machine.processes, key=lambda process: str(process.pid)):
        if process.pid != 1 and process.name != _DAEMON:
            continue
        yield from (f"process {process.pid}", f"command {process.name}", "State: S (sleeping)")
        yield from ("Uid: 0\t0\t0\t0", f"NSpid: {process.pid}")
        if process.name == _DAEMON:
            yield "cgroup 0::/system.slice/docker.service"
            program, *options = process.args.split()
            hosts = options[:2] if options[:1] == ["-H"] else []
            yield from (f"argument {word}" for word in (program, *hosts))
    yield "end"
