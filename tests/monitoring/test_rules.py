"""Rules, alerts, examples and runbooks: Prometheus takes them, and each leads to the next."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from olaudit.render.prometheus.help_texts import HELP
from tests.promtool import promtool

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "olaudit" / "monitoring"
RUNBOOKS = ROOT / "docs" / "runbooks"
ONLY_SERVE = {"config_reload_success"}


def _rules(file: str) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load((MONITORING / file).read_text())["groups"] for rule in group["rules"]]


ALERTS = _rules("alerts.yaml")
NAMES = {rule["alert"] for rule in ALERTS}


def test_prometheus_takes_the_rules_without_a_complaint() -> None:
    said = promtool("check", "rules", "--lint-fatal", MONITORING / "rules.yaml", MONITORING / "alerts.yaml")
    assert said.count("SUCCESS") == 2


def test_every_alert_fires_when_it_should_and_not_when_it_should_not() -> None:
    assert "SUCCESS" in promtool("test", "rules", MONITORING / "tests.yaml")


def test_every_alert_has_a_test_that_it_fires_and_one_that_it_does_not() -> None:
    cases = [
        case
        for test in yaml.safe_load((MONITORING / "tests.yaml").read_text())["tests"]
        for case in test.get("alert_rule_test", ())
    ]
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == NAMES
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} >= NAMES - {"OlauditWaiverExpiring"}


@pytest.mark.parametrize("example", sorted(MONITORING.glob("prometheus-*.yaml")), ids=lambda file: file.name)
def test_prometheus_takes_every_example(example: Path) -> None:
    assert "SUCCESS" in promtool("check", "config", example)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert['alert']}-{alert['labels']['severity']}")
def test_an_alert_says_how_urgent_it_is_what_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"] == f"runbooks/{alert['alert']}.md"


def test_there_is_a_runbook_for_every_alert_and_no_other() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == NAMES
    assert (MONITORING / "runbooks").resolve() == RUNBOOKS


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_a_runbook_says_where_to_look_how_to_mend_and_when_to_silence(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    heads = re.findall(r"^#+ .*$", text, re.MULTILINE)
    assert [head for head in heads if not head.startswith("# $")] == [
        f"# {page.stem}",
        "## Look first",
        "## Mend",
        "## Silence",
    ]
    assert "olaudit" in text
    assert "](../" not in text  # a copy in another folder must be whole


def test_units_are_called_as_the_page_on_operating_calls_them() -> None:
    operating = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    told = [page.read_text(encoding="utf-8") for page in [*RUNBOOKS.glob("*.md"), MONITORING / "alerts.yaml"]]
    units = set(re.findall(r"(?:systemctl \w+|journalctl -u) ([\w-]+)", "".join(told)))
    assert units
    assert units <= set(re.findall(r"^# /etc/systemd/system/(\S+)\.service$", operating, re.MULTILINE))


def test_rules_use_only_metrics_that_there_are() -> None:
    texts = "".join(rule["expr"] for rule in [*ALERTS, *_rules("rules.yaml")])
    assert set(re.findall(r"\bolaudit_(\w+)", texts)) <= HELP.keys() | ONLY_SERVE
    recorded = {rule["record"] for rule in _rules("rules.yaml")}
    assert set(re.findall(r"\bolaudit:\w+(?::\w+)?", texts)) == recorded


def test_the_page_lists_every_metric_and_every_alert_as_they_are() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `olaudit_(\w+)` \| .* \| (.*) \|$", page, re.MULTILINE)
    assert dict(rows) == HELP
    assert set(re.findall(r"^\| \[(\w+)\]\(runbooks/\1\.md\) \|", page, re.MULTILINE)) == NAMES
