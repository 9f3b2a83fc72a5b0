"""Parts that panels share: the data source, colours, states, and default settings of each panel type."""

from __future__ import annotations

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = common_models.DataSourceRef("prometheus", "${datasource}")

OK, INFO, WARNING, CRITICAL = "green", "blue", "yellow", "red"
UNKNOWN, PARTLY_UNKNOWN, NO_DATA = "purple", "light-purple", "#808080"
SEVERITIES = {"critical": CRITICAL, "warning": WARNING, "info": INFO}

STATES = {
    0: ("ok", OK),
    1: ("info", INFO),
    2: ("partly unknown", PARTLY_UNKNOWN),
    3: ("warning", WARNING),
    4: ("critical", CRITICAL),
    5: ("unknown", UNKNOWN),
    6: ("no data", NO_DATA),
}
"""States of a host (text, colour) by their number in `queries.state`; the colour of unknown is unique."""

DAY = 86400
STALE = 26 * 3600
"""Seconds after which an audit is outdated, even with one audit a day (as in alerts.yaml)."""


def range_query(expr: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """Build a query over the time range of the dashboard."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(ref).datasource(SOURCE).range()


def instant_query(expr: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """Build a query at the end of the time range."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(ref).datasource(SOURCE).instant()


def table_query(expr: str, ref: str = "A") -> prometheus.Dataquery:
    """Build a query at the end of the time range, in the format of tables."""
    return instant_query(expr, ref=ref).format(PromQueryFormat.TABLE)


def thresholds(first: str, *steps: tuple[float, str]) -> builders.ThresholdsConfig:
    """Build thresholds: the colour `first`, and from the value of each step its colour."""
    lowest = models.Threshold(value=None, color=first)
    higher = [models.Threshold(value=value, color=color) for value, color in steps]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps([lowest, *higher])


def fixed_color(color: str) -> builders.FieldColor:
    """Build a colour scheme of one colour for all values."""
    return builders.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color(color)


def value_mappings(texts: dict[str, tuple[str, str]]) -> list[models.ValueMapping]:
    """Build mappings from values to (text, colour)."""
    results = {
        value: models.ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(texts.items())
    }
    return [models.ValueMap(options=results)]


def stat_panel(title: str, description: str, expr: str, legend: str = "") -> stat.Panel:
    """Build a panel of one number on a coloured background."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .height(4)
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .color_mode(common_models.BigValueColorMode.BACKGROUND_SOLID)
        .reduce_options(_last_value())
        .with_target(instant_query(expr, legend))
    )


def label_panel(title: str, description: str, expr: str, legend: str) -> stat.Panel:
    """Build a panel of a label's values; more than one value means that exporters differ."""
    panel = stat_panel(title, description, expr, legend).color_mode(common_models.BigValueColorMode.NONE)
    return panel.text_mode(common_models.BigValueTextMode.NAME)


def bar_panel(title: str, description: str, expr: str, legend: str) -> bargauge.Panel:
    """Build a panel of the highest current values, as bars; the query sorts and limits them."""
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .height(8)
        .span(12)
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .show_unfilled(show_unfilled=False)
        .min(0)
        .reduce_options(_last_value())
        .no_value("none")
        .with_target(instant_query(expr, legend))
    )


def series_panel(title: str, description: str) -> timeseries.Panel:
    """Build a panel of values over time."""
    tooltip = (
        common.VizTooltipOptions()
        .mode(common_models.TooltipDisplayMode.MULTI)
        .sort(common_models.SortOrder.DESCENDING)
    )
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .height(8)
        .span(12)
        .min(0)
        .line_width(1)
        .fill_opacity(10)
        .show_points(common_models.VisibilityMode.AUTO)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .show_legend(show_legend=True)
        )
        .tooltip(tooltip)
    )


def table_panel(title: str, description: str) -> table.Panel:
    """Build a table of current values; several queries are merged by their common labels."""
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .height(8)
        .span(12)
        .filterable(filterable=True)
        .cell_height(common_models.TableCellHeight.SM)
        .no_value("")
        .with_transformation(models.DataTransformerConfig("merge", options={}))
    )


def table_columns(*fields: str, **renamed: str) -> models.DataTransformerConfig:
    """Order the columns of a table, hide its time, and name the value columns by the queries' letters.

    If only one query has a result, its value column has no letter: it gets the first name, or is hidden.
    """
    unlettered = dict(zip(["Value"], renamed.values(), strict=False))
    values = unlettered | {f"Value #{ref}": name for ref, name in renamed.items()}
    hidden = {"Time"} if values else {"Time", "Value"}
    options = {
        "excludeByName": dict.fromkeys(sorted(hidden), True),
        "indexByName": {field: index for index, field in enumerate([*fields, *values])},
        "renameByName": values,
    }
    return models.DataTransformerConfig("organize", options=options)


def properties(**values: object) -> list[models.DynamicConfigValue]:
    """Build overridden properties of a column or line; two underscores mean the dot in a property's name."""
    return [models.DynamicConfigValue(name.replace("__", "."), value) for name, value in values.items()]


COLORED = {"custom__cellOptions": {"type": "color-background", "mode": "basic"}}
"""Properties of a column whose cells have the background colour of their value."""

HOST_URL = "/d/olaudit-fleet?${{datasource:queryparam}}&var-host=${{{}:percentencode}}&${{__url_time_range}}"

HOST_LINK = [
    {
        "title": "Only ${__value.text}",
        "url": HOST_URL.format("__value.text"),
    }
]
"""A link from a host's name to this dashboard, filtered by the host."""


def _last_value() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False)
