"""The fourth row: memory limits of memcached, compared with the memory of the host."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import common, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models.dashboard import Panel

from docs.dashboard import parts, queries

TITLE = "memcached"

_LIMIT = f"olaudit_memcached_limit_bytes{{{queries.HOST}"
_MEMORY = f"max by (host) (olaudit_memory_total_bytes{{{queries.HOST}}})"


def panels() -> Iterator[Builder[Panel]]:
    """Yield the panels in reading order."""
    yield _now()
    yield _over_time()


def _now() -> table.Panel:
    panel = parts.table_panel(
        "memcached limits",
        "The limit in the configuration file, of the process, and as reported by the server: if they differ, "
        "memcached was not restarted. The column left is the memory for all other processes.",
    ).unit("bytes")
    sources = {"A": "configured", "B": "running", "C": "served"}
    for ref, source in sources.items():
        panel.with_target(parts.table_query(f'max by (host) ({_LIMIT},source="{source}"}})', ref))
    left = f"{_MEMORY} - on (host) max by (host) ({_LIMIT}}})"
    steps = {
        "mode": "absolute",
        "steps": [{"value": None, "color": parts.CRITICAL}, {"value": 0, "color": "text"}],
    }
    return (
        panel.with_target(parts.table_query(f"{_MEMORY} and on (host) {_LIMIT}}}", "D"))
        .with_target(parts.table_query(left, "E"))
        .with_transformation(parts.table_columns("host", **sources, D="memory", E="left"))
        .override_by_name("host", parts.properties(links=parts.HOST_LINK))
        .override_by_name("left", parts.properties(thresholds=steps, custom__cellOptions={"type": "color-text"}))
    )


def _over_time() -> timeseries.Panel:
    description = "Each limit and the memory of the host (dashed): a limit near it leads to swapping or OOM."
    dashed = {"fill": "dash", "dash": [10, 10]}
    legend = (
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.TABLE)
        .show_legend(show_legend=True)
        .calcs(["lastNotNull"])
    )
    return (
        parts.series_panel("memcached limit against memory", description)
        .unit("bytes")
        .fill_opacity(0)
        .legend(legend.placement(common_models.LegendPlacement.RIGHT))
        .with_target(parts.range_query(f"max by (host, source) ({_LIMIT}}})", "{{host}} {{source}}"))
        .with_target(parts.range_query(f"{_MEMORY} and on (host) {_LIMIT}}}", "{{host}} memory", "B"))
        .override_by_query("B", parts.properties(custom__lineStyle=dashed))
    )
