"""What the panels share: the data source, colours and states, and how each kind of panel looks by default."""

from __future__ import annotations

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = looks.DataSourceRef("prometheus", "${datasource}")

OK, INFO, WARNING, CRITICAL = "green", "blue", "yellow", "red"
UNKNOWN, PARTLY, SILENT = "purple", "light-purple", "#808080"
SEVERITIES = {"critical": CRITICAL, "warning": WARNING, "info": INFO}

STATES = {
    0: ("ok", OK),
    1: ("info", INFO),
    2: ("partly unknown", PARTLY),
    3: ("warning", WARNING),
    4: ("critical", CRITICAL),
    5: ("unknown", UNKNOWN),
    6: ("no data", SILENT),
}
"""The states of a host, by the number that `queries.state` gives: unknown looks like nothing else."""

DAY = 86400
STALE = 26 * 3600
"""Seconds after which an audit is too old, even where audits are made once a day (as in alerts.yaml)."""


def query(expr: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """Ask over the time range of the dashboard."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(ref).datasource(SOURCE).range()


def now(expr: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """Ask for the end of the time range only."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(ref).datasource(SOURCE).instant()


def cells(expr: str, ref: str = "A") -> prometheus.Dataquery:
    """Ask for the end of the time range only, for a table."""
    return now(expr, ref=ref).format(PromQueryFormat.TABLE)


def thresholds(first: str, *steps: tuple[float, str]) -> builders.ThresholdsConfig:
    """Colour by value: `first`, and from each step's value on, its colour."""
    lowest = models.Threshold(value=None, color=first)
    rest = [models.Threshold(value=value, color=color) for value, color in steps]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps([lowest, *rest])


def fixed(color: str) -> builders.FieldColor:
    """Use one colour, whatever the value."""
    return builders.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color(color)


def mapped(texts: dict[str, tuple[str, str]]) -> list[models.ValueMapping]:
    """Show values as (text, colour)."""
    results = {
        value: models.ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(texts.items())
    }
    return [models.ValueMap(options=results)]


def single(title: str, description: str, expr: str, legend: str = "") -> stat.Panel:
    """Show one number, on its colour."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .height(4)
        .graph_mode(looks.BigValueGraphMode.NONE)
        .color_mode(looks.BigValueColorMode.BACKGROUND_SOLID)
        .reduce_options(_last())
        .with_target(now(expr, legend))
    )


def names(title: str, description: str, expr: str, legend: str) -> stat.Panel:
    """Show what a label says; more than one name shows that exporters disagree."""
    plain = single(title, description, expr, legend).color_mode(looks.BigValueColorMode.NONE)
    return plain.text_mode(looks.BigValueTextMode.NAME)


def bars(title: str, description: str, expr: str, legend: str) -> bargauge.Panel:
    """Show the highest values now, as bars; the query sorts and limits them."""
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .height(8)
        .span(12)
        .orientation(looks.VizOrientation.HORIZONTAL)
        .display_mode(looks.BarGaugeDisplayMode.BASIC)
        .show_unfilled(show_unfilled=False)
        .min(0)
        .reduce_options(_last())
        .no_value("none")
        .with_target(now(expr, legend))
    )


def lines(title: str, description: str) -> timeseries.Panel:
    """Show values over time."""
    tooltip = common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI).sort(looks.SortOrder.DESCENDING)
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
        .show_points(looks.VisibilityMode.AUTO)
        .legend(common.VizLegendOptions().display_mode(looks.LegendDisplayMode.LIST).show_legend(show_legend=True))
        .tooltip(tooltip)
    )


def rows(title: str, description: str) -> table.Panel:
    """Show a table of what is there now; several queries are merged by the labels that they share."""
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .height(8)
        .span(12)
        .filterable(filterable=True)
        .cell_height(looks.TableCellHeight.SM)
        .no_value("")
        .with_transformation(models.DataTransformerConfig("merge", options={}))
    )


def columns(*fields: str, **renamed: str) -> models.DataTransformerConfig:
    """Order the columns of a table, hide its time, and name the values of its queries, by their letters.

    Where one query alone has an answer, its value goes by no letter: the first name is for it, or it is hidden.
    """
    first = dict(zip(["Value"], renamed.values(), strict=False))
    values = first | {f"Value #{ref}": name for ref, name in renamed.items()}
    hidden = {"Time"} if values else {"Time", "Value"}
    options = {
        "excludeByName": dict.fromkeys(sorted(hidden), True),
        "indexByName": {field: index for index, field in enumerate([*fields, *values])},
        "renameByName": values,
    }
    return models.DataTransformerConfig("organize", options=options)


def has(**properties: object) -> list[models.DynamicConfigValue]:
    """Give a column or a line properties of its own; two underscores stand for the dot in a property's name."""
    return [models.DynamicConfigValue(name.replace("__", "."), value) for name, value in properties.items()]


COLORED = {"custom__cellOptions": {"type": "color-background", "mode": "basic"}}
"""Properties of a column: its cells are on the colour of their value."""

ONLY_HOST = "/d/olaudit-fleet?${{datasource:queryparam}}&var-host=${{{}:percentencode}}&${{__url_time_range}}"

LINK_HOST = [
    {
        "title": "Only ${__value.text}",
        "url": ONLY_HOST.format("__value.text"),
    }
]
"""A link from a host's name to the same dashboard with that host alone."""


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False)
