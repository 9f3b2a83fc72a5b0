"""Every query of a Grafana dashboard, with its variables filled in as Grafana does where all is chosen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# What Grafana knows of itself, for a range of ten minutes in steps of one second.
_BUILT_IN = {"__interval": "1s", "__rate_interval": "4s", "__range": "600s"}


@dataclass(frozen=True)
class DashboardQuery:
    """One query: where it stands, and whether it is for one moment only."""

    title: str
    expr: str
    instant: bool


def panel_queries(dashboard: Mapping[str, Any], host: str | None = None) -> Iterator[DashboardQuery]:
    """Give the queries of all panels; `host`: with that one chosen, not all."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            title = f"{panel['title']}: {target['refId']}"
            yield DashboardQuery(title, _filled(dashboard, target["expr"], host), target["instant"])


def annotation_queries(dashboard: Mapping[str, Any]) -> Iterator[DashboardQuery]:
    """Give the queries of all annotations."""
    for one in dashboard["annotations"]["list"]:
        yield DashboardQuery(one["name"], _filled(dashboard, one["expr"]), instant=False)


def variable_queries(dashboard: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Give the variables that Prometheus fills: name, the series to look at, and the label that has the values."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            assert asked, variable
            yield variable["name"], _filled(dashboard, asked[1]), asked[2]


def _filled(dashboard: Mapping[str, Any], expr: str, host: str | None = None) -> str:
    values = _BUILT_IN | {
        variable["name"]: variable["allValue"]
        for variable in dashboard["templating"]["list"]
        if "allValue" in variable
    }
    if host is not None:
        values["host"] = re.sub(r"[$^*{}\[\]'+?.()|\\]", r"\\\\\g<0>", host)  # as Grafana escapes it
    return re.sub(r"\$\{?(\w+)\}?", lambda found: values[found[1]], expr)
