"""The first row: the state of the fleet, and how much of it is known."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import common, dashboard, stat, statetimeline
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models.dashboard import Panel

from docs.dashboard import parts, queries

TITLE = "Fleet"


def panels() -> Iterator[Builder[Panel]]:
    """Yield the panels in reading order."""
    yield from _counts()
    yield from _ages()
    yield _timeline()


def _counts() -> Iterator[stat.Panel]:
    count = f"count({queries.UP} == 1) or 0 * count({queries.UP})"
    yield (
        parts.stat_panel(
            "Hosts audited", "Hosts that could be audited, of all hosts in the expected files.", count, "audited"
        )
        .with_target(parts.instant_query(f"count({queries.UP})", "expected", "B"))
        .text_mode(common_models.BigValueTextMode.VALUE_AND_NAME)
        .color_mode(common_models.BigValueColorMode.NONE)
        .span(6)
    )
    unreachable = f"count(({queries.UP} == 0) or on (host) {queries.NO_DATA}) or 0 * count({queries.UP})"
    yield _unknown(
        "Unknown hosts",
        "Hosts that could not be audited: their state is unknown; see the row Unknown.",
        unreachable,
    )
    unknown_checks = f"sum({queries.UNKNOWN_CHECKS}) or 0 * max({queries.UP} == 1)"
    description = "Checks that could not be evaluated on reachable hosts: unknown is not ok."
    yield _unknown("Unknown checks", description, unknown_checks)
    meanings = {
        "critical": "The site is down or loses data, or the next operation will cause this: fix it immediately.",
        "warning": "The site works, but the difference will cause problems later: fix it during working hours.",
        "info": "For information; no action is needed today.",
    }
    for severity, color in parts.SEVERITIES.items():
        drift = queries.drift_of(severity)
        panel = parts.stat_panel(severity.capitalize(), f"Drift of this severity. {meanings[severity]}", drift)
        yield panel.thresholds(parts.thresholds(parts.OK, (1, color))).span(3)
    waived = f'sum(max by (host) (olaudit_checks{{{queries.HOST},verdict="waived"}}))'
    yield (
        parts.stat_panel(
            "Waived",
            "Drift that is accepted by a waiver until its expiry date; the counts of drift exclude it.",
            waived,
        )
        .color_mode(common_models.BigValueColorMode.NONE)
        .span(3)
    )


def _unknown(title: str, description: str, expr: str) -> stat.Panel:
    panel = parts.stat_panel(title, description, expr)
    return panel.thresholds(parts.thresholds(parts.OK, (1, parts.UNKNOWN))).span(3)


def _ages() -> Iterator[stat.Panel]:
    audited = f"time() - min(max by (host) (olaudit_last_audit_timestamp_seconds{{{queries.HOST}}}))"
    description = (
        "Age of the oldest of the hosts' last audits; red: over 26 hours, so other panels may be outdated."
    )
    yield _age("Last audit", description, audited).thresholds(
        parts.thresholds(parts.OK, (parts.STALE, parts.CRITICAL))
    )
    oldest = f"time() - min({queries.SINCE})"
    description = "Age of the oldest drift: drift that is not fixed for weeks needs a waiver or a new expectation."
    yield (
        _age("Oldest drift", description, oldest).color_mode(common_models.BigValueColorMode.NONE).no_value("none")
    )
    expiry = "min(max by (waiver) (olaudit_waiver_expiry_timestamp_seconds)) - time()"
    description = (
        "Time until the next waiver expires and its finding is drift again: fix it, or have the waiver renewed."
    )
    steps = parts.thresholds(parts.CRITICAL, (0, parts.WARNING), (14 * parts.DAY, parts.OK))
    yield _age("Next waiver expires in", description, expiry).thresholds(steps).no_value("no waiver")
    description = "Version of olaudit; more than one: an exporter was not upgraded."
    yield parts.label_panel("olaudit", description, "max by (version) (olaudit_build_info)", "{{version}}").span(6)
    description = "Revision of the expected files; more than one: exporters have different files."
    revision = "max by (revision) (olaudit_expected_info)"
    yield parts.label_panel("Expected files", description, revision, "{{revision}}").span(6)


def _age(title: str, description: str, expr: str) -> stat.Panel:
    return parts.stat_panel(title, description, expr).unit("s").decimals(1).span(4)


def _timeline() -> statetimeline.Panel:
    states = {str(number): state for number, state in parts.STATES.items()}
    return (
        statetimeline.Panel()
        .title("State of each host")
        .description(
            "The worst state of each host; purple: the host could not be audited, its state is unknown; grey: no "
            "exporter has metrics of the host."
        )
        .datasource(parts.SOURCE)
        .height(12)
        .span(24)
        .mappings(parts.value_mappings(states))
        .thresholds(parts.thresholds(parts.NO_DATA))
        .color_scheme(parts.fixed_color(parts.NO_DATA))
        .min(0)
        .max(max(parts.STATES))
        .show_value(common_models.VisibilityMode.NEVER)
        .merge_values(merge_values=True)
        .line_width(0)
        .fill_opacity(85)
        .row_height(0.85)
        .per_page(20)
        .max_data_points(300)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .show_legend(show_legend=True)
        )
        .data_links(
            [
                dashboard.DashboardLink("Only ${__field.labels.host}").url(
                    parts.HOST_URL.format("__field.labels.host")
                )
            ]
        )
        .with_target(parts.range_query(queries.state(), "{{host}}"))
    )
