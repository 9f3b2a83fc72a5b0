"""The page of the matrix lists exactly the rows of the table, and the table is complete and consistent."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.evaluation import HEALTHY_SECONDS
from tests.faults.reliability_page import PAGE, page, seconds_of
from tests.faults.row import Row
from tests.faults.rows import ROWS


def test_page_lists_the_rows_of_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(ROWS, seconds_of(text), HEALTHY_SECONDS), "run: python -m tests.faults --write"


def test_page_has_seconds_for_each_row() -> None:
    seconds = seconds_of(PAGE.read_text(encoding="utf-8"))
    assert [row.id for row in ROWS if seconds.get(row.id, "-") == "-"] == []


def test_each_id_is_used_once() -> None:
    assert [name for name, count in Counter(row.id for row in ROWS).items() if count > 1] == []


def test_matrix_has_the_minimum_number_of_rows() -> None:
    assert len(ROWS) >= 90
    assert sum(row.real_host for row in ROWS) >= 30


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_each_row_expects_a_reason(row: Row) -> None:
    assert row.expect.text.strip()
    assert not row.expect.text.rstrip().endswith(":")


def test_rows_of_one_run_agree() -> None:
    for name in {row.run for row in ROWS if row.run}:
        rows = [row for row in ROWS if row.run == name]
        assert len({(row.timeout, row.slow, row.real_host) for row in rows}) == 1, name
        assert not any(row.auditor for row in rows), name
