"""Each fault with a real host or a long duration has the verdict, reason and limits of its row."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Audit, require_root
from tests.faults.row import Row
from tests.faults.rows import ROWS

pytestmark = pytest.mark.slow
SLOW = [row for row in ROWS if not row.quick and not row.lab]


@pytest.mark.parametrize("row", SLOW, ids=[row.id for row in SLOW])
def test_slow_fault_is_reported(row: Row, audit: Audit) -> None:
    if row.real_host:
        require_root()
    assert audit(row).problems == ()
