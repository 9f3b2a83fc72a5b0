"""Each fault of a real Docker Engine has the verdict, reason and limits of its row."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Audit
from tests.faults.row import Row
from tests.faults.rows import ROWS

pytestmark = pytest.mark.slow
LAB = [row for row in ROWS if row.lab]


@pytest.mark.parametrize("row", LAB, ids=[row.id for row in LAB])
def test_fault_of_a_real_engine_is_reported(row: Row, audit_lab: Audit) -> None:
    assert audit_lab(row).problems == ()
