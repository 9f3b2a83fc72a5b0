"""Each fault that needs a real host, or takes long, gets the verdict, the reason and the bounds of its row."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Audit, require_root
from tests.faults.row import Row
from tests.faults.rows import ROWS

pytestmark = pytest.mark.slow
SLOW = [row for row in ROWS if not row.quick and not row.lab]


@pytest.mark.parametrize("row", SLOW, ids=[row.id for row in SLOW])
def test_slow_fault_is_reported(row: Row, audit: Audit) -> None:
    if row.real:
        require_root()
    assert audit(row).problems == ()
