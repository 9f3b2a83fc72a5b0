"""The first row: whether the fleet is as it should be, and how much of it is known at all."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import common, dashboard, stat, statetimeline
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models.dashboard import Panel

from docs.dashboard import parts, queries

TITLE = "Fleet"


def panels() -> Iterator[Builder[Panel]]:
    """Give the panels in reading order."""
    yield from _counts()
    yield from _ages()
    yield _timeline()


def _counts() -> Iterator[stat.Panel]:
    count = f"count({queries.UP} == 1) or 0 * count({queries.UP})"
    yield (
        parts.single(
            "Hosts audited", "Hosts that could be audited, of all in the expected files.", count, "audited"
        )
        .with_target(parts.now(f"count({queries.UP})", "expected", "B"))
        .text_mode(looks.BigValueTextMode.VALUE_AND_NAME)
        .color_mode(looks.BigValueColorMode.NONE)
        .span(6)
    )
    lost = f"count(({queries.UP} == 0) or on (host) {queries.SILENT}) or 0 * count({queries.UP})"
    yield _unknown(
        "Unknown hosts", "Hosts that could not be audited: nothing is known of them; see Unknown below.", lost
    )
    blind = f"sum({queries.UNKNOWN_CHECKS}) or 0 * max({queries.UP} == 1)"
    what = "Checks that could not be made on hosts that could be reached: not looked at is not fine."
    yield _unknown("Unknown checks", what, blind)
    meanings = {
        "critical": "The site is down or loses data, or will at the next step somebody takes: get up and mend it.",
        "warning": "It works, but is not what it should be, and will hurt later: mend it by day.",
        "info": "Worth knowing; nothing needs to be done today.",
    }
    for severity, color in parts.SEVERITIES.items():
        drift = queries.drift_of(severity)
        panel = parts.single(severity.capitalize(), f"Drift of this severity. {meanings[severity]}", drift)
        yield panel.thresholds(parts.thresholds(parts.OK, (1, color))).span(3)
    waived = f'sum(max by (host) (olaudit_checks{{{queries.HOST},verdict="waived"}}))'
    yield (
        parts.single(
            "Waived", "Drift that somebody answers for until a date: it is there, and not counted.", waived
        )
        .color_mode(looks.BigValueColorMode.NONE)
        .span(3)
    )


def _unknown(title: str, description: str, expr: str) -> stat.Panel:
    panel = parts.single(title, description, expr)
    return panel.thresholds(parts.thresholds(parts.OK, (1, parts.UNKNOWN))).span(3)


def _ages() -> Iterator[stat.Panel]:
    audited = f"time() - min(max by (host) (olaudit_last_audit_timestamp_seconds{{{queries.HOST}}}))"
    what = "Age of the oldest of the hosts' last audits: red is over 26 hours, and all else here may be as old."
    yield _age("Last audit", what, audited).thresholds(parts.thresholds(parts.OK, (parts.STALE, parts.CRITICAL)))
    oldest = f"time() - min({queries.SINCE})"
    what = "Since when the oldest drift is there: what nobody mends for weeks needs a waiver or a new expectation."
    yield _age("Oldest drift", what, oldest).color_mode(looks.BigValueColorMode.NONE).no_value("none")
    ending = "min(max by (waiver) (olaudit_waiver_expiry_timestamp_seconds)) - time()"
    what = "When the next waiver ends, and what it accepts is drift again: mend it, or ask its owner to renew it."
    steps = parts.thresholds(parts.CRITICAL, (0, parts.WARNING), (14 * parts.DAY, parts.OK))
    yield _age("Next waiver ends in", what, ending).thresholds(steps).no_value("no waiver")
    what = "The olaudit that audits; more than one: some exporter was not upgraded."
    yield parts.names("olaudit", what, "max by (version) (olaudit_build_info)", "{{version}}").span(6)
    what = "The expected files that hosts are held to; more than one: exporters have different ones."
    revision = "max by (revision) (olaudit_expected_info)"
    yield parts.names("Expected files", what, revision, "{{revision}}").span(6)


def _age(title: str, description: str, expr: str) -> stat.Panel:
    return parts.single(title, description, expr).unit("s").decimals(1).span(4)


def _timeline() -> statetimeline.Panel:
    states = {str(number): state for number, state in parts.STATES.items()}
    return (
        statetimeline.Panel()
        .title("State of each host")
        .description(
            "The worst that is true of each host: purple could not be audited and nothing is known of it; of grey "
            "ones no olaudit tells."
        )
        .datasource(parts.SOURCE)
        .height(12)
        .span(24)
        .mappings(parts.mapped(states))
        .thresholds(parts.thresholds(parts.SILENT))
        .color_scheme(parts.fixed(parts.SILENT))
        .min(0)
        .max(max(parts.STATES))
        .show_value(looks.VisibilityMode.NEVER)
        .merge_values(merge_values=True)
        .line_width(0)
        .fill_opacity(85)
        .row_height(0.85)
        .per_page(20)
        .max_data_points(300)
        .legend(common.VizLegendOptions().display_mode(looks.LegendDisplayMode.LIST).show_legend(show_legend=True))
        .data_links(
            [
                dashboard.DashboardLink("Only ${__field.labels.host}").url(
                    parts.ONLY_HOST.format("__field.labels.host")
                )
            ]
        )
        .with_target(parts.query(queries.state(), "{{host}}"))
    )
