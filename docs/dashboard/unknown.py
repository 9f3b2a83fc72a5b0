"""The third row: hosts and checks that are unknown, and why."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from docs.dashboard import parts, queries

TITLE = "Unknown"


def panels() -> Iterator[Builder[Panel]]:
    """Yield the panels in reading order."""
    yield _hosts()
    description = (
        "Reachable hosts with the most checks that could not be evaluated: `olaudit check HOST` lists the reasons."
    )
    unknown_checks = f"topk(15, ({queries.UNKNOWN_CHECKS}) > 0)"
    panel = parts.bar_panel("Unknown checks by host", description, unknown_checks, "{{host}}")
    yield panel.decimals(0).color_scheme(parts.fixed_color(parts.PARTLY_UNKNOWN))
    yield _unobserved()
    yield _over_time()


def _hosts() -> table.Panel:
    failed = f"max by (host, reason) (olaudit_host_failure{{{queries.HOST}}}) == 1"
    return (
        parts.table_panel(
            "Hosts not audited",
            "Why each host could not be audited: timeout and refused are caused by the network or the host, "
            "hostkey and auth by keys.",
        )
        .with_target(parts.table_query(failed))
        .with_transformation(parts.table_columns("host", "reason"))
        .override_by_name("host", parts.properties(links=parts.HOST_LINK))
    )


def _unobserved() -> table.Panel:
    description = (
        "Last known drift of hosts or checks that are unknown now: it may still exist, and its alerts stay active "
        "(needs rules.yaml)."
    )
    severity = {name: (name, color) for name, color in parts.SEVERITIES.items()}
    return (
        parts.table_panel("Unobserved drift", description)
        .with_target(parts.table_query(queries.HELD_DRIFT))
        .with_transformation(parts.table_columns("severity", "host", "check", "subject", A="count"))
        .override_by_name(
            "severity",
            parts.properties(mappings=parts.value_mappings(severity), custom__width=100, **parts.COLORED),
        )
        .override_by_name("host", parts.properties(links=parts.HOST_LINK))
        .override_by_name("count", parts.properties(custom__width=80))
    )


def _over_time() -> timeseries.Panel:
    hosts = f"count({queries.UP} == 0) or 0 * count({queries.UP})"
    checks = f"sum({queries.UNKNOWN_CHECKS}) or 0 * max({queries.UP} == 1)"
    panel = (
        parts.series_panel(
            "Unknown over time", "Hosts that could not be audited, and unknown checks of the other hosts."
        )
        .decimals(0)
        .with_target(parts.range_query(hosts, "hosts"))
        .with_target(parts.range_query(checks, "checks", "B"))
    )
    for name, color in {"hosts": parts.UNKNOWN, "checks": parts.PARTLY_UNKNOWN}.items():
        panel.override_by_name(name, parts.properties(color={"mode": "fixed", "fixedColor": color}))
    return panel
