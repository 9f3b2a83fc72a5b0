"""The Grafana dashboard: up to date and valid; a real Prometheus evaluates all of its queries."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.monitoring.dashboard_queries import (
    DashboardQuery,
    annotation_queries,
    panel_queries,
    variable_queries,
)
from tests.monitoring.fleet_exporter import exporter, first_report, metrics_text, second_report
from tests.monitoring.prometheus import Prometheus, require

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "olaudit" / "monitoring"
FILE = MONITORING / "grafana" / "dashboard.json"
DASHBOARD = json.loads(FILE.read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EACH_PANEL = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


def test_the_shipped_dashboard_is_up_to_date(tmp_path: Path) -> None:
    output = tmp_path / "dashboard.json"
    subprocess.run([sys.executable, "-m", "docs.dashboard", output], check=True, cwd=ROOT)
    assert output.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8"), "run: python -m docs.dashboard"


# dashboardv2 needs the newest Grafana; all supported versions read this format
@pytest.mark.filterwarnings("ignore:Prefer using dashboardv2")
def test_grafanas_types_keep_all_of_the_dashboard() -> None:
    # imported here, because the import emits the warning that is filtered above
    from grafana_foundation_sdk.cog.encoder import JSONEncoder  # noqa: PLC0415 - see above
    from grafana_foundation_sdk.cog.plugins import register_default_plugins  # noqa: PLC0415 - see above
    from grafana_foundation_sdk.models.dashboard import Dashboard  # noqa: PLC0415 - see above

    register_default_plugins()
    round_trip = json.loads(JSONEncoder().encode(Dashboard.from_json(DASHBOARD)))
    assert not _is_incomplete(DASHBOARD, round_trip)


def _is_incomplete(before: object, after: object) -> bool:
    """Whether a value of `before` is missing in `after`, which may have further defaults."""
    if isinstance(before, dict) and isinstance(after, dict):
        return any(key not in after or _is_incomplete(value, after[key]) for key, value in before.items())
    if isinstance(before, list) and isinstance(after, list):
        return len(before) != len(after) or any(map(_is_incomplete, before, after))
    return before != after


def test_the_uid_is_stable_and_the_data_source_a_variable() -> None:
    assert DASHBOARD["uid"] == "olaudit-fleet"
    assert DASHBOARD["timezone"] == "utc"
    assert set(re.findall(r'"uid": "([^"]*)"', FILE.read_text())) == {"olaudit-fleet", "${datasource}"}


def test_panels_fill_the_grid_without_gaps_or_overlaps() -> None:
    occupied: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not occupied & cells, panel["title"]
        occupied |= cells
    bottom = max(y for _, y in occupied) + 1
    assert occupied == {(x, y) for x in range(24) for y in range(bottom)}


def test_panels_have_unique_ascending_ids() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert sorted(set(ids)) == ids


@EACH_PANEL
def test_every_panel_has_a_title_and_a_description(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert re.fullmatch(r"[A-Z0-9].{30,}\.", panel["description"])


@EACH_PANEL
def test_unknown_never_looks_like_ok(panel: dict[str, Any]) -> None:
    mappings = [
        mapping["options"] for mapping in panel.get("fieldConfig", {}).get("defaults", {}).get("mappings", ())
    ]
    for colors in ({key: value["color"] for key, value in options.items()} for options in mappings):
        assert len(set(colors.values())) == len(colors)


@EACH_PANEL
def test_panels_by_host_are_limited_or_paged(panel: dict[str, Any]) -> None:
    by_host = any("{{host}}" in target.get("legendFormat", "") for target in panel["targets"])
    limited = all(target["expr"].startswith("topk(") for target in panel["targets"])
    paged = "perPage" in panel["options"]
    scrolling_legend = panel["options"].get("legend", {}).get("placement") == "right"
    assert not by_host or limited or paged or scrolling_legend


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Yield a Prometheus that has scraped a fleet before and after it drifted."""
    require()
    directory = tmp_path_factory.mktemp("prometheus")
    rules = directory / "rules.yaml"
    rules.write_text((MONITORING / "rules.yaml").read_text().replace("interval: 1m", "interval: 1s"))
    with exporter(metrics_text(first_report(), reloaded=True)) as metrics:
        config = (
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            f"scrape_configs: [{{job_name: olaudit, static_configs: [{{targets: ['{metrics.address}']}}]}}]\n"
        )
        with Prometheus(directory, config, [rules]) as prometheus:
            prometheus.wait_for("olaudit:drift:held")
            metrics.text = metrics_text(second_report(), reloaded=False)
            prometheus.wait_for('olaudit_expected_info{revision="bbbbbbbbbbbb"}')
            # the rules must have evaluated the second report, too
            prometheus.wait_for(
                'olaudit:host_unknown{host="ol-web1"} and on () olaudit:drift:held{host="ol-mem2"}'
            )
            yield prometheus


