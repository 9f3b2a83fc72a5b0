"""The second row: what differs, where, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import common, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models.dashboard import Panel

from docs.dashboard import parts, queries

TITLE = "Drift"


def panels() -> Iterator[Builder[Panel]]:
    """Give the panels in reading order."""
    yield _current()
    yield _over_time()
    age = f"topk(15, time() - min by (host) ({queries.SINCE}))"
    what = "How long the oldest drift of each host is there, the 15 longest: mend these, or have them waived."
    yield (
        parts.bars("Oldest drift by host", what, age, "{{host}}")
        .unit("s")
        .color_scheme(parts.fixed(parts.WARNING))
    )
    for label in ("host", "check"):
        what = f"The 15 {label}s with the most drift: one {label} that stands out is often one cause."
        most = f"topk(15, sum by ({label}) ({queries.DRIFT}) > 0)"
        panel = parts.bars(f"Drift by {label}", what, most, f"{{{{{label}}}}}")
        yield panel.decimals(0).color_scheme(parts.fixed(parts.WARNING))


def _current() -> table.Panel:
    age = f"0 * ({queries.DRIFT} > 0) + on (host, check, subject) group_left () (time() - {queries.SINCE})"
    severity = {name: (name, color) for name, color in parts.SEVERITIES.items()}
    order = {"severity": False, "age": True}
    sorting = [common.TableSortByFieldState().display_name(name).desc(desc) for name, desc in order.items()]
    return (
        parts.rows(
            "Drift now",
            "What differs from the expected files, and for how long; without a subject it is what no expected "
            "file names, counted. `olaudit explain` says how to mend it.",
        )
        .height(10)
        .span(24)
        .sort_by(list(sorting))
        .with_target(parts.cells(f"{queries.DRIFT} > 0"))
        .with_target(parts.cells(age, "B"))
        .with_transformation(parts.columns("severity", "host", "check", "subject", A="count", B="age"))
        .override_by_name(
            "severity", parts.has(mappings=parts.mapped(severity), custom__width=100, **parts.COLORED)
        )
        .override_by_name("host", parts.has(links=parts.LINK_HOST))
        .override_by_name("count", parts.has(custom__width=80))
        .override_by_name("age", parts.has(unit="s", decimals=1, custom__width=130))
    )


def _over_time() -> timeseries.Panel:
    what = (
        "Drift as seen, and in purple what was last seen on hosts that cannot be seen now: where a line falls and "
        "the purple one rises, nothing was mended."
    )
    panel = (
        parts.lines("Drift by severity", what)
        .decimals(0)
        .stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL))
        .with_target(parts.query(f"sum by (severity) ({queries.DRIFT})", "{{severity}}"))
        .with_target(parts.query(f"sum({queries.HELD})", "not seen now", "B"))
    )
    for name, color in (parts.SEVERITIES | {"not seen now": parts.UNKNOWN}).items():
        panel.override_by_name(name, parts.has(color={"mode": "fixed", "fixedColor": color}))
    return panel
