"""The table: all rows of the fault matrix."""

from __future__ import annotations

from tests.faults.row import Row
from tests.faults.rows import (
    answers,
    auditor,
    auditor_files,
    dockerd,
    engine_contents,
    engine_http,
    engine_sockets,
    logins,
    network,
    peer_answers,
    peers,
    sshd,
)

ROWS: tuple[Row, ...] = (
    *network.ROWS,
    *peers.ROWS,
    *peer_answers.ROWS,
    *sshd.ROWS,
    *logins.ROWS,
    *answers.ROWS,
    *engine_http.ROWS,
    *engine_contents.ROWS,
    *engine_sockets.ROWS,
    *dockerd.ROWS,
    *auditor_files.ROWS,
    *auditor.ROWS,
)
