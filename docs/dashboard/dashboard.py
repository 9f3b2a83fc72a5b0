"""The dashboard: its rows, variables, annotations and links."""

from __future__ import annotations

import json
from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import TimeZoneUtc

from docs.dashboard import auditor, drift, memcached, parts, queries, state, unknown

ROWS = (state, drift, unknown, memcached, auditor)


def dashboard_json() -> str:
    """Build the JSON of the dashboard for Grafana."""
    model = json.loads(JSONEncoder().encode(_dashboard()), object_hook=_without_defaults)
    return json.dumps(model, sort_keys=True, indent=2) + "\n"


def _without_defaults(properties: dict[str, object]) -> dict[str, object]:
    """Remove unwanted defaults of the SDK."""
    return {
        key: value
        for key, value in properties.items()
        if key not in _UNWANTED_DEFAULTS or value != _UNWANTED_DEFAULTS[key]
    }


_UNWANTED_DEFAULTS: dict[str, object] = {
    "placement": "inControlsMenu",  # hides all links and switches of annotations in a menu
    "auto": False,  # these three are for interval variables, which the dashboard does not have
    "auto_count": 30,
    "auto_min": "10s",
    "repeatDirection": "h",
    "footer": {"countRows": False, "reducer": [], "show": False},  # of tables before Grafana 12
}


def _dashboard() -> models.Dashboard:
    builder = (
        builders.Dashboard("olaudit: fleet state")
        .uid("olaudit-fleet")
        .description("State of the fleet compared with its expected files: drift, its age, and what is unknown.")
        .tags(["olaudit", "openlibrary"])
        .timezone(TimeZoneUtc)
        .time("now-24h", "now")
        .refresh("1m")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .variables(list(_variables()))
        .annotations(list(_annotations()))
        .links(list(_links()))
    )
    for row in ROWS:
        builder.with_row(builders.Row(row.TITLE))
        for panel in row.panels():
            builder.with_panel(panel)
    dashboard = builder.build()
    for number, panel in enumerate(dashboard.panels or [], start=1):  # links to a panel use its number
        panel.id_val = number
    return dashboard


def _variables() -> Iterator[builders.DatasourceVariable | builders.QueryVariable | builders.CustomVariable]:
    yield builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    hosts = "label_values(olaudit_checks, host)"
    checks = f"label_values(olaudit_drift{{{queries.HOST}}}, check)"
    for name, query in {"host": hosts, "check": checks}.items():
        yield (
            builders.QueryVariable(name)
            .label(name.capitalize())
            .datasource(parts.SOURCE)
            .query({"query": query, "refId": name})
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(models.VariableSort.NATURAL_ASC)
            .multi(multi=True)
            .include_all(include_all=True)
            .all_value(".*")  # shorter than the names of a thousand hosts
            .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
        )
    yield (
        builders.CustomVariable("severity")
        .label("Severity")
        .values(",".join(parts.SEVERITIES))
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _annotations() -> Iterator[builders.AnnotationQuery]:
    """Build the annotations: Grafana draws a region for the time in which a value is above zero."""
    # One mark per check and host, at the time of its newest drift: the value is that time, in ms.
    start = f"1000 * max by (host, check) ({queries.SINCE})"
    new = _annotation("New drift", parts.CRITICAL, start, "{{check}} on {{host}}").tag_keys("check,host")
    yield new.use_value_for_time(use_value_for_time=True)
    unreachable = f"{queries.UP} == bool 0"
    yield _annotation("Host unknown", parts.UNKNOWN, unreachable, "{{host}} could not be audited").tag_keys("host")
    revision = "max by (revision) (olaudit_expected_info)"
    earlier = "max by (revision) (last_over_time(olaudit_expected_info[1h] offset $__interval))"
    any_earlier = "on () group_left () max(last_over_time(olaudit_expected_info[1h] offset $__interval))"
    changed = f"({revision} unless on (revision) {earlier}) * {any_earlier}"
    yield _annotation("New expected files", parts.INFO, changed, "expected files {{revision}}").tag_keys(
        "revision"
    )


def _annotation(name: str, color: str, expr: str, title: str) -> builders.AnnotationQuery:
    return (
        builders.AnnotationQuery()
        .name(name)
        .datasource(parts.SOURCE)
        .enable(enable=True)
        .icon_color(color)
        .expr(expr)
        .step("60s")
        .title_format(title)
    )


def _links() -> Iterator[builders.DashboardLink]:
    page = "https://github.com/internetarchive/openlibrary/wiki/Production-Service-Architecture"
    yield _link("Architecture of production", page, "The page that describes the expected state")


def _link(title: str, url: str, tooltip: str) -> builders.DashboardLink:
    link = builders.DashboardLink(title).type(models.DashboardLinkType.LINK).url(url).tooltip(tooltip)
    return link.icon("external link").target_blank(target_blank=True)
