"""Configuration files and process lists, line by line reduced to the values that checks compare.

Such a file holds more than its check needs: comments, users, options with passwords. None of that is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from olaudit.checks.memcached.facts import MEMORY, PROCESSES
from olaudit.model import Command, Finding

_MEMCACHED = re.compile(r"-[ACFLMVXZdhikrv]*([mlp])(.*)|--(memory-limit|listen|port)(?:=(.*))?")
# as grep prints it behind the file's name, or as it was reduced before
_HBA = re.compile(r"(?:line (\d{1,6}): |[^\x00\n]*\x00)?\s*(host\w*\s.*)")
_NETWORK_FIELDS = 5  # type, database, user, address, method
_MASK = re.compile(r"[0-9.]{7,15}|[0-9a-f:]*::[0-9a-f:]*")
_NAMED_LINE = re.compile(r"\(line (\d{1,6})\)")


def compared_lines(probe: Command, lines: Sequence[str], findings: Collection[Finding]) -> Sequence[str] | None:
    """Give what is compared of an answer with configuration in it; None where it holds none."""
    for kind, reduce in _READERS.items():
        if any(finding.check.startswith(kind) for finding in findings) and (
            found := reduce(probe, lines, findings)
        ):
            return found[0]
    return None


_Found = tuple[Sequence[str]] | None


def _memcached(probe: Command, lines: Sequence[str], _findings: Collection[Finding]) -> _Found:
    if probe == MEMORY:
        return ([line for line in lines if line.startswith("MemTotal:")],)
    if probe == PROCESSES:
        return ([_process(line) for line in lines],)
    if probe.argv[:1] == ("head",):
        return ([options for line in lines if (options := _configured(line))],)
    if probe.argv[:1] == ("bash",):
        return ([line for line in lines if re.match(r"STAT (maxbytes|tcpport|inter|maxconns) ", line)],)
    return None


def _process(line: str) -> str:
    """Keep number, name, program and the options that are compared; of another process its number and name."""
    words = line.split()
    if words[1:2] != ["memcached"]:
        return " ".join(words[:2])
    return " ".join([*words[:3], *_options(words[3:])])


def _configured(line: str) -> str:
    option = re.sub(r"(?<!\\)#.*", "", line).strip()
    return " ".join(_options(option.split())) if option.startswith("-") else ""


def _options(words: Iterable[str]) -> Iterator[str]:
    """Keep -m, -l and -p (--memory-limit, --listen, --port) with their values."""
    rest = iter(words)
    for word in rest:
        if match := _MEMCACHED.fullmatch(word):
            value = match[2] or match[4] or next(rest, "")
            yield f"-{match[1]} {value}" if match[1] else f"--{match[3]}={value}"


def _postgres(probe: Command, lines: Sequence[str], findings: Collection[Finding]) -> _Found:
    """Keep type, database, user, address and method of the records for network connections that findings name.

    All of these records are kept where a finding names none: no record admits the client.
    """
    if probe.argv[:1] != ("grep",):
        return None
    named = {number for one in findings for number in _NAMED_LINE.findall(f"{one.observed} {one.message}")}
    if any(not _NAMED_LINE.search(f"{one.observed} {one.message}") for one in findings):
        named.clear()
    records = [
        (match[2], int(match[1] or n)) for n, line in enumerate(lines, 1) if (match := _HBA.fullmatch(line))
    ]
    return ([f"line {n}: {_record(text)}" for text, n in records if not named or str(n) in named],)


def _record(text: str) -> str:
    fields = re.sub(r"#.*", "", text).split()
    masked = len(fields) > _NETWORK_FIELDS and _MASK.fullmatch(fields[4]) is not None  # address and mask
    return " ".join(fields[: _NETWORK_FIELDS + masked])


_READERS: Mapping[str, Callable[[Command, Sequence[str], Collection[Finding]], _Found]] = MappingProxyType(
    {"memcached.": _memcached, "postgres.": _postgres}
)
