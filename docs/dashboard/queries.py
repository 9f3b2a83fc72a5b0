"""The PromQL that more than one panel asks.

Several exporters may tell of one host (shards that overlap for a moment, a textfile beside `olaudit serve`): every
query takes one of them (`max by`), so that nothing counts twice.
"""

HOST = 'host=~"$host"'
FILTERS = f'{HOST},check=~"$check",severity=~"$severity"'

UP = f"max by (host) (olaudit_host_up{{{HOST}}} unless on (host, job, instance) olaudit:audit:older)"
"""1 or 0 by host, as its last audit says: an older one's 1 must not hide that the host is down now."""

CHECKS = f"max by (host) (olaudit_checks{{{HOST}}})"
UNKNOWN_CHECKS = f'max by (host) (olaudit_checks{{{HOST},verdict="unknown"}}) unless on (host) ({UP} == 0)'
"""What could not be looked at on hosts that could be audited; the others are unknown as a whole."""

SILENT = f"(max by (host) (last_over_time(olaudit_host_up{{{HOST}}}[1d])) unless on (host) {UP})"
"""Hosts of which some olaudit told within a day, and none tells now. The value means nothing."""

DRIFT = f"max by (host, check, subject, severity) (olaudit_drift{{{FILTERS}}})"
SINCE = f'min by (host, check, subject) (olaudit_drift_first_seen_timestamp_seconds{{{HOST},check=~"$check"}})'
HELD = (
    f"max by (host, check, subject, severity) (olaudit:drift:held{{{FILTERS}}}) "
    f"unless on (host, check, subject, severity) ({DRIFT} > 0)"
)
"""Drift as it was last seen, on hosts that cannot be seen now."""

UNSEEN = f'max(olaudit_checks{{{HOST},verdict="unknown"}}) > 0'
HELD_COUNT = f"sum({HELD}) or 0 * count(olaudit:host_unknown{{{HOST}}}) or 0 * count({UP}) unless on () ({UNSEEN})"
"""How much is held. Nothing, not 0, where something is unknown and the recording rules are not loaded."""


def drift_of(severity: str) -> str:
    """Count the drift of one severity: 0 where some host was audited and has none, nothing where nobody looked."""
    drift = f'sum(max by (host, check, subject) (olaudit_drift{{{HOST},check=~"$check",severity="{severity}"}}))'
    return f"{drift} or 0 * max({UP} == 1)"


def state() -> str:
    """Give each host the number of its state: the worst that is true of it (`parts.STATES`)."""
    cases = [f"0 * {SILENT} + 6", f"5 * ({UP} == bool 0) > 0"]
    worst = f"max by (host) (olaudit_drift{{{HOST},severity="
    cases += [f'{value} * ({worst}"{severity}"}}) > bool 0) > 0' for severity, value in _SEVERE.items()]
    cases += [f"2 * (({UNKNOWN_CHECKS}) > bool 0) > 0", f'1 * ({worst}"info"}}) > bool 0) > 0', f"0 * {CHECKS}"]
    return " or on (host) ".join(f"({case})" for case in cases)


_SEVERE = {"critical": 4, "warning": 3}
