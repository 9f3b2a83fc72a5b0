"""What each metric says of itself: what it is, and what to alert on. Names without the prefix `olaudit_`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

HELP: Mapping[str, str] = MappingProxyType(
    {
        "build_info": "The running olaudit, by version. Alert when it is absent: nobody audits.",
        "expected_info": "The expected files that hosts are held to; the revision changes with their content.",
        "host_up": "1: the host could be audited; 0: it could not, and nothing is known of it. Alert on 0.",
        "host_failure": "1: the reason why the host could not be audited; 0: not this one.",
        "audit_duration_seconds": "How long the host's last audit took, connecting included.",
        "last_audit_timestamp_seconds": "When the host was last audited, or tried. Alert when it is long ago.",
        "checks": "How many checks of the host have this verdict. Alert on unknown above 0: it is not fine.",
        "drift": (
            "How much differs from what is expected; 0: nothing, or somebody answers for it (waived). Absent: it "
            "could not be looked at. An empty subject counts what no expected file names. Alert above 0, by "
            "severity, and longer than a deploy takes."
        ),
        "drift_first_seen_timestamp_seconds": "Since when there is this drift; of several, the oldest.",
        "waiver_expiry_timestamp_seconds": (
            "When the waiver ends, and what it accepts is drift again. Alert some days before."
        ),
        "memcached_limit_bytes": (
            "What memcached may take: as configured in its file, as its process is running, as served by itself. "
            "Alert when they differ."
        ),
        "memory_total_bytes": "The memory of the machine, as its kernel counts it.",
        "run_duration_seconds": "How long the last run over all hosts took.",
        "last_run_timestamp_seconds": "When the last run over all hosts ended. Alert when it is long ago.",
    }
)

MEASUREMENT_LABELS: Mapping[str, Sequence[str]] = MappingProxyType(
    {"memcached_limit_bytes": ("host", "source"), "memory_total_bytes": ("host",)}
)
"""The metrics that are a host's own numbers (`Measure`), and their labels."""
