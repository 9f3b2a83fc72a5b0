"""The queries of a Grafana dashboard, with variables filled in as Grafana does if all values are selected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Grafana's built-in variables, for a range of ten minutes in steps of one second.
_BUILT_IN = {"__interval": "1s", "__rate_interval": "4s", "__range": "600s"}


@dataclass(frozen=True)
class DashboardQuery:
    """One query: the title of its panel with its letter, or of its annotation; whether it is instant."""

    title: str
    expr: str
    instant: bool


def panel_queries(dashboard: Mapping[str, Any], host: str | None = None) -> Iterator[DashboardQuery]:
    """Yield the queries of all panels, for all hosts or only for `host`."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            title = f"{panel['title']}: {target['refId']}"
            yield DashboardQuery(title, _fill_in(dashboard, target["expr"], host), target["instant"])


def annotation_queries(dashboard: Mapping[str, Any]) -> Iterator[DashboardQuery]:
    """Yield the queries of all annotations."""
    for annotation in dashboard["annotations"]["list"]:
        yield DashboardQuery(annotation["name"], _fill_in(dashboard, annotation["expr"]), instant=False)


def variable_queries(dashboard: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the variables with values from Prometheus: name, series selector, and label of the values."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            match = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            assert match, variable
            yield variable["name"], _fill_in(dashboard, match[1]), match[2]


def _fill_in(dashboard: Mapping[str, Any], expr: str, host: str | None = None) -> str:
    values = _BUILT_IN | {
        variable["name"]: variable["allValue"]
        for variable in dashboard["templating"]["list"]
        if "allValue" in variable
    }
    if host is not None:
        values["host"] = re.sub(r"[$^*{}\[\]'+?.()|\\]", r"\\\\\g<0>", host)  # escaped like in Grafana
    return re.sub(r"\$\{?(\w+)\}?", lambda match: values[match[1]], expr)
