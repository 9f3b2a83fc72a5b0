"""Facts about memcached on a host: probes and parsers of its three limits and of the machine's memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from olaudit.checks.memcached.spec import MemcachedSpec
from olaudit.model import Answer, Command, Unanswered

DEFAULT_MIB = 64
"""memcached's limit without `-m`, in MiB: memcached(1)."""

_DEFAULT_PORT = "11211"
_CONFIG_BYTES = 65536  # far more than a configuration has; a longer file is not accepted as one
_ABSENT = ("No such file or directory", "Not a directory")

# Uses bash's own /dev/tcp, for hosts that have neither nc nor python. $1 is the address, $2 the port.
_SETTINGS_SCRIPT = r"""
exec 3<>"/dev/tcp/$1/$2" || exit 1
printf 'stats settings\r\nquit\r\n' >&3
head -c 65536 <&3
"""

MEMORY = Command(("head", "-c", "4096", "/proc/meminfo"))

PROCESSES = Command(
    ("ps", "-ww", "-p", "1", "-C", "memcached", "-o", "pid=", "-o", "comm=", "-o", "args="), statuses=(0, 1)
)
"""Lists memcached and process 1. A list without process 1 is incomplete (/proc mounted with hidepid)."""


def config_probe(spec: MemcachedSpec) -> Command:
    """Return the probe of the configuration file, which may be a link into a deploy on another volume."""
    # 1: the file does not exist or is not readable
    return Command(("head", "-c", str(_CONFIG_BYTES), "--", spec.config), may_hang=True, statuses=(0, 1))


def settings_probe(spec: MemcachedSpec) -> Command:
    """Return the probe of the running server's settings. The connection may hang if a firewall drops packets."""
    # 1: no connection
    return Command(
        ("bash", "-c", _SETTINGS_SCRIPT, "bash", spec.address, str(spec.port)), may_hang=True, statuses=(0, 1)
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """A memory limit of memcached: in MiB, and as text in the notation of its source."""

    mib: int
    text: str


@dataclass(frozen=True, slots=True)
class MemcachedProcess:
    """A running memcached, by its arguments. `listen` is empty where it listens on every address."""

    pid: str
    limit: Limit
    listen: str
    port: str


def memory_total(answer: Answer) -> int | Unanswered:
    """Parse MemTotal from /proc/meminfo, in bytes."""
    if isinstance(answer, Unanswered):
        return answer
    match = re.match(r"MemTotal: +([0-9]{1,15}) kB\n", answer.stdout)
    return int(match[1]) * 1024 if match else Unanswered("/proc/meminfo does not begin with MemTotal")


def configured_limit(answer: Answer) -> Limit | Unanswered:
    """Parse the limit of a memcached that is started with this configuration file, or without any."""
    if isinstance(answer, Unanswered):
        return answer
    if answer.status or answer.stderr:
        reason = answer.stderr.strip().rpartition(": ")[2]
        default = Limit(DEFAULT_MIB, f"no such file (default: {DEFAULT_MIB} MB)")
        absent = answer.status and not answer.stdout and reason in _ABSENT
        return (
            default
            if absent
            else Unanswered(f"the configuration could not be read: {reason or 'no reason given'}")
        )
    if not answer.stdout.strip():
        return Unanswered("the configuration is empty")
    if len(answer.stdout) >= _CONFIG_BYTES:
        return Unanswered(f"the configuration is too long: {_CONFIG_BYTES} bytes or more")
    lines = [_uncommented(line) for line in answer.stdout.split("\n")]
    options = [line for line in lines if line.startswith("-")]
    if not options and any(lines):
        return Unanswered(f"the configuration contains no option, only other lines: {max(lines, key=len)[:100]!r}")
    return _limit(argument for line in options for argument in line.split())


def _uncommented(line: str) -> str:
    """Remove comments and surrounding space from a line, as Debian's wrapper of memcached does."""
    return re.sub(r"(?<!\\)#.*", "", line).strip()


def running_processes(answer: Answer) -> tuple[MemcachedProcess, ...] | Unanswered:
    """Parse the running memcached processes, if the answer lists all processes."""
    if isinstance(answer, Unanswered):
        return answer
    *lines, remainder = answer.stdout.split("\n")
    matches = (re.fullmatch(r" *([0-9]{1,10}) +(\S+) *(.*)", line) for line in lines)
    rows = [match.groups() for match in matches if match]
    if remainder or len(rows) != len(lines):
        return Unanswered(f"ps's answer could not be parsed: {answer.stdout[:200]!r}")
    if not any(pid == "1" for pid, _, _ in rows):
        return Unanswered(
            answer.stderr.strip().partition("\n")[0] or "ps does not show the processes of other users"
        )
    running = [(pid, args.split()) for pid, name, args in rows if name == "memcached" and "<defunct>" not in args]
    return tuple(
        MemcachedProcess(
            pid, _limit(args), _option(args, "l", "listen") or "", _option(args, "p", "port") or _DEFAULT_PORT
        )
        for pid, args in running
    )


def served_limit(answer: Answer) -> Limit | Unanswered:
    """Parse the running server's own limit from its settings."""
    if isinstance(answer, Unanswered):
        return answer
    match = re.search(r"^STAT maxbytes ([0-9]{1,18})\r?$", answer.stdout, re.MULTILINE)
    if match and re.search(r"\nEND\r?\n\Z", answer.stdout) and not answer.status:
        mib = int(match[1]) >> 20
        return Limit(mib, f"{mib} MiB")
    return Unanswered(answer.stderr.strip().rpartition(": ")[2] or "the server returned no settings")


def _limit(arguments: Iterable[str]) -> Limit:
    value = _option(arguments, "m", "memory-limit")
    if value is None:
        return Limit(DEFAULT_MIB, f"no -m (default: {DEFAULT_MIB} MB)")
    digits = re.match("[0-9]{0,12}", value)
    # memcached parses it with atoi: leading digits count, and a value without digits is 0.
    return Limit(int((digits and digits[0]) or 0), f"-m {value}")


def _option(arguments: Iterable[str], letter: str, name: str) -> str | None:
    """Return the last value of an option, as getopt does. The pattern lists the letters that take no value."""
    pattern = re.compile(rf"-[ACFLMSVXZdhikrv]*{letter}(.*)|--{name}(?:=(.*))?")
    value = None
    remaining = iter(arguments)
    for argument in remaining:
        if match := pattern.fullmatch(argument):
            value = match[1] or match[2] or next(remaining, "")
    return value
