"""The table: all rows of the fault matrix."""

from __future__ import annotations

from tests.faults.row import Row
from tests.faults.rows import answers, auditor, dockerd, engines, network, peers, sshd

ROWS: tuple[Row, ...] = (
    *network.ROWS,
    *sshd.ROWS,
    *answers.ROWS,
    *peers.ROWS,
    *engines.ROWS,
    *auditor.ROWS,
    *dockerd.ROWS,
)
