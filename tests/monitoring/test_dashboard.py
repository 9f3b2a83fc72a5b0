"""The Grafana dashboard: current, whole, and every query of it answered by a real Prometheus."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.monitoring import dashboard_queries
from tests.monitoring.exposed import before, drifting, exporter, text
from tests.monitoring.prometheus import Prometheus, require

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "olaudit" / "monitoring"
FILE = MONITORING / "grafana" / "dashboard.json"
DASHBOARD = json.loads(FILE.read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EACH_PANEL = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


def test_the_shipped_dashboard_is_what_its_source_makes(tmp_path: Path) -> None:
    made = tmp_path / "dashboard.json"
    subprocess.run([sys.executable, "-m", "docs.dashboard", made], check=True, cwd=ROOT)
    assert made.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8"), "run: python -m docs.dashboard"


# dashboardv2 is for the newest Grafana only; this form is read by all
@pytest.mark.filterwarnings("ignore:Prefer using dashboardv2")
def test_grafanas_own_types_lose_nothing_of_it() -> None:
    # imported here: to import them is what they warn of
    from grafana_foundation_sdk.cog.encoder import JSONEncoder  # noqa: PLC0415 - as said above
    from grafana_foundation_sdk.cog.plugins import register_default_plugins  # noqa: PLC0415 - as said above
    from grafana_foundation_sdk.models.dashboard import Dashboard  # noqa: PLC0415 - as said above

    register_default_plugins()
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(DASHBOARD)))
    assert not _lost(DASHBOARD, again)


def _lost(before: object, after: object) -> bool:
    """Say whether something of `before` is not in `after`, which may have more defaults."""
    if isinstance(before, dict) and isinstance(after, dict):
        return any(key not in after or _lost(value, after[key]) for key, value in before.items())
    if isinstance(before, list) and isinstance(after, list):
        return len(before) != len(after) or any(map(_lost, before, after))
    return before != after


def test_it_can_be_found_again_and_belongs_to_no_data_source() -> None:
    assert DASHBOARD["uid"] == "olaudit-fleet"
    assert DASHBOARD["timezone"] == "utc"
    assert set(re.findall(r'"uid": "([^"]*)"', FILE.read_text())) == {"olaudit-fleet", "${datasource}"}


def test_panels_fill_the_grid_without_gap_or_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, panel["title"]
        taken |= cells
    bottom = max(y for _, y in taken) + 1
    assert taken == {(x, y) for x in range(24) for y in range(bottom)}


def test_panels_have_numbers_of_their_own() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert sorted(set(numbers)) == numbers


@EACH_PANEL
def test_every_panel_says_in_a_sentence_what_it_means(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert re.fullmatch(r"[A-Z0-9].{30,}\.", panel["description"])


@EACH_PANEL
def test_unknown_never_looks_like_ok(panel: dict[str, Any]) -> None:
    mapped = [one["options"] for one in panel.get("fieldConfig", {}).get("defaults", {}).get("mappings", ())]
    for colors in ({key: value["color"] for key, value in options.items()} for options in mapped):
        assert len(set(colors.values())) == len(colors)


@EACH_PANEL
def test_a_thousand_hosts_do_not_drown_a_panel(panel: dict[str, Any]) -> None:
    by_host = any("{{host}}" in target.get("legendFormat", "") for target in panel["targets"])
    limited = all(target["expr"].startswith("topk(") for target in panel["targets"])
    paged = "perPage" in panel["options"]
    beside = panel["options"].get("legend", {}).get("placement") == "right"  # it scrolls
    assert not by_host or limited or paged or beside


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Give a Prometheus that has seen a fleet before and after it drifted."""
    require()
    folder = tmp_path_factory.mktemp("prometheus")
    rules = folder / "rules.yaml"
    rules.write_text((MONITORING / "rules.yaml").read_text().replace("interval: 1m", "interval: 1s"))
    with exporter(text(before(), reloaded=True)) as told:
        config = (
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            f"scrape_configs: [{{job_name: olaudit, static_configs: [{{targets: ['{told.address}']}}]}}]\n"
        )
        with Prometheus(folder, config, [rules]) as prometheus:
            prometheus.wait_for("olaudit:drift:held")
            told.text = text(drifting(), reloaded=False)
            prometheus.wait_for('olaudit_expected_info{revision="bbbbbbbbbbbb"}')
            # the rules, too, must have seen what came after
            prometheus.wait_for(
                'olaudit:host_unknown{host="ol-web1"} and on () olaudit:drift:held{host="ol-mem2"}'
            )
            yield prometheus


@pytest.mark.parametrize("asked", [*dashboard_queries.panel_queries(DASHBOARD)], ids=lambda asked: asked.title)
def test_every_panels_query_has_an_answer(seen: Prometheus, asked: dashboard_queries.DashboardQuery) -> None:
    if asked.instant:
        assert seen.query(asked.expr)
    else:
        assert seen.query_range(asked.expr, 60)


def _numbers(seen: Prometheus, title: str, by: str | None = None, host: str | None = None) -> dict[str, float]:
    """Give what the first query of a panel says now, by one label."""
    [asked] = [asked for asked in dashboard_queries.panel_queries(DASHBOARD, host) if asked.title == f"{title}: A"]
    return {labels.get(by or "", ""): value for labels, value in seen.query(asked.expr)}


def test_each_host_is_in_the_worst_state_that_is_true_of_it(seen: Prometheus) -> None:
    [panel] = [panel for panel in PANELS if panel["title"] == "State of each host"]
    [mapped] = panel["fieldConfig"]["defaults"]["mappings"]
    states = _numbers(seen, "State of each host", "host")
    assert {host: mapped["options"][f"{state:.0f}"]["text"] for host, state in states.items()} == {
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
    "Drift held": 1,
}


@pytest.mark.parametrize(("title", "count"), COUNTS.items())
def test_the_counts_are_right(seen: Prometheus, title: str, count: int) -> None:
    assert _numbers(seen, title) == {"": count}


@pytest.mark.parametrize("title", COUNTS)
def test_where_nobody_looked_there_is_no_zero(seen: Prometheus, title: str) -> None:
    assert _numbers(seen, title, host="nowhere") == {}


def test_a_host_without_drift_counts_zero_and_not_nothing(seen: Prometheus) -> None:
    for title in ("Unknown hosts", "Unknown checks", "Critical", "Info", "Waived", "Drift held"):
        assert _numbers(seen, title, host="ol-mem0") == {"": 0}, title


def test_nothing_held_is_zero_where_checks_are_unknown_too(seen: Prometheus) -> None:
    assert _numbers(seen, "Drift held", host="ol-web1") == {"": 0}


def test_the_fleet_as_a_whole_can_be_chosen_like_a_host(seen: Prometheus) -> None:
    assert _numbers(seen, "Info", host="(fleet)") == {"": 1}


@pytest.mark.parametrize(
    "asked", [*dashboard_queries.annotation_queries(DASHBOARD)], ids=lambda asked: asked.title
)
def test_every_annotation_marks_something(seen: Prometheus, asked: dashboard_queries.DashboardQuery) -> None:
    marked = seen.query_range(asked.expr, 60)
    assert any(value > 0 for _, values in marked for value in values)


@pytest.mark.parametrize(
    ("name", "match", "label"), [*dashboard_queries.variable_queries(DASHBOARD)], ids=lambda value: value
)
def test_every_variable_has_values(seen: Prometheus, name: str, match: str, label: str) -> None:
    values = seen.label_values(label, match)
    assert {"host": "ol-home0", "check": "host.os"}[name] in values