@pytest.mark.parametrize("query", list(panel_queries(DASHBOARD)), ids=lambda query: query.title)
def test_every_panel_query_returns_data(server: Prometheus, query: DashboardQuery) -> None:
    if query.instant:
        assert server.query(query.expr)
    else:
        assert server.query_range(query.expr, 60)


def _values(server: Prometheus, title: str, by: str | None = None, host: str | None = None) -> dict[str, float]:
    """Return the current values of a panel's first query, by one label."""
    queries = panel_queries(DASHBOARD, host)
    [query] = [query for query in queries if query.title == f"{title}: A"]
    return {labels.get(by or "", ""): value for labels, value in server.query(query.expr)}


def test_each_host_has_the_worst_state_that_applies(server: Prometheus) -> None:
    [panel] = [panel for panel in PANELS if panel["title"] == "State of each host"]
    [mapping] = panel["fieldConfig"]["defaults"]["mappings"]
    states = _values(server, "State of each host", "host")
    assert {host: mapping["options"][f"{state:.0f}"]["text"] for host, state in states.items()} == {
        "(fleet)": "info",
        "ol-home0": "critical",
        "ol-mem0": "warning",
        "ol-mem2": "unknown",
        "ol-old0": "no data",
        "ol-web1": "partly unknown",
    }


COUNTS = {
    "Hosts audited": 3,
    "Unknown hosts": 2,
    "Unknown checks": 1,
    "Critical": 1,
    "Warning": 2,
    "Info": 2,
    "Waived": 1,
    "Held drift": 1,
}


@pytest.mark.parametrize(("title", "count"), COUNTS.items())
def test_the_counts_are_right(server: Prometheus, title: str, count: int) -> None:
    assert _values(server, title) == {"": count}


@pytest.mark.parametrize("title", COUNTS)
def test_without_audited_hosts_there_is_no_zero(server: Prometheus, title: str) -> None:
    assert _values(server, title, host="nowhere") == {}


def test_a_host_without_drift_has_zeros(server: Prometheus) -> None:
    for title in ("Unknown hosts", "Unknown checks", "Critical", "Info", "Waived", "Held drift"):
        assert _values(server, title, host="ol-mem0") == {"": 0}, title


def test_no_held_drift_is_0_if_checks_are_unknown(server: Prometheus) -> None:
    assert _values(server, "Held drift", host="ol-web1") == {"": 0}


def test_the_fleet_as_a_whole_can_be_selected_like_a_host(server: Prometheus) -> None:
    assert _values(server, "Info", host="(fleet)") == {"": 1}


@pytest.mark.parametrize("query", list(annotation_queries(DASHBOARD)), ids=lambda query: query.title)
def test_every_annotation_marks_something(server: Prometheus, query: DashboardQuery) -> None:
    marked = server.query_range(query.expr, 60)
    assert any(value > 0 for _, values in marked for value in values)


@pytest.mark.parametrize(("name", "match", "label"), list(variable_queries(DASHBOARD)), ids=lambda value: value)
def test_every_variable_has_values(server: Prometheus, name: str, match: str, label: str) -> None:
    values = server.label_values(label, match)
    assert {"host": "ol-home0", "check": "host.os"}[name] in values
