"""Each fault without a real host has the verdict, reason and limits of its row."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Audit
from tests.faults.row import Row
from tests.faults.rows import ROWS

QUICK = [row for row in ROWS if row.quick]


@pytest.mark.parametrize("row", QUICK, ids=[row.id for row in QUICK])
def test_fault_is_reported(row: Row, audit: Audit) -> None:
    assert audit(row).problems == ()
