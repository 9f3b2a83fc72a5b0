"""Reduction of configuration files and process lists to the values that checks compare.

Such a file holds more than its check needs: comments, users, options with passwords. None of these is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from olaudit.facts import memory
from olaudit.facts.memcached import PROCESSES
from olaudit.model import Command, Finding

_MEMCACHED = re.compile(r"-[ACFLMVXZdhikrv]*([mlp])(.*)|--(memory-limit|listen|port)(?:=(.*))?")
# as grep prints it after the file name, or as an earlier reduction formats it
_HBA = re.compile(r"(?:line (\d{1,6}): |[^\x00\n]*\x00)?\s*(host\w*\s.*)")
_NETWORK_FIELDS = 5  # type, database, user, address, method
_MASK = re.compile(r"[0-9.]{7,15}|[0-9a-f:]*::[0-9a-f:]*")
_LINE_NUMBER = re.compile(r"\(line (\d{1,6})\)")


def compared_lines(probe: Command, lines: Sequence[str], findings: Collection[Finding]) -> Sequence[str] | None:
    """Return the lines of an answer that checks compare; None if it holds no configuration."""
    for prefix, reduce in _REDUCERS.items():
        if any(finding.check.startswith(prefix) for finding in findings) and (
            compared := reduce(probe, lines, findings)
        ):
            return compared[0]
    return None


_Compared = tuple[Sequence[str]] | None


def _memcached(probe: Command, lines: Sequence[str], _findings: Collection[Finding]) -> _Compared:
    if probe == memory.TOTAL.probe:
        return ([line for line in lines if line.startswith("MemTotal:")],)
    if probe == PROCESSES.probe:
        return ([_process(line) for line in lines],)
    if probe.argv[:1] == ("head",):
        return ([options for line in lines if (options := _configured(line))],)
    if probe.argv[:1] == ("bash",):
        return ([line for line in lines if re.match(r"STAT (maxbytes|tcpport|inter|maxconns) ", line)],)
    return None


def _process(line: str) -> str:
    """Keep the id, name, program and compared options of memcached; of another process the id and name."""
    fields = line.split()
    if fields[1:2] != ["memcached"]:
        return " ".join(fields[:2])
    return " ".join([*fields[:3], *_options(fields[3:])])


def _configured(line: str) -> str:
    option = re.sub(r"(?<!\\)#.*", "", line).strip()
    return " ".join(_options(option.split())) if option.startswith("-") else ""


def _options(arguments: Iterable[str]) -> Iterator[str]:
    """Keep -m, -l and -p (--memory-limit, --listen, --port) with their values."""
    remaining = iter(arguments)
    for argument in remaining:
        if match := _MEMCACHED.fullmatch(argument):
            value = match[2] or match[4] or next(remaining, "")
            yield f"-{match[1]} {value}" if match[1] else f"--{match[3]}={value}"


def _postgres(probe: Command, lines: Sequence[str], findings: Collection[Finding]) -> _Compared:
    """Keep type, database, user, address and method of the network records whose line numbers findings name.

    All network records are kept if a finding names no line: then no record admits the client.
    """
    if probe.argv[:1] != ("grep",):
        return None
    numbers = [_LINE_NUMBER.findall(f"{finding.observed} {finding.message}") for finding in findings]
    selected = {number for of_finding in numbers for number in of_finding} if all(numbers) else set()
    records = [
        (match[2], int(match[1] or n)) for n, line in enumerate(lines, 1) if (match := _HBA.fullmatch(line))
    ]
    return ([f"line {n}: {_record(text)}" for text, n in records if not selected or str(n) in selected],)


def _record(text: str) -> str:
    fields = re.sub(r"#.*", "", text).split()
    has_mask = len(fields) > _NETWORK_FIELDS and _MASK.fullmatch(fields[4]) is not None  # address and mask
    return " ".join(fields[: _NETWORK_FIELDS + has_mask])


_REDUCERS: Mapping[str, Callable[[Command, Sequence[str], Collection[Finding]], _Compared]] = MappingProxyType(
    {"memcached.": _memcached, "postgres.": _postgres}
)
