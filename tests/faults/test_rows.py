"""Each fault that is injected quickly gets the verdict, the reason and the bounds of its row."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Audit, require_root
from tests.faults.row import Row
from tests.faults.rows import ROWS

QUICK = [row for row in ROWS if not row.slow]


@pytest.mark.parametrize("row", QUICK, ids=[row.id for row in QUICK])
def test_fault_is_reported(row: Row, audit: Audit) -> None:
    if row.real:
        require_root()
    assert audit(row).problems == ()
