"""memcached's memory limit in its configuration file, in its process and in the server itself.

These answers also hold comments, users, and options with passwords. Reductions keep only the options that checks
compare.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from olaudit.facts.answers import error_of, is_absent, parse_processes
from olaudit.model import Answered, Command, Fact, Unknown

_DEFAULT_MIB = 64  # memcached's limit without `-m`: memcached(1)
_DEFAULT_PORT = "11211"
_CONFIG_BYTES = 65536  # far more than a configuration has; a longer file is not accepted as one

# Uses bash's own /dev/tcp, for hosts that have neither nc nor python. $1 is the address, $2 the port.
_SETTINGS_SCRIPT = r"""
exec 3<>"/dev/tcp/$1/$2" || exit 1
printf 'stats settings\r\nquit\r\n' >&3
head -c 65536 <&3
"""

# -m, -l and -p, each possibly after letters that take no value.
_OPTION = re.compile(r"-[ACFLMSVXZdhikrv]*([mlp])(.*)|--(memory-limit|listen|port)(?:=(.*))?")
_PROCESS = re.compile(r" *([0-9]{1,10}) +(\S+) *(.*)")
_DEFUNCT = "<defunct>"


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


# --- the configuration file ------------------------------------------------------------------------------------


def configuration(path: str) -> Fact[Limit]:
    """Build the fact of the limit of a memcached that is started with this configuration file, or without any."""
    # May hang: the file may be a link into a deploy on another volume. 1: it does not exist or is not readable
    probe = Command(("head", "-c", str(_CONFIG_BYTES), "--", path), may_hang=True, statuses=(0, 1))
    return Fact("memcached.configuration", probe, _parse_configuration, _reduce_configuration)


def _parse_configuration(answer: Answered) -> Limit | Unknown:
    if answer.status and not answer.stdout and is_absent(answer.stderr):
        return Limit(_DEFAULT_MIB, f"no such file (default: {_DEFAULT_MIB} MB)")
    if answer.status or answer.stderr:
        return Unknown(f"the configuration could not be read: {error_of(answer.stderr) or 'no reason given'}")
    if not answer.stdout.strip():
        return Unknown("the configuration is empty")
    if len(answer.stdout) >= _CONFIG_BYTES:
        return Unknown(f"the configuration is too long: {_CONFIG_BYTES} bytes or more")
    lines = [_uncommented(line) for line in answer.stdout.split("\n")]
    options = [line for line in lines if line.startswith("-")]
    if not options and any(lines):
        return Unknown(f"the configuration contains no option, only other lines: {max(lines, key=len)[:100]!r}")
    return _limit(_options(argument for line in options for argument in line.split()))


def _uncommented(line: str) -> str:
    """Remove comments and surrounding space from a line, as Debian's wrapper of memcached does."""
    return re.sub(r"(?<!\\)#.*", "", line).strip()


def _reduce_configuration(answer: Answered, _keys: frozenset[str]) -> Answered:
    lines = map(_uncommented, answer.stdout.split("\n"))
    options = (_format_options(line.split()) for line in lines if line.startswith("-"))
    return replace(answer, stdout="".join(f"{text}\n" for text in options if text))


# --- the processes ---------------------------------------------------------------------------------------------


def _parse_processes(answer: Answered) -> tuple[MemcachedProcess, ...] | Unknown:
    rows = parse_processes(_PROCESS, answer)
    if isinstance(rows, Unknown):
        return rows
    return tuple(
        _parse_process(pid, args) for pid, name, args in rows if name == "memcached" and _DEFUNCT not in args
    )


def _parse_process(pid: str, arguments: str) -> MemcachedProcess:
    options = _options(arguments.split())
    listen, port = _value(options, "-l", "--listen"), _value(options, "-p", "--port")
    return MemcachedProcess(pid, _limit(options), listen or "", port or _DEFAULT_PORT)


def _reduce_processes(answer: Answered, _keys: frozenset[str]) -> Answered:
    """Keep the id, name, program and compared options of memcached; of another process the id and name."""
    return replace(answer, stdout="\n".join(map(_reduce_process, answer.stdout.split("\n"))))


def _reduce_process(line: str) -> str:
    fields = line.split()
    if fields[1:2] != ["memcached"]:
        return " ".join(fields[:2])
    state = [_DEFUNCT] if _DEFUNCT in fields[3:] else []
    return " ".join([*fields[:3], *state, _format_options(fields[3:])]).rstrip()


PROCESSES: Fact[tuple[MemcachedProcess, ...]] = Fact(
    "memcached.processes",
    Command(
        ("ps", "-ww", "-p", "1", "-C", "memcached", "-o", "pid=", "-o", "comm=", "-o", "args="), statuses=(0, 1)
    ),
    _parse_processes,
    _reduce_processes,
)
"""The running memcached processes. A list without process 1 is incomplete (/proc mounted with hidepid)."""


# --- the server ------------------------------------------------------------------------------------------------


def settings(address: str, port: int) -> Fact[Limit]:
    """Build the fact of the running server's own limit, from its settings."""
    argv = ("bash", "-c", _SETTINGS_SCRIPT, "bash", address, str(port))
    # The connection may hang if a firewall drops packets. 1: no connection
    probe = Command(argv, may_hang=True, statuses=(0, 1))
    return Fact("memcached.settings", probe, _parse_settings, _reduce_settings)


def _parse_settings(answer: Answered) -> Limit | Unknown:
    match = re.search(r"^STAT maxbytes ([0-9]{1,18})\r?$", answer.stdout, re.MULTILINE)
    if match and re.search(r"\nEND\r?\n\Z", answer.stdout) and not answer.status:
        mib = int(match[1]) >> 20
        return Limit(mib, f"{mib} MiB")
    return Unknown(error_of(answer.stderr) or "the server returned no settings")


def _reduce_settings(answer: Answered, _keys: frozenset[str]) -> Answered:
    lines = re.findall(r"^(?:STAT (?:maxbytes|tcpport|inter|maxconns) .*|END\r?)\n", answer.stdout, re.MULTILINE)
    return replace(answer, stdout="".join(lines))


# --- options ---------------------------------------------------------------------------------------------------


def _options(arguments: Iterable[str]) -> Sequence[tuple[str, str]]:
    """List -m, -l and -p (--memory-limit, --listen, --port) with their values, as getopt reads them."""
    remaining = iter(arguments)
    return tuple(
        (f"-{match[1]}" if match[1] else f"--{match[3]}", match[2] or match[4] or next(remaining, ""))
        for argument in remaining
        if (match := _OPTION.fullmatch(argument))
    )


def _value(options: Sequence[tuple[str, str]], *names: str) -> str | None:
    """Return the last value of an option, which is the one that memcached uses."""
    return next((value for name, value in reversed(options) if name in names), None)


def _limit(options: Sequence[tuple[str, str]]) -> Limit:
    value = _value(options, "-m", "--memory-limit")
    if value is None:
        return Limit(_DEFAULT_MIB, f"no -m (default: {_DEFAULT_MIB} MB)")
    digits = re.match("[0-9]{0,12}", value)
    # memcached parses it with atoi: leading digits count, and a value without digits is 0.
    return Limit(int((digits and digits[0]) or 0), f"-m {value}")


def _format_options(arguments: Iterable[str]) -> str:
    return " ".join(f"{name}{'=' if name.startswith('--') else ' '}{value}" for name, value in _options(arguments))
