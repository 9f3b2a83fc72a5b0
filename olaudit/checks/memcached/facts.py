"""How a host is asked about memcached, and what its answers come to: three limits, and the machine's memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from olaudit.checks.memcached.spec import MemcachedSpec
from olaudit.model import Answer, Command, Unanswered

DEFAULT_MIB = 64
"""What memcached takes without `-m`, in MiB: memcached(1)."""

_DEFAULT_PORT = "11211"
_CONFIG_BYTES = 65536  # far more than a configuration is; a longer file is not one
_ABSENT = ("No such file or directory", "Not a directory")

# Asks through bash's own /dev/tcp, for hosts that have neither nc nor python. $1 is the address, $2 the port.
_ASK_SERVER = r"""
exec 3<>"/dev/tcp/$1/$2" || exit 1
printf 'stats settings\r\nquit\r\n' >&3
head -c 65536 <&3
"""

MEMORY = Command(("head", "-c", "4096", "/proc/meminfo"))

PROCESSES = Command(
    ("ps", "-ww", "-p", "1", "-C", "memcached", "-o", "pid=", "-o", "comm=", "-o", "args="), statuses=(0, 1)
)
"""Lists memcached, and process 1: a list without it was cut (/proc mounted with hidepid) and proves nothing."""


def config_probe(spec: MemcachedSpec) -> Command:
    """Ask for the configuration; it may be a link into a deploy on another volume."""
    # 1: there is no such file, or it may not be read
    return Command(("head", "-c", str(_CONFIG_BYTES), "--", spec.config), may_hang=True, statuses=(0, 1))


def settings_probe(spec: MemcachedSpec) -> Command:
    """Ask the running server for its settings; connecting may hang where a firewall drops packets."""
    # 1: no connection
    return Command(
        ("bash", "-c", _ASK_SERVER, "bash", spec.address, str(spec.port)), may_hang=True, statuses=(0, 1)
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """How much memcached may take: in MiB, and as it is written where it was found."""

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
    """Read MemTotal, in bytes."""
    if isinstance(answer, Unanswered):
        return answer
    match = re.match(r"MemTotal: +([0-9]{1,15}) kB\n", answer.stdout)
    return int(match[1]) * 1024 if match else Unanswered("/proc/meminfo does not begin with MemTotal")


def configured_limit(answer: Answer) -> Limit | Unanswered:
    """Read the limit that memcached gets when it is started with this configuration, or without any."""
    if isinstance(answer, Unanswered):
        return answer
    if answer.status or answer.stderr:
        reason = answer.stderr.strip().rpartition(": ")[2]
        missing = Limit(DEFAULT_MIB, f"no such file (memcached takes {DEFAULT_MIB} MB)")
        absent = answer.status and not answer.stdout and reason in _ABSENT
        return (
            missing
            if absent
            else Unanswered(f"the configuration could not be read: {reason or 'no reason given'}")
        )
    if not answer.stdout.strip():
        return Unanswered("the configuration is empty")
    if len(answer.stdout) >= _CONFIG_BYTES:
        return Unanswered("the configuration is too long to be one")
    lines = [_uncommented(line) for line in answer.stdout.split("\n")]
    options = [line for line in lines if line.startswith("-")]
    if not options and any(lines):
        return Unanswered(f"the configuration has no option, but other lines: {max(lines, key=len)[:100]!r}")
    return _limit(word for line in options for word in line.split())


def _uncommented(line: str) -> str:
    """Read a line as Debian's wrapper of memcached does."""
    return re.sub(r"(?<!\\)#.*", "", line).strip()


def running_processes(answer: Answer) -> tuple[MemcachedProcess, ...] | Unanswered:
    """List the running memcacheds, if the answer shows all processes."""
    if isinstance(answer, Unanswered):
        return answer
    *lines, rest = answer.stdout.split("\n")
    matches = (re.fullmatch(r" *([0-9]{1,10}) +(\S+) *(.*)", line) for line in lines)
    found = [match.groups() for match in matches if match]
    if rest or len(found) != len(lines):
        return Unanswered(f"ps's answer is not understood: {answer.stdout[:200]!r}")
    if not any(pid == "1" for pid, _, _ in found):
        return Unanswered(answer.stderr.strip().partition("\n")[0] or "ps does not show other users' processes")
    running = [(pid, args.split()) for pid, name, args in found if name == "memcached" and "<defunct>" not in args]
    return tuple(
        MemcachedProcess(
            pid, _limit(args), _option(args, "l", "listen") or "", _option(args, "p", "port") or _DEFAULT_PORT
        )
        for pid, args in running
    )


def served_limit(answer: Answer) -> Limit | Unanswered:
    """Read the running server's own limit."""
    if isinstance(answer, Unanswered):
        return answer
    match = re.search(r"^STAT maxbytes ([0-9]{1,18})\r?$", answer.stdout, re.MULTILINE)
    if match and re.search(r"\nEND\r?\n\Z", answer.stdout) and not answer.status:
        mib = int(match[1]) >> 20
        return Limit(mib, f"{mib} MiB")
    return Unanswered(answer.stderr.strip().rpartition(": ")[2] or "the server returned no settings")


def _limit(words: Iterable[str]) -> Limit:
    value = _option(words, "m", "memory-limit")
    if value is None:
        return Limit(DEFAULT_MIB, f"no -m (memcached takes {DEFAULT_MIB} MB)")
    digits = re.match("[0-9]{0,12}", value)
    # memcached reads it with atoi: as far as there are digits, else 0.
    return Limit(int((digits and digits[0]) or 0), f"-m {value}")


def _option(words: Iterable[str], letter: str, name: str) -> str | None:
    """Find the value of an option as getopt would; the last one wins. The letters are those without a value."""
    pattern = re.compile(rf"-[ACFLMSVXZdhikrv]*{letter}(.*)|--{name}(?:=(.*))?")
    value = None
    rest = iter(words)
    for word in rest:
        if match := pattern.fullmatch(word):
            value = match[1] or match[2] or next(rest, "")
    return value
