"""The last row: whether olaudit itself works, and how quick it is."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import common, statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models.dashboard import Panel

from docs.dashboard import parts, queries

TITLE = "The auditor itself"

_DURATION = f"max by (host) (olaudit_audit_duration_seconds{{{queries.HOST}}})"
_AGE = f"time() - max by (host) (olaudit_last_audit_timestamp_seconds{{{queries.HOST}}})"


def panels() -> Iterator[Builder[Panel]]:
    """Give the panels in reading order."""
    yield _durations()
    what = "The 15 hosts whose last audit took longest: at the --timeout, hosts become unknown."
    slow = parts.bars("Slowest hosts", what, f"topk(15, {_DURATION})", "{{host}}")
    yield slow.unit("s").color_scheme(parts.fixed(parts.INFO))
    what = "The 15 hosts whose last audit is longest ago: red is over 26 hours; something stopped, or is stuck."
    age = parts.bars("Age of the last audit", what, f"topk(15, {_AGE})", "{{host}}").unit("s")
    yield age.thresholds(parts.thresholds(parts.OK, (parts.STALE, parts.CRITICAL)))
    what = "How long a run over all hosts took, by exporter: it should stay well below the time between runs."
    run = "max by (job, instance) (olaudit_run_duration_seconds)"
    yield parts.lines("Duration of a run", what).unit("s").with_target(parts.query(run, "{{instance}}"))
    yield _reloads()
    what = "When the last run over all hosts ended: red is over 26 hours."
    last = parts.single("Last run", what, "time() - max(olaudit_last_run_timestamp_seconds)").unit("s").decimals(1)
    yield last.thresholds(parts.thresholds(parts.OK, (parts.STALE, parts.CRITICAL))).height(6).span(4)
    what = "How much drift is held because it cannot be seen now; no data here: rules.yaml is not loaded."
    steps = parts.thresholds(parts.OK, (1, parts.UNKNOWN))
    yield parts.single("Drift held", what, queries.HELD_COUNT).thresholds(steps).height(6).span(4)
    what = "How many series olaudit has in Prometheus: the expected files bound them, whatever hosts answer."
    series = parts.single("Series", what, 'count({__name__=~"olaudit_.+"})')
    yield series.color_mode(looks.BigValueColorMode.NONE).height(6).span(4)


def _durations() -> timeseries.Panel:
    panel = parts.lines(
        "Duration of an audit", "How long the audit of one host takes: the slowest, and half of them."
    )
    panel = panel.unit("s").with_target(parts.query(f"max({_DURATION})", "slowest"))
    panel.with_target(parts.query(f"quantile(0.95, {_DURATION})", "95 of 100 within", "B"))
    return panel.with_target(parts.query(f"quantile(0.5, {_DURATION})", "half within", "C"))


def _reloads() -> statetimeline.Panel:
    reload = "max by (job, instance) (olaudit_config_reload_success)"
    return (
        statetimeline.Panel()
        .title("Expected files loaded")
        .description(
            "Red: this `olaudit serve` could not load the expected files and goes on with those before; `olaudit "
            "validate` says why. Empty where nothing serves."
        )
        .datasource(parts.SOURCE)
        .height(6)
        .span(12)
        .mappings(parts.mapped({"0": ("old ones", parts.CRITICAL), "1": ("loaded", parts.OK)}))
        .show_value(looks.VisibilityMode.NEVER)
        .line_width(0)
        .fill_opacity(85)
        .per_page(10)
        .legend(common.VizLegendOptions().display_mode(looks.LegendDisplayMode.LIST).show_legend(show_legend=True))
        .no_value("nothing serves")
        .with_target(parts.query(reload, "{{instance}}"))
    )
