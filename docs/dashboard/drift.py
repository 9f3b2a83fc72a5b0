"""The second row: drift by host, check, severity and age."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import common, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models.dashboard import Panel

from docs.dashboard import parts, queries

TITLE = "Drift"


def panels() -> Iterator[Builder[Panel]]:
    """Yield the panels in reading order."""
    yield _current()
    yield _over_time()
    age = f"topk(15, time() - min by (host) ({queries.SINCE}))"
    description = "Age of the oldest drift of each host, the 15 highest: fix this drift, or have it waived."
    yield (
        parts.bar_panel("Oldest drift by host", description, age, "{{host}}")
        .unit("s")
        .color_scheme(parts.fixed_color(parts.WARNING))
    )
    for label in ("host", "check"):
        description = f"The 15 {label}s with the most drift: much drift of one {label} often has one cause."
        counts = f"topk(15, sum by ({label}) ({queries.DRIFT}) > 0)"
        panel = parts.bar_panel(f"Drift by {label}", description, counts, f"{{{{{label}}}}}")
        yield panel.decimals(0).color_scheme(parts.fixed_color(parts.WARNING))


def _current() -> table.Panel:
    age = f"0 * ({queries.DRIFT} > 0) + on (host, check, subject) group_left () (time() - {queries.SINCE})"
    severity = {name: (name, color) for name, color in parts.SEVERITIES.items()}
    order = {"severity": False, "age": True}
    sort_fields = [common.TableSortByFieldState().display_name(name).desc(desc) for name, desc in order.items()]
    return (
        parts.table_panel(
            "Drift now",
            "Differences from the expected files, and their age; rows without a subject count subjects that no "
            "expected file names. `olaudit explain` shows the fix.",
        )
        .height(10)
        .span(24)
        .sort_by(list(sort_fields))
        .with_target(parts.table_query(f"{queries.DRIFT} > 0"))
        .with_target(parts.table_query(age, "B"))
        .with_transformation(parts.table_columns("severity", "host", "check", "subject", A="count", B="age"))
        .override_by_name(
            "severity",
            parts.properties(mappings=parts.value_mappings(severity), custom__width=100, **parts.COLORED),
        )
        .override_by_name("host", parts.properties(links=parts.HOST_LINK))
        .override_by_name("count", parts.properties(custom__width=80))
        .override_by_name("age", parts.properties(unit="s", decimals=1, custom__width=130))
    )


def _over_time() -> timeseries.Panel:
    description = (
        "Observed drift, and in purple the last known drift that cannot be observed now: if a line falls while "
        "the purple one rises, no drift was fixed."
    )
    panel = (
        parts.series_panel("Drift by severity", description)
        .decimals(0)
        .stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
        .with_target(parts.range_query(f"sum by (severity) ({queries.DRIFT})", "{{severity}}"))
        .with_target(parts.range_query(f"sum({queries.HELD_DRIFT})", "unobserved", "B"))
    )
    for name, color in (parts.SEVERITIES | {"unobserved": parts.UNKNOWN}).items():
        panel.override_by_name(name, parts.properties(color={"mode": "fixed", "fixedColor": color}))
    return panel
