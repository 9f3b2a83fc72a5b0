"""The third row: what could not be looked at, and why."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from docs.dashboard import parts, queries

TITLE = "Unknown"


def panels() -> Iterator[Builder[Panel]]:
    """Give the panels in reading order."""
    yield _hosts()
    what = "Reachable hosts with the most checks that could not be made: `olaudit check HOST` says why."
    blind = f"topk(15, ({queries.UNKNOWN_CHECKS}) > 0)"
    panel = parts.bars("Unknown checks by host", what, blind, "{{host}}")
    yield panel.decimals(0).color_scheme(parts.fixed(parts.PARTLY))
    yield _held()
    yield _over_time()


def _hosts() -> table.Panel:
    failed = f"max by (host, reason) (olaudit_host_failure{{{queries.HOST}}}) == 1"
    return (
        parts.rows(
            "Hosts not audited",
            "Why each could not be audited: timeout and refused are the network or the host, hostkey and auth are "
            "for whoever looks after the keys.",
        )
        .with_target(parts.cells(failed))
        .with_transformation(parts.columns("host", "reason"))
        .override_by_name("host", parts.has(links=parts.LINK_HOST))
    )


def _held() -> table.Panel:
    what = (
        "Drift as it was last seen, of hosts or checks that are unknown now: it is not mended, only not seen; its "
        "alerts go on (needs rules.yaml)."
    )
    severity = {name: (name, color) for name, color in parts.SEVERITIES.items()}
    return (
        parts.rows("Drift that cannot be seen now", what)
        .with_target(parts.cells(queries.HELD))
        .with_transformation(parts.columns("severity", "host", "check", "subject", A="count"))
        .override_by_name(
            "severity", parts.has(mappings=parts.mapped(severity), custom__width=100, **parts.COLORED)
        )
        .override_by_name("host", parts.has(links=parts.LINK_HOST))
        .override_by_name("count", parts.has(custom__width=80))
    )


def _over_time() -> timeseries.Panel:
    hosts = f"count({queries.UP} == 0) or 0 * count({queries.UP})"
    checks = f"sum({queries.UNKNOWN_CHECKS}) or 0 * max({queries.UP} == 1)"
    panel = (
        parts.lines(
            "Unknown over time", "Hosts that could not be audited, and checks that could not be made on others."
        )
        .decimals(0)
        .with_target(parts.query(hosts, "hosts"))
        .with_target(parts.query(checks, "checks", "B"))
    )
    for name, color in {"hosts": parts.UNKNOWN, "checks": parts.PARTLY}.items():
        panel.override_by_name(name, parts.has(color={"mode": "fixed", "fixedColor": color}))
    return panel
