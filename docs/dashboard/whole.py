"""The dashboard as a whole: its rows, variables, annotations and links."""

from __future__ import annotations

import json
from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import TimeZoneUtc

from docs.dashboard import auditor, drift, memcached, parts, queries, state, unknown

ROWS = (state, drift, unknown, memcached, auditor)


def text() -> str:
    """Make the JSON that Grafana takes."""
    whole = json.loads(JSONEncoder().encode(_dashboard()), object_hook=_said)
    return json.dumps(whole, sort_keys=True, indent=2) + "\n"


def _said(thing: dict[str, object]) -> dict[str, object]:
    """Leave out what the SDK says unasked."""
    return {key: value for key, value in thing.items() if key not in _UNASKED or value != _UNASKED[key]}


_UNASKED: dict[str, object] = {
    "placement": "inControlsMenu",  # it would hide every link and every annotation's switch in a menu
    "auto": False,  # these three belong to intervals, which no variable here is
    "auto_count": 30,
    "auto_min": "10s",
    "repeatDirection": "h",
    "footer": {"countRows": False, "reducer": [], "show": False},  # of tables before Grafana 12
}


def _dashboard() -> models.Dashboard:
    whole = (
        builders.Dashboard("olaudit: fleet state")
        .uid("olaudit-fleet")
        .description(
            "Whether the fleet is as its expected files say: what drifted, since when, and what nobody knows."
        )
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
        whole.with_row(builders.Row(row.TITLE))
        for panel in row.panels():
            whole.with_panel(panel)
    built = whole.build()
    for number, panel in enumerate(built.panels or [], start=1):  # links to one panel go by its number
        panel.id_val = number
    return built


def _variables() -> Iterator[builders.DatasourceVariable | builders.QueryVariable | builders.CustomVariable]:
    yield builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    hosts = "label_values(olaudit_checks, host)"
    checks = f"label_values(olaudit_drift{{{queries.HOST}}}, check)"
    for name, question in {"host": hosts, "check": checks}.items():
        yield (
            builders.QueryVariable(name)
            .label(name.capitalize())
            .datasource(parts.SOURCE)
            .query({"query": question, "refId": name})
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(models.VariableSort.NATURAL_ASC)
            .multi(multi=True)
            .include_all(include_all=True)
            .all_value(".*")  # shorter than a thousand names
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
    """Mark moments: Grafana draws where a value is above zero, and as one region while it stays so."""
    # One mark for each check of each host, at the moment of its newest drift: the value is that moment, in ms.
    began = f"1000 * max by (host, check) ({queries.SINCE})"
    new = _annotation("New drift", parts.CRITICAL, began, "{{check}} on {{host}}").tag_keys("check,host")
    yield new.use_value_for_time(use_value_for_time=True)
    lost = f"{queries.UP} == bool 0"
    yield _annotation("Host unknown", parts.UNKNOWN, lost, "{{host}} could not be audited").tag_keys("host")
    revision = "max by (revision) (olaudit_expected_info)"
    before = "max by (revision) (last_over_time(olaudit_expected_info[1h] offset $__interval))"
    known = "on () group_left () max(last_over_time(olaudit_expected_info[1h] offset $__interval))"
    changed = f"({revision} unless on (revision) {before}) * {known}"
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
    yield _link("How production should be", page, "The page that the expected files follow")


def _link(title: str, url: str, tooltip: str) -> builders.DashboardLink:
    link = builders.DashboardLink(title).type(models.DashboardLinkType.LINK).url(url).tooltip(tooltip)
    return link.icon("external link").target_blank(target_blank=True)
