"""`bash -c SCRIPT bash ADDRESS PORT`, for the one script that asks memcached for its settings."""

from __future__ import annotations

from olaudit.demo.commands.output import Unsupported
from olaudit.demo.machine import Machine
from olaudit.model import Answered


def bash(machine: Machine, arguments: tuple[str, ...]) -> Answered:
    """Print memcached's answer, or the error of bash where nothing listens."""
    match arguments:
        case ("-c", script, "bash", address, port) if "stats settings" in script and "/dev/tcp/" in script:
            pass
        case _:
            raise Unsupported
    limit = machine.memcached.get((address, int(port)))
    if limit is None:
        line = script[: script.index("/dev/tcp/")].count("\n") + 1
        refused = f"bash: line {line}: /dev/tcp/{address}/{port}: Connection refused"
        return Answered("", f"bash: connect: Connection refused\n{refused}", 1)
    return Answered(
        f"STAT maxbytes {limit}\r\nSTAT maxconns 1024\r\nSTAT tcpport {port}\r\nSTAT inter {address}\r\nEND\r\n"
    )
