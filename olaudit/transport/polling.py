"""Waiting for file descriptors with poll(2).

select(2) rejects descriptors from 1,024 on, which `serve` with a large fleet opens.
"""

from __future__ import annotations

import math
import select


def readable(descriptor: int, seconds: float | None) -> bool:
    """Wait until `descriptor` has data or is at its end, for at most `seconds` (None: no limit)."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else math.ceil(seconds * 1000)))
