"""`olaudit explain` with a history."""

from __future__ import annotations

from pathlib import Path

import pytest

from olaudit.model import finding_id
from tests.cli.explain_fleet import DOWN, DRIFTED, FINE, KERNEL_B, check, explain, nightly_run

pytestmark = pytest.mark.usefixtures("expected")

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _comment_in_expected_file(expected: Path) -> None:
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\n\n# Only Linux is supported.\nkernel: Linux\n")


def test_history_has_the_age_and_earlier_episodes(capsys: Capture) -> None:
    for day, answers in enumerate([DRIFTED, FINE, DRIFTED, DRIFTED]):
        nightly_run(answers, day)
    text = explain(capsys, KERNEL_B)
    assert "HISTORY\n  First seen 2026-11-22 03:00 UTC, 1 day before this report.\n" in text
    assert "  Earlier: 2026-11-20 03:00 UTC to 2026-11-21 03:00 UTC (fixed):" in text


def test_raw_answers_come_from_the_history(capsys: Capture) -> None:
    nightly_run(DRIFTED, 0)
    text = explain(capsys, KERNEL_B)
    assert "HISTORY\n  New: this run is the first to see it.\n" in text
    source = "These answers are from the run of 2026-11-20 03:00 UTC, stored in the history."
    assert f"  | Minix \\x1b[2J\n  {source}\n" in text


def test_a_resolved_finding_is_explained_as_last_seen(capsys: Capture) -> None:
    nightly_run(DRIFTED, 0)
    nightly_run(FINE, 1)
    text = explain(capsys, KERNEL_B[:6])
    assert "Note: resolved (fixed) on 2026-11-21 03:00 UTC" in text
    assert "OBSERVED\n  Minix \\x1b[2J\n" in text
    assert "| Minix" in text


def test_drift_of_an_unreachable_host_is_not_resolved(capsys: Capture) -> None:
    nightly_run(DRIFTED, 0)
    nightly_run(DOWN, 1)
    assert "Note: the last report could not observe it" in explain(capsys, KERNEL_B)


def test_an_unknown_has_its_unobserved_drift(capsys: Capture) -> None:
    nightly_run(DRIFTED, 0)
    nightly_run(FINE | {"ol-b": ""}, 1)
    text = explain(capsys, KERNEL_B)
    assert text.startswith("UNKNOWN warning  ol-b  kernel.name")
    assert "HISTORY\n  Drift since 2026-11-20 03:00 UTC, last seen 2026-11-20 03:00 UTC, and" in text
    assert "FIX\n  First fix what prevents an answer" in text
    nightly_run(FINE | {"ol-a": ""}, 2)
    text = explain(capsys, finding_id("ol-a", "kernel.name", "kernel"))
    assert "Unknown since 2026-11-22 03:00 UTC." in text


def test_a_report_is_explained_without_a_usable_history(capsys: Capture) -> None:
    check(DRIFTED)
    Path("history.sqlite").write_text("nonsense" * 1000)
    assert "HISTORY\n  The history cannot be read: " in explain(capsys, KERNEL_B)
