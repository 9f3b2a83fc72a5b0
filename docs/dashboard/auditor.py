"""The last row: the state and the speed of olaudit itself."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import common, statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models.dashboard import Panel

from docs.dashboard import parts, queries

TITLE = "olaudit"

_DURATION = f"max by (host) (olaudit_audit_duration_seconds{{{queries.HOST}}})"
_AGE = f"time() - max by (host) (olaudit_last_audit_timestamp_seconds{{{queries.HOST}}})"


def panels() -> Iterator[Builder[Panel]]:
    """Yield the panels in reading order."""
    yield _durations()
    description = "The 15 hosts with the longest last audits: hosts that reach the --timeout are unknown."
    slow = parts.bar_panel("Slowest hosts", description, f"topk(15, {_DURATION})", "{{host}}")
    yield slow.unit("s").color_scheme(parts.fixed_color(parts.INFO))
    description = (
        "The 15 hosts with the oldest last audits; red: over 26 hours (an auditor has stopped or is stuck)."
    )
    age = parts.bar_panel("Age of the last audit", description, f"topk(15, {_AGE})", "{{host}}").unit("s")
    yield age.thresholds(parts.thresholds(parts.OK, (parts.STALE, parts.CRITICAL)))
    description = "Duration of a run over all hosts, by exporter; it must stay below the interval of runs."
    run = "max by (job, instance) (olaudit_run_duration_seconds)"
    yield (
        parts.series_panel("Duration of a run", description)
        .unit("s")
        .with_target(parts.range_query(run, "{{instance}}"))
    )
    yield _reloads()
    description = "Time since the end of the last run over all hosts; red: over 26 hours."
    last = (
        parts.stat_panel("Last run", description, "time() - max(olaudit_last_run_timestamp_seconds)")
        .unit("s")
        .decimals(1)
    )
    yield last.thresholds(parts.thresholds(parts.OK, (parts.STALE, parts.CRITICAL))).height(6).span(4)
    description = "Amount of last known drift that cannot be observed now; no data: rules.yaml is not loaded."
    steps = parts.thresholds(parts.OK, (1, parts.UNKNOWN))
    yield parts.stat_panel("Held drift", description, queries.HELD_COUNT).thresholds(steps).height(6).span(4)
    description = (
        "Number of series of olaudit in Prometheus; the expected files bound it, independent of hosts' answers."
    )
    series = parts.stat_panel("Series", description, 'count({__name__=~"olaudit_.+"})')
    yield series.color_mode(common_models.BigValueColorMode.NONE).height(6).span(4)


def _durations() -> timeseries.Panel:
    panel = parts.series_panel(
        "Duration of an audit", "Duration of the audit of one host: the maximum and two quantiles."
    )
    panel = panel.unit("s").with_target(parts.range_query(f"max({_DURATION})", "maximum"))
    panel.with_target(parts.range_query(f"quantile(0.95, {_DURATION})", "95th percentile", "B"))
    return panel.with_target(parts.range_query(f"quantile(0.5, {_DURATION})", "median", "C"))


def _reloads() -> statetimeline.Panel:
    reload = "max by (job, instance) (olaudit_config_reload_success)"
    return (
        statetimeline.Panel()
        .title("Expected files loaded")
        .description(
            "Red: `olaudit serve` could not load the expected files and still uses the previous ones; `olaudit "
            "validate` lists the errors. Empty without `olaudit serve`."
        )
        .datasource(parts.SOURCE)
        .height(6)
        .span(12)
        .mappings(parts.value_mappings({"0": ("previous", parts.CRITICAL), "1": ("loaded", parts.OK)}))
        .show_value(common_models.VisibilityMode.NEVER)
        .line_width(0)
        .fill_opacity(85)
        .per_page(10)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .show_legend(show_legend=True)
        )
        .no_value("no olaudit serve")
        .with_target(parts.range_query(reload, "{{instance}}"))
    )
