from __future__ import annotations

from pathlib import Path

import pytest

from olaudit.model import (
    finding_id,
)
from tests.cli.explaining import DOWN, DRIFTED, FINE, KERNEL_B, check, explain, night

pytestmark = pytest.mark.usefixtures("expected")


@pytest.fixture(autouse=True)
def _commented(expected: Path) -> None:
    (expected / "hosts" / "ol-b.yaml").write_text("host: ol-b\n\n# Nothing else boots there.\nkernel: Linux\n")


# --- with a history --------------------------------------------------------------------------------------------


def test_history_tells_since_when_and_what_was_before(capsys: pytest.CaptureFixture[str]) -> None:
    for day, said in enumerate([DRIFTED, FINE, DRIFTED, DRIFTED]):
        night(said, day)
    text = explain(capsys, KERNEL_B)
    assert "HISTORY\n  It has been so since 2026-11-22 03:00 UTC: for 1 day when this was reported.\n" in text
    assert "  Earlier: from 2026-11-20 03:00 UTC to 2026-11-21 03:00 UTC (mended):" in text


def test_raw_answers_come_from_the_history_where_there_is_no_recording(capsys: pytest.CaptureFixture[str]) -> None:
    night(DRIFTED, 0)
    text = explain(capsys, KERNEL_B)
    assert "HISTORY\n  It is new: this run saw it first.\n" in text
    assert "  | Minix \\x1b[2J\n  These answers are from the run of 2026-11-20 03:00 UTC, as the history" in text


def test_what_is_gone_is_explained_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    night(DRIFTED, 0)
    night(FINE, 1)
    text = explain(capsys, KERNEL_B[:6])
    assert "Note: this is gone (mended) since 2026-11-21 03:00 UTC" in text
    assert "OBSERVED\n  Minix \\x1b[2J\n" in text
    assert "| Minix" in text


def test_drift_of_a_host_that_is_down_is_not_gone(capsys: pytest.CaptureFixture[str]) -> None:
    night(DRIFTED, 0)
    night(DOWN, 1)
    assert "Note: it could not be looked at in the last report" in explain(capsys, KERNEL_B)


def test_an_unknown_tells_of_the_drift_that_it_hides(capsys: pytest.CaptureFixture[str]) -> None:
    night(DRIFTED, 0)
    night(FINE | {"ol-b": ""}, 1)
    text = explain(capsys, KERNEL_B)
    assert text.startswith("UNKNOWN warning  ol-b  kernel.name")
    assert "HISTORY\n  It is drift since 2026-11-20 03:00 UTC, as far as is known; last" in text
    assert "FIX\n  First make it answer" in text
    night(FINE | {"ol-a": ""}, 2)
    assert "It has not been known since 2026-11-22 03:00 UTC." in explain(
        capsys, finding_id("ol-a", "kernel.name", "kernel")
    )


def test_a_history_that_cannot_be_used_does_not_keep_a_report_from_being_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check(DRIFTED)
    Path("history.sqlite").write_text("nonsense" * 1000)
    assert "HISTORY\n  The history cannot be read: " in explain(capsys, KERNEL_B)
