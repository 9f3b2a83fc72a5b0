"""Help texts of the metrics, except those that checkers declare. Names are without the prefix `olaudit_`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

HELP: Mapping[str, str] = MappingProxyType(
    {
        "build_info": "Version of the running olaudit, always 1. Alert if absent: no audits are exported.",
        "expected_info": "Revision of the expected files, always 1. The revision changes with their content.",
        "host_up": "Whether the host could be audited (1) or not (0). Alert on 0.",
        "host_failure": "Whether the host could not be audited for this reason (1) or not (0).",
        "audit_duration_seconds": "Duration of the last audit of the host, including the connection.",
        "last_audit_timestamp_seconds": "Time of the last audit attempt of the host. Alert if it is too long ago.",
        "checks": "Number of checks of the host with this verdict. Alert on unknown > 0.",
        "drift": (
            "Number of differences from the expected state; 0 if as expected or waived, absent if unknown. An "
            "empty subject counts subjects that no expected file names. Alert on > 0 by severity, after the "
            "duration of a deploy."
        ),
        "drift_first_seen_timestamp_seconds": "Time when the drift was first seen; the oldest of several.",
        "waiver_expiry_timestamp_seconds": (
            "Time when the waiver expires and the waived finding is drift again. Alert some days earlier."
        ),
        "run_duration_seconds": "Duration of the last run over all hosts.",
        "last_run_timestamp_seconds": "Time when the last run over all hosts ended. Alert if it is too long ago.",
    }
)
