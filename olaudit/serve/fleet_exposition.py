"""The exposition of the whole fleet, composed of the expositions of its hosts.

The library needs some 20 microseconds for each series, and a large fleet has nearly 100,000. So the text of a host
is built again only if its part of the report has changed.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from olaudit.model import Finding, HostResult, Report
from olaudit.render.prometheus.collector import ReportCollector
from olaudit.serve.exposition import FleetCollector, encode
from olaudit.serve.snapshot import Snapshot

_MAX_FORMATS = 2

_Samples = Mapping[str, str]
"""The lines of the samples of each metric family, by the first line of the family's header."""


@dataclass(frozen=True, slots=True)
class _HostPart:
    """All that the series of one host depend on. `audited_at` is in seconds since 1970."""

    result: HostResult
    findings: tuple[Finding, ...]
    audited_at: float


class FleetExposition:
    """Encodes the metrics of snapshots, and keeps the text of each host for the next snapshot. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosts: dict[str, dict[str, tuple[_HostPart, _Samples]]] = {}

    def encode(self, snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
        """Encode the metrics in the format that an Accept header selects; return the body and its content type."""
        body, content_type = encode(FleetCollector(snapshot), accept)
        with self._lock:
            hosts = self._encode_hosts(snapshot, accept, content_type)
        return "".join(_compose(body.decode(), hosts)).encode(), content_type

    def _encode_hosts(self, snapshot: Snapshot, accept: str, content_type: str) -> list[_Samples]:
        """Return the samples of the audited hosts, in the order of the report."""
        before = self._hosts.get(content_type, {})
        parts = {part.result.host: part for part in _split(snapshot)}
        after: dict[str, tuple[_HostPart, _Samples]] = {}
        for name, part in parts.items():
            previous = before.get(name)
            if previous is None or previous[0] != part:
                previous = (part, _encode(snapshot.report, part, accept))
            after[name] = previous
        # the format used last comes last; clients can vary the Accept header, and each format costs memory
        self._hosts.pop(content_type, None)
        self._hosts[content_type] = after
        if len(self._hosts) > _MAX_FORMATS:
            del self._hosts[next(iter(self._hosts))]
        return [samples for _, samples in after.values()]


def _split(snapshot: Snapshot) -> Iterator[_HostPart]:
    findings = {host: tuple(group) for host, group in groupby(snapshot.report.findings, key=attrgetter("host"))}
    for result in snapshot.report.hosts:
        if result.host in snapshot.audited_at:
            yield _HostPart(result, findings.get(result.host, ()), snapshot.audited_at[result.host])


def _encode(report: Report, part: _HostPart, accept: str) -> _Samples:
    """Encode the series of one host."""
    of_host = replace(report, hosts=(part.result,), findings=part.findings)
    collector = ReportCollector(of_host, audited={part.result.host: part.audited_at}, waivers=())
    body, _ = encode(collector, accept)
    label = f'host="{part.result.host}"'
    return {header: "".join(line for line in lines if label in line) for header, lines in _families(body.decode())}


def _families(text: str) -> Iterator[tuple[str, list[str]]]:
    """Split an exposition into its families: the first line of the header, and all lines after it."""
    header = ""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("# HELP "):
            yield header, lines
            header, lines = line, []
        else:
            lines.append(line)
    yield header, lines


def _compose(text: str, hosts: list[_Samples]) -> Iterator[str]:
    """Yield the families of the fleet's exposition, each with the samples of all hosts at its end."""
    for header, lines in _families(text):
        yield header
        end = [line for line in lines if line == "# EOF\n"]
        yield from lines[: len(lines) - len(end)]
        yield from (samples.get(header, "") for samples in hosts)
        yield from end
