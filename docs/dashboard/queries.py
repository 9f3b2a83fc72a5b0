"""PromQL expressions that panels share.

Several exporters may have metrics of one host (overlapping shards, or a textfile in addition to `olaudit serve`).
Each query takes one of them (`max by`), so that nothing is counted twice.
"""

HOST = 'host=~"$host"'
FILTERS = f'{HOST},check=~"$check",severity=~"$severity"'

UP = f"max by (host) (olaudit_host_up{{{HOST}}} unless on (host, job, instance) olaudit:audit:older)"
"""1 or 0 by host, from its last audit: the 1 of an older audit must not hide that the host is down now."""

CHECKS = f"max by (host) (olaudit_checks{{{HOST}}})"
UNKNOWN_CHECKS = f'max by (host) (olaudit_checks{{{HOST},verdict="unknown"}}) unless on (host) ({UP} == 0)'
"""Unknown checks of hosts that could be audited; the other hosts are unknown as a whole."""

NO_DATA = f"(max by (host) (last_over_time(olaudit_host_up{{{HOST}}}[1d])) unless on (host) {UP})"
"""Hosts that had metrics within the last day and have none now. The value has no meaning."""

DRIFT = f"max by (host, check, subject, severity) (olaudit_drift{{{FILTERS}}})"
SINCE = f'min by (host, check, subject) (olaudit_drift_first_seen_timestamp_seconds{{{HOST},check=~"$check"}})'
HELD_DRIFT = (
    f"max by (host, check, subject, severity) (olaudit:drift:held{{{FILTERS}}}) "
    f"unless on (host, check, subject, severity) ({DRIFT} > 0)"
)
"""Last known drift that cannot be observed now."""

HAS_UNKNOWN = f'max(olaudit_checks{{{HOST},verdict="unknown"}}) > 0'
HELD_COUNT = (
    f"sum({HELD_DRIFT}) or 0 * count(olaudit:host_unknown{{{HOST}}}) "
    f"or 0 * count({UP}) unless on () ({HAS_UNKNOWN})"
)
"""Amount of held drift. No data, not 0, if a check is unknown and the recording rules are not loaded."""


def drift_of(severity: str) -> str:
    """Build the query for the drift of one severity: 0 without drift, no data if no host was audited."""
    drift = f'sum(max by (host, check, subject) (olaudit_drift{{{HOST},check=~"$check",severity="{severity}"}}))'
    return f"{drift} or 0 * max({UP} == 1)"


def state() -> str:
    """Build the query for each host's state: the number of the worst one that applies (`parts.STATES`)."""
    cases = [f"0 * {NO_DATA} + 6", f"5 * ({UP} == bool 0) > 0"]
    worst = f"max by (host) (olaudit_drift{{{HOST},severity="
    cases += [f'{value} * ({worst}"{severity}"}}) > bool 0) > 0' for severity, value in _SEVERITY_STATES.items()]
    cases += [f"2 * (({UNKNOWN_CHECKS}) > bool 0) > 0", f'1 * ({worst}"info"}}) > bool 0) > 0', f"0 * {CHECKS}"]
    return " or on (host) ".join(f"({case})" for case in cases)


_SEVERITY_STATES = {"critical": 4, "warning": 3}
