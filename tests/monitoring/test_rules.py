"""Rules, alerts, example configurations and runbooks: valid for Prometheus, complete and consistent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from olaudit.render.prometheus.collector import HELP
from tests.promtool import promtool
from tests.values import METRICS

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "olaudit" / "monitoring"
RUNBOOKS = ROOT / "docs" / "runbooks"
HELP_TEXTS = {**HELP, **{metric.name: metric.help for metric in METRICS}}
ONLY_SERVE = {"config_reload_success"}


def _rules(file: str) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load((MONITORING / file).read_text())["groups"] for rule in group["rules"]]


ALERTS = _rules("alerts.yaml")
NAMES = {rule["alert"] for rule in ALERTS}


def test_promtool_accepts_the_rules_without_warnings() -> None:
    output = promtool("check", "rules", "--lint-fatal", MONITORING / "rules.yaml", MONITORING / "alerts.yaml")
    assert output.count("SUCCESS") == 2


def test_the_rule_tests_pass() -> None:
    assert "SUCCESS" in promtool("test", "rules", MONITORING / "tests.yaml")


def test_every_alert_has_a_firing_and_a_silent_case() -> None:
    cases = [
        case
        for test in yaml.safe_load((MONITORING / "tests.yaml").read_text())["tests"]
        for case in test.get("alert_rule_test", ())
    ]
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == NAMES
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} >= NAMES - {"OlauditWaiverExpiring"}


@pytest.mark.parametrize("example", sorted(MONITORING.glob("prometheus-*.yaml")), ids=lambda file: file.name)
def test_promtool_accepts_every_example(example: Path) -> None:
    assert "SUCCESS" in promtool("check", "config", example)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert['alert']}-{alert['labels']['severity']}")
def test_an_alert_has_severity_annotations_and_runbook(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"] == f"runbooks/{alert['alert']}.md"


def test_summaries_are_sentences_and_equal_across_a_group() -> None:
    summaries = {(alert["alert"], alert["annotations"]["summary"]) for alert in ALERTS}
    assert len(summaries) == len(NAMES)
    for _, summary in summaries:
        assert re.fullmatch(r"[A-Z][^{}]+\.", summary)  # a template would differ within a group


def test_every_alert_has_a_runbook_and_there_are_no_others() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == NAMES
    assert (MONITORING / "runbooks").resolve() == RUNBOOKS


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_a_runbook_has_diagnosis_fix_and_silence(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ .*$", text, re.MULTILINE)
    assert [heading for heading in headings if not heading.startswith("# $")] == [
        f"# {page.stem}",
        "## Diagnosis",
        "## Fix",
        "## Silence",
    ]
    assert "olaudit" in text
    assert "](../" not in text  # copies in another directory must have no broken links


def test_systemd_units_have_the_names_of_the_operating_page() -> None:
    operating = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    pages = [page.read_text(encoding="utf-8") for page in [*RUNBOOKS.glob("*.md"), MONITORING / "alerts.yaml"]]
    units = set(re.findall(r"(?:systemctl \w+|journalctl -u) ([\w-]+)", "".join(pages)))
    assert units
    assert units <= set(re.findall(r"^# /etc/systemd/system/(\S+)\.service$", operating, re.MULTILINE))


def test_rules_use_only_existing_metrics() -> None:
    texts = "".join(rule["expr"] for rule in [*ALERTS, *_rules("rules.yaml")])
    assert set(re.findall(r"\bolaudit_(\w+)", texts)) <= HELP_TEXTS.keys() | ONLY_SERVE
    recorded = {rule["record"] for rule in _rules("rules.yaml")}
    assert set(re.findall(r"\bolaudit:\w+(?::\w+)?", texts)) == recorded


def test_the_monitoring_page_lists_all_metrics_and_alerts() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `olaudit_(\w+)` \| .* \| (.*) \|$", page, re.MULTILINE)
    assert dict(rows) == HELP_TEXTS
    assert set(re.findall(r"^\| \[(\w+)\]\(runbooks/\1\.md\) \|", page, re.MULTILINE)) == NAMES
