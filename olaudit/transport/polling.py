"""Waiting for a descriptor. `select` refuses descriptors from 1,024 on, which a large `serve` has."""

from __future__ import annotations

import math
import select


def readable(descriptor: int, seconds: float | None) -> bool:
    """Wait until `descriptor` can be read or is at its end, for at most `seconds` (None: without a limit)."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else math.ceil(seconds * 1000)))
