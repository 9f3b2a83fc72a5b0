"""The fourth row: what memcached may take, against the memory of its machine."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import common, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models.dashboard import Panel

from docs.dashboard import parts, queries

TITLE = "memcached"

_LIMIT = f"olaudit_memcached_limit_bytes{{{queries.HOST}"
_MEMORY = f"max by (host) (olaudit_memory_total_bytes{{{queries.HOST}}})"


def panels() -> Iterator[Builder[Panel]]:
    """Give the panels in reading order."""
    yield _now()
    yield _over_time()


def _now() -> table.Panel:
    panel = parts.rows(
        "memcached limits",
        "The limit as configured, as its process runs, and as the server itself says: where they differ it was "
        "not restarted; what is left is for all else on the machine.",
    ).unit("bytes")
    sources = {"A": "configured", "B": "running", "C": "served"}
    for ref, source in sources.items():
        panel.with_target(parts.cells(f'max by (host) ({_LIMIT},source="{source}"}})', ref))
    left = f"{_MEMORY} - on (host) max by (host) ({_LIMIT}}})"
    steps = {
        "mode": "absolute",
        "steps": [{"value": None, "color": parts.CRITICAL}, {"value": 0, "color": "text"}],
    }
    return (
        panel.with_target(parts.cells(f"{_MEMORY} and on (host) {_LIMIT}}}", "D"))
        .with_target(parts.cells(left, "E"))
        .with_transformation(parts.columns("host", **sources, D="memory", E="left"))
        .override_by_name("host", parts.has(links=parts.LINK_HOST))
        .override_by_name("left", parts.has(thresholds=steps, custom__cellOptions={"type": "color-text"}))
    )


def _over_time() -> timeseries.Panel:
    what = "Each limit and the machine's memory (dashed): a limit near the memory ends in swap or the OOM killer."
    dashed = {"fill": "dash", "dash": [10, 10]}
    legend = (
        common.VizLegendOptions()
        .display_mode(looks.LegendDisplayMode.TABLE)
        .show_legend(show_legend=True)
        .calcs(["lastNotNull"])
    )
    return (
        parts.lines("memcached limit against memory", what)
        .unit("bytes")
        .fill_opacity(0)
        .legend(legend.placement(looks.LegendPlacement.RIGHT))
        .with_target(parts.query(f"max by (host, source) ({_LIMIT}}})", "{{host}} {{source}}"))
        .with_target(parts.query(f"{_MEMORY} and on (host) {_LIMIT}}}", "{{host}} memory", "B"))
        .override_by_query("B", parts.has(custom__lineStyle=dashed))
    )
